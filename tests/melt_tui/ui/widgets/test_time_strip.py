from collections.abc import Callable
from dataclasses import replace

from melt_tui.ui.renderables.plot_model import Band, PlotMark
from melt_tui.ui.renderables.time_line import strip_layout
from melt_tui.ui.widgets.time_strip import StripModel, TimeStrip
from tests.rigs.stage import Stage
from tests.rigs.windows import SECOND

MODEL = StripModel(
    t0_ns=0,
    t1_ns=201 * SECOND,
    values=tuple(min(1.0, i / 12) * (18 if i < 40 else 13) for i in range(80)),
    bands=(
        Band(t0_ns=60 * SECOND, t1_ns=70 * SECOND, style="outage"),
        Band(t0_ns=100 * SECOND, t1_ns=None, style="limit"),
    ),
    marks=(PlotMark(t_ns=30 * SECOND, glyph="◆", style="mark"),),
    view_t0=81 * SECOND,
    view_t1=201 * SECOND,
    now_ns=201 * SECOND,
    pinned=True,
)


def test_strips(snap_compare: Callable[..., bool]) -> None:
    strips = [TimeStrip() for _ in range(3)]
    away = replace(MODEL, pinned=False, view_t0=10 * SECOND, view_t1=50 * SECOND, now_ns=50 * SECOND)
    for strip, (width, height) in zip(strips, [(80, 2), (60, 1), (12, 1)], strict=True):
        strip.styles.width, strip.styles.height = width, height

    def fill() -> None:
        for strip, model in zip(strips, (MODEL, away, MODEL), strict=True):
            strip.show(model)

    assert snap_compare(Stage(*strips, fill=fill), terminal_size=(152, 3))


async def test_a_click_and_a_drag_seek() -> None:
    strip = TimeStrip()
    app = Stage(strip, fill=lambda: strip.show(MODEL))
    async with app.run_test(size=(80, 3)) as pilot:
        await pilot.pause()
        await pilot.hover(strip, (20, 0))
        await pilot.mouse_down(strip, (20, 0))
        await pilot.hover(strip, (30, 0))
        await pilot.mouse_up(strip, (30, 0))
        await pilot.hover(strip, (40, 0))
        where = strip_layout(MODEL, 80)
        assert [m.t_ns for m in app.told if isinstance(m, TimeStrip.Sought)] == [
            where.time(20),
            where.time(30),
        ]


async def test_before_the_first_model_there_is_nothing_to_seek() -> None:
    strip = TimeStrip()
    app = Stage(strip, fill=lambda: None)
    async with app.run_test(size=(80, 3)) as pilot:
        await pilot.pause()
        await pilot.click(strip, (20, 0))
        assert app.told == []


async def test_an_equal_model_costs_nothing() -> None:
    strip = TimeStrip()
    async with Stage(strip, fill=lambda: strip.show(MODEL)).run_test(size=(80, 3)) as pilot:
        await pilot.pause()
        before = strip.render_line(0)
        strip.show(replace(MODEL))
        assert strip.render_line(0) is before
