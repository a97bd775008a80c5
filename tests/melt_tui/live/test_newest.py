import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.model import Channel, Quantity, Unit, reading
from melt_tui.live import newest
from melt_tui.live.newest import Newest
from melt_tui.live.slow import SLOW_SAMPLES, SlowSeries
from melt_tui.timeline.columns import Columns
from melt_tui.timeline.grid import Cut, floor_to

CHANNEL = Channel(device="phone", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=10.0)
WIDTHS = (1, 3, 10, 40)

Step = tuple[int, float]
"""``(ns later than the newest, negative: that much earlier; value)``."""
steps = st.lists(st.tuples(st.integers(-30, 30), st.floats(-1e6, 1e6)), min_size=1, max_size=60)


def brute(samples: list[tuple[int, float]], start_ns: int, width_ns: int) -> list[tuple[int, list[float]]]:
    columns: dict[int, list[float]] = {}
    for t_ns, value in sorted(samples, key=lambda sample: sample[0]):
        if t_ns >= start_ns:
            columns.setdefault(floor_to(t_ns, width_ns), []).append(value)
    return sorted(columns.items())


def assert_says(got: Columns, expected: list[tuple[int, list[float]]]) -> None:
    assert list(got.starts) == [start for start, _ in expected]
    assert list(got.counts) == [len(values) for _, values in expected]
    assert list(got.minima) == [min(values) for _, values in expected]
    assert list(got.maxima) == [max(values) for _, values in expected]
    means = [math.fsum(values) / len(values) for _, values in expected]
    assert list(got.means) == pytest.approx(means, rel=1e-9, abs=1e-6)


@given(
    taken=steps,
    looks=st.lists(st.tuples(st.sampled_from(WIDTHS), st.integers(0, 900)), min_size=1, max_size=6),
    spare=st.sampled_from([0, 2, 1024]),
)
def test_a_look_after_every_sample_says_what_all_samples_say(
    taken: list[Step], looks: list[tuple[int, int]], spare: int
) -> None:
    series = SlowSeries(SLOW_SAMPLES)
    samples: list[tuple[int, float]] = []
    series.open(CHANNEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "SPARE", spare)
        for i, (later_ns, value) in enumerate(taken):
            t_ns = max(0, (max(t for t, _ in samples) if samples else 500) + later_ns)
            samples.append((t_ns, value))
            assert series.take(reading(CHANNEL, t_ns, value))
            width_ns, back_ns = looks[i % len(looks)]
            start_ns = floor_to(max(0, t_ns - back_ns), width_ns)
            got = series.columns(Cut(start_ns, 10 * SECOND, width_ns, None))()
            assert_says(got, brute(samples, start_ns, width_ns))


def test_a_window_that_ends_before_the_newest_sample_is_cut_there() -> None:
    series = SlowSeries(SLOW_SAMPLES)
    series.open(CHANNEL)
    for i in range(100):
        series.take(reading(CHANNEL, i, float(i)))
    got = series.columns(Cut(20, 40, 10, None))()
    assert_says(got, [(20, [float(i) for i in range(20, 30)]), (30, [float(i) for i in range(30, 40)])])


def test_a_value_that_is_no_number_is_not_passed_over() -> None:
    times, values = array("q", (10, 11, 12)), array("d", (1.0, math.nan, 3.0))
    got = Newest().columns(times, values, 10, 10)
    assert math.isnan(got.minima[0])
    assert math.isnan(got.maxima[0])
    assert math.isnan(got.means[0])


def test_what_is_kept_is_bounded() -> None:
    times, values, columns = array("q"), array("d"), Newest()
    for i in range(newest.SPARE * 3):
        times.append(i)
        values.append(0.0)
        seen = columns.columns(times, values, max(0, i - 5), 1)
        assert len(seen.starts) == min(i + 1, 6)
    (kept,) = columns._kept.values()
    assert len(kept._whole.starts) <= newest.SPARE + 6
    for width_ns in range(2, 2 + 2 * newest.WIDTHS):
        columns.columns(times, values, 0, width_ns)
        assert len(columns._kept) <= newest.WIDTHS
