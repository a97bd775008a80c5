"""Sums of steps between samples come to what the formulas of recordings say of all samples at once."""

import numpy as np
import pytest

from drivers.model import Kind
from melt_tui.detectors.reached import NOTHING, Reached, bent, one_step, together
from melt_tui.measures.integral import unseen_variance

S = 1_000_000_000


def summed(times_s: list[float], values: list[float]) -> Reached:
    """Step by step."""
    total, before = NOTHING, None
    for i in range(1, len(values)):
        gap_ns = round((times_s[i] - times_s[i - 1]) * S)
        total = total.plus(one_step(Kind.INSTANT, values[i - 1], values[i], gap_ns, gap_ns))
        step = values[i] - values[i - 1], gap_ns / S
        total, before = bent(total, before, step), step
    return total


def test_the_variance_of_steps_one_by_one_is_that_of_all() -> None:
    random = np.random.default_rng(1)
    times, values = np.cumsum(random.uniform(0.1, 0.4, 50)), random.normal(3, 1, 50)
    found = summed(times.tolist(), values.tolist())
    assert found.variance == pytest.approx(unseen_variance(np.diff(values), np.diff(times)))
    assert found.squares_s2 == pytest.approx(float(np.sum(np.diff(times) ** 2)))
    assert found.joules == pytest.approx(float(np.trapezoid(values, times)))
    assert found.steps == 49
    assert summed([0, 1], [2.0, 5.0]).variance == 4.5
    assert NOTHING.variance is None
    assert summed([0, 1], [2.0, 5.0]).moved == 9.0


def test_differences_sums_and_shares() -> None:
    one, other = Reached(1, 2, 3, 4, 5, 6, 7, 8), Reached(2, 2, 2, 2, 2, 2, 2, 2)
    assert together(one, other, other) == one.plus(other).plus(other) == Reached(5, 6, 7, 8, 9, 10, 11, 12)
    assert one.plus(other).since(other) == one
    assert other.share(0.5) == Reached(1, 1, 1, 1, 1, 1, 1, 1)
    assert bent(one, (1.0, 0.0), (2.0, 0.0)) == one


def test_a_part_of_a_step_by_what_the_value_is() -> None:
    assert one_step(Kind.INSTANT, 2.0, 4.0, 4 * S, S)[:4] == (2.25, S, 2.25, 0.25)
    assert one_step(Kind.INTERVAL_MEAN, 2.0, -4.0, 4 * S, S)[:4] == (-4.0, S, 4.0, 0.0)
    assert one_step(Kind.COUNTER, 2.0, 4.0, 4 * S, S)[:3] == (0.5, S, 0.5)
    assert one_step(Kind.COUNTER, 4.0, 2.0, 4 * S, S) == NOTHING
