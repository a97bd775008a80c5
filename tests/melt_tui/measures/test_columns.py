import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import Kind
from melt_tui.measures.columns import Joules, energy, weighted
from melt_tui.measures.integral import Trace, integrate

S = 1_000_000_000
MS = 1_000_000


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_of_single_samples_it_is_theirs(values: list[float]) -> None:
    found = weighted(values, [1] * len(values))
    assert found is not None
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    wanted = statistics.stdev(values) if len(values) > 1 else 0.0
    assert found.sigma == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    ordered = sorted(values)
    for value, percent in ((found.p50, 50), (found.p95, 95), (found.p99, 99)):
        assert value in ordered
        assert sum(one <= value for one in ordered) >= len(ordered) * percent / 100
        assert sum(one < value for one in ordered) < len(ordered) * percent / 100


def test_columns_weigh_by_their_samples() -> None:
    found = weighted([1.0, 5.0], [98, 2])
    assert found is not None
    assert (found.n, found.p50, found.p95, found.p99) == (100, 1.0, 1.0, 5.0)
    assert found.mean == pytest.approx(1.08)
    assert weighted([], []) is None


@given(st.integers(0, 1 << 20), st.sampled_from([1, 3, 250]), st.integers(0, 400), st.integers(500, 999))
@settings(max_examples=40, deadline=None)
def test_energy_is_that_of_the_samples_to_within_a_column(seed: int, step_ms: int, a: int, b: int) -> None:
    random = np.random.default_rng(seed)
    times = np.arange(0, 2000 * MS, step_ms * MS)
    values = 3.0 + random.random(len(times))
    wanted = integrate(
        Trace(kind=Kind.INSTANT, times_ns=times, values=values, period_ns=step_ms * MS), a * MS, b * MS
    )
    width = 10 * MS
    starts = sorted({int(t) // width * width for t in times})
    means = [float(values[times // width == start // width].mean()) for start in starts]
    found = energy(starts, width, means, a * MS, b * MS, 5 * step_ms * MS)
    assert found.covered_ns == pytest.approx((b - a) * MS, abs=2 * width)
    if wanted is not None:
        assert found.joules == pytest.approx(wanted.joules.value, abs=4 * width / S * 4)


def test_a_hole_is_not_bridged() -> None:
    starts = [0, 10 * MS, 20 * MS, 500 * MS, 510 * MS]
    assert energy(starts, 10 * MS, [2.0] * 5, 0, 520 * MS, 50 * MS).joules == pytest.approx(0.1)
    assert energy(starts, 10 * MS, [2.0] * 5, 30 * MS, 500 * MS, 50 * MS) == Joules(0.0, 0.0)
    assert energy([], 10 * MS, [], 0, S, 50 * MS) == Joules(0.0, 0.0)
    assert energy(starts[:2], 10 * MS, [2.0, 4.0], 5 * MS, 15 * MS, 50 * MS).joules == pytest.approx(0.03)
