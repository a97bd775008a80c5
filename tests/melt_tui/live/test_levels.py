"""A ring of buckets against a plain list of them."""

import numpy as np
import pytest

from melt_tui.live.levels import BUCKETS, SLACK, Level
from melt_tui.timeline.columns import Buckets
from melt_tui.timeline.model import EVER

WIDTH_NS = 1000


def buckets(first: int, n: int, value: float = 1.0) -> Buckets:
    """``n`` buckets of two samples from number ``first`` on: ``value`` and its double."""
    each = np.ones(n)
    return Buckets(
        np.arange(first, first + n) * WIDTH_NS,
        np.full(n, 2),
        value * each,
        2 * value * each,
        3 * value * each,
    )


@pytest.mark.parametrize("reserved", [False, True])
def test_the_newest_are_held_and_the_ring_tells_from_when_on(reserved: bool) -> None:
    level = Level(WIDTH_NS)
    if reserved:
        level.reserve()
    n = 3 * BUCKETS
    for first in range(0, n, 160):
        level.add(buckets(first, min(160, n - first), first + 1.0))
    held = level.held(EVER, n * WIDTH_NS)
    assert BUCKETS <= len(held.starts) <= BUCKETS + SLACK
    assert held.starts[0] == level.held_ns
    numbers = np.arange(n - len(held.starts), n)
    assert held.starts.tolist() == (numbers * WIDTH_NS).tolist()
    assert held.minima.tolist() == (numbers // 160 * 160 + 1.0).tolist()
    assert held.maxima.tolist() == (2 * held.minima).tolist()
    assert held.sums.tolist() == (3 * held.minima).tolist()
    assert set(held.counts.tolist()) == {2}


def test_what_is_held_stays_as_it_was_when_the_oldest_go() -> None:
    level = Level(WIDTH_NS)
    level.reserve()
    level.add(buckets(0, BUCKETS))
    held = level.held(EVER, BUCKETS * WIDTH_NS)
    level.add(buckets(BUCKETS, 2 * SLACK))
    assert level.held_ns > 0
    assert held.starts[[0, -1]].tolist() == [0, (BUCKETS - 1) * WIDTH_NS]


def test_what_is_held_is_a_copy() -> None:
    level = Level(WIDTH_NS)
    level.add(buckets(0, 3))
    held = level.held(0, 10 * WIDTH_NS)
    level.add(buckets(2, 1, 5.0))
    assert held.maxima.tolist() == [2.0, 2.0, 2.0]
    assert level.held(0, 10 * WIDTH_NS).maxima.tolist() == [2.0, 2.0, 10.0]


def test_a_bucket_told_in_parts_is_one() -> None:
    level = Level(WIDTH_NS)
    level.add(buckets(0, 3, 4.0))
    level.add(buckets(2, 2, 3.0))
    held = level.held(0, 10 * WIDTH_NS)
    assert held.starts.tolist() == [0, 1000, 2000, 3000]
    assert held.counts.tolist() == [2, 2, 4, 2]
    assert held.minima.tolist() == [4.0, 4.0, 3.0, 3.0]
    assert held.maxima.tolist() == [8.0, 8.0, 8.0, 6.0]
    assert held.sums.tolist() == [12.0, 12.0, 21.0, 9.0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("first", "second"), [(np.inf, -np.inf), (5e307, 4e307), (np.nan, 1.0)])
def test_a_sum_that_is_no_number_is_told_without_a_warning(first: float, second: float) -> None:
    level = Level(WIDTH_NS)
    with np.errstate(all="ignore"):
        one, other = buckets(0, 1, first), buckets(0, 1, second)
    level.add(one)
    level.add(other)
    (total,) = level.held(0, WIDTH_NS).sums
    assert not np.isfinite(total)


def test_late_ones_are_put_in_order() -> None:
    level = Level(WIDTH_NS)
    level.add(buckets(5, 3))
    level.add(buckets(1, 2))
    assert level.held(0, 10 * WIDTH_NS).starts.tolist() == [1000, 2000, 5000, 6000, 7000]
    assert level.held(2000, 6000).starts.tolist() == [2000, 5000]
    assert level.held(9000, 2000).starts.tolist() == []
