"""Steps that tests of screens share."""

from asyncio import timeout
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from melt_tui.ui.app import MeltApp
from melt_tui.ui.screens.bench import BenchScreen


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
