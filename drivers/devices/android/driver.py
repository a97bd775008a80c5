"""Android phones over adb: which there are, and one of them opened."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from drivers.address import parse
from drivers.base import Device
from drivers.caps import Remembered
from drivers.clock import Clock
from drivers.devices.android.device import AndroidDevice
from drivers.devices.android.opening import Who, look
from drivers.devices.android.phones import Told, adb_server
from drivers.devices.android.slowshell import SlowShell
from drivers.devices.android.turns import Turns
from drivers.errors import NotSupported
from drivers.links import adbwire
from drivers.links.adb import AdbShell
from drivers.links.adbserver import AdbServer
from drivers.links.base import ShellLink
from drivers.links.remote import cleared
from drivers.model import Found

SCHEME = "adb:"

Reach = Callable[[str, str, Clock, Told], ShellLink]
"""The link to a phone: serial, the adb server's ``host:port`` (empty: the one that adb itself would use), clock, and
who is told what was done on the way."""


class AndroidDriver:
    """Driver of phones. ``reach`` is how one of them is spoken to, ``turns`` who they share the computer with."""

    def __init__(
        self, reach: Reach | None = None, server: AdbServer | None = None, turns: Turns | None = None
    ) -> None:
        self._reach = reach or over_adb
        self._server = server
        self._turns = turns or Turns()
        self._caps = Remembered()

    async def scan(self) -> Sequence[Found]:
        """Every phone that the adb server knows of, those that cannot be used with the reason and the next step."""
        server = self._server or adb_server("", lambda _: None)
        return [adbwire.found(listed) for listed in await server.devices()]

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open ``adb:SERIAL``, ``adb:SERIAL?server=HOST:PORT``. Raises NotSupported for what is no such address,
        LinkError for a phone that may come back, AskUser for one that needs somebody."""
        serial, server = place(address)
        said: list[str] = []
        shell = self._reach(serial, server, clock, said.append)
        with self._caps.kept((serial, server)) as highest, self._turns.taken((serial, server)) as turn:
            async with SlowShell(shell, clock) as slow:
                opening = await look(Who(name, address, over(serial), turn, highest), slow)
                said += await cleared(shell)
                yield AndroidDevice(opening, shell, slow, clock, said=said, together=self._turns.together)


def over_adb(serial: str, server: str, clock: Clock, told: Told) -> ShellLink:
    """The link through an adb server."""
    return AdbShell(adb_server(server, told), serial, clock)


def place(address: str) -> tuple[str, str]:
    """Serial and server of an address; the server is empty when it is not told. Raises NotSupported."""
    taken = parse(address).only(("server", "name"))
    serial = taken.base.removeprefix(SCHEME)
    if not taken.base.startswith(SCHEME) or not serial or serial != serial.strip():
        raise NotSupported(
            f"{address[:60]!r} names no phone", remedy="write adb:SERIAL, as melt devices shows it"
        )
    return serial, taken.options.get("server", "")


def over(serial: str) -> str:
    """How a phone of that serial is reached: ``Wi-Fi`` for a host and port or a name of mDNS, ``USB`` otherwise."""
    host, colon, port = serial.rpartition(":")
    return "Wi-Fi" if (host and colon and port.isdecimal()) or "._adb" in serial else "USB"
