"""Even ticks for what must be polled: no drift, and no burst after a delay."""

from collections.abc import AsyncGenerator

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
