"""Boards over SSH with a person's own keys: opened, looked at, their keys asked for and kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import asyncssh

from drivers.address import Address, parse
from drivers.clock import Clock
from drivers.devices.jetson import finding
from drivers.devices.jetson.driver import JetsonDriver, over_ssh
from drivers.errors import AskUser, DriverError
from drivers.links import hostkeys
from drivers.links.base import ShellLink
from drivers.links.hostkeys import HostKey, HostKeyUnknown, KnownHosts
from drivers.links.ssh import SshShell
from drivers.links.sshconnection import SshConnection, host_key_of
from drivers.links.sshroute import SshSettings, look_up
from drivers.links.sshroute import parse as parse_target
from drivers.model import DeviceKind, Found, ShownKey


class SshDriver(JetsonDriver):
    """Driver of ``ssh://user@host:port``. ``known_hosts`` is our own file of accepted keys."""

    def __init__(self, known_hosts: Path) -> None:
        super().__init__(self._reach)
        self._passwords: dict[str, str] = {}
        self._settings = SshSettings(known_hosts, self._passwords)
        self._connect = over_ssh(self._settings)

    def give_password(self, account: str, password: str) -> None:
        """For logins from now on to ``NeedsPassword.account``; kept in memory alone."""
        self._passwords[account] = password

    async def look_at(self, address: str, clock: Clock) -> Found:
        """Whether the board can be logged in to now, and if not, why; what it lacks is a remark with its remedy.

        Raises NotSupported for no address.
        """
        taken = parse(address)
        title = parse_target(taken.base).host
        try:
            async with SshConnection.open(taken.base, self._settings, clock) as connection:
                shell = SshShell(taken.base, self._settings, clock, connection)
                found = Found(address=address, kind=DeviceKind.BOARD, title=connection.title)
                return await _remarked(found, shell, taken.options.get("root", ""))
        except DriverError as error:
            reason, next_step = error.sentence, trusting(error, address)
        return Found(
            address=address,
            kind=DeviceKind.BOARD,
            title=title,
            ready=False,
            reason=reason,
            next_step=next_step,
        )

    async def host_key(self, address: str) -> ShownKey:
        """The key that the board shows now; nobody logs in, nothing is stored. Raises LinkError, AskUser."""
        base = parse(address).base
        key = await host_key_of(base, self._settings)
        against = await asyncio.to_thread(self._verdict, base, key)
        unknown = against is None or isinstance(against, HostKeyUnknown)
        return ShownKey(
            line=f"{key.host} {key.line}",
            fingerprint=key.fingerprint,
            known=against is None,
            objection="" if unknown else str(against),
        )

    def trust(self, address: str, shown: ShownKey) -> None:
        """Keep a key that a person has accepted. Reads and writes files. Raises HostKeyChanged when another is known
        anywhere, Refused when it was revoked or cannot be kept."""
        host, _, line = shown.line.partition(" ")
        key = HostKey(host, line, shown.fingerprint)
        against = self._verdict(parse(address).base, key)
        if against is not None and not isinstance(against, HostKeyUnknown):
            raise against
        hostkeys.store_host_key(self._settings.known_hosts, key)

    def _verdict(self, base: str, key: HostKey) -> AskUser | None:
        hop = look_up(parse_target(base))
        known = KnownHosts([self._settings.known_hosts, *hop.known_hosts])
        return known.verdict(key.host, asyncssh.import_public_key(key.line))

    @asynccontextmanager
    async def _reach(self, address: Address, clock: Clock) -> AsyncIterator[ShellLink]:
        try:
            async with self._connect(address, clock) as shell:
                yield shell
        except HostKeyUnknown as unknown:
            unknown.remedy = trusting(unknown, address.base)
            raise


async def _remarked(found: Found, shell: ShellLink, root: str) -> Found:
    """What keeps it from answering is told when it is opened."""
    with suppress(DriverError):
        if await finding.lacks_tegrastats(shell, root):
            lacking = finding.NO_TEGRASTATS
            return replace(found, reason=lacking.reason, next_step=lacking.remedy)
    return found


def trusting(error: DriverError, address: str) -> str:
    """What to do about an error; for a key that is not known yet the command that shows and accepts it."""
    if isinstance(error, HostKeyUnknown):
        return f"`melt devices --trust {address}` shows its key and accepts it"
    return error.remedy
