"""How long to wait before trying again, and the wait itself."""

import asyncio
from collections.abc import Iterator
from itertools import chain, repeat

from drivers.clock import Clock, pause


def backoff() -> Iterator[float]:
    """Delays in seconds without end: a quarter, a half, one, then 2 s for what is still expected back."""
    return chain((0.25, 0.5, 1.0), repeat(2.0))


async def wait_unless(clock: Clock, delay_s: float, event: asyncio.Event) -> None:
    """Return after that delay, or as soon as the event is set."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(pause(clock, delay_s)), group.create_task(_set(event))]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _set(event: asyncio.Event) -> None:
    await event.wait()
