"""The phones that adb servers know of, and the servers themselves. Nothing of how a phone is opened is loaded here."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from drivers.address import Address
from drivers.errors import LinkLost, NotSupported
from drivers.links import adbwire
from drivers.links.adbserver import OWN, AdbServer, from_environment
from drivers.links.adbusb import plugged_in
from drivers.model import DeviceKind, Found

SERVERS_LIMIT = 64
ANSWER_S = 2.0

Told = Callable[[str], None]


class Phones:
    """Phones as they come and go. ``told`` is given a sentence when an adb server had to be started."""

    def __init__(self, told: Told = lambda _: None) -> None:
        self._told = told
        self._servers: dict[str, AdbServer] = {}

    def server_at(self, where: str) -> AdbServer:
        """The server at ``host:port``; the usual one where nothing is said. Raises NotSupported."""
        if where not in self._servers:
            if len(self._servers) >= SERVERS_LIMIT:
                raise NotSupported("too many adb servers were named")
            self._servers[where] = adb_server(where, self._told)
        return self._servers[where]

    async def scan(self) -> Sequence[Found]:
        """Every phone that the usual server knows of. None is started where nothing that speaks adb is plugged in; one of
        another computer that was named has to answer.

        Raises LinkError, MissingExtra.
        """
        if not await self._worth_asking():
            return ()
        return [adbwire.found(listed) for listed in await self.server_at("").devices()]

    def identity(self, address: Address) -> str:
        """The same for every address of one phone: its serial, and the server that sees it. Raises NotSupported."""
        server = self.server_at(address.options.get("server", ""))
        host = "127.0.0.1" if server.host in OWN else server.host
        return f"{address.base} {host}:{server.port}"

    async def look_at(self, address: Address) -> Sequence[Found]:
        """The phone at an address that was named, as the server there tells of it, if that sees it. None is started.

        Raises LinkError, NotSupported.
        """
        server = self.server_at(address.options.get("server", ""))
        if not await _answers(server):
            return [
                Found(
                    address=address.base,
                    kind=DeviceKind.PHONE,
                    title=address.target,
                    ready=False,
                    reason=f"no adb server runs at {server.title}",
                    next_step="start it there",
                )
            ]
        listed = [one for one in await server.devices() if one.serial == address.target]
        return [adbwire.found(one) for one in listed]

    async def follow(self) -> AsyncIterator[Sequence[Found]]:
        """The phones now, and again whenever one comes, goes or changes. Raises LinkError when there is no server, or it
        goes, MissingExtra."""
        if not await self._worth_asking():
            raise LinkLost("no adb server runs, and nothing that speaks adb is plugged in")
        async for listed in self.server_at("").track():
            yield [adbwire.found(one) for one in listed]

    async def _worth_asking(self) -> bool:
        """Whether a server answers, has to, or has to be started for what is plugged in."""
        server = self.server_at("")
        return server.elsewhere or await _answers(server) or await asyncio.to_thread(plugged_in) is not False


def adb_server(at: str, told: Told) -> AdbServer:
    """The server at ``host:port``; the one that adb itself would use when that is empty. Raises NotSupported."""
    if not at:
        return from_environment(os.environ, told=told)
    host, _, port = at.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise NotSupported(f"{at[:60]!r} is no adb server", remedy="write server=HOST:PORT")
    return AdbServer(host, int(port), told=told)


async def _answers(server: AdbServer) -> bool:
    """Whether something listens there; without starting it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(server.host, server.port)
            writer.close()
            return True
    return False
