"""The grid: widths by span and columns alone, columns on whole multiples."""

from hypothesis import example, given
from hypothesis import strategies as st

from melt_tui.timeline.grid import LEVELS_NS, STEPS, ceil_to, choose, cut, floor_to

spans = st.one_of(st.integers(-5, 10**16), st.integers(0, 10**8))
counts = st.integers(1, 5000)


@given(spans, counts)
@example(0, 1)
@example(5 * 10**6, 1)
@example(49_999_999, 1)
@example(10**15, 1)
def test_a_width_fits_the_columns_and_its_level(span: int, columns: int) -> None:
    width, level = choose(span, columns)
    assert -(-max(1, span) // width) <= columns
    target = -(-max(1, span) // columns)
    if level is None:
        assert width == target < LEVELS_NS[0] * STEPS
    else:
        assert width % level == 0
        assert target <= width < target + level <= target * (1 + 1 / STEPS)
        assert level == max(at for at in LEVELS_NS if at * STEPS <= target)


@given(spans, counts, st.integers(1, 400))
def test_a_span_of_whole_columns_keeps_their_width(span: int, columns: int, k: int) -> None:
    width, _ = choose(span, columns)
    assert choose(k * width, k)[0] == width


@given(st.integers(-(10**12), 10**12), st.integers(-10, 10**12), counts)
def test_a_cut_has_every_column_of_the_span_whole(d0: int, span: int, columns: int) -> None:
    part = cut(span, columns, d0, d0 + span)
    assert (part.width_ns, part.level_ns) == choose(span, columns)
    assert part.start_ns % part.width_ns == part.stop_ns % part.width_ns == 0
    assert part.start_ns <= d0 < part.start_ns + part.width_ns
    last = max(d0, d0 + span - 1)
    assert part.stop_ns - part.width_ns <= last < part.stop_ns
    assert 1 <= (part.stop_ns - part.start_ns) // part.width_ns <= columns + 1


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**12))
def test_edges(t_ns: int, width: int) -> None:
    assert floor_to(t_ns, width) <= t_ns < floor_to(t_ns, width) + width
    assert ceil_to(t_ns, width) - width < t_ns <= ceil_to(t_ns, width)
    assert floor_to(t_ns, width) % width == ceil_to(t_ns, width) % width == 0
