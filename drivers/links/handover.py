"""What a reading thread hands over to a loop: blocks with their times of arrival, and at last why no more come."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from drivers.errors import DriverError


class Handover:
    """One thread hands, one task reads. Made on the loop that reads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._lock = threading.Lock()
        self._blocks: deque[tuple[int, bytes]] = deque()
        self._failure: DriverError | None = None
        self.waiting = 0
        """Bytes that nobody has read yet."""

    async def read(self) -> tuple[int, bytes]:
        """The next block: ``(arrival in ns, at least one byte)``. Raises what the thread ended with, after the last one."""
        while True:
            with self._lock:
                if self._blocks:
                    arrival_ns, data = self._blocks.popleft()
                    self.waiting -= len(data)
                    return arrival_ns, data
                if self._failure is not None:
                    raise self._failure
                self._filled.clear()
            await self._filled.wait()

    def hand(self, arrival_ns: int, pieces: Sequence[bytes], failure: DriverError | None = None) -> None:
        """From the thread: what came by then, as one block. A loop that has ended needs nothing more."""
        data = b"".join(pieces)
        with self._lock:
            if data:
                self._blocks.append((arrival_ns, data))
                self.waiting += len(data)
            self._failure = failure
        if not self._loop.is_closed():
            with suppress(RuntimeError):  # it was closed just now
                self._loop.call_soon_threadsafe(self._filled.set)
