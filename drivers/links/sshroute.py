"""The way to a board: an address, what ``~/.ssh/config`` says about it, and the hosts that lie between."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from drivers.errors import NotSupported, Refused
from drivers.foreign import printable
from drivers.links.hostkeys import host_name

HOPS_LIMIT = 8
"""Hosts on the way, the board included."""

_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")

_ADDRESS = re.compile(
    r"(?:ssh://)?(?:(?P<user>[A-Za-z0-9_][\w.+-]{0,63})@)?"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45}(?:%\w{1,15})?)\]|(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SshSettings:
    """What this computer brings beside the person's own ``~/.ssh``."""

    known_hosts: Path
    """Our own file of known hosts: what was accepted in melt. Read beside the person's, the only one written to."""
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By ``Hop.title``, as far as they were given; looked up at every login."""
    connect_s: float = 10.0
    """Longest time until each host on the way has let us in."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host as it was asked for: by name or alias, the rest only where it was said."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        """As in ``ssh://``: ``user@host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}:{self.port}" if self.port else f"{user}{host}"


@dataclass(frozen=True, slots=True)
class Hop:
    """A host on the way, with what the configuration makes of it."""

    target: Target
    host: str
    port: int
    user: str
    alias: str
    """Under which its key is known; empty for its own name."""
    known_hosts: tuple[Path, ...]
    jumps: tuple[Target, ...]
    key_files: tuple[Path, ...]
    """Private keys that would be offered if they are there."""
    ciphers_named: bool
    """The configuration chooses the encryption."""

    @property
    def name(self) -> str:
        """As files of known hosts name it."""
        return self.alias or host_name(self.host, self.port)

    @property
    def title(self) -> str:
        """For a sentence: ``user@host``, its port where it is not 22."""
        return f"{self.user}@{host_name(self.host, self.port)}"


def parse(address: str) -> Target:
    """``ssh://[user@]host[:port]``; ``ssh://`` may be left out. Raises NotSupported."""
    found = _ADDRESS.fullmatch(address)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise NotSupported(
            f"{printable(address, 80)!r} is no address of an SSH server",
            remedy="write ssh://user@host:port, or ssh://alias for a host of ~/.ssh/config",
        )
    return Target(found["v6"] or found["host"], found["user"], port)


def route(target: Target) -> list[Hop]:
    """The hosts to go through, the board last. Reads files. Raises Refused, NotSupported."""
    hops = [look_up(target)]
    while jumps := _new([look_up(jump) for jump in hops[0].jumps], hops):
        hops = [*jumps, *hops]
        if len(hops) > HOPS_LIMIT:
            raise NotSupported(
                f"the way to {target} leads over more than {HOPS_LIMIT} hosts",
                remedy="check ProxyJump in ~/.ssh/config",
            )
    return hops


def look_up(target: Target) -> Hop:
    """What ``~/.ssh/config`` says about a host. Reads files. Raises Refused."""
    try:
        options = asyncssh.SSHClientConnectionOptions(
            config=(), host=target.host, port=target.port or (), username=target.user or (), client_keys=None
        )
    except (asyncssh.ConfigParseError, OSError) as error:
        raise Refused(
            f"~/.ssh/config cannot be read: {printable(str(error))}", remedy="correct that line"
        ) from error
    config = options.config
    return Hop(
        target,
        options.host,
        options.port,
        options.username,
        options.host_key_alias or "",
        _paths(config.get("UserKnownHostsFile"), ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"])
        + _paths(config.get("GlobalKnownHostsFile"), ["/etc/ssh/ssh_known_hosts"]),
        _jumps(options.tunnel),
        _paths(config.get("IdentityFile"), _DEFAULT_KEYS),
        config.get("Ciphers") is not None,
    )


def _new(jumps: Sequence[Hop], hops: Sequence[Hop]) -> list[Hop]:
    """Those that are not on the way already: a jump host for all hosts is its own jump host, too."""
    there = {hop.name for hop in hops}
    return [jump for jump in jumps if jump.name not in there]


def _paths(said: object, default: Sequence[str]) -> tuple[Path, ...]:
    names = default if said is None else said if isinstance(said, list) else [said]
    return tuple(Path(str(name)).expanduser() for name in names)


def _jumps(said: object) -> tuple[Target, ...]:
    return tuple(parse(one.strip()) for one in said.split(",")) if isinstance(said, str) and said else ()
