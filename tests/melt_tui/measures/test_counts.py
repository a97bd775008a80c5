"""A counter that tells its energy in coarse steps, as whole milliwatt hours: what the known load has taken, or nothing."""

from typing import Any

import numpy as np
import pytest

from drivers.clock import SECOND
from drivers.model import Kind
from melt_tui.measures.counts import standing
from melt_tui.measures.integral import Times, Trace, Values, integrate

STEP_J = 3.6
PERIOD_S = 0.01


def told(watts: float, seconds: float) -> tuple[Times, Values]:
    """A hundred times a second, in whole steps."""
    seconds_each = np.arange(round(seconds / PERIOD_S)) * PERIOD_S
    return np.rint(seconds_each * SECOND).astype(np.int64), np.floor(
        watts * seconds_each / STEP_J + 1e-9
    ) * STEP_J


def trace(times: Times, values: Values, **more: Any) -> Trace:
    period_ns = PERIOD_S * SECOND
    return Trace(
        kind=Kind.COUNTER,
        times_ns=times,
        values=values,
        period_ns=period_ns,
        stand_ns=standing(times, values, period_ns),
        **more,
    )


def test_a_steady_load_is_what_it_is_in_any_window() -> None:
    counter = trace(*told(2.0, 60))
    assert counter.stand_ns == pytest.approx(1.8 * SECOND, rel=0.01)
    for a_s, b_s in ((5.0, 8.5), (5.9, 8.1), (7.23, 40.0)):
        energy = integrate(counter, round(a_s * SECOND), round(b_s * SECOND))
        assert energy is not None
        assert energy.joules.value == pytest.approx(2.0 * (b_s - a_s), rel=0.01)
        assert energy.peak_w == pytest.approx(2.0, rel=0.01), "a step of 3.6 J in 10 ms is no 360 W"
        assert energy.coverage == pytest.approx(1)


def test_of_a_window_in_which_it_may_have_stood_nothing_is_said() -> None:
    assert integrate(trace(*told(2.0, 60)), 10 * SECOND, 11 * SECOND) is None


def test_nothing_is_known_before_the_first_step_and_behind_the_last() -> None:
    energy = integrate(trace(*told(2.0, 10)), 0, 10 * SECOND)
    assert energy is not None
    assert energy.joules.value == pytest.approx(2.0 * 7.2)
    assert energy.coverage == pytest.approx(0.72)


def test_a_change_of_load_lies_within_what_is_stated() -> None:
    """Half a watt, then ten, at once: a step that holds both is shared out by time, and the bound says how wrong that is."""
    times, _ = told(1.0, 80)
    joules = np.where(times < 40 * SECOND, 0.5 * times / SECOND, 20 + 10 * (times / SECOND - 40))
    energy = integrate(trace(times, np.floor(joules / STEP_J + 1e-9) * STEP_J), 40 * SECOND, 60 * SECOND)
    assert energy is not None
    assert energy.joules.value == pytest.approx(200, abs=energy.joules.uncertainty)
    assert 0 < energy.joules.uncertainty < 5


def test_a_hole_is_not_bridged_by_a_step() -> None:
    times, values = told(2.0, 60)
    away = (times > 20 * SECOND) & (times < 30 * SECOND)
    energy = integrate(trace(times[~away], values[~away]), 10 * SECOND, 50 * SECOND)
    assert energy is not None
    assert energy.coverage == pytest.approx(0.7, abs=0.05)
    assert energy.joules.value == pytest.approx(2.0 * energy.covered_ns / SECOND, rel=0.01)


def test_what_rises_with_most_counts_does_not_stand() -> None:
    times, _ = told(1.0, 5)
    fine = np.round(2.0 * times / SECOND, 3)
    assert standing(times, fine, PERIOD_S * SECOND) == 0
    rests = np.maximum.accumulate(np.where(np.arange(len(fine)) % 3 == 0, 0, fine))
    assert standing(times, rests, PERIOD_S * SECOND) == 0, "one count in three like the one before"


def test_no_counts_and_one_do_not_stand() -> None:
    for n in (0, 1):
        assert standing(np.arange(n), np.zeros(n), 1.0) == 0
