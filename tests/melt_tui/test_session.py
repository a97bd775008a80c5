"""The session: bus, sampler, run, ticks and melt's own cost, on a clock that only moves when everybody waits."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from drivers.base import Device, Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.errors import LinkError, LinkLost, Refused, RunFailed
from drivers.events import (
    ChannelsOpened,
    LogLine,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnStarted,
)
from drivers.links.base import Completed, Process, ShellLink
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    ModelFile,
    Prompt,
    Quantity,
    RunSpec,
    Samples,
    Unit,
    Workload,
    reading,
)
from melt_tui.errors import MeltError
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    ModelPrepared,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
    Wired,
)
from melt_tui.session.backoff import backoff
from melt_tui.session.bus import Bus
from melt_tui.session.run import Progress, RunSource
from melt_tui.session.sampler import Sampler
from melt_tui.session.selfmeter import CPU, LOOP_LAG, RSS, SelfMeter
from melt_tui.session.session import Session

T = TypeVar("T")
CHANNEL = Channel(device="dev", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=10.0)
INFO = DeviceInfo(device="dev", address="test:dev", kind=DeviceKind.PHONE)
SPEC = RunSpec(run="r1", device="dev", runtime="test", model=None, workload=None)
MODEL = ModelFile(name="m", path="/m.gguf", size_bytes=1)


class SteppedClock:
    """Time that passes only when it is told to, one sleeper at a time."""

    def __init__(self) -> None:
        self.t_ns = 0
        self._waiting: list[tuple[int, int, asyncio.Event]] = []

    def now(self) -> int:
        return self.t_ns

    def wall(self) -> int:
        return 1_700_000_000_000_000_000 + self.t_ns

    async def sleep_until(self, t_ns: int) -> None:
        event = asyncio.Event()
        heapq.heappush(self._waiting, (t_ns, id(event), event))
        await event.wait()

    async def run_until(self, t_ns: int) -> None:
        await settle()
        while self._waiting and self._waiting[0][0] <= t_ns:
            due, _, event = heapq.heappop(self._waiting)
            self.t_ns = max(self.t_ns, due)
            event.set()
            await settle()
        self.t_ns = t_ns


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, item: Item) -> None:
        self.items.append(item)

    def of(self, kind: type[T]) -> list[T]:
        return [item for item in self.items if isinstance(item, kind)]


@dataclass
class ScriptedDevice:
    """A device that yields what it is given, then raises or waits for ever."""

    items: list[Item] = field(default_factory=list)
    end: Exception | None = None
    shell: ShellLink | None = None
    info: DeviceInfo = INFO
    channels: Sequence[Channel] = (CHANNEL,)
    watched: list[int] = field(default_factory=list)
    closed: bool = False

    async def stream(self) -> AsyncGenerator[Item, None]:
        try:
            for item in self.items:
                yield item
            if self.end is not None:
                raise self.end
            await asyncio.Event().wait()
        finally:
            self.closed = True

    def watch(self, pid: int) -> None:
        self.watched.append(pid)

    def unwatch(self, pid: int) -> None:
        self.watched.remove(pid)


def opener(*script: ScriptedDevice | Exception) -> Callable[[], AbstractAsyncContextManager[Device]]:
    """Opens the next device of the script at every call, or raises its exception."""
    steps = iter(script)

    @asynccontextmanager
    async def open_next() -> AsyncGenerator[Device, None]:
        step = next(steps)
        if isinstance(step, Exception):
            raise step
        yield step

    return open_next


class NoShell:
    """A shell that is there and never used."""

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        raise AssertionError

    def start(self, argv: Sequence[str], *, env: Any = None) -> AbstractAsyncContextManager[Process]:
        raise AssertionError

    async def push(self, source: Path, target: str, progress: Any) -> None:
        raise AssertionError

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        raise AssertionError


class ScriptedRuntime:
    """Yields its items, then waits for ``stop``, ends, or raises."""

    def __init__(self, *items: Item, wait: bool = False, error: Exception | None = None) -> None:
        self._items = items
        self._wait = wait
        self._error = error
        self._stop = asyncio.Event()
        self.closed = False
        self.deaf = False

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        try:
            for item in self._items:
                yield item
            if self._error is not None:
                raise self._error
            if self._wait:
                await self._stop.wait()
        finally:
            self.closed = True

    async def stop(self) -> None:
        if not self.deaf:
            self._stop.set()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


# bus ------------------------------------------------------------------------------------------------------------------


class Doubling:
    """A transform that answers every temperature with twice its value, and a tick with nothing."""

    quantities = frozenset({Quantity.TEMPERATURE})

    def feed(self, item: Item) -> Iterable[Item]:
        if isinstance(item, Samples):
            yield reading(
                replace(CHANNEL, name="double", quantity=Quantity.OTHER), item.t0_ns, item.last_code * 2
            )


def test_bus_hands_each_item_to_every_sink_then_what_follows_from_it() -> None:
    first, second = Collected(), Collected()
    bus = Bus((first, second), (Doubling(),))
    opened = ChannelsOpened(t_ns=0, device="dev", channels=(CHANNEL,))
    sample = reading(CHANNEL, 5, 21.0)
    bus.publish(opened)
    bus.publish(sample)
    assert first.items == second.items == [opened, sample, reading(replace(CHANNEL, name="double"), 5, 42.0)]


def test_bus_keeps_a_bulk_stream_from_a_transform_that_did_not_ask() -> None:
    seen = Collected()
    bus = Bus((seen,), (Doubling(),))
    power = replace(CHANNEL, name="power", quantity=Quantity.POWER)
    bus.publish(ChannelsOpened(t_ns=0, device="dev", channels=(power,)))
    bus.publish(reading(power, 5, 3.0))
    assert len(seen.items) == 2


# sampler --------------------------------------------------------------------------------------------------------------


async def test_sampler_says_up_channels_and_wiring_before_the_first_sample(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    sample = reading(CHANNEL, 1, 40.0)
    device = ScriptedDevice([sample])
    sampler = Sampler("dev", "test:dev", opener(device), clock, wire=("phone", "battery-terminals"))
    task = asyncio.ensure_future(sampler.run(bus))
    await settle()
    assert [type(item) for item in collected.items] == [
        DeviceConnecting,
        DeviceUp,
        ChannelsOpened,
        Wired,
        Samples,
    ]
    assert collected.of(Wired) == [Wired(t_ns=0, device="dev", feeds="phone", point="battery-terminals")]
    assert sampler.device is device
    task.cancel()
    await asyncio.wait([task])
    assert device.closed


async def test_sampler_opens_a_lost_device_again_and_says_so_once(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    gone = LinkLost("dev: the cable was pulled")
    steps = (ScriptedDevice(end=gone), gone, gone, gone, ScriptedDevice())
    sampler = Sampler("dev", "test:dev", opener(*steps), clock)
    task = asyncio.ensure_future(sampler.run(bus))
    await clock.run_until(10 * SECOND)
    assert [lost.reason for lost in collected.of(DeviceLost)] == ["dev: the cable was pulled"]
    # A quarter, a half, one and two seconds after the loss: up again 3.75 s later.
    assert [up.t_ns for up in collected.of(DeviceUp)] == [0, 3750 * MILLISECOND]
    reasons = [event.reason for event in collected.of(DeviceConnecting)]
    assert reasons == ["", "dev: the cable was pulled"]
    task.cancel()


async def test_sampler_starts_its_delays_afresh_after_every_time_up(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    steps = [ScriptedDevice(end=LinkLost("gone")) for _ in range(4)]
    task = asyncio.ensure_future(Sampler("dev", "test:dev", opener(*steps, ScriptedDevice()), clock).run(bus))
    await clock.run_until(2 * SECOND)
    assert [up.t_ns // MILLISECOND for up in collected.of(DeviceUp)] == [0, 250, 500, 750, 1000]
    task.cancel()


async def test_sampler_gives_up_what_somebody_has_to_mend(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    refused = Refused("dev said no", remedy="accept the prompt on its screen")
    await Sampler("dev", "test:dev", opener(refused), clock).run(bus)
    assert collected.of(DeviceFailed) == [
        DeviceFailed(t_ns=0, device="dev", reason="dev said no", remedy="accept the prompt on its screen")
    ]


async def test_a_bug_in_one_driver_ends_that_device_with_a_sentence(
    clock: SteppedClock, bus: Bus, collected: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    await Sampler("dev", "test:dev", opener(ScriptedDevice(end=ZeroDivisionError("x"))), clock).run(bus)
    (failed,) = collected.of(DeviceFailed)
    assert "bug of melt (ZeroDivisionError)" in failed.reason
    assert "Traceback" in caplog.text


async def test_a_stream_that_ends_is_a_lost_link(clock: SteppedClock, bus: Bus, collected: Collected) -> None:
    class Ending(ScriptedDevice):
        async def stream(self) -> AsyncGenerator[Item, None]:
            yield reading(CHANNEL, 1, 40.0)

    task = asyncio.ensure_future(Sampler("dev", "a", opener(Ending(), ScriptedDevice()), clock).run(bus))
    await clock.run_until(SECOND)
    assert len(collected.of(DeviceLost)) == 1
    assert len(collected.of(DeviceUp)) == 2
    task.cancel()


def test_backoff_stays_at_two_seconds() -> None:
    delays = backoff()
    assert [next(delays) for _ in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


# run ------------------------------------------------------------------------------------------------------------------


def source(runtime: ScriptedRuntime, clock: SteppedClock, spec: RunSpec = SPEC, **more: Any) -> RunSource:
    return RunSource(spec, runtime, ScriptedDevice(), NoShell(), clock, **more)


async def test_run_stamps_its_id_on_what_belongs_to_it(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    sample = reading(CHANNEL, 1, 3.0)
    runtime = ScriptedRuntime(
        LogLine(t_ns=1, device="dev", source="llama", text="hi"),
        TurnStarted(t_ns=2, device="dev", turn=1),
        sample,
    )
    await source(runtime, clock).run(bus)
    assert [line.run for line in collected.of(LogLine)] == ["r1"]
    assert [turn.run for turn in collected.of(TurnStarted)] == ["r1"]
    assert collected.of(Samples) == [sample]
    assert isinstance(collected.items[0], RunStarted)
    assert collected.items[-1] == RunEnded(t_ns=0, device="dev", run="r1", outcome=RunOutcome.DONE)


async def test_run_has_its_process_watched_while_it_lives(clock: SteppedClock, bus: Bus) -> None:
    device = ScriptedDevice()
    seen: list[list[int]] = []

    class Spying(ScriptedRuntime):
        async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
            yield ProcessStarted(t_ns=0, device="dev", pid=42, command="llama")
            seen.append(list(device.watched))
            yield ProcessEnded(t_ns=0, device="dev", pid=42, returncode=0)
            seen.append(list(device.watched))

    await RunSource(SPEC, Spying(), device, NoShell(), clock).run(bus)
    assert seen == [[42], []]


async def test_run_that_fails_says_why(clock: SteppedClock, bus: Bus, collected: Collected) -> None:
    runtime = ScriptedRuntime(error=RunFailed("the engine died", remedy="see its log"))
    await source(runtime, clock).run(bus)
    (ended,) = collected.of(RunEnded)
    assert (ended.outcome, ended.reason, ended.remedy) == (
        RunOutcome.FAILED,
        "the engine died",
        "see its log",
    )
    assert runtime.closed


async def test_stop_ends_a_run_as_stopped(clock: SteppedClock, bus: Bus, collected: Collected) -> None:
    run = source(ScriptedRuntime(wait=True), clock)
    task = asyncio.ensure_future(run.run(bus))
    await settle()
    await run.stop()
    assert [ended.outcome for ended in collected.of(RunEnded)] == [RunOutcome.STOPPED]
    await task


async def test_a_deaf_runtime_is_cancelled_and_closed(
    clock: SteppedClock, bus: Bus, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("melt_tui.session.run.STOP_LIMIT_S", 0.01)
    runtime = ScriptedRuntime(wait=True)
    runtime.deaf = True
    run = source(runtime, clock)
    task = asyncio.ensure_future(run.run(bus))
    await settle()
    with pytest.raises(TimeoutError):
        await run.stop()
    task.cancel()
    await asyncio.wait([task])
    assert runtime.closed
    assert [ended.reason for ended in collected.of(RunEnded)] == ["ended with the session"]


async def test_seconds_count_from_ready_and_end_the_run_as_done(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    workload = Workload(name="w", conversations=((Prompt("hi"),),), max_tokens=1, seconds=5.0)
    loaded = ModelLoaded(t_ns=0, device="dev", load_s=1.0)
    run = source(ScriptedRuntime(loaded, wait=True), clock, replace(SPEC, workload=workload))
    task = asyncio.ensure_future(run.run(bus))
    await clock.run_until(4 * SECOND)
    assert collected.of(RunEnded) == []
    await clock.run_until(6 * SECOND)
    await task
    assert collected.of(RunEnded) == [
        RunEnded(t_ns=5 * SECOND, device="dev", run="r1", outcome=RunOutcome.DONE)
    ]


async def test_preparation_is_told_and_its_model_replaces_the_first(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    async def prepare(progress: Progress) -> ModelFile:
        await asyncio.to_thread(progress, "expanding", 1.0, None)
        return MODEL

    run = source(ScriptedRuntime(), clock, prepare=prepare)
    await run.run(bus)
    assert [type(item) for item in collected.items] == [RunStarted, Preparing, ModelPrepared, RunEnded]
    assert run.spec.model == MODEL


async def test_stopping_while_preparing_abandons_it(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def prepare(progress: Progress) -> ModelFile:
        begun.set()
        await stopped.wait()
        progress("expanding", 0.5, 2.0)
        return MODEL

    run = source(ScriptedRuntime(), clock, prepare=prepare)
    async with asyncio.TaskGroup() as group:
        group.create_task(run.run(bus))
        await begun.wait()
        stopping = group.create_task(run.stop())
        await settle()
        stopped.set()
        await stopping
    assert [ended.outcome for ended in collected.of(RunEnded)] == [RunOutcome.STOPPED]


async def test_a_model_that_cannot_be_made_ready_fails_the_run(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    async def prepare(progress: Progress) -> ModelFile:
        raise MeltError("the disk is full", remedy="free 132 MB")

    await source(ScriptedRuntime(), clock, prepare=prepare).run(bus)
    (ended,) = collected.of(RunEnded)
    assert (ended.outcome, ended.reason) == (RunOutcome.FAILED, "the disk is full")


# session --------------------------------------------------------------------------------------------------------------


def started(clock: SteppedClock) -> SessionStarted:
    return SessionStarted(
        t_ns=clock.now(), device=SELF, wall_ns=clock.wall(), name="n", version="0", host="h"
    )


async def test_session_starts_ticks_four_times_a_second_and_ends(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    async with Session(bus, clock, started(clock)):
        await clock.run_until(SECOND)
    assert isinstance(collected.items[0], SessionStarted)
    assert [tick.t_ns for tick in collected.of(Tick)] == [
        0,
        SECOND // 4,
        SECOND // 2,
        3 * SECOND // 4,
        SECOND,
    ]
    assert isinstance(collected.items[-1], SessionEnded)


async def test_removing_a_source_waits_for_its_cleaning_up(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    device = ScriptedDevice()
    async with Session(bus, clock, started(clock)) as session:
        session.add("dev", Sampler("dev", "a", opener(device), clock))
        await settle()
        await session.remove("dev")
        assert device.closed
        await session.remove("dev")


async def test_self_meter_tells_lag_cpu_and_memory(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    task = asyncio.ensure_future(SelfMeter(clock).run(bus))
    await clock.run_until(950 * MILLISECOND)
    clock.t_ns = 1130 * MILLISECOND  # the loop was held up: the beat due at 1.0 s fires 130 ms late
    await clock.run_until(1130 * MILLISECOND)
    lags = [s for s in collected.of(Samples) if s.channel == LOOP_LAG.name]
    assert [s.last_code for s in lags[:10]] == [0.0] * 10
    assert lags[10].last_code == pytest.approx(0.130)
    assert [s.channel for s in collected.of(Samples) if s.channel in {CPU.name, RSS.name}] == ["cpu", "rss"]
    task.cancel()


def test_link_errors_are_worth_another_try() -> None:
    assert issubclass(LinkLost, LinkError)


async def test_waiting_for_a_device_ends_when_it_is_up_or_given_up(clock: SteppedClock, bus: Bus) -> None:
    late = Sampler("dev", "a", opener(LinkLost("not yet"), ScriptedDevice()), clock)
    task = asyncio.ensure_future(late.run(bus))
    waiting = asyncio.ensure_future(late.until_up())
    await settle()
    assert not waiting.done()
    await clock.run_until(SECOND)
    await waiting
    task.cancel()
    refused = Sampler("dev", "a", opener(Refused("no", remedy="ask")), clock)
    await refused.run(bus)
    with pytest.raises(Refused, match="no: ask"):
        await refused.until_up()
