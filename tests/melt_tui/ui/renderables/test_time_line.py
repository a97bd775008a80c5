import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from melt_tui.ui.renderables.cells import Ground, Ink, ground_of, ink_of, text_of
from melt_tui.ui.renderables.plot_model import Band, PlotMark
from melt_tui.ui.renderables.time_line import StripModel, strip_layout, time_line
from tests.rigs.windows import SECOND, any_window, of_values

MODEL = StripModel(
    t0_ns=0,
    t1_ns=200 * SECOND,
    values=tuple(float(i) for i in range(40)),
    view_t0=160 * SECOND,
    view_t1=200 * SECOND,
    now_ns=200 * SECOND,
    pinned=True,
)


def test_the_whole_session_in_a_line() -> None:
    assert text_of(time_line(MODEL, 52, 1)) == " 00:00 ▁▁▁▂▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▄▅▅▅▅▅▅▆▆▆▆▆▇[▇▇▇▇██]│now "


def test_not_pinned_shows_the_length_and_the_playhead() -> None:
    away = replace(MODEL, pinned=False, now_ns=80 * SECOND, view_t0=40 * SECOND, view_t1=80 * SECOND)
    row = text_of(time_line(away, 54, 1))
    assert row.endswith("│03:20 ")
    assert row[strip_layout(away, 54).cell(80 * SECOND)] == "┃"


def test_where_nothing_was_measured() -> None:
    assert "····" in text_of(time_line(replace(MODEL, values=(None, None, 1.0, 2.0)), 52, 1))
    assert "▁" not in text_of(time_line(replace(MODEL, values=()), 52, 1))


def test_values_may_come_as_a_window() -> None:
    window = of_values([1.0, 8.0, math.inf, 1.0], width_ns=50 * SECOND)
    row = text_of(time_line(replace(MODEL, values=window), 52, 1))[7:47]
    assert row == "▂" * 10 + "█" * 10 + "·" * 10 + "▂" * 2 + "[" + "▂" * 6 + "]"


def test_happenings_stand_above() -> None:
    model = replace(
        MODEL,
        bands=(Band(t0_ns=50 * SECOND, t1_ns=None, style="limit"),),
        marks=(PlotMark(t_ns=20 * SECOND, glyph="◆", style="mark"),),
    )
    above, below = time_line(model, 52, 2)
    text = "".join(text for text, _ in above)
    assert text.index("▒") == 7 + 10
    assert text.index("◆") == 7 + 4
    assert Ground.WARNING in {ground_of(style) for _, style in below}
    assert Ink.MARK in {ink_of(style) for _, style in above}
    assert "◆" in text_of(time_line(model, 52, 1))


def test_cells_and_times_agree() -> None:
    where = strip_layout(MODEL, 52)
    assert (where.x, where.width) == (7, 40)
    assert all(where.cell(where.time(cell)) == cell for cell in range(7, 47))
    assert where.time(0) == where.time(7)
    assert where.time(99) == where.time(46)


@given(
    st.builds(
        StripModel,
        t0_ns=st.integers(0, 10**12),
        t1_ns=st.integers(0, 10**12),
        values=st.lists(st.none() | st.floats(), max_size=60).map(tuple) | any_window(),
        bands=st.just((Band(t0_ns=5, t1_ns=None, style="outage"), Band(t0_ns=9, t1_ns=3, style="limit"))),
        marks=st.just((PlotMark(t_ns=10**9, glyph="手"), PlotMark(t_ns=0, glyph=""))),
        view_t0=st.integers(0, 10**12),
        view_t1=st.integers(0, 10**12),
        now_ns=st.integers(0, 10**12),
        pinned=st.booleans(),
        origin_ns=st.integers(0, 10**12),
    ),
    st.integers(0, 120),
    st.integers(0, 3),
)
def test_any_strip_fills_its_cells(model: StripModel, width: int, height: int) -> None:
    lines = time_line(model, width, height)
    assert [sum(cell_len(text) for text, _ in line) for line in lines] == [width] * height
