"""Reading a serial port by a thread that wakes every 20 ms and takes all that is there: for meters of 5 kS/s and more.

A wake-up for each byte that comes costs ten times as much as the bytes. A USB port holds 64 KiB of them, 160 ms of the fastest
meter; a pseudo-terminal 12 KiB, which is why the thread does not sleep for longer.
The same thread reads ports that a loop cannot watch (``rfc2217://``).

::

    async with fast_serial(Settings("/dev/ttyACM0"), clock) as link:
        await link.write(b"…")
        while True:
            arrival_ns, data = await link.read()
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.clock import SECOND, Clock, nap
from drivers.errors import DriverError
from drivers.links.handover import Handover
from drivers.links.serialport import SerialPort, Settings, opened

WAKE_S = 0.02
HAND_S = 0.1
"""Blocks are handed over this often: what one wake-up found, for all of them together."""

FULL = 4095
"""Bytes that a terminal gives at most in one read. One that gives fewer has given all that there is."""

COLLECT_LIMIT = 1 << 20
"""Bytes of one wake-up, and it lasts no longer than the sleep before it: a port that is never empty is handed over too."""

WAITING_LIMIT = 64 << 20
"""Bytes that wait for the loop; past that nothing is read, so that the port overflows and the meter's own count tells."""


@asynccontextmanager
async def fast_serial(
    settings: Settings, clock: Clock, *, wake_s: float = WAKE_S, hand_s: float = HAND_S
) -> AsyncIterator["FastSerial"]:
    """Open the port and read it by a thread until the block ends. Raises AskUser, LinkError."""
    async with opened(settings) as port:
        link = FastSerial(port, clock, wake_s=wake_s, hand_s=hand_s)
        try:
            yield link
        finally:
            link.stop()


class FastSerial:
    """A ``ByteLink`` whose bytes are collected by a thread of its own. Every block bears the time at which its last
    byte was found, read off the clock at once after the read."""

    def __init__(
        self, port: SerialPort, clock: Clock, *, wake_s: float = WAKE_S, hand_s: float = HAND_S
    ) -> None:
        self._port = port
        self._clock = clock
        self._wake_s = wake_s
        self._wake_ns = round(wake_s * SECOND)
        self._hand_ns = round(hand_s * SECOND)
        self._given = Handover()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"serial {port.settings}", daemon=True)
        self._thread.start()

    async def read(self) -> tuple[int, bytes]:
        """The next block: ``(arrival in ns, at least one byte)``. Raises LinkLost after the last one."""
        return await self._given.read()

    async def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkLost, LinkTimeout."""
        await asyncio.to_thread(self._port.write, data)

    def stop(self) -> None:
        """Return when the thread has ended: within a wake-up and a read."""
        self._stopping = True
        self._thread.join()

    def _run(self) -> None:
        pieces: list[bytes] = []
        arrival_ns = handed_ns = self._clock.now()
        try:
            while not self._stopping:
                nap(self._wake_s)
                arrival_ns = self._collect(pieces) or arrival_ns
                if pieces and self._clock.now() - handed_ns >= self._hand_ns:
                    handed_ns = self._clock.now()
                    self._given.hand(arrival_ns, pieces)
                    pieces.clear()
        except DriverError as error:
            self._given.hand(self._clock.now(), pieces, error)

    def _collect(self, pieces: list[bytes]) -> int:
        """Add what is there, as far as there is room and time; when the last of it was found, 0 when nothing was."""
        arrival_ns = 0
        until_ns = self._clock.now() + self._wake_ns
        room = min(COLLECT_LIMIT, WAITING_LIMIT - self._given.waiting - sum(map(len, pieces)))
        while room > 0 and arrival_ns <= until_ns and (data := self._port.now()):
            arrival_ns = self._clock.now()
            pieces.append(data)
            room -= len(data)
            if len(data) < FULL:
                break
        return arrival_ns
