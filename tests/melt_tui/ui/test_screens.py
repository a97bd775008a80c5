"""What keys and the mouse do on the bench."""

from asyncio import timeout
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Offset
from textual.widgets import Input

from drivers.events import LogLine
from melt_tui.events import SELF, DeviceLost, Mark
from melt_tui.live import LiveState
from melt_tui.ui.playhead import Mode
from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.device_cards import DeviceCards
from melt_tui.ui.widgets.event_log import EventLog
from melt_tui.ui.widgets.key_line import KeyLine
from melt_tui.ui.widgets.log_pane import LogPane
from melt_tui.ui.widgets.time_strip import TimeStrip
from melt_tui.ui.widgets.transport_bar import TransportBar
from tests.rigs.night_run import BOARD, HOST, PHONE, S, Story, at, items
from tests.rigs.pilots import bench_of, press, settle

SIZE = (120, 36)
EVIL = "[bold red]x[/] \x1b[2J\x1b]0;owned\x07"
NOW = at(180)


class Walk:
    """A running app with short names for what is looked at."""

    def __init__(self, pilot: Any, bench: Any) -> None:
        self.pilot, self.bench, self.app = pilot, bench, pilot.app

    @property
    def viewer(self) -> Any:
        return bench_of(self.app).viewer

    def does(self, mode: Mode) -> bool:
        """Whether this is what the view is doing."""
        return bool(self.viewer.playhead.mode is mode)

    @property
    def shown(self) -> int:
        """The moment shown."""
        now: int = self.bench.now_ns
        shown: int = self.viewer.playhead.at(now, self.viewer.reach(now))
        return shown

    @property
    def text(self) -> str:
        """Everything on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def until(self, text: str) -> None:
        """Wait until this is on the screen."""
        async with timeout(60):
            while text not in self.text:
                await self.pilot.pause(0.01)

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)
        await settle(self.pilot)

    async def click(self, widget: Any, x: int, y: int, **more: Any) -> None:
        await self.pilot.click(widget, offset=(x, y), **more)
        await settle(self.pilot)


@pytest.fixture
def walk(desk: Any, make_app: Any) -> Any:
    """Starts the app on a story: ``async with walk() as w``."""

    @asynccontextmanager
    async def start(size: tuple[int, int] = SIZE, replay: Any = None, **story: Any) -> Any:
        bench = desk(**story)
        app = make_app(bench, replay=replay)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            yield Walk(pilot, bench)

    return start


async def test_looking_back_and_forth_by_keys(walk: Any) -> None:
    async with walk() as w:
        await w.press("space")
        assert w.does(Mode.FROZEN)
        assert "FROZEN 00:03:00" in w.text
        w.bench.now_ns += 5 * S
        await w.press("space")
        assert w.does(Mode.PINNED)
        assert w.shown == NOW + 5 * S
        await w.press("pageup")
        assert w.shown == NOW + 5 * S - 120 * S
        await w.press("shift+right")
        assert w.shown == NOW + 5 * S - 108 * S
        await w.press("home")
        assert w.shown == at(0)
        await w.press("full_stop", "full_stop", "p")
        w.bench.now_ns += 10 * S
        bench_of(w.app).look_now()
        assert w.shown == at(40)
        assert "REPLAY ×4" in w.text
        await w.press("end")
        assert w.does(Mode.PINNED)


FIGURES = (" n ", " mean ", " min ", " max ", " σ ", " p50 ", " p95 ", " p99 ", " energy ", " J/tok ")
"""Titles of what is told of a marked span: every one can be reached, in whatever room there is."""


async def test_zoom_cursor_and_markers_by_keys(walk: Any) -> None:
    async with walk() as w:
        await w.press("plus", "plus")
        assert w.viewer.playhead.span_ns == 30 * S
        await w.press("minus", "left", "left", "a", "left", "b")
        cursor = NOW - 3 * (S // 2)
        assert w.viewer.playhead.cursor_ns == cursor
        assert w.viewer.playhead.marked == (cursor, cursor + S // 2)
        assert "02:58.5" in w.text
        await w.press("i")
        assert "a–b" in w.text
        seen = set()
        for _ in range(6):
            seen |= {word for word in FIGURES if word in w.text}
            await w.press("i")
        assert seen == set(FIGURES)
        await w.press("backspace")
        assert w.viewer.playhead.cursor_ns is None
        assert w.viewer.playhead.marked is None


async def test_what_lies_between_the_markers_is_kept(walk: Any) -> None:
    async with walk(replay=Path("/r/a.melt")) as w:
        await w.press("end", "x")
        assert w.bench.told("snapshot") == []
        await w.press("left", "left", "a", "left", "b", "x")
        first, last = w.viewer.playhead.marked
        await w.press(*"hot", "enter")
        assert w.bench.told("snapshot") == [(Path("/r/a.melt"), (first, last), "hot")]
        await w.press("x", "escape")
        assert len(w.bench.told("snapshot")) == 1


async def test_a_session_in_progress_is_not_cut(walk: Any) -> None:
    async with walk() as w:
        await w.press("left", "a", "left", "b", "x")
        assert type(w.app.screen).__name__ == "BenchScreen"
        assert w.bench.told("snapshot") == []


async def test_events_are_jumped_to_both_ways(walk: Any) -> None:
    async with walk() as w:
        await w.press("left_square_bracket")
        assert w.viewer.playhead.cursor_ns == at(152)
        await w.press("left_square_bracket")
        assert w.viewer.playhead.cursor_ns == at(150)
        await w.press("right_square_bracket")
        assert w.viewer.playhead.cursor_ns == at(152)
        await w.press("right_square_bracket")
        assert [notice.message for notice in w.app._notifications] == ["There is no later event."]


async def test_devices_and_charts_are_chosen_by_keys(walk: Any) -> None:
    async with walk(size=(80, 24)) as w:
        assert "token rate" in w.text
        await w.press("c")
        assert "token rate" not in w.text
        assert "SoC" in w.text
        await w.press("down", "down", "v")
        assert (w.viewer.selected, w.viewer.alone) == (HOST, True)
        assert "no temperature sensor on this host" in w.text
        await w.press("up", "v")
        assert (w.viewer.selected, w.viewer.alone) == (BOARD, False)


async def test_the_lists_are_chosen_and_the_log_is_searched(walk: Any) -> None:
    async with walk() as w:
        await w.press("t")
        assert "decode tok/s" in w.text
        await w.press("g")
        assert "synthetic weights:" in w.text
        await w.press("slash", *"task 16", "enter")
        assert not w.app.screen.query_one("#search", Input).display
        assert w.viewer.playhead.cursor_ns == at(16.5)
        await w.press("n")
        assert w.viewer.playhead.cursor_ns == at(163.5)
        await w.press("e")
        assert "throttling over after 79 s" in w.text


async def test_the_mouse_points_pans_and_zooms(walk: Any) -> None:
    async with walk() as w:
        plot = w.app.screen.query(ChannelPlot).first()
        await w.pilot.hover(plot, offset=Offset(50, 4))
        await settle(w.pilot)
        assert w.viewer.playhead.cursor_ns == plot.time_at(50)
        before = w.shown
        await w.pilot.mouse_down(plot, offset=Offset(40, 4))
        await w.pilot.hover(plot, offset=Offset(50, 4))
        await w.pilot.mouse_up(plot, offset=Offset(50, 4))
        await settle(w.pilot)
        assert w.does(Mode.FROZEN)
        assert 10 * S < before - w.shown < 20 * S
        plot.post_message(ChannelPlot.Zoomed(plot, 2.0, w.shown - 10 * S))
        await settle(w.pilot)
        assert w.viewer.playhead.span_ns == 60 * S


async def test_the_mouse_chooses_devices_moments_lines_and_commands(walk: Any) -> None:
    async with walk() as w:
        screen = w.app.screen
        await w.click(screen.query_one(DeviceCards), 5, 6)
        assert w.viewer.selected == BOARD
        await w.click(screen.query_one(EventLog), 10, 4)
        assert w.viewer.playhead.cursor_ns == at(106)
        await w.click(screen.query_one(TimeStrip), 60, 0)
        assert at(80) < w.shown < at(100)
        line = w.text.split("\n")[-1]
        await w.click(screen.query_one(KeyLine), line.index("Freeze"), 0)
        assert not w.does(Mode.FROZEN)
        await w.press("g")
        await w.click(screen.query_one(LogPane), 20, 2)
        assert w.viewer.playhead.cursor_ns is not None


async def test_a_card_clicked_twice_is_shown_alone(walk: Any) -> None:
    async with walk() as w:
        await w.click(w.app.screen.query_one(DeviceCards), 5, 6, times=2)
        assert (w.viewer.selected, w.viewer.alone) == (BOARD, True)


async def test_the_names_of_the_lists_are_places_to_click(walk: Any) -> None:
    async with walk() as w:
        row = next(y for y, line in enumerate(w.text.split("\n")) if "events log turns" in line)
        x = w.text.split("\n")[row].index("turns")
        await w.pilot.click(offset=(x + 1, row))
        await settle(w.pilot)
        assert bench_of(w.app)._view.pane == "turns"


async def test_the_transport_of_a_recording(walk: Any) -> None:
    async with walk(replay=Path("/r/a.melt")) as w:
        bar = w.app.screen.query_one(TransportBar)
        line = w.text.split("\n")[-2]
        assert "a.melt" in line
        await w.click(bar, line.index("▶▶"), 0)
        assert w.viewer.playhead.speed == 2.0
        w.bench.now_ns += 10 * S
        await w.click(bar, line.index("❚❚"), 0)
        assert w.does(Mode.FROZEN)
        assert w.shown == at(20)
        await w.click(bar, line.index("▶|"), 0)
        assert w.shown == at(180)
        await w.click(bar, line.index("|◀"), 0)
        assert w.shown == at(0)
        await w.click(bar, line.index("event▸"), 0)
        assert w.viewer.playhead.cursor_ns is not None


async def test_growing_and_shrinking_keeps_what_was_chosen(walk: Any) -> None:
    async with walk() as w:
        await w.press("space", "t", "down")
        before = w.text
        for size in ((20, 5), (200, 50), (80, 24), SIZE):
            await w.pilot.resize_terminal(*size)
            await settle(w.pilot)
        await settle(w.pilot)
        assert w.text == before


async def test_every_theme_has_the_same_places(walk: Any) -> None:
    async with walk() as w:
        places = {part: part.region for part in w.app.screen.query("#bench *")}
        for theme in ("nord", "textual-light", "ansi-dark"):
            w.app.theme = theme
            await settle(w.pilot)
            assert {part: part.region for part in w.app.screen.query("#bench *")} == places


async def test_text_from_devices_is_data(walk: Any) -> None:
    async with walk() as w:
        evil_items = [
            DeviceLost(t_ns=at(179), device=PHONE, reason=EVIL),
            Mark(t_ns=at(179), device=SELF, name=EVIL),
            LogLine(t_ns=at(179), device=HOST, source=EVIL, text=EVIL),
        ]
        w.bench.made = LiveState()
        for item in [*items(Story()), *evil_items]:
            w.bench.made.take(item)
        await w.press("e")
        assert "\x1b" not in w.text
        assert "[bold red]x" in w.text
        await w.press("g")
        assert "\x1b" not in w.text


async def test_the_screens_cost_is_reported_once_a_second(walk: Any) -> None:
    async with walk() as w:
        screen = bench_of(w.app)
        for i in range(25):
            w.bench.now_ns = NOW + i * S // 10
            screen._beat()
        assert [report.frames for report in w.bench.reports] == [1, 11, 21]
        assert w.bench.reports[-1].dropped_frames == 0


async def test_a_screen_that_is_covered_asks_nothing(walk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with walk() as w:
        below = bench_of(w.app)
        await w.press("l")
        assert w.app.screen is not below
        looks: list[int] = []
        monkeypatch.setattr(below, "_look", looks.append)
        w.bench.now_ns = NOW + 60 * S
        below._beat()
        assert looks == []
        assert w.bench.reports == []


async def test_under_a_dialog_the_bench_goes_on(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench, frames_per_s=10)
    async with app.run_test(size=SIZE) as pilot:
        w = Walk(pilot, bench)
        await settle(pilot)
        await w.press("s")
        assert app.screen is not bench_of(app)
        bench.now_ns += 60 * S
        await w.until("REC 00:04:00")


async def test_a_timer_that_fires_once_more_while_the_app_is_left_does_no_harm(
    desk: Any, make_app: Any
) -> None:
    app = make_app(desk(), frames_per_s=10)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        callbacks = [timer._callback for timer in app._timers]
    assert callbacks
    assert not app.screen_stack
    for callback in callbacks:
        callback()


async def test_a_look_that_fails_is_said_and_the_picture_stays(walk: Any) -> None:
    async with walk() as w:
        before = w.text
        bench_of(w.app)._fail(OSError("the file is gone"))
        await settle(w.pilot)
        assert [n.message for n in w.app._notifications] == ["Cannot look there: the file is gone"]
        assert w.text.split("\n")[0] == before.split("\n")[0]


async def test_devices_that_come_back_leave_their_gap(walk: Any) -> None:
    async with walk() as w:
        await w.press("down")
        assert "╱" in w.text
