"""One session: a task group of sources round one bus, on the loop that it was entered on."""

import asyncio
from functools import partial
from types import TracebackType
from typing import Self

from drivers.clock import SECOND, Clock
from drivers.errors import Refused
from drivers.ticks import ticks
from melt_tui.events import SELF, SessionEnded, SessionStarted, Tick
from melt_tui.session.bus import Bus, Source

TICK_NS = SECOND // 4


class Ticker:
    """Source of the session's own ticks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, bus: Bus) -> None:
        """Publish a ``Tick`` four times a second."""
        async for t_ns in ticks(self._clock, TICK_NS):
            bus.publish(Tick(t_ns=t_ns, device=SELF))


class Session:
    """Owns the task of every source. Entering publishes ``SessionStarted``, leaving cancels all and ends it."""

    def __init__(self, bus: Bus, clock: Clock, started: SessionStarted) -> None:
        self.bus = bus
        self._clock = clock
        self._started = started
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self.bus.publish(self._started)
        self.add("ticks", Ticker(self._clock))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        for task in self._tasks.values():
            task.cancel()
        await self._group.__aexit__(kind, error, trace)
        self.bus.publish(SessionEnded(t_ns=self._clock.now(), device=SELF, wall_ns=self._clock.wall()))

    def add(self, name: str, source: Source) -> None:
        """Run ``source`` until it ends, ``remove`` is called or the session ends.

        Raises Refused for a name that runs already, and once the session is being left.
        """
        if self._leaving:
            raise Refused("the session is ending")
        before = self._tasks.get(name)
        if before is not None and not before.done():
            raise Refused(f"{name} is in the session already")
        task = self._group.create_task(source.run(self.bus), name=name)
        self._tasks[name] = task
        task.add_done_callback(partial(self._forget, name))

    def _forget(self, name: str, ended: "asyncio.Task[None]") -> None:
        if self._tasks.get(name) is ended:
            del self._tasks[name]

    async def remove(self, name: str) -> None:
        """Cancel the source of that name and wait until it has cleaned up; nothing when there is none."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
