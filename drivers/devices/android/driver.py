"""Android phones over adb: which there are, and one of them opened."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers.address import parse
from drivers.base import Device
from drivers.clock import Clock
from drivers.devices.android import listing
from drivers.devices.android.device import AndroidDevice
from drivers.devices.android.listing import Listed
from drivers.devices.android.opening import Who, look
from drivers.devices.android.slowshell import SlowShell
from drivers.errors import NotSupported
from drivers.links.asking import converse
from drivers.links.base import ShellLink
from drivers.model import Found

SCHEME = "adb:"

Reach = Callable[[str, str, Clock], AbstractAsyncContextManager[ShellLink]]
"""Opens the link to a phone: serial, the adb server's ``host:port`` (empty: the usual one), clock. Raises LinkError for
one that may come back, AskUser with the next step for one that needs somebody."""
ListPhones = Callable[[str], Awaitable[Sequence[Listed]]]
"""What the adb server at ``host:port`` knows of."""


class AndroidDriver:
    """Driver of phones. ``reach`` and ``phones`` are how adb is spoken to."""

    def __init__(self, reach: Reach, phones: ListPhones) -> None:
        self._reach = reach
        self._phones = phones

    async def scan(self) -> Sequence[Found]:
        """Every phone that the adb server knows of, those that cannot be used with the reason and the next step."""
        return [listing.found(listed) for listed in await self._phones("")]

    @asynccontextmanager
    async def open(self, address: str, name: str, clock: Clock) -> AsyncIterator[Device]:
        """Open ``adb:SERIAL``, ``adb:SERIAL?server=HOST:PORT``. Raises NotSupported for what is no such address."""
        serial, server = place(address)
        who = Who(name, address, listing.over(serial))
        async with (
            self._reach(serial, server, clock) as shell,
            converse(shell, clock) as fast,
            SlowShell(shell, clock) as slow,
        ):
            opening = await look(who, fast, slow)
            yield AndroidDevice(opening, shell, fast, slow, clock)


def place(address: str) -> tuple[str, str]:
    """Serial and server of an address; the server is empty when it is not told. Raises NotSupported."""
    taken = parse(address).only(("server", "name"))
    serial = taken.base.removeprefix(SCHEME)
    if not taken.base.startswith(SCHEME) or not serial or serial != serial.strip():
        raise NotSupported(
            f"{address[:60]!r} names no phone", remedy="write adb:SERIAL, as melt devices shows it"
        )
    return serial, taken.options.get("server", "")
