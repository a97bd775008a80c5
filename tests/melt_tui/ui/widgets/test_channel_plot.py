import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual import events

from melt_tui.ui.widgets.channel_plot import Band, ChannelPlot, PlotMark, PlotModel, Series
from tests.rigs.stage import Stage
from tests.rigs.windows import SECOND, sampled

T0 = 600 * SECOND
T1 = T0 + 120 * SECOND
EMPTY = PlotModel(title="token rate", unit="tok/s", t0_ns=T0, t1_ns=T1, origin_ns=T0)


def falling(t_s: float) -> float:
    fallen = 5 * min(1.0, max(0.0, (t_s - 672) / 12))
    spike = 6.0 if abs(t_s - 640) < 0.06 else 0.0
    return 18.6 + 0.4 * math.sin(t_s * 37) - fallen - spike


def steady(t_s: float) -> float:
    return 24.1 + 0.3 * math.sin(t_s * 23)


def night(columns: int) -> PlotModel:
    """Two devices; one throttles, the other is away for a while; everything that a chart can show."""
    phone = sampled(falling, T0, T1, columns)
    board = sampled(steady, T0, T1, columns, away_s=(650, 658))
    return replace(
        EMPTY,
        series=(
            Series(label="pixel-8", colour=0, window=phone, last=13.3, gap_ns=SECOND),
            Series(
                label="orin", colour=1, window=board, last=24.3, last_age_s=4.0, stale=True, gap_ns=SECOND
            ),
        ),
        bands=(
            Band(t0_ns=T0 + 5 * SECOND, t1_ns=T0 + 11 * SECOND, style="prefill", label="prefill"),
            Band(t0_ns=T0 + 11 * SECOND, t1_ns=T0 + 45 * SECOND, style="decode"),
            Band(t0_ns=T0 + 50 * SECOND, t1_ns=T0 + 58 * SECOND, style="outage", label="away"),
            Band(t0_ns=T0 + 72 * SECOND, t1_ns=None, style="limit", label="throttled: thermal, SEVERE"),
        ),
        marks=(
            PlotMark(t_ns=T0 + 30 * SECOND, label="first token"),
            PlotMark(t_ns=T0 + 90 * SECOND, glyph="◆", label="fan off", style="mark"),
        ),
        limits=((23.0, "limit 23"), (60.0, "limit 60")),
        cursor_ns=T0 + 40 * SECOND,
        a_ns=T0 + 20 * SECOND,
        b_ns=T0 + 44 * SECOND,
        status="pin ▸ 2m",
    )


def stage(*plots: ChannelPlot, theme: str = "textual-dark") -> Stage:
    def fill() -> None:
        for plot in plots:
            plot.show(night(plot.columns))

    return Stage(*plots, fill=fill, theme=theme)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
def test_all_that_a_chart_shows(snap_compare: Callable[..., bool], theme: str) -> None:
    assert snap_compare(stage(ChannelPlot(), theme=theme), terminal_size=(100, 18))


def test_small_charts(snap_compare: Callable[..., bool]) -> None:
    plots = [ChannelPlot() for _ in range(5)]
    for plot, (width, height) in zip(plots, [(40, 8), (24, 6), (16, 4), (10, 3), (4, 2)], strict=True):
        plot.styles.width, plot.styles.height = width, height
    assert snap_compare(stage(*plots), terminal_size=(94, 8))


def moment(plot: ChannelPlot, x: int) -> int:
    t_ns = plot.time_at(x)
    assert t_ns is not None
    return t_ns


async def test_the_mouse_moves_the_cursor() -> None:
    plot = ChannelPlot()
    app = stage(plot)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        await pilot.hover(plot, (40, 5))
        await pilot.hover(plot, (2, 5))
        told = [m.t_ns for m in app.told if isinstance(m, ChannelPlot.CursorMoved)]
        assert told == [moment(plot, 40), None]
        assert T0 < moment(plot, 40) < T1


async def test_the_cursor_leaves_with_the_mouse() -> None:
    one, other = ChannelPlot(), ChannelPlot()
    app = stage(one, other)
    async with app.run_test(size=(100, 12)) as pilot:
        await pilot.pause()
        await pilot.hover(one, (20, 5))
        await pilot.hover(other, (20, 5))
        told = [(m.plot, m.t_ns) for m in app.told if isinstance(m, ChannelPlot.CursorMoved)]
        assert told == [(one, moment(one, 20)), (one, None), (other, moment(other, 20))]


async def test_a_click_sets_the_cursor() -> None:
    plot = ChannelPlot()
    app = stage(plot)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        await pilot.click(plot, (30, 5))
        clicked = [m for m in app.told if isinstance(m, ChannelPlot.CursorMoved) and m.clicked]
        assert [(m.plot, m.t_ns) for m in clicked] == [(plot, moment(plot, 30))]


async def test_a_drag_pans() -> None:
    plot = ChannelPlot()
    app = stage(plot)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        await pilot.mouse_down(plot, (50, 5))
        await pilot.hover(plot, (46, 5))
        await pilot.hover(plot, (45, 5))
        await pilot.mouse_up(plot, (45, 5))
        await pilot.hover(plot, (20, 5))
        moved = [m.delta_ns for m in app.told if isinstance(m, ChannelPlot.Panned)]
        cell = moment(plot, 50) - moment(plot, 49)
        assert moved == [4 * cell, cell]
        assert not any(isinstance(m, ChannelPlot.CursorMoved) and m.clicked for m in app.told)


async def test_the_wheel_zooms_where_it_is() -> None:
    plot = ChannelPlot()
    app = stage(plot)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        await pilot._post_mouse_events([events.MouseScrollUp], plot, (30, 5))
        await pilot._post_mouse_events([events.MouseScrollDown], plot, (30, 5))
        await pilot._post_mouse_events([events.MouseScrollDown], plot, (1, 5))
        told = [(m.factor, m.at_ns) for m in app.told if isinstance(m, ChannelPlot.Zoomed)]
        assert told == [(1.25, moment(plot, 30)), (0.8, moment(plot, 30))]


async def test_before_the_first_model_nothing_is_told() -> None:
    plot = ChannelPlot()
    app = Stage(plot, fill=lambda: None)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        await pilot.click(plot, (30, 5))
        assert [m for m in app.told if not isinstance(m, ChannelPlot.CursorMoved) or m.t_ns is not None] == []


async def test_an_equal_model_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plot = ChannelPlot()
    async with stage(plot).run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        drawn: list[int] = []
        monkeypatch.setattr(plot, "redraw", lambda: drawn.append(1))
        plot.show(night(plot.columns))
        assert drawn == []
        plot.show(replace(night(plot.columns), cursor_ns=None))
        assert drawn == [1]


async def test_a_new_last_value_redraws_the_title_alone() -> None:
    plot = ChannelPlot()
    async with stage(plot).run_test(size=(100, 18)) as pilot:
        await pilot.pause()
        model = night(plot.columns)
        plot._model = replace(model, series=(replace(model.series[0], last=14.0), *model.series[1:]))
        assert plot.redraw() == 1


def test_columns_are_dots() -> None:
    assert ChannelPlot().columns == 0
