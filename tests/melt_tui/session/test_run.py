"""A run is stamped, watched, stopped and always ends."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import RunFailed
from drivers.events import (
    LogLine,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnStarted,
)
from drivers.links.base import ShellLink
from drivers.model import Prompt, RunSpec, Samples, Workload, reading
from drivers.modelfile import ModelFile
from melt_tui.errors import MeltError
from melt_tui.events import (
    ModelPrepared,
    RunEnded,
    RunOutcome,
    RunStarted,
)
from melt_tui.session.bus import Bus
from melt_tui.session.run import Progress, RunSource
from tests.rigs.session_parts import (
    CHANNEL,
    MODEL,
    SPEC,
    Collected,
    NoShell,
    ScriptedDevice,
    ScriptedRuntime,
    SteppedClock,
    settle,
)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


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
