"""Blocks side by side are the blocks that were published."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import DType, Samples
from melt_tui.timeline.blocks import blocks_of, runs_of, together
from melt_tui.timeline.stretches import side_by_side, stretch_of
from tests.rigs.sample_blocks import blocks, series


@given(series())
def test_blocks_come_back(published: list[Samples]) -> None:
    blocks = blocks_of(published)
    assert list(blocks.samples(("d", "c"))) == published
    assert blocks.n == sum(block.n for block in published)
    assert blocks.times.tolist() == [block.time_at(i) for block in published for i in range(block.n)]
    assert blocks.bounds == (
        min(min(block.t0_ns, *map(block.time_at, range(block.n))) for block in published),
        max(max(block.t1_ns, *map(block.time_at, range(block.n))) for block in published),
    )


@given(series(12), st.sampled_from((0, 10**6, 10**10, 10**13)), st.sampled_from((1, 3, 50, 1000)))
def test_runs_hold_everything_in_order(published: list[Samples], gap_ns: int, most: int) -> None:
    runs = list(runs_of(blocks_of(published), gap_ns, most))
    assert [block for run in runs for block in run.samples(("d", "c"))] == published
    stretch = stretch_of(published, gap_ns, most)
    assert stretch is None or list(side_by_side([stretch]).samples(("d", "c"))) == published
    assert stretch is None or (len(runs) == 1 and stretch.bounds == runs[0].bounds)
    for run in runs:
        inside = list(run.samples(("d", "c")))
        assert len(inside) == 1 or run.n <= most
        for i in range(1, len(inside)):
            low = min(min(b.t0_ns, b.t1_ns) for b in inside[:i])
            high = max(max(b.t0_ns, b.t1_ns) for b in inside[:i])
            assert inside[i].t0_ns - high <= gap_ns
            assert low - inside[i].t1_ns <= gap_ns


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(-(1 << 61), 1 << 61), st.integers(-999, 10**13)), min_size=1),
)
def test_times_of_blocks_that_are_alike(n: int, ends: list[tuple[int, int]]) -> None:
    published = [Samples("d", "c", t0, t0 + span, DType.U8, bytes(n)) for t0, span in ends]
    times = [block.time_at(i) for block in published for i in range(n)]
    assert blocks_of(published).times.tolist() == times


@given(
    st.sampled_from(tuple(DType)).flatmap(
        lambda d: st.lists(st.lists(blocks(d), min_size=1, max_size=4), min_size=1, max_size=4)
    )
)
def test_several_side_by_side(published: list[list[Samples]]) -> None:
    all_of_them = [block for part in published for block in part]
    assert list(together([blocks_of(part) for part in published]).samples(("d", "c"))) == all_of_them


EVEN = [Samples("d", "c", t, t + 30, DType.U16, bytes(8)) for t in (100, 131, 200)]


@pytest.mark.parametrize(
    ("published", "gap_ns", "most"),
    [
        (EVEN, 38, 12),
        (EVEN, 39, 11),
        ([EVEN[0], EVEN[2], EVEN[1]], 99, 12),
        ([EVEN[0], EVEN[1]._replace(t0_ns=130 - 1)], 99, 12),
        ([EVEN[0]._replace(t0_ns=100, t1_ns=99)], 99, 12),
        ([EVEN[0]._replace(times=struct.pack("<4q", 100, 101, 102, 130))], 99, 12),
    ],
)
def test_no_stretch_of_blocks_that_do_not_follow_on(published: list[Samples], gap_ns: int, most: int) -> None:
    assert stretch_of(published, gap_ns, most) is None


def test_stretches_side_by_side_are_the_blocks_that_were_published() -> None:
    parts = [stretch_of(EVEN[:2], 39, 12), stretch_of(EVEN[2:], 39, 12)]
    assert list(side_by_side([part for part in parts if part]).samples(("d", "c"))) == EVEN


def test_times_of_a_span_whose_products_do_not_fit() -> None:
    block = Samples("d", "c", 0, 1 << 61, DType.U8, bytes(1000))
    assert blocks_of([block]).times.tolist() == [block.time_at(i) for i in range(1000)]
