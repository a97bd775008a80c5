from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from melt_tui.timeline import Window
from melt_tui.ui.renderables.cells import Ground, Ink, Line, ground_of, ink_of, text_of
from melt_tui.ui.renderables.line_plot import Plotter, line_plot
from melt_tui.ui.renderables.plot_model import Band, PlotMark, PlotModel, Series
from tests.rigs.windows import SECOND, any_window, of_values, sampled

T0 = 100 * SECOND
RAMP = of_values([float(i) for i in range(60)], t0_ns=T0)


def series(window: Window, label: str = "phone", colour: int = 0, *, stale: bool = False) -> Series:
    last = window.means[-1] if len(window.means) else None
    return Series(
        label=label,
        colour=colour,
        window=window,
        last=last,
        last_age_s=4.0 if stale else None,
        stale=stale,
        gap_ns=2 * SECOND,
    )


def plot(*lines: Series, unit: str = "tok/s") -> PlotModel:
    return PlotModel(
        title="token rate", unit=unit, t0_ns=T0, t1_ns=T0 + 60 * SECOND, series=lines, origin_ns=T0
    )


def inks(lines: tuple[Line, ...], y: int) -> list[Ink]:
    return [ink_of(style) for text, style in lines[y] for _ in text]


def grounds(lines: tuple[Line, ...], y: int) -> list[Ground]:
    return [ground_of(style) for text, style in lines[y] for _ in text]


def test_a_chart_in_its_frame() -> None:
    assert text_of(line_plot(plot(series(RAMP)), 46, 8)).splitlines() == [
        "╭ token rate tok/s ─ ▲ phone 59.0  max 59.0 ─╮",
        "│                                         ⣀⡀▲│",
        "│   50┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⡠⠤⠔⠒⠒⠉⠉┈┈ │",
        "│                         ⢀⣀⠤⠤⠒⠒⠉⠉           │",
        "│                 ⢀⣀⠤⠤⠒⠒⠊⠉⠁                  │",
        "│          ⣀⣀⠤⠔⠒⠊⠉⠁                          │",
        "│    0┤⠒⠒⠉⠉┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈ │",
        "╰──────────────┴00:15────┴00:30───┴00:45─────╯",
    ]


def test_names_go_before_values_and_values_before_the_title() -> None:
    two = plot(series(RAMP), series(RAMP, "board", 1))
    two = replace(two, status="pin ▸ 2m")
    heads = [text_of(line_plot(two, width, 5)).splitlines()[0] for width in (80, 60, 50, 40, 30, 20)]
    assert heads == [
        "╭ token rate tok/s ─────────── ▲ phone 59.0  ■ board 59.0  max 59.0  pin ▸ 2m ─╮",
        "╭ token rate tok/s ─── ▲ 59.0  ■ 59.0  max 59.0  pin ▸ 2m ─╮",
        "╭ token rate tok/s ─── ▲ 59.0  ■ 59.0  max 59.0 ─╮",
        "╭ token rate tok/s ─── ▲ 59.0  ■ 59.0 ─╮",
        "╭ token rate tok/s  ▲59 ■59 ─╮",
        "╭ token rate tok/s ╮",
    ]
    feet = [text_of(line_plot(two, width, 5)).splitlines()[-1] for width in (50, 40, 30, 20)]
    assert feet == [
        "╰────────────────┴00:15────┴00:30────┴00:45──────╯",
        "╰ max 59.0 ───────────┴00:30───────────╯",
        "╰ max 59.0 ──────┴00:30──────╯",
        "╰ ▲59 ■59 max 59 ──╯",
    ]


def test_without_room_there_is_still_a_line() -> None:
    assert text_of(line_plot(plot(series(RAMP)), 4, 2)) == " ⢀⡴⠋\n⡴⠋  "
    assert text_of(line_plot(plot(series(RAMP)), 12, 3)) == "token rate  \n     ⢀⣀⡤⠔⠒⠋⠁\n⣀⡤⠔⠒⠋⠁      "


@pytest.mark.parametrize(("width", "height"), [(0, 0), (1, 1), (0, 5), (5, 0), (2, 4), (16, 4), (1, 9)])
def test_tiny(width: int, height: int) -> None:
    lines = line_plot(plot(series(RAMP)), width, height)
    assert [sum(cell_len(text) for text, _ in line) for line in lines] == [width] * height


def test_no_samples_is_said() -> None:
    assert "no samples here" in text_of(line_plot(plot(series(of_values([]))), 60, 8))
    assert "no samples here" in text_of(line_plot(plot(), 60, 8))


def test_what_says_so_covers_nothing() -> None:
    assert text_of(line_plot(plot(), 20, 1)).strip() == "no samples here"
    assert text_of(line_plot(replace(plot(), a_ns=T0 + 30 * SECOND), 20, 1)).strip() == "a"


def test_a_stale_value_is_dimmed_and_shows_its_age() -> None:
    lines = line_plot(plot(series(RAMP, stale=True)), 60, 8)
    head = text_of(lines).splitlines()[0]
    assert "▲ phone 59.0 4 s ago" in head
    assert set(inks(lines, 0)[head.index("▲") : head.index("ago") + 3]) == {Ink.DIM}


def test_a_limit_warns_only_where_a_value_is_past_it() -> None:
    calm = line_plot(replace(plot(series(RAMP)), limits=((65.0, "limit 65"),)), 60, 10)
    past = line_plot(replace(plot(series(RAMP)), limits=((50.0, "limit 50"),)), 60, 10)
    assert "limit 65" in text_of(calm)
    assert Ink.WARNING not in {ink for y in range(10) for ink in inks(calm, y)}
    assert "59.0!" in text_of(past)
    touched = line_plot(replace(plot(series(RAMP)), limits=((59.0, "limit 59"),)), 60, 10)
    assert Ink.WARNING not in {ink for y in range(10) for ink in inks(touched, y)}
    assert Ink.WARNING in {ink for y in range(1, 9) for ink in inks(past, y)}
    far = line_plot(replace(plot(series(RAMP)), limits=((500.0, "limit 500"),)), 60, 10)
    assert "↑ limit 500" in text_of(far)
    below = line_plot(replace(plot(series(RAMP)), limits=((-50.0, "limit -50"),)), 60, 10)
    assert "limit -50" not in text_of(below)


def test_bands_are_shaded_labelled_and_patterned() -> None:
    bands = (
        Band(t0_ns=T0 + 10 * SECOND, t1_ns=T0 + 20 * SECOND, style="prefill", label="prefill"),
        Band(t0_ns=T0 + 30 * SECOND, t1_ns=None, style="limit", label="throttled: thermal"),
        Band(t0_ns=T0 - 90 * SECOND, t1_ns=T0 - 80 * SECOND, style="outage", label="before"),
    )
    lines = line_plot(replace(plot(series(RAMP)), bands=bands), 68, 8)
    shown = text_of(lines)
    assert "prefill" in shown
    assert "throttled: thermal" in shown
    assert "before" not in shown
    assert grounds(lines, 3).count(Ground.PREFILL) == 10
    assert grounds(lines, 3).count(Ground.WARNING) == 30
    assert "▒" * 10 in shown.splitlines()[6]


def test_marks_have_a_head_and_a_label() -> None:
    marks = (
        PlotMark(t_ns=T0 + 10 * SECOND, glyph="◆", label="fan off", style="mark"),
        PlotMark(t_ns=T0 + 999 * SECOND, label="later"),
    )
    lines = line_plot(replace(plot(series(RAMP)), marks=marks), 68, 8)
    shown = text_of(lines).splitlines()
    assert "◆ fan off" in shown[1]
    assert [row[shown[1].index("◆")] for row in shown[2:5]] == ["╎"] * 3
    assert "later" not in text_of(lines)


def test_marks_without_a_label_or_without_room() -> None:
    mark = PlotMark(t_ns=T0 + 30 * SECOND, glyph="◆")
    assert "◆" not in text_of(line_plot(replace(plot(), marks=(mark,)), 20, 1))
    assert "◆" in text_of(line_plot(replace(plot(), marks=(mark,)), 40, 6))
    late = replace(mark, t_ns=T0 + 58 * SECOND, label="fan off")
    assert "fan" not in text_of(line_plot(replace(plot(), marks=(late,)), 40, 6))


def test_the_cursor_reads_every_series() -> None:
    two = plot(series(RAMP), series(of_values([5.0] * 20, t0_ns=T0), "board", 1))
    lines = line_plot(replace(two, cursor_ns=T0 + 40 * SECOND), 76, 10)
    shown = text_of(lines)
    assert "00:40.0" in shown
    assert "▲ phone 40.0" in shown
    assert "■ board    –" in shown
    assert [grounds(lines, y).count(Ground.CURSOR) for y in range(1, 9)] == [1] * 8


def test_a_and_b_stand_at_their_moments() -> None:
    lines = line_plot(replace(plot(series(RAMP)), a_ns=T0 + 10 * SECOND, b_ns=T0 + 20 * SECOND), 68, 8)
    row = text_of(lines).splitlines()[1]
    assert row.index("b") - row.index("a") == 10


def test_shared_axes_are_kept() -> None:
    one, other = (
        text_of(line_plot(replace(plot(series(of_values([v] * 60, t0_ns=T0))), y_range=(0.0, 100.0)), 60, 8))
        for v in (20.0, 80.0)
    )
    assert [row[1:6] for row in one.splitlines()] == [row[1:6] for row in other.splitlines()]
    assert one != other


def test_a_spike_of_one_sample_is_seen_at_any_zoom() -> None:
    def spiked(t_s: float) -> float:
        return 50.0 if abs(t_s - 1800.03) < 0.05 else 10.0

    for columns in (20, 196, 400):
        cut = sampled(spiked, 0, 3600 * SECOND, columns)
        model = replace(plot(series(cut)), t0_ns=0, t1_ns=3600 * SECOND)
        rows = text_of(line_plot(model, columns // 2, 12)).splitlines()
        assert any("⠀" < cell <= "⣿" for row in rows[2:4] for cell in row)


def test_hostile_texts_stay_in_their_cells() -> None:
    evil = "\x1b[2J\u202e手[red]\n"
    model = PlotModel(
        title=evil,
        unit=evil,
        t0_ns=T0,
        t1_ns=T0 + 60 * SECOND,
        series=(replace(series(RAMP), label=evil),),
        bands=(Band(t0_ns=T0, t1_ns=None, style=evil, label=evil),),
        marks=(PlotMark(t_ns=T0 + 5 * SECOND, glyph=evil, label=evil, style=evil),),
        limits=((30.0, evil),),
        cursor_ns=T0 + SECOND,
        status=evil,
    )
    for width in (4, 12, 20, 40, 120):
        rows = text_of(line_plot(model, width, 9)).splitlines()
        assert [cell_len(row) for row in rows] == [width] * 9
        assert "\x1b" not in "".join(rows)


NUMBERS = st.floats() | st.floats(-100, 100)
MOMENTS = st.none() | st.integers(-(10**12), 10**12)


@st.composite
def any_model(draw: st.DrawFn) -> PlotModel:
    lines = draw(st.lists(any_window(), max_size=3))
    t0_ns = draw(st.integers(0, 10**11))
    return PlotModel(
        title=draw(st.text(max_size=20)),
        unit=draw(st.sampled_from(["B", "°C", "", "1"])),
        t0_ns=t0_ns,
        t1_ns=t0_ns + draw(st.integers(0, 10**13)),
        series=tuple(
            Series(label=str(i), colour=i * 5, window=one, last=draw(st.none() | NUMBERS), stale=i == 1)
            for i, one in enumerate(lines)
        ),
        bands=tuple(
            Band(t0_ns=draw(st.integers(-(10**12), 10**12)), t1_ns=draw(MOMENTS), style=style, label=style)
            for style in draw(st.lists(st.sampled_from(["limit", "prefill", "outage", "?"]), max_size=3))
        ),
        marks=tuple(
            PlotMark(t_ns=t, label="mark") for t in draw(st.lists(st.integers(0, 10**12), max_size=2))
        ),
        limits=tuple((value, "limit") for value in draw(st.lists(NUMBERS, max_size=2))),
        cursor_ns=draw(MOMENTS),
        a_ns=draw(MOMENTS),
        b_ns=draw(MOMENTS),
        y_range=draw(st.none() | st.tuples(NUMBERS, NUMBERS)),
        status=draw(st.sampled_from(["", "pin ▸ 2m"])),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(any_model(), st.integers(0, 90), st.integers(0, 24))
def test_any_chart_fills_its_cells(model: PlotModel, width: int, height: int) -> None:
    lines = line_plot(model, width, height)
    assert [sum(cell_len(text) for text, _ in line) for line in lines] == [width] * height


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(any_model(), st.sampled_from([(30, 6), (60, 9)])), max_size=4))
def test_a_plotter_draws_what_a_new_one_would(pictures: list[tuple[PlotModel, tuple[int, int]]]) -> None:
    plotter = Plotter()
    for model, size in [*pictures, *pictures[-1:]]:
        assert plotter.plot(model, *size) == line_plot(model, *size)
