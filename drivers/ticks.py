"""Ticks for what must be polled, even ones or one at random in each period: no drift, and no burst after a delay."""

from collections.abc import AsyncGenerator, Callable
from random import Random

from drivers.clock import Clock


async def ticks(clock: Clock, period_ns: int) -> AsyncGenerator[int, None]:
    """Yield the time in ns, now and then every ``period_ns`` on one even grid.

    A tick that was missed because the loop or the device was late is left out, never made up for.
    """
    start = clock.now()
    while True:
        now = clock.now()
        yield now
        missed_and_next = (clock.now() - start) // period_ns + 1
        await clock.sleep_until(start + missed_and_next * period_ns)


async def scattered(
    clock: Clock, period_ns: Callable[[], int], chance: Random, least_ns: int = 0
) -> AsyncGenerator[int, None]:
    """Yield the time in ns once in every period, at a moment that is as likely as any other of it.

    Whatever repeats itself is met at all of its phases, however long it takes to do so. Periods follow one another, each
    as long as it is said to be when it begins. A moment that would come sooner than ``least_ns`` after the one before
    waits until then. Periods that were missed are left out, never made up for.
    """
    start, earliest = clock.now(), 0
    while True:
        length = period_ns()
        await clock.sleep_until(max(earliest, start + round(chance.random() * length)))
        now = clock.now()
        yield now
        earliest = now + least_ns
        start += length * max(1, (clock.now() - start) // length)
