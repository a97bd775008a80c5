"""How well the time before a run tells idle power."""

from math import hypot, sqrt

import numpy as np
import pytest
from scipy import stats

from melt_tui.measures.baseline import bounds, steadied
from melt_tui.measures.energy import Amount

MEAN = Amount(2.0, 0.03, 0.1)
PARTS = [2.3, 1.7, 2.3, 1.7, 2.3, 1.7]


def still(*watts: float, off: float = 0.0) -> list[Amount]:
    return [Amount(each, off, 0.1) for each in watts]


def test_parts_follow_one_another_and_are_equally_long() -> None:
    ends = bounds(10, 70)
    assert list(ends) == [10, 20, 30, 40, 50, 60, 70]
    assert (bounds(0, 100)[0], bounds(0, 100)[-1]) == (0, 100)


def test_a_device_that_is_not_still_has_a_less_certain_mean() -> None:
    found = steadied(MEAN, still(*PARTS))
    by = stats.t.ppf(0.975, 5) * np.std(PARTS, ddof=1) / sqrt(6)
    assert (found.value, found.accuracy) == (2.0, 0.1)
    assert found.integration == pytest.approx(hypot(0.03, by), rel=0.03)


def test_what_the_parts_are_off_by_themselves_is_no_unrest() -> None:
    assert steadied(MEAN, still(*PARTS, off=0.7)) == MEAN
    assert (
        0.03 < steadied(MEAN, still(*PARTS, off=0.6)).integration < steadied(MEAN, still(*PARTS)).integration
    )


def test_of_a_still_device_or_two_parts_nothing_is_added() -> None:
    assert steadied(MEAN, still(*[2.0] * 6)) == MEAN
    assert steadied(MEAN, still(1.0, 3.0)) == MEAN


def test_the_mean_of_all_idle_time_is_within_what_is_said_19_times_in_20() -> None:
    random, within = np.random.default_rng(1), 0
    for _ in range(2000):
        watts = random.normal(2.0, 0.2, 6)
        found = steadied(Amount(float(watts.mean()), 0.0, None), still(*watts.tolist()))
        within += abs(found.value - 2.0) <= found.uncertainty
    assert 0.94 < within / 2000 < 0.99
