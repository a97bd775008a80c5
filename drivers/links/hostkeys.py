"""Who a board is: the keys of SSH servers that are known, the one that is offered, and what follows from the two.

Formats: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; fingerprints as ``ssh-keygen -l`` writes them.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from drivers.errors import AskUser, Refused

DEFAULT_PORT = 22

PLAIN_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""What a server may sign with to show that it is itself, best first; no certificates."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """The key that a server showed."""

    host: str
    """As files of known hosts name it: ``board``, or ``[board]:2222`` for another port than 22."""
    line: str
    """``algorithm base64``."""
    fingerprint: str
    """``SHA256:…``."""

    @property
    def algorithm(self) -> str:
        """``ssh-ed25519`` …"""
        return self.line.partition(" ")[0]


class HostKeyUnknown(AskUser):
    """A server that was never seen before: nothing is sent to it until a person has compared its key."""

    def __init__(self, key: HostKey) -> None:
        super().__init__(
            f"the host key of {key.host} is not known yet: {key.algorithm} {key.fingerprint}",
            remedy="accept it if `ssh-keygen -l` on the board's own /etc/ssh/ssh_host_*.pub shows the same",
        )
        self.key = key


class HostKeyChanged(Refused):
    """A server that shows another key than the one that is known: nothing is sent to it, and nothing is stored."""

    def __init__(self, key: HostKey, known: str, where: str) -> None:
        super().__init__(
            f"THE HOST KEY OF {key.host} HAS CHANGED: known is {known}, shown was {key.fingerprint}; this may be "
            "another board at its address, or somebody who listens in",
            remedy=f"if the board was installed anew, forget its old key with `ssh-keygen -R '{key.host}' -f '{where}'`",
        )
        self.key = key


class KnownHosts:
    """What the files of known hosts say, in their order; a line that cannot be read says nothing."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [(path, _load(path)) for path in paths]

    def keys(self, name: str) -> list[asyncssh.SSHKey]:
        """The keys of the host of that name."""
        return [key for _, found in self._files for key in _matches(found, name)[0]]

    def authorities(self, name: str) -> list[asyncssh.SSHKey]:
        """The keys of those who may vouch for it."""
        return [key for _, found in self._files for key in _matches(found, name)[1]]

    def revoked(self, name: str) -> list[asyncssh.SSHKey]:
        """Keys that must not be accepted."""
        return [key for _, found in self._files for key in _matches(found, name)[2]]

    def origin(self, name: str) -> Path:
        """The first file that has a key of that host; the first of all if none has."""
        named = [path for path, found in self._files if _matches(found, name)[0]]
        return (named or [path for path, _ in self._files])[0]

    def algorithms(self, name: str) -> list[str]:
        """What the server may sign with: first what its known keys sign with."""
        own = [alg.decode() for key in self.keys(name) for alg in key.sig_algorithms]
        first = [alg for alg in PLAIN_ALGORITHMS if alg in own]
        return [*first, *(alg for alg in PLAIN_ALGORITHMS if alg not in first)]

    def verdict(self, name: str, shown: asyncssh.SSHKey) -> AskUser | None:
        """What speaks against the key that the host of that name shows; None for nothing."""
        key, known = host_key(name, shown), self.keys(name)
        if shown in self.revoked(name):
            return Refused(
                f"the host key that {name} shows, {key.fingerprint}, was revoked",
                remedy="find out who answers at this address",
            )
        if shown in known:
            return None
        if known:
            return HostKeyChanged(
                key, ", ".join(one.get_fingerprint() for one in known), str(self.origin(name))
            )
        return HostKeyUnknown(key)


def host_name(host: str, port: int) -> str:
    """How files of known hosts name a server."""
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def host_key(name: str, key: asyncssh.SSHKey) -> HostKey:
    """A key as a person compares it and a file keeps it."""
    algorithm, base64 = key.export_public_key("openssh").decode().split()[:2]
    return HostKey(name, f"{algorithm} {base64}", key.get_fingerprint())


def store_host_key(path: Path, key: HostKey) -> None:
    """Keep a key that a person has accepted, in a file that only its owner reads. Known already: nothing is done.

    Raises HostKeyChanged when the file has another key of that host, Refused when it cannot be written.
    """
    against = KnownHosts([path]).verdict(key.host, asyncssh.import_public_key(key.line))
    if against is None:
        return
    if not isinstance(against, HostKeyUnknown):
        raise against
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _append(path, f"{key.host} {key.line}\n")
    except OSError as error:
        raise Refused(
            f"the host key of {key.host} could not be kept in {path}: {error.strerror}",
            remedy="make the file writable",
        ) from error


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "rb+") as file:
        size = os.fstat(descriptor).st_size
        broken = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        file.write(("\n" if broken else "").encode() + line.encode())


def _load(path: Path) -> asyncssh.SSHKnownHosts:
    found = asyncssh.SSHKnownHosts()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for line in lines:
        with suppress(ValueError):
            found.load(line)
    return found


def _matches(
    found: asyncssh.SSHKnownHosts, name: str
) -> tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]:
    keys, authorities, revoked, *_ = found.match(name, "", None)
    return keys, authorities, revoked
