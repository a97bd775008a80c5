"""A run on the bus: stamps what the runtime yields, has its process watched, says how it ended.

It is never restarted. One that keeps on its device while the link is gone is taken up again when the device is back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Protocol

from drivers.base import Item, Runtime
from drivers.clock import Clock, pause
from drivers.errors import DriverError
from drivers.events import (
    ChannelsOpened,
    LogLine,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    RunEvent,
    bounded,
)
from drivers.links.base import ShellLink
from drivers.model import Channel, RunSpec
from drivers.modelfile import ModelFile
from melt_tui.errors import MeltError
from melt_tui.events import ModelPrepared, RunEnded, RunOutcome, RunStarted, RunSteady, SafetyStop
from melt_tui.format import percent, rate
from melt_tui.measures.conditions import parse
from melt_tui.measures.plateau import Plateau
from melt_tui.session.bus import Bus
from melt_tui.session.guard import guarded
from melt_tui.session.keeping import Keeping, Reach
from melt_tui.session.restating import restated
from melt_tui.session.safety import breached
from melt_tui.session.sensing import Sensing
from melt_tui.session.steadiness import Steadiness
from melt_tui.session.unkept import Unkept
from melt_tui.session.waiting import Waits

STOP_LIMIT_S = 3.0
"""A runtime that has not ended this long after ``stop`` is late: the caller cancels it."""

_STEADY_LOOK_S = 10.0
_STEADY_TOLD = 6
"""With every so manyeth look it is told how steady a run is that has been long enough."""

Progress = Callable[[str, float, float | None], None]
"""Told from any thread: the step, its fraction 0…1, seconds to go. Raises ``Abandoned`` when the run was stopped."""

Prepare = Callable[[Progress], Awaitable[ModelFile]]
"""Makes a model ready on this computer before the runtime starts."""


class Abandoned(Exception):
    """The run was stopped before its runtime was started."""


class Watching(Protocol):
    """Who is told which processes to follow, and knows what of the device is sampled."""

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives while it is there, as far as it was seen."""
        ...

    def watch(self, pid: int) -> None:
        """From now on."""
        ...

    def unwatch(self, pid: int) -> None:
        """No longer."""
        ...


class RunSource:
    """Source of one run: from ``RunStarted`` to ``RunEnded``, which always comes."""

    def __init__(
        self,
        spec: RunSpec,
        runtime: Runtime,
        device: Watching,
        shell: ShellLink,
        clock: Clock,
        *,
        prepare: Prepare | None = None,
        reach: Reach | None = None,
        sensing: Sensing | None = None,
    ) -> None:
        self.spec = spec
        self.ended: RunEnded | None = None
        self._runtime = runtime
        self._device = device
        self._shell = shell
        self._clock = clock
        self._prepare = prepare
        self._keeping = Keeping(spec, runtime, reach, clock)
        self._unkept = Unkept()
        self._reach = reach
        self._begun = False
        self._stopping = False
        self._stopped = asyncio.Event()
        self._kept_away = False
        """Whether its device was ever waited for."""
        self._loaded = asyncio.Event()
        self._gone = asyncio.Event()
        self._sensing = sensing
        self._breach = ""
        """Why it was stopped for safety."""
        self._waits: Waits | None = None
        """What it waited for: its sensors are followed for as long as somebody holds it."""
        self._steadiness = Steadiness() if spec.fair.until else None

    async def run(self, bus: Bus) -> None:
        """Publish the run from start to end, after the waits that it was set up with."""
        try:
            await guarded(
                f"run {self.spec.run}", self._run(bus), lambda bug: self._end(bus, RunOutcome.FAILED, bug)
            )
        finally:
            self._begin(bus)
            held = self._keeping.held
            self._end(
                bus,
                RunOutcome.STOPPED,
                self._keeping.left(over=True) if held else "ended with the session",
            )
            self._gone.set()

    async def stop(self) -> str:
        """End the run on demand; returns when nothing of it is left. Raises TimeoutError when it is late.

        Of a run that is kept on a device that does not answer, at once: then it goes on until the device is there, and
        the answer is what is left there until when.
        """
        self._stopping = True
        self._stopped.set()
        self._keeping.stop()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await self._runtime.stop()
                await _first(self._gone, self._keeping.away)
        except TimeoutError:
            if not self._keeping.possible:
                raise
        return "" if self.ended else self._keeping.left(over=False)

    async def wait(self) -> None:
        """Return when the run is over."""
        await self._gone.wait()

    def _begin(self, bus: Bus, facts: tuple[tuple[str, str], ...] = ()) -> None:
        """Say once that it begins."""
        if not self._begun:
            self._begun = True
            t_ns = self._clock.now()
            spec = self.spec
            bus.publish(RunStarted(t_ns=t_ns, device=spec.device, run=spec.run, spec=spec, facts=facts))

    async def _run(self, bus: Bus) -> None:
        try:
            await self._waited(bus)
            self._begin(bus, await restated(self._device))
            async with _beside(self._watch_ceiling(bus)):
                await self._prepared(bus)
                if not self._stopping:
                    await self._follow_within_limit(bus)
        except (DriverError, MeltError) as failure:
            self._begin(bus)
            why = (self._breach, "") if self._breach else (failure.sentence, failure.remedy)
            self._end(bus, self._failed, *why)
        except Abandoned as stopped:
            self._end(bus, RunOutcome.STOPPED, self._breach or str(stopped))
        else:
            self._end(bus, RunOutcome.STOPPED if self._stopping else RunOutcome.DONE, self._breach)

    async def _waited(self, bus: Bus) -> None:
        """Wait for what it was told to, then take the link as it is now. Raises NotMet, NotSupported."""
        self._waits = Waits(self.spec, self._clock, self._sensing, self._stopped)
        await self._waits.all(bus)
        shell = self._reach() if self._reach else None
        self._shell = shell or self._shell

    async def _watch_ceiling(self, bus: Bus) -> None:
        """Stop it when its ceiling does not hold any more."""
        spec = self.spec
        if not spec.fair.ceiling or self._sensing is None:
            return
        probe = self._sensing.probe(spec.device, parse(spec.fair.ceiling))
        found = await breached(probe, self._clock)
        self._breach, self._stopping = found.reason, True
        bus.publish(
            SafetyStop(
                t_ns=self._clock.now(),
                device=spec.device,
                run=spec.run,
                ceiling=str(probe.condition),
                reason=found.reason,
                lost=found.lost,
                sensed=probe.sensed(),
            )
        )
        self._stopped.set()
        self._keeping.stop()
        await self._runtime.stop()
        await pause(self._clock, STOP_LIMIT_S)
        raise Abandoned

    @property
    def _failed(self) -> RunOutcome:
        """What a failure makes of the run: one that was stopped, for safety or while its device was away, ends as stopped."""
        stopped = self._stopping and (self._kept_away or self._breach)
        return RunOutcome.STOPPED if stopped else RunOutcome.FAILED

    async def _prepared(self, bus: Bus) -> None:
        if self._stopping:
            raise Abandoned("stopped before it began")
        if self._prepare is None:
            return
        steps = _Steps(self.spec, bus, self._clock, lambda: self._stopping)
        model = await self._prepare(steps.tell)
        self.spec = replace(self.spec, model=model)
        bus.publish(
            ModelPrepared(t_ns=self._clock.now(), device=self.spec.device, run=self.spec.run, model=model)
        )

    async def _follow_within_limit(self, bus: Bus) -> None:
        async with asyncio.TaskGroup() as group:
            limits = [group.create_task(self._limit()), group.create_task(self._until_steady(bus))]
            failure = await self._follow(bus)
            for limit in limits:
                limit.cancel()
        if failure is not None:
            raise failure

    async def _follow(self, bus: Bus) -> DriverError | None:
        """To the run's end, over every loss of the link that it outlives; its failure is handed back."""
        while self._keeping.holds(failure := await self._follow_once(bus)):
            assert failure is not None
            self._kept_away = True
            self._shell = await self._keeping.returned(failure, partial(self._say, bus))
        return failure

    async def _follow_once(self, bus: Bus) -> DriverError | None:
        """Publish what the runtime yields; its failure is handed back, so that the task group keeps it whole."""
        try:
            async with aclosing(self._runtime.run(self.spec, self._shell, self._clock)) as items:
                async for item in items:
                    self._keeping.progressed()
                    self._notice(bus, item)
                    bus.publish(self._stamped(item))
        except DriverError as failure:
            return failure
        return None

    def _explain(self, bus: Bus, opened: ChannelsOpened) -> None:
        """Say once which gaps stay, where it opens what was kept while the device was away."""
        missed = self._unkept.take(opened, self._device.channels)
        if missed:
            self._say(bus, f"not sampled while {self.spec.device} was away: {', '.join(missed)}")

    def _say(self, bus: Bus, text: str) -> None:
        spec = self.spec
        bus.publish(
            LogLine(
                t_ns=self._clock.now(), device=spec.device, run=spec.run, source="melt", text=bounded(text)
            )
        )

    async def _limit(self) -> None:
        """The run's seconds count from the moment that it is ready for the first prompt."""
        await self._loaded.wait()
        if self.spec.workload is not None and self.spec.workload.seconds is not None:
            await pause(self._clock, self.spec.workload.seconds)
            await self._runtime.stop()

    async def _until_steady(self, bus: Bus) -> None:
        """A run that is to last until its rate is steady is ended then."""
        if self._steadiness is None:
            return
        await self._loaded.wait()
        looks = count()
        while (known := self._plateau(self._steadiness)) is None or not known.steady:
            if known is not None and next(looks) % _STEADY_TOLD == 0:
                drift = (
                    "" if known.drift is None else f", changes by {percent(100 * known.drift, 1)} in 5 min"
                )
                self._say(bus, f"{self.spec.run} is not steady yet: {rate(known.rate_tps)}{drift}")
            await pause(self._clock, _STEADY_LOOK_S)
        now_ns, spec = self._clock.now(), self.spec
        bus.publish(RunSteady(t_ns=now_ns, device=spec.device, run=spec.run, rate_tps=known.rate_tps))
        await self._runtime.stop()

    def _plateau(self, steadiness: Steadiness) -> Plateau | None:
        return steadiness.plateau(self._clock.now())

    def _stamped(self, item: Item) -> Item:
        return replace(item, run=self.spec.run) if isinstance(item, RunEvent | LogLine) else item

    def _notice(self, bus: Bus, item: Item) -> None:
        if self._steadiness is not None:
            self._steadiness.take(item)
        if isinstance(item, ProcessStarted):
            self._device.watch(item.pid)
        elif isinstance(item, ProcessEnded):
            self._device.unwatch(item.pid)
        elif isinstance(item, ModelLoaded):
            self._loaded.set()
        elif isinstance(item, ChannelsOpened):
            self._explain(bus, item)

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


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have it done meanwhile; what is left of it at the end is not. Errors of the body come as they are, and Abandoned is
    raised there where ``work`` raises it."""
    failure: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            try:
                yield
            except (DriverError, MeltError, Abandoned) as raised:
                failure = raised
            task.cancel()
    except* Abandoned:
        failure = Abandoned()
    if failure is not None:
        raise failure


async def _first(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


class _Steps:
    """Publishes the progress of a preparation that runs in a thread."""

    def __init__(self, spec: RunSpec, bus: Bus, clock: Clock, stopped: Callable[[], bool]) -> None:
        self._spec = spec
        self._bus = bus
        self._clock = clock
        self._stopped = stopped
        self._loop = asyncio.get_running_loop()

    def tell(self, step: str, done: float, eta_s: float | None) -> None:
        """Progress of one step. Called from the preparing thread."""
        if self._stopped():
            raise Abandoned
        self._loop.call_soon_threadsafe(self._publish, step, done, eta_s)

    def _publish(self, step: str, done: float, eta_s: float | None) -> None:
        self._bus.publish(
            Preparing(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                step=step,
                done=done,
                eta_s=eta_s,
            )
        )
