"""A run on the bus: stamps what the runtime yields, has its process watched, says how it ended. Never restarted."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

from drivers.base import Device, Item, Runtime
from drivers.clock import Clock, pause
from drivers.errors import DriverError
from drivers.events import LogLine, ModelLoaded, ProcessEnded, ProcessStarted, RunEvent
from drivers.links.base import ShellLink
from drivers.model import RunSpec
from melt_tui.events import RunEnded, RunOutcome, RunStarted
from melt_tui.session.bus import Bus
from melt_tui.session.guard import guarded

STOP_LIMIT_S = 3.0
"""A runtime that has not ended this long after ``stop`` is cancelled."""


class RunSource:
    """Source of one run: from ``RunStarted`` to ``RunEnded``, which always comes."""

    def __init__(
        self, spec: RunSpec, runtime: Runtime, device: Device, shell: ShellLink, clock: Clock
    ) -> None:
        self.spec = spec
        self.ended: RunEnded | None = None
        self._runtime = runtime
        self._device = device
        self._shell = shell
        self._clock = clock
        self._stopping = False
        self._loaded = asyncio.Event()
        self._gone = asyncio.Event()

    async def run(self, bus: Bus) -> None:
        """Publish the run from start to end."""
        bus.publish(
            RunStarted(t_ns=self._clock.now(), device=self.spec.device, run=self.spec.run, spec=self.spec)
        )
        try:
            await guarded(
                f"run {self.spec.run}", self._run(bus), lambda bug: self._end(bus, RunOutcome.FAILED, bug)
            )
        finally:
            self._end(bus, RunOutcome.STOPPED, "ended with the session")
            self._gone.set()

    async def stop(self) -> None:
        """End the run on demand; returns when the runtime has ended, or has been asked to and is late."""
        self._stopping = True
        await self._runtime.stop()
        async with asyncio.timeout(STOP_LIMIT_S):
            await self._gone.wait()

    async def wait(self) -> None:
        """Return when the run is over."""
        await self._gone.wait()

    async def _run(self, bus: Bus) -> None:
        async with asyncio.TaskGroup() as group:
            limit = group.create_task(self._limit())
            failure = await self._follow(bus)
            limit.cancel()
        if failure is not None:
            self._end(bus, RunOutcome.FAILED, failure.sentence, failure.remedy)
        else:
            self._end(bus, RunOutcome.STOPPED if self._stopping else RunOutcome.DONE)

    async def _follow(self, bus: Bus) -> DriverError | None:
        try:
            async with aclosing(self._runtime.run(self.spec, self._shell, self._clock)) as items:
                async for item in items:
                    self._notice(item)
                    bus.publish(self._stamped(item))
        except DriverError as failure:
            return failure
        return None

    async def _limit(self) -> None:
        """The run's seconds count from the moment that it is ready for the first prompt."""
        await self._loaded.wait()
        if self.spec.workload is not None and self.spec.workload.seconds is not None:
            await pause(self._clock, self.spec.workload.seconds)
            await self._runtime.stop()

    def _stamped(self, item: Item) -> Item:
        return replace(item, run=self.spec.run) if isinstance(item, RunEvent | LogLine) else item

    def _notice(self, item: Item) -> None:
        if isinstance(item, ProcessStarted):
            self._device.watch(item.pid)
        elif isinstance(item, ProcessEnded):
            self._device.unwatch(item.pid)
        elif isinstance(item, ModelLoaded):
            self._loaded.set()

    def _end(self, bus: Bus, outcome: RunOutcome, reason: str = "", remedy: str = "") -> None:
        if self.ended is None:
            self.ended = RunEnded(
                t_ns=self._clock.now(),
                device=self.spec.device,
                run=self.spec.run,
                outcome=outcome,
                reason=reason,
                remedy=remedy,
            )
            bus.publish(self.ended)
