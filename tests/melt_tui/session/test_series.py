"""Runs one after another on one device: what one of them does is not the end of the others, but a stop is."""

import asyncio
from dataclasses import replace

from drivers.errors import RunFailed
from melt_tui.events import RunEnded, RunOutcome
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.series import Series
from tests.rigs.session_parts import (
    SPEC,
    Collected,
    NoShell,
    ScriptedDevice,
    ScriptedRuntime,
    SteppedClock,
    settle,
)


def series(*runtimes: ScriptedRuntime) -> Series:
    return Series(
        [
            RunSource(replace(SPEC, run=f"r{i}"), runtime, ScriptedDevice(), NoShell(), SteppedClock())
            for i, runtime in enumerate(runtimes, 1)
        ]
    )


async def test_one_that_fails_does_not_keep_the_others_from_running() -> None:
    collected, runs = Collected(), series(ScriptedRuntime(error=RunFailed("died")), ScriptedRuntime())
    assert (runs.name, runs.runs, runs.spec.run, runs.ended) == ("r1", ("r1", "r2"), "r1", None)
    await runs.run(Bus((collected,)))
    await runs.wait()
    assert [(one.run, one.outcome) for one in collected.of(RunEnded)] == [
        ("r1", RunOutcome.FAILED),
        ("r2", RunOutcome.DONE),
    ]
    assert runs.spec.run == "r2"
    assert runs.ended is collected.of(RunEnded)[1]


async def test_a_stop_ends_the_one_in_progress_and_begins_none() -> None:
    collected, last = Collected(), ScriptedRuntime()
    runs = series(ScriptedRuntime(wait=True), last)
    task = asyncio.ensure_future(runs.run(Bus((collected,))))
    await settle()
    assert not runs.ended
    await runs.stop()
    await task
    await runs.wait()
    assert [(one.run, one.outcome) for one in collected.of(RunEnded)] == [("r1", RunOutcome.STOPPED)]
    assert bool(runs.ended)
    assert not last.closed
