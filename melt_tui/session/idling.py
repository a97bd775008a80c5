"""The wait before a run in which its device is left alone: what the run's energies above idle are reckoned from."""

import asyncio
from collections.abc import Callable

from drivers.clock import SECOND, Clock
from melt_tui.session.backoff import wait_unless

TELL_S = 10.0
"""So often it is told how long it still takes."""


async def idle(seconds: float, clock: Clock, stopped: asyncio.Event, tell: Callable[[float], None]) -> None:
    """Return after so many seconds, or as soon as the event is set. ``tell`` is given the seconds to go: at once, then
    every ``TELL_S``."""
    ends_ns = clock.now() + round(seconds * SECOND)
    while not stopped.is_set() and (left_s := (ends_ns - clock.now()) / SECOND) > 0:
        tell(left_s)
        await wait_unless(clock, min(left_s, left_s % TELL_S or TELL_S), stopped)
