"""Steps that tests of screens share."""

import asyncio
from asyncio import timeout
from collections.abc import Callable
from time import monotonic, process_time
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from melt_tui.ui.app import MeltApp
from melt_tui.ui.screens.bench import BenchScreen

_LOOK_S = 0.02
_WORK_S = 0.001


async def idle(_: float = _LOOK_S, max_sleep: float = 1.0) -> None:
    """Return when this process has nothing to do: neither has it worked for a look's time, nor is anything due.

    Stands in for Textual's own wait, which takes a process that a loaded machine does not let run for one that rests.
    """
    end, worked_s, loop = monotonic() + 10 * max_sleep, process_time() + max_sleep, asyncio.get_running_loop()
    resting = False
    while not resting and monotonic() < end and process_time() < worked_s:
        before = process_time()
        await asyncio.sleep(_LOOK_S)
        resting = process_time() - before < _WORK_S
        for _turn in range(3):
            await asyncio.sleep(0)
            resting = resting and not getattr(loop, "_ready", ())


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing is left to do."""
    await pilot.pause()
    for box in pilot.app.screen.query(Input):
        box.cursor_blink = False
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys one after the other, each with its consequences."""
    for key in keys:
        await pilot.press(key)


def bench_of(app: MeltApp) -> BenchScreen:
    """The bench that lies uppermost."""
    return next(screen for screen in reversed(app.screen_stack) if isinstance(screen, BenchScreen))


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Wait until this holds: for what comes from another thread or task."""
    async with timeout(60):
        while not holds():
            await pilot.pause(0.01)
