"""Percentiles against numpy and the standard library."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.measures.percentiles import Spread, percentile, spread

values = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(values, st.floats(0, 100))
def test_it_is_numpys_linear_percentile(taken: list[float], percent: float) -> None:
    assert percentile(taken, percent) == pytest.approx(
        float(np.percentile(taken, percent)), rel=1e-9, abs=1e-6
    )


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60))
def test_hundredths_are_those_of_the_standard_library(taken: list[float]) -> None:
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    got = [percentile(taken, p) for p in range(1, 100)]
    assert got == pytest.approx(cuts, rel=1e-9, abs=1e-6)


@given(values)
def test_a_spread_is_its_percentiles(taken: list[float]) -> None:
    p50, p95, p99 = (percentile(taken, p) or 0.0 for p in (50, 95, 99))
    assert spread(taken) == Spread(len(taken), p50, p95, p99, max(taken))


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None
    assert spread([]) is None


def test_known_values() -> None:
    assert percentile([3, 1, 2, 4], 50) == 2.5
    assert percentile([10], 99) == 10
    assert spread([0, 100]) == Spread(2, 50, 95, 99, 100)


def test_no_percentile_beyond_its_range() -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile([1], 101)
