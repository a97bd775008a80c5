"""Joules of a window against closed forms: ramps, squares, counters; holes, ends between samples, uncertainties."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.accuracy import Accuracy
from drivers.clock import MILLISECOND, SECOND
from drivers.model import Kind
from melt_tui.measures.energy import Energy
from melt_tui.measures.integral import Trace, Values, integrate

S = SECOND


def trace(seconds: Any, values: Any, kind: Kind = Kind.INSTANT, period_s: float = 1.0, **more: Any) -> Trace:
    times = np.rint(np.asarray(seconds, np.float64) * S).astype(np.int64)
    return Trace(
        kind=kind, times_ns=times, values=np.asarray(values, np.float64), period_ns=period_s * S, **more
    )


def of(trace: Trace, a_s: float, b_s: float) -> Energy:
    energy = integrate(trace, round(a_s * S), round(b_s * S))
    assert energy is not None
    return energy


RAMP = trace(range(11), [2.0 * t for t in range(11)])


def test_a_ramp_is_exact_between_any_two_moments() -> None:
    for a, b in ((0, 10), (0.5, 9.25), (3.1, 4.3)):
        assert of(RAMP, a, b).joules.value == pytest.approx(b * b - a * a, rel=1e-12)
        assert of(RAMP, a, b).coverage == pytest.approx(1)
    assert of(RAMP, 0.5, 9.25).peak_w == 18, "the greatest sample"
    assert of(RAMP, 3.1, 3.1 + 1).mean.value == pytest.approx(7.2)


def test_beyond_the_samples_nothing_is_covered() -> None:
    energy = of(RAMP, -5, 15)
    assert (energy.coverage, energy.joules.value) == pytest.approx((0.5, 100))
    assert integrate(RAMP, 11 * S, 20 * S) is integrate(RAMP, -9 * S, 0) is None
    assert (
        integrate(RAMP, 5 * S, 4 * S)
        is integrate(replace(RAMP, times_ns=RAMP.times_ns[:0], values=RAMP.values[:0]), 0, S)
        is None
    )


def test_a_window_without_a_sample_of_its_own_has_no_energy() -> None:
    assert integrate(RAMP, round(3.1 * S), round(4.0999 * S)) is None
    assert integrate(replace(RAMP, refresh_ns=4.0 * S), 3 * S, 6 * S) is None, (
        "a gauge that is refreshed seldom"
    )


def test_five_periods_are_bridged_and_more_are_a_hole() -> None:
    gap_of_5, gap_of_6 = trace([0, 1, 6, 7], [4.0] * 4), trace([0, 1, 7, 8], [4.0] * 4)
    assert of(gap_of_5, 0, 7).joules.value == pytest.approx(28)
    assert (of(gap_of_6, 0, 8).joules.value, of(gap_of_6, 0, 8).coverage) == pytest.approx((8, 0.25))
    means = replace(gap_of_6, kind=Kind.INTERVAL_MEAN)
    assert of(means, 0, 8).joules.value == pytest.approx(12), "a mean after a hole stands for its period"
    assert of(replace(means, times_ns=gap_of_5.times_ns), 0, 7).joules.value == pytest.approx(28)


def test_interval_means_lie_before_their_times() -> None:
    means = trace([1, 2, 3, 4], [1.0, 10.0, 100.0, 1000.0], Kind.INTERVAL_MEAN)
    assert of(means, 0, 4).joules.value == pytest.approx(1111)
    assert of(means, 1.5, 3.5).joules.value == pytest.approx(5 + 100 + 500)
    assert of(means, 1, 2).peak_w == 10


def test_a_counter_counts_differences_and_a_fall_is_a_restart() -> None:
    counter = trace([0, 1, 2, 3, 4], [90.0, 95.0, 99.0, 3.0, 9.0], Kind.COUNTER)
    energy = of(counter, 0, 4)
    assert (energy.joules.value, energy.coverage) == pytest.approx((5 + 4 + 6, 0.75))
    wrapped = of(replace(counter, wrap=100.0), 0.5, 3.5)
    assert (wrapped.joules.value, wrapped.coverage) == pytest.approx((2.5 + 4 + 4 + 3, 1))


@pytest.mark.parametrize("alone", [0.0, 41.0, 900.0])
def test_around_a_count_that_stands_alone_nothing_is_known(alone: float) -> None:
    """A damaged digit is no restart: what it left it comes back to, and that is no energy."""
    counts = [100.0, 101.0, 102.0, alone, 104.0, 105.0]
    energy = of(trace(range(6), counts, Kind.COUNTER), 0, 5)
    assert (energy.joules.value, energy.coverage, energy.peak_w) == pytest.approx((3, 0.6, 1))


def test_a_counter_that_was_set_did_not_count() -> None:
    energy = of(trace(range(5), [0.0, 2.0, 20_002.0, 20_004.0, 20_006.0], Kind.COUNTER), 0, 4)
    assert (energy.joules.value, energy.coverage, energy.peak_w) == pytest.approx((6, 0.75, 2))


def test_counts_that_came_in_one_piece_are_all_counted() -> None:
    """Three lines of one read bear its time."""
    times = np.repeat(np.arange(8), 3) * 0.3
    energy = of(trace(times, 0.5 * np.arange(24), Kind.COUNTER, 0.3), 0, 2.1)
    assert (energy.joules.value, energy.coverage, energy.peak_w) == pytest.approx((10.5, 1, 5))
    counts = 0.5 * np.arange(24)
    counts[10:] -= 4.9
    fallen = of(trace(times, counts, Kind.COUNTER, 0.3), 0, 2.1)
    assert (fallen.joules.value, fallen.coverage) == pytest.approx((9, 6 / 7)), "it fell within a piece"


def test_the_peak_of_a_counter_is_that_of_a_whole_period() -> None:
    """The first line came late, together with the next one; two more did: 5 W all along."""
    times = [0.097, 0.1, 0.2, 0.3, 0.449, 0.45, 0.5, 0.6, 0.7]
    counter = trace(times, [0.0, 0.5, 1.0, 1.5, 1.9, 2.0, 2.5, 3.0, 3.5], Kind.COUNTER, 0.1)
    assert of(counter, 0.1, 0.7).peak_w == pytest.approx(1.1 / 0.151), "of 0.151 s"
    assert of(counter, 0.097, 0.3).peak_w == pytest.approx(1.0 / 0.103), "0.5 J in 3 ms are no 167 W"
    alone = trace([0.0, 0.1, 0.9, 0.903, 1.7, 1.8], [0.0, 0.5, 7.0, 7.5, 8.0, 8.5], Kind.COUNTER, 0.1)
    assert of(alone, 0.8, 1.0).peak_w == pytest.approx(0.5 / 0.09), "also where that is all"


def test_what_is_no_number_is_no_sample() -> None:
    values = RAMP.values.copy()
    values[[4, 5]] = np.nan, np.inf
    energy = of(replace(RAMP, values=values), 0, 10)
    assert (energy.joules.value, energy.peak_w) == pytest.approx((100, 20))


def test_a_power_that_changes_its_sign() -> None:
    flow = trace([0, 1, 2, 3], [2.0, 2.0, -1.0, -1.0], accuracy=Accuracy(0.1, 0.01))
    energy = of(flow, 0, 3)
    assert energy.joules.value == pytest.approx(2 + 0.5 - 1)
    assert energy.joules.accuracy == pytest.approx(0.1 * (2 + 1.5 + 1) + 0.03), "by how much went, either way"


def test_the_stated_accuracy_is_of_what_was_measured() -> None:
    told = replace(RAMP, accuracy=Accuracy(0.02, 0.5))
    assert of(told, 0, 10).joules.accuracy == pytest.approx(0.02 * 100 + 0.5 * 10)
    assert of(told, -10, 10).joules.accuracy == pytest.approx(7.0)
    counter = trace([0, 1, 2], [0.0, 5.0, 10.0], Kind.COUNTER, accuracy=Accuracy(0.02, 0.5))
    assert of(counter, 0, 2).joules.accuracy == pytest.approx(0.2 + 0.5)
    assert of(RAMP, 0, 10).joules.accuracy is None


def test_clipped_samples_are_counted() -> None:
    assert of(replace(RAMP, limit=16.0), 0, 9).clipped == 2
    assert of(RAMP, 0, 9).clipped == 0


def test_times_that_may_be_off_cost_what_moving_the_window_changes() -> None:
    step = trace(np.arange(0, 4, 0.001), np.where(np.arange(4000) < 2000, 1.0, 6.0), period_s=0.001)
    late = replace(step, timing_ns=20.0 * MILLISECOND)
    assert of(late, 1, 3).joules.integration - of(step, 1, 3).joules.integration == pytest.approx(
        0.1, rel=0.1
    )
    assert of(late, 0.5, 1.5).joules.integration == pytest.approx(1 / 8192), (
        "where power is steady nothing changes, but for what half a step of twelve bits hides"
    )
    assert of(late, 0.5, 1.99).joules.integration == pytest.approx(5 * 0.01, rel=0.2), (
        "a step just behind the end"
    )


def test_a_steady_rise_costs_nothing_and_a_flicker_does() -> None:
    assert of(trace(range(40), np.arange(40.0)), 4, 30).joules.integration == 0
    flicker = trace(range(40), np.tile([1.0, 5.0], 20))
    assert of(flicker, 4, 30).joules.integration > 2 * 2.0 * np.sqrt(26)


def test_a_steady_rise_costs_nothing_at_uneven_times_either() -> None:
    times = np.arange(40) + np.random.default_rng(2).uniform(0, 0.9, 40)
    assert of(trace(times, 3 * times), 4, 30).joules.integration == pytest.approx(0, abs=1e-6)


def test_few_readings_tell_less_of_their_own_spread() -> None:
    """Draws of one load: ± 95 % of a few of them as of many."""
    random = np.random.default_rng(3)
    for n, periods in ((400, 2), (400, 5), (200, 30)):
        outside = 0
        for _ in range(n):
            times = np.arange(periods + 10) + random.uniform(0, 1, periods + 10)
            energy = of(trace(times, random.normal(5, 1, len(times))), 5, 5 + periods).joules
            outside += abs(energy.value - 5 * periods) > energy.integration
        assert outside <= 0.06 * n


def test_an_edge_within_an_interval_costs_at_most_what_it_may_hold() -> None:
    means = trace([1, 2, 3, 4], [1.0, 1.0, 4.0, 7.0], Kind.INTERVAL_MEAN)
    assert of(means, 0, 4).joules.integration == 0, "whole intervals are exact"
    assert of(means, 0, 2.5).joules.integration == pytest.approx(0.5 * 4), "all of it on one side of the end"
    both_ways = trace([1, 2, 3, 4], [1.0, -1.0, 4.0, 7.0], Kind.INTERVAL_MEAN)
    assert of(both_ways, 0, 2.5).joules.integration > 2, "what may flow back is not bounded by it"
    rise = trace(range(1, 11), np.arange(10.0, 20.0), Kind.INTERVAL_MEAN)
    assert of(rise, 0, 5.5).joules.integration == pytest.approx(0.25 * 2), "a steady rise is no flicker"


@pytest.mark.parametrize("every_s", [0.1, 0.3, 1.0, 3.0])
def test_ends_within_means_of_a_second_stay_within_what_is_stated(every_s: float) -> None:
    """A load that takes another level at random moments, read in means of 1 s: two whole ones in a window, or three."""
    random, step_s = np.random.default_rng(5), 0.002
    errors, stated = [], []
    for _ in range(300):
        changes = np.cumsum(random.exponential(every_s, round(90 / every_s)))
        at = np.arange(0, 24, step_s)
        load = random.uniform(0.5, 6, len(changes) + 1)[np.searchsorted(changes, at)]
        used = np.concatenate(([0.0], np.cumsum(load) * step_s))
        ends = np.arange(500 + random.integers(500), len(at), 500)
        means = trace(ends * step_s, used[ends] - used[ends - 500], Kind.INTERVAL_MEAN)
        a, b = (random.integers(low, low + 500) for low in (5000, 6250))
        energy = of(means, a * step_s, b * step_s).joules
        errors.append(abs(energy.value - (used[b] - used[a])))
        stated.append(energy.integration)
    assert np.mean(np.array(errors) > stated) <= 0.05
    assert np.mean(stated) <= 3 * np.quantile(errors, 0.95), "and is not much too wide"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9 * S), st.floats(-1e3, 1e3)), min_size=2, max_size=30),
    st.tuples(st.floats(-2, 40), st.floats(1.001, 20), st.floats(1.001, 20)),
    st.sampled_from(Kind),
)
def test_windows_side_by_side_hold_what_the_whole_does(
    steps: list[tuple[int, float]], windows: tuple[float, float, float], kind: Kind
) -> None:
    times = np.cumsum([step for step, _ in steps])
    known = Trace(
        kind=kind, times_ns=times, values=np.array([value for _, value in steps]), period_ns=1.0 * S
    )
    a, m, b = (round(moment * S) for moment in np.cumsum(windows).tolist())
    parts = [integrate(known, low, high) for low, high in ((a, m), (m, b), (a, b))]
    left, right, whole = ((part.joules.value, part.covered_ns) if part else (0.0, 0.0) for part in parts)
    assert left[0] + right[0] == pytest.approx(whole[0], rel=1e-9, abs=1e-6)
    assert left[1] + right[1] == pytest.approx(whole[1], abs=10)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(-(10**15), 10**15))
def test_watts_scale_and_clocks_shift(factor: float, shift_ns: int) -> None:
    random = np.random.default_rng(1)
    base = trace(np.cumsum(random.uniform(0.5, 1.5, 40)), random.uniform(0, 9, 40))
    other = replace(base, times_ns=base.times_ns + shift_ns, values=base.values * factor)
    one = of(base, 5, 25)
    two = integrate(other, 5 * S + shift_ns, 25 * S + shift_ns)
    assert two is not None
    assert two.joules.value == pytest.approx(one.joules.value * factor)
    assert two.joules.integration == pytest.approx(one.joules.integration * factor)
    assert two.covered_ns == one.covered_ns


def square(t_s: Values, period_s: float, low: float, high: float, edge_s: float) -> Values:
    """Up in the first half of each period, over edges that are straight."""
    phase = t_s % period_s
    rise = np.clip(phase / edge_s, 0, 1) - np.clip((phase - period_s / 2) / edge_s, 0, 1)
    return np.asarray(low + (high - low) * rise, np.float64)


@pytest.mark.parametrize(("rate_hz", "bound"), [(100_000, 0.001), (5_000, 0.005)])
def test_a_square_wave_with_edges_of_a_millisecond(rate_hz: int, bound: float) -> None:
    t = np.arange(0, 3, 1 / rate_hz)
    wave = trace(t, square(t, 0.3, 1.0, 6.0, 0.001), period_s=1 / rate_hz)
    energy = of(wave, 0.3, 2.7)
    assert abs(energy.joules.value / (8 * 0.3 * 3.5) - 1) < bound / 50
    assert abs(of(wave, 0.3, 1.05).joules.value - (2.5 * 0.3 * 3.5 - 0.5 * 0.001 * 5 / 2 + 0.15 * 2.5)) < 0.01


def test_seldom_samples_of_a_square_wave_stay_within_what_is_stated() -> None:
    random = np.random.default_rng(7)
    within = 0
    for _ in range(200):
        period_s = random.uniform(0.08, 1.7)
        t = random.uniform(0, 0.5) + np.arange(0, 60, 0.5)
        wave = trace(t, square(t, period_s, 1.0, 6.0, 0.001), period_s=0.5)
        a, b = 10 + random.uniform(0, period_s), 40 + random.uniform(0, period_s)
        fine = np.arange(a, b, 0.0005)
        truth = float(np.mean(square(fine, period_s, 1.0, 6.0, 0.001))) * (b - a)
        energy = of(wave, a, b)
        within += abs(energy.joules.value - truth) <= energy.joules.integration
    assert within >= 190


def test_20_ms_around_a_token_stay_within_what_is_stated() -> None:
    """A meter that is off in gain, in zero and in time, each within what is stated of it; 1,000 tokens."""
    random = np.random.default_rng(11)
    t = np.arange(0, 10, 0.0002)
    load = square(t, 0.055, 2.0, 7.0, 0.001) + 0.4 * np.sin(t * 9)
    fine = np.concatenate(([0.0], np.cumsum((load[1:] + load[:-1]) / 2 * 0.0002)))
    within = 0
    for _ in range(1000):
        gain, zero, late_ms = random.uniform(-0.01, 0.01), random.uniform(-0.02, 0.02), random.uniform(-4, 4)
        a = random.uniform(1, 9)
        near = slice(*np.searchsorted(t, (a - 0.1, a + 0.12)))
        about = trace(
            t[near] + late_ms / 1000,
            load[near] * (1 + gain) + zero + random.normal(0, 0.05, len(t[near])),
            period_s=0.0002,
            timing_ns=4.0 * MILLISECOND,
            accuracy=Accuracy(0.01, 0.02),
        )
        truth = float(np.interp(a + 0.02, t, fine) - np.interp(a, t, fine))
        joules = of(about, a, a + 0.02).joules
        within += abs(joules.value - truth) <= joules.uncertainty
    assert within >= 950
