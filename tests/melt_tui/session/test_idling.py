"""A device is left alone before a run, for as long as was asked for; it is told how long that still takes."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.events import LogLine
from drivers.links.base import ShellLink
from drivers.model import RunSpec
from melt_tui.events import RunEnded, RunOutcome, RunStarted
from melt_tui.session.bus import Bus
from melt_tui.session.idling import idle
from melt_tui.session.run import RunSource
from tests.rigs.session_parts import (
    SPEC,
    Collected,
    NoShell,
    ScriptedDevice,
    ScriptedRuntime,
    SteppedClock,
    settle,
)


class Remembering(ScriptedRuntime):
    """Notes on which shells it was run."""

    def __init__(self) -> None:
        super().__init__()
        self.shells: list[ShellLink] = []

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        self.shells.append(shell)
        async for item in super().run(spec, shell, clock):
            yield item


WAITING = replace(SPEC, baseline_s=25.0)


async def test_it_is_told_every_ten_seconds_how_long_it_takes() -> None:
    clock, told = SteppedClock(), list[float]()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(idle(25.0, clock, asyncio.Event(), told.append))
        await clock.run_until(25 * SECOND - 1)
        assert not waiting.done()
        await clock.run_until(25 * SECOND)
        await settle()
        assert waiting.done()
    assert told == [25.0, 20.0, 10.0]


async def test_a_run_begins_after_the_wait_on_the_link_as_it_is_then() -> None:
    clock, collected = SteppedClock(), Collected()
    later, runtime = NoShell(), Remembering()
    source = RunSource(WAITING, runtime, ScriptedDevice(), NoShell(), clock, reach=lambda: later)
    async with asyncio.TaskGroup() as group:
        group.create_task(source.run(Bus((collected,))))
        await clock.run_until(24 * SECOND)
        assert collected.of(RunStarted) == []
        await clock.run_until(25 * SECOND)
        await settle()
    assert [event.t_ns for event in collected.of(RunStarted)] == [25 * SECOND]
    assert [event.outcome for event in collected.of(RunEnded)] == [RunOutcome.DONE]
    assert runtime.shells == [later]
    assert [line.text for line in collected.of(LogLine)] == [
        "idle before r1: 25 s to go",
        "idle before r1: 20 s to go",
        "idle before r1: 10 s to go",
    ]


async def test_a_run_that_is_stopped_meanwhile_never_begins() -> None:
    clock, collected, runtime = SteppedClock(), Collected(), ScriptedRuntime(wait=True)
    source = RunSource(WAITING, runtime, ScriptedDevice(), NoShell(), clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(source.run(Bus((collected,))))
        await clock.run_until(5 * SECOND)
        await source.stop()
    (started,), (ended,) = collected.of(RunStarted), collected.of(RunEnded)
    assert (started.t_ns, ended.t_ns) == (5 * SECOND, 5 * SECOND)
    assert (ended.outcome, ended.reason) == (RunOutcome.STOPPED, "stopped before it began")
    assert not runtime.closed


async def test_a_session_that_ends_meanwhile_ends_the_run() -> None:
    clock, collected = SteppedClock(), Collected()
    source = RunSource(WAITING, ScriptedRuntime(), ScriptedDevice(), NoShell(), clock)
    task = asyncio.ensure_future(source.run(Bus((collected,))))
    await clock.run_until(5 * SECOND)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [type(event) for event in collected.items if not isinstance(event, LogLine)] == [
        RunStarted,
        RunEnded,
    ]
    assert collected.of(RunEnded)[0].reason == "ended with the session"
