"""A ``ByteLink`` over a serial port, read on the loop as bytes come: for meters of up to some hundred lines a second.

::

    async with serial_link(Settings("/dev/ttyUSB0", baud=115200), clock) as link:
        arrival_ns, data = await link.read()
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.clock import Clock
from drivers.errors import LinkTimeout
from drivers.links.base import ByteLink
from drivers.links.fastserial import FastSerial
from drivers.links.serialport import SerialPort, Settings, opened


@asynccontextmanager
async def serial_link(
    settings: Settings, clock: Clock, *, silent_s: float | None = None
) -> AsyncIterator[ByteLink]:
    """Open the port and read it until the block ends. Raises AskUser, LinkError.

    With ``silent_s`` a port that sends nothing for so long is given up by LinkTimeout.
    """
    async with opened(settings) as port:
        if port.fd is not None:
            yield _watched(SerialLink(port, port.fd, clock), settings, silent_s)
            return
        collected = FastSerial(port, clock, hand_s=0)
        try:
            yield _watched(collected, settings, silent_s)
        finally:
            collected.stop()


class SerialLink:
    """A port that the loop watches while somebody reads. Bytes are stamped when the loop sees them."""

    def __init__(self, port: SerialPort, fd: int, clock: Clock) -> None:
        self._port = port
        self._fd = fd
        self._clock = clock

    async def read(self) -> tuple[int, bytes]:
        """Wait for bytes: ``(arrival in ns, at least one byte)``. Raises LinkLost when the other end is gone."""
        while not (data := self._port.now()):
            await self._readable()
        return self._clock.now(), data

    async def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkLost, LinkTimeout when nobody takes it."""
        await asyncio.to_thread(self._port.write, data)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._fd, _tell, ready)
        try:
            await ready
        finally:
            loop.remove_reader(self._fd)


class WatchedLink:
    """A link whose silence is an error."""

    def __init__(self, link: ByteLink, settings: Settings, silent_s: float) -> None:
        self._link = link
        self._settings = settings
        self._silent_s = silent_s

    async def read(self) -> tuple[int, bytes]:
        """As the link's. Raises LinkTimeout after the silence."""
        try:
            async with asyncio.timeout(self._silent_s):
                return await self._link.read()
        except TimeoutError:
            raise LinkTimeout(
                f"{self._settings} is silent for {self._silent_s:g} s",
                remedy="check the meter, its baud rate and its port; one that writes seldom needs silence=SECONDS",
            ) from None

    async def write(self, data: bytes) -> None:
        """As the link's."""
        await self._link.write(data)


def _watched(link: ByteLink, settings: Settings, silent_s: float | None) -> ByteLink:
    return link if silent_s is None else WatchedLink(link, settings, silent_s)


def _tell(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
