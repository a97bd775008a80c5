"""Phones through adb servers: reached, opened, moved to Wi-Fi."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from drivers.base import Device
from drivers.clock import Clock
from drivers.devices.android.driver import SCHEME, AndroidDriver, over, place
from drivers.devices.android.phones import Phones, Told
from drivers.errors import LinkTimeout, Refused
from drivers.links.adb import AdbShell
from drivers.links.base import ShellLink
from drivers.model import Found


class AdbDriver(AndroidDriver):
    """Driver of ``adb:SERIAL``, through the servers of ``phones``."""

    def __init__(self, phones: Phones) -> None:
        super().__init__(self._shell)
        self._phones = phones
        self._silent: set[str] = set()
        """Addresses of phones that fell silent when they were last open."""

    async def scan(self) -> Sequence[Found]:
        """As ``Phones.scan``."""
        return await self._phones.scan()

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """As every driver of phones; one on Wi-Fi that its server has lost sight of is connected to again."""
        serial, server = place(address)
        try:
            await self._phones.server_at(server).reach(serial, anew=address in self._silent)
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
        shell = AdbShell(self._phones.server_at(server), serial, clock)
        return f"{SCHEME}{await shell.over_wifi()}" + (f"?server={server}" if server else "")

    def _shell(self, serial: str, server: str, clock: Clock, _: Told) -> ShellLink:
        return AdbShell(self._phones.server_at(server), serial, clock)
