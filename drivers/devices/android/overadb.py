"""Phones through adb servers: reached, listed, followed as they are plugged in, moved to Wi-Fi."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from drivers.base import Device
from drivers.clock import Clock
from drivers.devices.android.driver import SCHEME, AndroidDriver, Told, adb_server, over, place
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links import adbwire
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
from drivers.links.adbusb import plugged_in
from drivers.links.base import ShellLink
from drivers.model import Found

SERVERS_LIMIT = 64
ANSWER_S = 2.0


class AdbDriver(AndroidDriver):
    """Driver of ``adb:SERIAL``. ``told`` is given a sentence when an adb server had to be started."""

    def __init__(self, told: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(self._shell)
        self._told = told
        self._servers: dict[str, AdbServer] = {}
        self._silent: set[str] = set()
        """Addresses of phones that fell silent when they were last open."""

    async def scan(self) -> Sequence[Found]:
        """Every phone that the usual server knows of. None is started where nothing that speaks adb is plugged in.

        Raises LinkError, MissingExtra.
        """
        if not await self._worth_asking():
            return ()
        return [adbwire.found(listed) for listed in await self._server_at("").devices()]

    async def follow(self) -> AsyncIterator[Sequence[Found]]:
        """The phones now, and again whenever one comes, goes or changes. Raises LinkError when there is no server, or it
        goes, MissingExtra."""
        if not await self._worth_asking():
            raise LinkLost("no adb server runs, and nothing that speaks adb is plugged in")
        async for listed in self._server_at("").track():
            yield [adbwire.found(one) for one in listed]

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """As every driver of phones; one on Wi-Fi that its server has lost sight of is connected to again."""
        serial, server = place(address)
        try:
            await self._server_at(server).reach(serial, anew=address in self._silent)
            self._silent.discard(address)
            async with super().open(address, name, clock) as device:
                yield device
        except LinkTimeout:
            self._silent.add(address)
            raise

    async def to_wifi(self, address: str, clock: Clock) -> str:
        """Move the phone to adb over Wi-Fi; its address from now on. Raises LinkLost, Refused."""
        serial, server = place(address)
        if over(serial) == "Wi-Fi":
            raise Refused(f"{address} is on Wi-Fi already")
        shell = AdbShell(self._server_at(server), serial, clock)
        return f"{SCHEME}{await shell.over_wifi()}" + (f"?server={server}" if server else "")

    def _shell(self, serial: str, server: str, clock: Clock, _: Told) -> ShellLink:
        return AdbShell(self._server_at(server), serial, clock)

    async def _worth_asking(self) -> bool:
        """Whether a server answers, or one has to be started for what is plugged in."""
        return await _answers(self._server_at("")) or await asyncio.to_thread(plugged_in) is not False

    def _server_at(self, where: str) -> AdbServer:
        """The server at ``host:port``; the usual one where nothing is said. Raises NotSupported."""
        if where not in self._servers:
            if len(self._servers) >= SERVERS_LIMIT:
                raise NotSupported("too many adb servers were named")
            self._servers[where] = adb_server(where, self._told)
        return self._servers[where]


async def _answers(server: AdbServer) -> bool:
    """Whether something listens there; without starting it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(server.host, server.port)
            writer.close()
            return True
    return False
