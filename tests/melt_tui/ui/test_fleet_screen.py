"""The fleet by keys and mouse, and beside a recording."""

from pathlib import Path
from typing import Any

from textual.screen import Screen
from textual.widgets import Input

from melt_tui.ui.app import MeltApp
from melt_tui.ui.playhead import Mode
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.fleet import FleetScreen
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.widgets.fleet_table import FleetTable
from melt_tui.ui.widgets.header_line import HeaderLine
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, S
from tests.rigs.pilots import bench_of, press, settle, until

SIZE = (120, 36)


def text(app: MeltApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def order(app: MeltApp) -> list[str]:
    """The devices from above to below."""
    return [one.device for one in app.screen.query_one(FleetTable)._rows]


def top(app: MeltApp) -> type[Screen[Any]]:
    return type(app.screen)


async def walk(pilot: Any, *keys: str) -> None:
    await press(pilot, *keys)
    await settle(pilot)


async def test_choosing_sorting_filtering_and_opening_by_keys(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "f")
        assert top(app) is FleetScreen
        assert order(app) == [METER, BOARD, PHONE, HOST]
        assert "fleet · 4 devices · 0 with alerts" in text(app)
        await walk(pilot, "f")
        assert len(app.screen_stack) == 3
        await walk(pilot, "right", "right", "right")
        assert order(app) == [HOST, BOARD, PHONE, METER]
        assert "tok/s↓" in text(app)
        await walk(pilot, "space")
        assert order(app) == [PHONE, BOARD, HOST, METER]
        await walk(pilot, "slash", *"TINY", "enter")
        assert order(app) == [PHONE, BOARD, HOST]
        await walk(pilot, "slash", *"llama")
        assert order(app) == [PHONE, BOARD]
        assert "“llama” · 1–2 of 2" in text(app)
        await walk(pilot, "end")
        await walk(pilot, "escape")
        assert len(order(app)) == 4
        assert not app.screen.query_one("#filter", Input).display
        await walk(pilot, "slash", *"[b]zz")
        assert "No device has these words." in text(app)
        await walk(pilot, "escape", "home", "pagedown", "pageup", "down", "enter")
        await until(pilot, lambda: bench_of(app).viewer.selected)
        assert (bench_of(app).viewer.selected, bench_of(app).viewer.alone) == (BOARD, True)
        await walk(pilot, "f", "escape")
        assert top(app) is BenchScreen


async def test_the_mouse_sorts_chooses_and_opens_and_time_goes_on(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench, frames_per_s=20)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "f")
        table = app.screen.query_one(FleetTable)
        head = table._lines[0]
        await pilot.click(table, offset=("".join(part for part, _ in head).index("°C"), 0))
        await settle(pilot)
        assert order(app) == [PHONE, BOARD, METER, HOST]
        await pilot.click(table, offset=(5, 2))
        await settle(pilot)
        assert "orin-nano · simulated" in text(app)
        reports = len(bench.reports)
        bench.now_ns += 60 * S
        await until(pilot, lambda: "REC 00:04:00" in text(app) and len(bench.reports) > reports)
        await pilot.click(table, offset=(5, 2), times=2)
        await settle(pilot)
        assert bench_of(app).viewer.selected == BOARD
        await until(pilot, lambda: top(app) is BenchScreen)


async def test_of_a_recording_it_shows_the_playhead_of_its_bench(desk: Any, make_app: Any) -> None:
    app = make_app(desk(), replay=Path("/r/a.melt"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "space", "end", "f")
        assert bench_of(app).viewer.playhead.mode is Mode.FROZEN
        assert "FROZEN 00:03:00" in text(app)
        assert app.screen.query_one(HeaderLine)
        await walk(pilot, "l", "f")
        assert top(app) is FleetScreen
        assert any(isinstance(screen, LibraryScreen) for screen in app.screen_stack)
        await walk(pilot, "end", "enter")
        await until(pilot, lambda: top(app) is BenchScreen)
