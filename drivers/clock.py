"""Time, injected: nobody in this project reads a clock of the system's but through here."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Host-monotonic nanoseconds, the wall clock beside them, and the only way to wait."""

    def now(self) -> int:
        """Monotonic time in ns."""
        ...

    def wall(self) -> int:
        """Time since the Unix epoch in ns: for labels, never for differences."""
        ...

    async def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after as the loop allows; at once when it is past."""
        ...


class SystemClock:
    """The computer's own clocks."""

    def now(self) -> int:
        """Monotonic time in ns."""
        return time.monotonic_ns()

    def wall(self) -> int:
        """Time since the Unix epoch in ns."""
        return time.time_ns()

    async def sleep_until(self, t_ns: int) -> None:
        """Sleep on the running loop until ``t_ns``."""
        await asyncio.sleep(max(0, t_ns - self.now()) / 1e9)


SECOND = 1_000_000_000
MILLISECOND = 1_000_000


async def pause(clock: Clock, seconds: float) -> None:
    """Wait that many seconds of this clock."""
    await clock.sleep_until(clock.now() + round(seconds * SECOND))


def nap(seconds: float) -> None:
    """Wait in a thread that reads, never on a loop. The wait of an event costs several times as much."""
    time.sleep(seconds)
