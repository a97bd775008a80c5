"""What asyncssh and the network say when something fails, as sentences with a remedy. The one seam to their errors."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh

from drivers.errors import DriverError, Garbled, LinkLost, LinkTimeout, NeedsPassword, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.sshroute import Hop

_NUMBER = re.compile(r"\[Errno (-?[0-9]+)\]")
_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


@contextmanager
def connecting(hop: Hop, timeout_s: float) -> Iterator[None]:
    """Turns what fails between the first packet and the login into an error that tells what to do."""
    try:
        yield
    except TimeoutError:
        raise LinkTimeout(
            f"{hop.title} did not answer within {timeout_s:g} s",
            remedy="check that the board is on and its address",
        ) from None
    except asyncssh.Error as error:
        raise _refusal(hop, error) from error
    except OSError as error:
        raise _unreached(hop, error) from error
    except ValueError as error:
        raise Refused(
            f"{hop.title} cannot be reached with this configuration: {printable(str(error))}",
            remedy="check its entry in ~/.ssh/config and its key files",
        ) from error


@contextmanager
def talking(title: str) -> Iterator[None]:
    """Turns what fails on an open connection into LinkLost, or Refused where the server said no."""
    try:
        yield
    except asyncssh.ChannelOpenError as error:
        if error.code == asyncssh.OPEN_CONNECT_FAILED and "closed" in error.reason:
            raise LinkLost(f"the connection to {title} is gone") from error
        raise Refused(
            f"{title} opens no further channel: {printable(error.reason, 120)}",
            remedy="raise MaxSessions in its sshd_config, or allow what it forbids there",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise LinkLost(f"the connection to {title} is gone: {printable(str(error), 120)}") from error


def login_refused(hop: Hop, *, given: bool, asks: bool) -> Refused:
    """Why nobody was let in, and what would help: ``given`` a password, ``asks`` for one. Reads key files."""
    locked = [path for path in hop.key_files if _has_passphrase(path)]
    if locked:
        remedy = f"{locked[0]} has a passphrase: unlock it for the agent with `ssh-add {locked[0]}`"
    elif given:
        remedy = "check the password and the user's name"
    elif asks:
        remedy = f"give its password, or your key with `ssh-copy-id -p {hop.port} {hop.user}@{hop.host}`"
    else:
        remedy = f"add your public key to ~{hop.user}/.ssh/authorized_keys on it, and check the user's name"
    sentence = f"{hop.title} does not accept {'the password' if given else 'any of our keys'}"
    if asks:
        return NeedsPassword(sentence, remedy=remedy, account=hop.title, wrong=given)
    return Refused(sentence, remedy=remedy)


def _refusal(hop: Hop, error: asyncssh.Error) -> DriverError:
    said = printable(error.reason, 200)
    if "Too many authentication failures" in said:
        return Refused(
            f"{hop.title} has been offered too many keys",
            remedy=f"name the one to use in ~/.ssh/config: Host {hop.host}, IdentityFile …, IdentitiesOnly yes",
        )
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Refused(f"{hop.title} does not show who it is: {said}", remedy="check ~/.ssh/known_hosts")
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return NotSupported(
            f"{hop.title} and melt have no way of encryption in common: {said}",
            remedy="update the board's sshd",
        )
    if isinstance(error, asyncssh.ProtocolError | asyncssh.ProtocolNotSupported):
        return Garbled(f"{hop.title} does not speak SSH: {said}")
    return LinkLost(f"{hop.title} ended the connection: {said}")


def _unreached(hop: Hop, error: OSError) -> DriverError:
    number = _number(error)
    if isinstance(error, socket.gaierror):
        return _unnamed(hop, error)
    if number == errno.ECONNREFUSED:
        return LinkLost(
            f"{hop.title} refuses connections", remedy="check that its SSH server runs, and the port"
        )
    if number in _NO_WAY:
        return LinkLost(f"there is no way to {hop.title}", remedy="check the network and the address")
    if number == errno.ETIMEDOUT:
        return LinkTimeout(f"{hop.title} did not answer", remedy="check that the board is on and its address")
    return LinkLost(f"{hop.title} could not be reached: {printable(error.strerror or str(error), 120)}")


def _unnamed(hop: Hop, error: socket.gaierror) -> DriverError:
    if error.errno == socket.EAI_AGAIN or hop.host.endswith(".local"):
        return LinkLost(f"the name {hop.host} is not known at the moment", remedy="check the network")
    return Refused(f"there is no host named {hop.host}", remedy="check the address, or use its IP address")


def _number(error: OSError) -> int | None:
    """Its errno; the first one of several that asyncio has put into one text."""
    found = _NUMBER.search(str(error))
    return int(found[1]) if found else error.errno


def _has_passphrase(path: Path) -> bool:
    with suppress(OSError):
        try:
            asyncssh.read_private_key(path)
        except asyncssh.KeyImportError as error:
            return "passphrase" in str(error).lower()
    return False
