"""Times of samples from the arrivals of their blocks."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arrival import BINS, Arrivals, Placed, lower_line
from drivers.clock import MILLISECOND, SECOND

RATE = 100_000.0
START = 5_000 * SECOND


class Meter:
    """Takes samples by a crystal that is off by ``ppm``; its blocks come late by a random delay, most of them little."""

    def __init__(self, *, ppm: float = 0.0, delay_ms: float = 2.0, seed: int = 1) -> None:
        self.period_ns = SECOND / RATE / (1 + ppm * 1e-6)
        self.random = Random(seed)
        self.delay_ns = delay_ms * MILLISECOND
        self.taken = 0

    def block(self, n: int, *, lost: int = 0, more_ns: float = 0.0) -> tuple[int, int]:
        """Arrival of the next block, and the true time of its last sample."""
        self.taken += lost + n
        true_ns = START + self.taken * self.period_ns
        return round(true_ns + self.random.expovariate(1.0) * self.delay_ns + more_ns), round(true_ns)


def run(arrivals: Arrivals, meter: Meter, blocks: int, n: int = 2000) -> list[tuple[Placed, int]]:
    placed = []
    for _ in range(blocks):
        arrival_ns, true_ns = meter.block(n)
        placed.append((arrivals.place(arrival_ns, n), true_ns))
    return placed


@pytest.mark.parametrize("ppm", [0.0, 80.0, -150.0])
def test_jitter_is_removed_and_the_rate_is_measured(ppm: float) -> None:
    arrivals, meter = Arrivals(RATE, latency_ns=0), Meter(ppm=ppm)
    settled = run(arrivals, meter, 60 * 50)[-50 * 10 :]
    errors = [placed.t1_ns - true_ns for placed, true_ns in settled]
    fit = arrivals.fit
    assert max(abs(error) for error in errors) < 0.2 * MILLISECOND
    assert fit.measured
    assert fit.rate_hz == pytest.approx(RATE * (1 + ppm * 1e-6), rel=5e-6)
    assert abs(fit.rate_hz - RATE * (1 + ppm * 1e-6)) <= fit.rate_uncertainty_hz
    assert max(abs(error) for error in errors) <= 2 * fit.uncertainty_ns < MILLISECOND


def test_the_stated_uncertainty_holds_in_nearly_all_trials() -> None:
    inside = 0
    for seed in range(60):
        arrivals, meter = Arrivals(RATE), Meter(ppm=seed * 3 - 90, seed=seed)
        placed, true_ns = run(arrivals, meter, 12 * 20, n=5000)[-1]
        inside += abs(placed.t1_ns - true_ns) <= arrivals.fit.uncertainty_ns
    assert inside >= 57


def test_before_there_is_a_fit_the_nominal_rate_stands() -> None:
    arrivals = Arrivals(1000.0, latency_ns=0)
    assert arrivals.place(START, 11) == Placed(START - 10 * MILLISECOND, START)
    assert arrivals.place(START + 12 * MILLISECOND, 10) == Placed(
        START + MILLISECOND, START + 10 * MILLISECOND
    )
    assert not arrivals.fit.measured
    assert arrivals.fit.rate_uncertainty_hz == 1.0
    assert arrivals.fit.uncertainty_ns == 20 * MILLISECOND


def test_a_first_block_that_came_late_is_corrected_by_the_next() -> None:
    arrivals = Arrivals(1000.0)
    arrivals.place(START + 15 * MILLISECOND, 100)
    second = arrivals.place(START + 100 * MILLISECOND, 100)
    assert second.t1_ns == START + 100 * MILLISECOND


def test_known_losses_leave_a_gap_of_their_length() -> None:
    arrivals, meter = Arrivals(RATE), Meter()
    before, _ = run(arrivals, meter, 500)[-1]
    arrival_ns, true_ns = meter.block(2000, lost=500)
    after = arrivals.place(arrival_ns, 2000, skipped=500)
    assert after.missing == 0
    assert after.t0_ns - before.t1_ns == pytest.approx(501 * 10_000, abs=2000)
    assert abs(after.t1_ns - true_ns) < MILLISECOND


def test_losses_that_no_counter_shows_are_found_by_the_clock() -> None:
    arrivals, meter = Arrivals(RATE), Meter()
    run(arrivals, meter, 50 * 10)
    meter.block(0, lost=64 * 100)
    placed = run(arrivals, meter, 50 * 4)
    assert sum(one.missing for one, _ in placed) == pytest.approx(6400, abs=50)
    error_ns = placed[-1][0].t1_ns - placed[-1][1]
    assert abs(error_ns) < MILLISECOND


def test_silence_is_missing_samples_at_once() -> None:
    arrivals, meter = Arrivals(RATE), Meter()
    before, _ = run(arrivals, meter, 500)[-1]
    arrival_ns, true_ns = meter.block(2000, lost=1_000_000)
    placed = arrivals.place(arrival_ns, 2000)
    assert placed.missing == pytest.approx(1_000_000, abs=1000)
    assert placed.t0_ns - before.t1_ns == pytest.approx(10 * SECOND, abs=0.02 * SECOND)
    assert abs(placed.t1_ns - true_ns) < 10 * MILLISECOND


def test_a_reader_that_stalls_loses_nothing() -> None:
    arrivals, meter = Arrivals(RATE), Meter()
    run(arrivals, meter, 500)
    arrival_ns, true_ns = meter.block(400_000, more_ns=0.3 * SECOND)
    placed = arrivals.place(arrival_ns, 400_000)
    assert (placed.missing, abs(placed.t1_ns - true_ns) < MILLISECOND) == (0, True)
    assert sum(one.missing for one, _ in run(arrivals, meter, 500)) == 0


def test_a_reader_that_falls_behind_and_catches_up_loses_nothing() -> None:
    """For seconds on end no block comes in time, but none is missing: what waits drains unevenly."""
    arrivals, meter = Arrivals(RATE), Meter()
    before, _ = run(arrivals, meter, 500)[-1]
    missing = 0
    for second in range(8):
        for _ in range(50):
            arrival_ns, _ = meter.block(2000, more_ns=(60 + 25 * (second % 4)) * MILLISECOND)
            missing += arrivals.place(arrival_ns, 2000).missing
    after, true_ns = run(arrivals, meter, 500)[-1]
    assert missing == 0
    assert abs(after.t1_ns - true_ns) < MILLISECOND
    assert after.t1_ns > before.t1_ns


def test_a_meter_whose_clock_jumps_begins_anew_and_times_do_not_fall() -> None:
    arrivals = Arrivals(1000.0)
    last_ns = 0
    for k in range(200):
        extra = 5000 if k == 100 else 0
        placed = arrivals.place(START + k * 10 * MILLISECOND, 10 + extra)
        assert placed.t0_ns > last_ns or not last_ns
        assert placed.t1_ns >= placed.t0_ns
        last_ns = placed.t1_ns
    assert abs(last_ns - (START + 1990 * MILLISECOND)) < 20 * MILLISECOND


def test_a_meter_that_is_not_exact_pauses_without_a_count() -> None:
    arrivals = Arrivals(100.0, tolerance=0.2, exact=False)
    t_ns, last_ns = START, 0
    for k in range(200):
        t_ns += (30 if k != 100 else 700) * MILLISECOND
        placed = arrivals.place(t_ns, 3)
        assert placed.missing == 0
        assert abs(placed.t1_ns - t_ns) < 20 * MILLISECOND
        assert k != 100 or placed.t0_ns - last_ns == pytest.approx(680 * MILLISECOND, abs=MILLISECOND)
        last_ns = placed.t1_ns


def test_a_short_pause_is_seen_when_its_lag_stays() -> None:
    arrivals = Arrivals(5000.0, tolerance=0.01, exact=False)
    random, paused_ns, errors = Random(4), 0, []
    for k in range(1, 200):
        paused_ns = 60 * MILLISECOND if k > 100 else 0
        true_ns = START + k * 100 * MILLISECOND + paused_ns
        placed = arrivals.place(round(true_ns + random.expovariate(0.5) * MILLISECOND), 500)
        errors.append(placed.t1_ns - true_ns)
        assert placed.missing == 0
    assert max(map(abs, errors[60:100])) < 2 * MILLISECOND
    assert min(errors[101:]) > -65 * MILLISECOND
    assert max(map(abs, errors[150:])) < 2 * MILLISECOND


def test_a_reader_that_comes_late_is_no_pause() -> None:
    arrivals, random = Arrivals(5000.0, tolerance=0.01, exact=False), Random(6)
    for k in range(1, 300):
        late_ns = random.choice((0, 0, 5, 30, 60)) * MILLISECOND
        placed = arrivals.place(START + k * 100 * MILLISECOND + late_ns, 500)
        if k > 50:
            assert abs(placed.t1_ns - START - k * 100 * MILLISECOND) < 2 * MILLISECOND
            assert placed.t1_ns - placed.t0_ns == pytest.approx(99.8 * MILLISECOND, rel=0.02)


def test_what_had_to_wait_is_no_pause_of_a_meter_that_writes_on_and_on() -> None:
    """300 ms of nothing, then all of it: without a hole, where it was taken."""
    arrivals = Arrivals(5000.0, tolerance=0.01, exact=False, pause_ns=SECOND)
    last_ns = 0
    for k in range(1, 200):
        late_ns = {100: 300, 101: 260, 102: 180, 103: 90}.get(k, 0) * MILLISECOND
        placed = arrivals.place(START + k * 100 * MILLISECOND + late_ns, 500)
        if k > 50:
            assert abs(placed.t1_ns - START - k * 100 * MILLISECOND) < MILLISECOND
            assert placed.t0_ns - last_ns == pytest.approx(200_000, rel=0.05)
        last_ns = placed.t1_ns


def test_a_rate_that_was_seen_too_fast_at_first_is_seen_anew() -> None:
    """A backlog that came in the first seconds looks like a faster meter."""
    arrivals, t_ns, ages = Arrivals(100.0, tolerance=0.2, exact=False), START, []
    for line in range(3_000):
        t_ns += SECOND // (112 if line < 600 else 100)
        ages.append(t_ns - arrivals.place(t_ns, 1).t1_ns)
    assert max(ages) < SECOND
    assert max(ages[-1_500:]) < 30 * MILLISECOND


def test_a_rate_that_was_told_wrongly_is_measured_within_the_tolerance() -> None:
    arrivals = Arrivals(100.0, tolerance=0.2, exact=False)
    random = Random(3)
    for k in range(1000):
        arrivals.place(round(START + k * SECOND / 93 + random.random() * 3 * MILLISECOND), 1)
    assert arrivals.fit.rate_hz == pytest.approx(93.0, rel=1e-3)


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 5000), st.integers(0, 100)),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_comes_times_rise_and_no_block_ends_after_it_came(
    blocks: list[tuple[int, int, int]],
) -> None:
    arrivals, t_ns, last_ns = Arrivals(1000.0), START, None
    for wait_ns, n, skipped in blocks:
        t_ns += wait_ns
        placed = arrivals.place(t_ns, n, skipped)
        assert placed.t0_ns <= placed.t1_ns
        assert last_ns is None or placed.t0_ns > last_ns
        assert placed.t1_ns <= max(t_ns, (last_ns or 0) + n)
        assert placed.missing >= 0
        assert len(arrivals._points) <= BINS
        last_ns = placed.t1_ns


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(-(10**9), 10**9)), min_size=2, max_size=40))
def test_the_line_is_below_all_points_and_none_is_nearer(steps: list[tuple[int, int]]) -> None:
    points, count = [], 0
    for step, t_ns in steps:
        count += step
        points.append((count, t_ns))
    (n, t), slope = lower_line(points)
    distances = [y - (t + (x - n) * slope) for x, y in points]
    assert min(distances) > -1
    for i, (x0, y0) in enumerate(points):
        for x1, y1 in points[i + 1 :]:
            other = (y1 - y0) / (x1 - x0)
            rest = [y - (y0 + (x - x0) * other) for x, y in points]
            assert min(rest) < -1e-6 or sum(rest) >= sum(distances) - 1
