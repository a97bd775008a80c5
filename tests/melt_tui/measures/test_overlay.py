"""Runs put onto a shared grid: nothing is lost, made up or moved."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.measures.overlay import Samples, binned, when

S = 1_000_000_000


def samples(times_s: list[float], values: list[float], hole_s: float = 5.0) -> Samples:
    array = np.array(values)
    times = np.array([round(t * S) for t in times_s], np.int64)
    return Samples(times, array, array, array, np.ones(len(values)), round(hole_s * S))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 3), st.floats(-50, 50)), min_size=2, max_size=40), st.integers(1, 30)
)
def test_every_sample_lies_in_one_column(steps: list[tuple[float, float]], columns: int) -> None:
    """Along time: the extremes survive, and a column's mean is that of the samples within."""
    times = np.cumsum([step for step, _ in steps]).tolist()
    values = [value for _, value in steps]
    known = samples(times, values, 0.0)
    ends = known.times_ns[[0, -1]]
    edges = np.linspace(0, 1, columns + 1)
    cuts = when(edges, ends, np.array([0.0, 1.0]))
    found = binned(known, *cuts)
    assert np.nanmax(found.high) == max(values)
    assert np.nanmin(found.low) == min(values)
    for i, (a, b) in enumerate(zip(cuts[0].tolist(), cuts[0][1:].tolist(), strict=False)):
        last = i == columns - 1
        mine = [
            v for t, v in zip(known.times_ns.tolist(), values, strict=True) if a <= t < b or (last and t == b)
        ]
        assert (isnan(found.mean[i]) and not mine) or found.mean[i] == pytest.approx(np.mean(mine))


def test_what_stands_still_belongs_to_the_next_step() -> None:
    """Along tokens: the pause between two tokens is before the later one, that at the end after the last."""
    times = np.array([0, 1, 2, 6, 7, 9], np.int64) * S
    moments, there = when(np.array([0.0, 1, 2, 3, 4]), times, np.array([0.0, 1, 2, 2, 3, 3]))
    assert (moments / S).tolist() == [0, 1, 2, 9, 9]
    assert there.tolist() == [1, 1, 1, 0]


def test_between_samples_there_is_a_line_but_over_no_hole() -> None:
    known = samples([0, 2, 4, 20], [0.0, 2.0, 4.0, 20.0])
    edges = np.arange(0.0, 21.0)
    found = binned(known, *when(edges, np.array([0, 20 * S]), np.array([0.0, 20.0])))
    assert found.mean[:4].tolist() == [0.0, 1.5, 2.0, 3.5]
    assert all(isnan(value) for value in found.mean[5:19])
    assert found.mean[19] == 20.0
    beyond = binned(known, *when(np.arange(-2.0, 24.0), np.array([0, 20 * S]), np.array([0.0, 20.0])))
    assert [i - 2 for i, value in enumerate(beyond.mean) if not isnan(value)] == [0, 1, 2, 3, 4, 19]
