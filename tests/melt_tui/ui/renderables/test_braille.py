import math
from functools import reduce
from itertools import product
from operator import or_
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.timeline import Window
from melt_tui.ui.renderables import braille
from melt_tui.ui.renderables.braille import Inker, Raster, Tracer, extent, ink, numeric, raster, trace
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, ground_of, ink_of, text_of
from tests.rigs.windows import SECOND, any_window, of_values, window

FINITE = st.floats(-1e6, 1e6)


def drawn(masks: list[int], rows: int) -> str:
    cells = Cells(len(masks) // 2, rows)
    ink(cells, 0, 0, rows, [(masks, Ink.DEVICE_0)])
    return text_of(cells.lines())


def dots(columns: int, low: float, high: float, rows: int = 8) -> Raster:
    """One second a dot column, the first at 0."""
    return Raster(0, SECOND, columns, low, high, rows)


def test_a_ramp() -> None:
    assert drawn(trace(of_values(range(8)), 0, dots(8, 0, 8)), 2) == "  ⡠⠊\n⡠⠊  "


def test_a_spike_of_one_sample_is_joined_to_both_sides() -> None:
    assert drawn(trace(of_values([1, 1, 7, 1, 1, 1]), 0, dots(6, 0, 8)), 2) == " ⡇ \n⠤⠣⠤"


def test_least_to_greatest_fills_the_column() -> None:
    one = window([(0, 2.0, 5.0, 3.0), (SECOND, 0.0, 7.0, 3.0)])
    assert drawn(trace(one, 0, dots(2, 0, 8)), 2) == "⣼\n⢻"


def test_a_gap_stays_a_gap() -> None:
    values = [4, 4, None, None, None, None, 4, 4]
    assert drawn(trace(of_values(values), SECOND, dots(8, 0, 8)), 2) == "⣀  ⣀\n    "
    assert drawn(trace(of_values(values), 4 * SECOND, dots(8, 0, 8)), 2) == "⣀⣀⣀⣀\n    "


def test_sparse_samples_are_joined_by_straight_lines() -> None:
    values = [0, None, None, None, None, None, None, 7]
    assert drawn(trace(of_values(values), 10 * SECOND, dots(8, 0, 8)), 2) == "  ⡠⠊\n⡠⠊  "


def test_narrow_columns_share_a_dot_column() -> None:
    fine = of_values([1, 6, 1, 1], width_ns=SECOND // 2)
    assert drawn(trace(fine, 0, dots(2, 0, 8)), 2) == "⡆\n⠧"


def test_wide_columns_take_several_dot_columns() -> None:
    wide = of_values([0, 7], width_ns=3 * SECOND)
    assert drawn(trace(wide, 0, dots(6, 0, 8)), 2) == " ⢸⠉\n⣀⡸ "


def test_after_a_wide_column_the_next_one_is_joined_to_its_end() -> None:
    masks = trace(of_values([0, 7, 3], width_ns=2 * SECOND), 0, dots(6, 0, 8))
    assert [f"{mask:08b}" for mask in masks] == [
        "00000001",
        "00000001",
        "11111110",
        "10000000",
        "01111000",
        "00001000",
    ]


def test_lines_between_sparse_samples_run_from_mean_to_mean() -> None:
    sparse = window([(0, 0.0, 7.0, 4.5), (4 * SECOND, 2.0, 7.0, 4.5)])
    masks = trace(sparse, 10 * SECOND, dots(6, 0, 8))
    assert [f"{mask:08b}" for mask in masks[:5]] == [
        "11111111",
        "00010000",
        "00010000",
        "00010000",
        "11111100",
    ]


def test_beyond_the_axis_stays_at_its_edge() -> None:
    masks = trace(of_values([-5, 99, math.inf, -math.inf]), -1, dots(4, 0, 8))
    assert [mask.bit_length() - 1 for mask in masks[:3]] == [0, 7, 7]
    assert masks[3] & 1


def test_rounding_lifts_nothing_over_the_edge() -> None:
    to = dots(2, -48.98619485211566, 0.5578184219913425, rows=80)
    assert to.row(math.nextafter(to.high, 0)) == 79


def test_earlier_layers_give_the_ink_and_dots_join() -> None:
    cells = Cells(1, 1)
    cells.ground(0, 1, 0, 1, Ground.PREFILL)
    ink(cells, 0, 0, 1, [([1, 0], Ink.DEVICE_1), ([8, 8], Ink.DEVICE_2)])
    assert text_of(cells.lines()) == "⡉"
    assert ink_of(cells.styles[0][0]) is Ink.DEVICE_1
    assert ground_of(cells.styles[0][0]) is Ground.PREFILL
    ink(cells, 0, 0, 1, [])
    assert text_of(cells.lines()) == "⡉"


def test_the_newest_moment_is_in_the_last_column() -> None:
    to = raster(1000 * SECOND, 1120 * SECOND, 160, 0, 1, 4)
    assert to.dot_ns == SECOND * 3 // 4
    assert to.column(1120 * SECOND) == 159
    assert to.column(1000 * SECOND) in {-1, 0}
    assert all(to.column(to.time(column)) == column for column in (0, 80, 159))


def test_moving_on_never_cuts_columns_anew() -> None:
    edges = {
        (to.first + x) * to.dot_ns
        for to in (raster(t, t + 120 * SECOND, 160, 0, 1, 4) for t in range(0, 10 * SECOND, SECOND // 7))
        for x in range(160)
    }
    assert all(edge % (SECOND * 3 // 4) == 0 for edge in edges)


def test_what_is_not_a_number_is_left_out() -> None:
    odd = window([(0, 1, 2, 1.5), (1, math.nan, 2, 1), (2, 1, math.inf, 2), (3, 1, 2, math.nan)])
    kept = numeric(odd)
    assert list(kept.starts_ns) == [0, 2]
    assert extent(kept) == (1, 2)
    assert numeric(kept) is kept
    only_nan = numeric(of_values([math.nan]))
    assert len(only_nan.counts) == 0
    assert extent(only_nan) is None
    assert extent(of_values([math.inf, -math.inf])) is None
    assert extent(numeric(of_values([math.inf, -math.inf]))) is None


@given(
    any_window(FINITE),
    st.integers(1, 120),
    st.integers(1, 12),
    st.integers(1, 10**11),
    st.integers(0, 10**11),
)
def test_no_spike_vanishes(one: Window, cells: int, rows: int, span: int, gap_ns: int) -> None:
    known = extent(one) or (0.0, 1.0)
    to = raster(0, span, 2 * cells, known[0] - 1, known[1] + 1, 4 * rows)
    masks = trace(one, gap_ns, to)
    assert len(masks) == 2 * cells
    assert all(0 <= mask < 1 << 4 * rows for mask in masks)
    for start, low, high in zip(one.starts_ns, one.minima, one.maxima, strict=True):
        first, last = to.column(start), to.column(start + one.width_ns - 1)
        if first >= 0 and last < to.columns:
            over = masks[first : last + 1]
            assert any(mask >> to.row(low) & 1 and mask >> to.row(high) & 1 for mask in over)


@given(any_window(FINITE), st.integers(1, 60))
def test_nothing_is_drawn_in_a_gap(one: Window, cells: int) -> None:
    to = raster(0, 400 * one.width_ns, 2 * cells, -1e6, 1e6, 8)
    masks = trace(one, -1, to)
    reached = {
        x for start in one.starts_ns for x in range(to.column(start), to.column(start + one.width_ns - 1) + 1)
    }
    assert {x for x, mask in enumerate(masks) if mask} <= reached


@given(st.lists(any_window(), min_size=1, max_size=6), st.data())
def test_tracing_on_equals_tracing_anew(windows: list[Window], data: st.DataObject) -> None:
    tracer = Tracer()
    whole = numeric(windows[0])
    for one in windows:
        to = raster(0, data.draw(st.sampled_from([10, 4000])) * whole.width_ns, 40, -5, 5, 8)
        for end in sorted(data.draw(st.lists(st.integers(0, len(whole.starts_ns)), max_size=5))):
            part = Window(
                key=whole.key,
                width_ns=whole.width_ns,
                starts_ns=whole.starts_ns[:end],
                counts=whole.counts[:end],
                minima=whole.minima[:end],
                maxima=whole.maxima[:end],
                means=whole.means[:end],
            )
            assert tracer.trace(part, 10**9, to) == trace(part, 10**9, to)
        whole = numeric(one)


def test_the_last_column_may_grow() -> None:
    to, tracer = dots(8, 0, 8), Tracer()
    rising = [window([(0, 1, 1, 1), (SECOND, 1, high, 1)]) for high in (1, 4, 6)]
    assert [drawn(tracer.trace(one, 0, to), 2) for one in rising] == [
        drawn(trace(one, 0, to), 2) for one in rising
    ]


def test_another_width_is_traced_anew() -> None:
    to, tracer = dots(8, 0, 8), Tracer()
    for one in (of_values([1, 2, 3]), of_values([1, 2, 3], width_ns=2 * SECOND)):
        assert tracer.trace(one, 0, to) == trace(one, 0, to)


def test_cells_between_two_lines_stay_as_they_are() -> None:
    cells = Cells(1, 3)
    both = [0b1000_0000_0001, 0]
    ink(cells, 0, 0, 3, [(both, Ink.DEVICE_1), ([1, 0], Ink.DEVICE_2)])
    assert text_of(cells.lines()) == "⠁\n \n⡀"
    assert [ink_of(row[0]) for row in cells.styles] == [Ink.DEVICE_1, Ink.TEXT, Ink.DEVICE_1]


@pytest.mark.parametrize("value", [0.0, -0.0, 1e300, -1e300, 5e-324])
def test_a_constant_at_any_size(value: float) -> None:
    masks = trace(of_values([value] * 4), 0, dots(4, min(value, 0) - 1, max(value, 0) + 1))
    assert len({mask for mask in masks if mask}) == 1


steps = st.tuples(st.integers(-24, 24) | st.none(), st.sampled_from([0.0, 0.0, 3.0]))
"""A column: its mean, None where it has no samples; how far its least and greatest are from it."""


@settings(max_examples=120, deadline=None)
@given(
    columns=st.lists(steps, min_size=60, max_size=140),
    wide=st.sampled_from([1, 2, 3, 4, 5, 7, 10, 13]),
    moves=st.lists(
        st.tuples(st.sampled_from([0, 1, 5, 7, 20, 190]), st.sampled_from([0, 0, 0, -25, 60])),
        min_size=6,
        max_size=8,
    ),
    gap=st.sampled_from([0, 12, 40, 1000]),
    lead=st.sampled_from([2, 3, 8, 16]),
)
def test_a_picture_that_moves_on_is_what_it_would_be_anew(
    columns: list[tuple[int | None, float]], wide: int, moves: list[tuple[int, int]], gap: int, lead: int
) -> None:
    held = [
        (i * wide, mean - off, mean + off, mean) for i, (mean, off) in enumerate(columns) if mean is not None
    ]
    tracer, t1_ns = Tracer(), 30 * wide
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(braille, "_LEAD", lead)
        for on, more in moves:
            t1_ns = min(len(columns) * wide, t1_ns + on)
            t0_ns = t1_ns - 200
            shown = window([c for c in held if t0_ns - wide < c[0] < t1_ns + more], width_ns=wide)
            to = raster(t0_ns, t1_ns, 40, -25, 25, 16)
            assert tracer.trace(shown, gap, to) == trace(shown, gap, to)


def test_a_picture_that_moves_on_is_not_traced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_columns = 0

    def counted(masks: list[int], ends: list[braille._End], *rest: Any) -> braille._Pen:
        nonlocal drawn_columns
        before = len(ends)
        pen = draw(masks, ends, *rest)
        drawn_columns += len(ends) - before
        return pen

    draw = braille._draw
    monkeypatch.setattr(braille, "_draw", counted)
    wave = of_values([math.sin(i / 9) for i in range(1000)])
    tracer, pictures = Tracer(), 100
    for i in range(pictures):
        shown = [
            (t, low, high, mean)
            for t, low, high, mean in zip(wave.starts_ns, wave.minima, wave.maxima, wave.means, strict=True)
            if i * SECOND <= t < (i + 400) * SECOND
        ]
        tracer.trace(window(shown), 5 * SECOND, raster(i * SECOND, (i + 400) * SECOND, 400, -1, 1, 40))
    assert drawn_columns < 400 + pictures * (braille._LEAD + 3)


def brute_ink(cells: Cells, rows: int, layers: list[tuple[list[int], Ink]]) -> None:
    """Cell by cell, dot by dot."""
    bits = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
    for row, column in product(range(rows), range(cells.width)):
        set_dots = [
            (bits[side][dot], one)
            for (masks, one), side, dot in product(layers, (0, 1), range(4))
            if masks[2 * column + side] >> 4 * (rows - 1 - row) + dot & 1
        ]
        if set_dots:
            glyph = reduce(or_, (bit for bit, _ in set_dots))
            cells.put(column, row, chr(0x2800 + glyph), set_dots[0][1])


@given(st.data())
def test_an_inker_draws_every_picture_as_if_it_were_its_first(data: st.DataObject) -> None:
    inker = Inker()
    masks = st.lists(st.sampled_from([0, 0x11, 0xFFF]), min_size=6, max_size=6)
    with pytest.MonkeyPatch.context() as patch:
        most = data.draw(st.sampled_from([0, 1, 4]))
        patch.setattr(braille, "_REMEMBERED", most)
        for _ in range(data.draw(st.integers(1, 6))):
            inks = data.draw(st.lists(st.sampled_from([Ink.DEVICE_0, Ink.DEVICE_1]), max_size=3))
            layers = [(data.draw(masks), colour) for colour in inks]
            ours, expected = Cells(3, 3), Cells(3, 3)
            ours.ground(0, 2, 0, 3, Ground.DECODE)
            expected.ground(0, 2, 0, 3, Ground.DECODE)
            inker.ink(ours, 0, 0, 3, layers)
            brute_ink(expected, 3, layers)
            assert ours.lines() == expected.lines()
            assert len(inker._known) <= 3 * most + 3


@given(any_window(), st.floats(-50, 50), st.floats(0.001, 200), st.integers(1, 24), st.integers(1, 10**10))
def test_many_columns_are_placed_as_each_of_them(
    given_window: Window, low: float, height: float, rows: int, dot_ns: int
) -> None:
    one = numeric(given_window)
    to = Raster(3, dot_ns, 60, low, low + height, rows)
    everything = slice(0, len(one.starts_ns))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(braille, "_MANY", 1 << 30)
        singly = list(braille._placed(one, everything, to))
    assert list(braille._placed_at_once(one, everything, to)) == singly
