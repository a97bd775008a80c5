"""In which order the bench draws, and that nothing is left out when something comes between two parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from textual.events import Key

from melt_tui.ui import haste
from melt_tui.ui.renderables.plot_scene import raster_of
from melt_tui.ui.screens import bench_view
from melt_tui.ui.widgets.channel_plot import ChannelPlot
from melt_tui.ui.widgets.chart_slot import ChartSlot
from melt_tui.ui.widgets.event_log import EventLog
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.time_strip import TimeStrip
from tests.rigs.night_run import S
from tests.rigs.pilots import bench_of, settle, until

SIZE = (120, 36)
LOOK_APART = S


class Drawn:
    """What was handed to the parts of the bench, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parts: list[str] = []
        self._note(monkeypatch, HeaderLine, "show", lambda _: "frame")
        self._note(monkeypatch, ChartSlot, "draw", lambda slot: str(slot.id))
        self._note(monkeypatch, TimeStrip, "show", lambda _: "strip")
        self._note(monkeypatch, EventLog, "show", lambda _: "lists")

    def _note(
        self, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, name: Callable[[Any], str]
    ) -> None:
        original = getattr(kind, method)

        def noted(widget: Any, *told: Any) -> None:
            self.parts.append(name(widget))
            original(widget, *told)

        monkeypatch.setattr(kind, method, noted)

    def taken(self) -> list[str]:
        """The parts since the last asking."""
        parts, self.parts = self.parts, []
        return parts


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """Where no part is brief."""
    monkeypatch.setattr(bench_view, "BRIEF_S", 0.0)
    return Drawn(monkeypatch)


@asynccontextmanager
async def looking(make_app: Any, bench: Any, drawn: Drawn) -> AsyncIterator[Any]:
    """A pilot of the bench, all of it drawn, a while before the next look."""
    async with make_app(bench).run_test(size=SIZE) as pilot:
        await settle(pilot)
        bench.now_ns += LOOK_APART
        drawn.taken()
        yield pilot


async def test_a_frame_is_drawn_a_part_at_a_time(desk: Any, make_app: Any, drawn: Drawn) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        screen._follow(bench.now())
        assert drawn.taken() == ["frame"]
        await settle(pilot)
        rest = drawn.taken()
        assert rest[0] == "slot-0"
        assert rest[-2:] == ["strip", "lists"]


async def test_brief_parts_are_drawn_together(
    desk: Any, make_app: Any, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once one was."""
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        monkeypatch.setattr(bench_view, "BRIEF_S", 60.0)
        screen._follow(bench.now())
        assert drawn.taken() == ["frame"]
        await settle(pilot)
        drawn.taken()
        bench.now_ns += LOOK_APART
        screen._follow(bench.now())
        parts = drawn.taken()
        assert parts[:2] == ["frame", "slot-0"]
        assert parts[-2:] == ["strip", "lists"]
        await settle(pilot)
        assert drawn.taken() == []


@pytest.mark.parametrize("zooms", [-1, 0, 1, 2])
async def test_charts_are_drawn_when_they_move_on_by_a_dot_and_figures_with_every_frame(
    desk: Any, make_app: Any, drawn: Drawn, zooms: int
) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        for _ in range(abs(zooms)):
            screen.action_command("zoom_in" if zooms < 0 else "zoom_out")
            await settle(pilot)
        bench.now_ns += LOOK_APART
        screen._draw_frame(bench.now())
        await settle(pilot)
        (plot,) = pilot.app.screen.query("#slot-0 ChannelPlot").results(ChannelPlot)
        dot_ns = raster_of(plot._model, *plot.size).dot_ns
        charted, started_ns = [], bench.now()
        for beat in range(1, 31):
            bench.now_ns = started_ns + beat * S // 10
            drawn.taken()
            screen._draw_frame(bench.now())
            await settle(pilot)
            parts = drawn.taken()
            assert parts.count("frame") == 1
            charted += [bench.now()] * ("slot-0" in parts)
    moved = {t_ns // dot_ns for t_ns in (started_ns, *charted)}
    assert moved >= {(started_ns + beat * S // 10) // dot_ns for beat in range(1, 31)}, (
        "no dot that ran through stays undrawn"
    )
    assert max(later - sooner for sooner, later in pairwise(charted)) <= S // 2
    assert len(charted) < 30 or dot_ns < S // 10


async def test_an_answer_to_a_key_begins_with_the_first_chart(desk: Any, make_app: Any, drawn: Drawn) -> None:
    async with make_app(desk()).run_test(size=SIZE) as pilot:
        await settle(pilot)
        drawn.taken()
        bench_of(pilot.app)._reply()
        assert drawn.taken() == ["slot-0"]
        await settle(pilot)
        assert drawn.taken()[0] == "frame"


async def test_an_answer_shows_devices_as_they_were_a_frame_ago_but_no_older(
    desk: Any, make_app: Any, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk()
    asked: list[int] = []
    counts: list[int] = []
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        kind = type(screen.viewer.scene.timeline())
        view = kind.view

        def noted(timeline: Any, t_ns: int) -> Any:
            asked.append(t_ns)
            return view(timeline, t_ns)

        monkeypatch.setattr(kind, "view", noted)
        screen._follow(bench.now())
        for later_ns in (S // 10, S):
            await settle(pilot)
            bench.now_ns += later_ns
            asked.clear()
            screen._reply()
            counts.append(len(asked))
    assert counts == [0, 1]


async def test_what_a_key_interrupts_is_drawn_of_the_later_look(
    desk: Any, make_app: Any, drawn: Drawn
) -> None:
    """The lists were due with the frame, not with the answer that followed it: they are drawn all the same."""
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        screen._follow(bench.now())
        screen._reply()
        await settle(pilot)
        parts = drawn.taken()
        assert parts[:4] == ["frame", "slot-0", "frame", "slot-0"]
        assert parts.count("frame") == 2
        assert parts.count("lists") == 1


async def test_a_frame_that_comes_early_finishes_the_one_before(
    desk: Any, make_app: Any, drawn: Drawn
) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        screen._follow(bench.now())
        screen._follow(bench.now())
        parts = drawn.taken()
        assert parts[0] == "frame"
        assert parts[1] == "slot-0"
        assert parts[-3:] == ["strip", "lists", "frame"]


async def test_a_frame_of_figures_comes_before_the_charts_that_are_yet_to_be_drawn(
    desk: Any, make_app: Any, drawn: Drawn
) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        screen._follow(bench.now())
        screen._follow(bench.now(), charts=False)
        assert drawn.taken() == ["frame", "frame"]
        await settle(pilot)
        rest = drawn.taken()
        assert rest[0] == "slot-0"
        assert rest[-2:] == ["strip", "lists"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key stays on its way until it is answered."""
    monkeypatch.setattr(haste, "HEARD_S", 60.0)
    monkeypatch.setattr(bench_view, "RESUMED_S", 0.1)


@pytest.mark.usefixtures("patient")
async def test_while_a_key_is_on_its_way_no_part_is_drawn_then_the_rest_is(
    desk: Any, make_app: Any, drawn: Drawn
) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen = bench_of(pilot.app)
        screen._follow(bench.now())
        await pilot.app.on_event(Key("f12", None))
        await settle(pilot)
        assert drawn.taken() == ["frame"]
        screen._haste.answered()
        await until(pilot, lambda: "lists" in drawn.parts)


@pytest.mark.usefixtures("patient")
async def test_a_key_that_comes_in_the_middle_of_a_part_waits_for_one_chart_only(
    desk: Any, make_app: Any, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk()
    async with looking(make_app, bench, drawn) as pilot:
        screen, draw = bench_of(pilot.app), ChartSlot.draw

        def drawn_while_a_key_is_read(slot: ChartSlot, model: Any) -> None:
            draw(slot, model)
            screen._haste.came()

        monkeypatch.setattr(ChartSlot, "draw", drawn_while_a_key_is_read)
        screen._follow(bench.now())
        await settle(pilot)
        assert drawn.taken() == ["frame", "slot-0"]
        monkeypatch.setattr(ChartSlot, "draw", draw)
        screen.action_command("zoom_in")
        assert not screen._haste.pending
        await settle(pilot)
        rest = drawn.taken()
        assert rest[:3] == ["slot-0", "frame", "slot-0"]
        assert rest[-2:] == ["strip", "lists"]


async def test_what_follows_an_answer_waits_until_it_is_painted(desk: Any, make_app: Any) -> None:
    bench = desk()
    async with make_app(bench).run_test(size=SIZE) as pilot:
        await settle(pilot)
        chart = bench_of(pilot.app).query_one(ChannelPlot)
        said: list[str] = []
        chart.when_painted(lambda: said.append("nothing new"))
        await settle(pilot)
        assert said == ["nothing new"]
        with pilot.app.batch_update():
            bench.now_ns += 60 * LOOK_APART
            bench_of(pilot.app)._look(bench.now())
            chart.when_painted(lambda: said.append("painted"))
            await pilot.pause()
            assert said == ["nothing new"]
        await settle(pilot)
        assert said == ["nothing new", "painted"]
