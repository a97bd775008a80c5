"""When a phone's counters counted, by what its rounds tell."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.android.gauges import RailGauge, Start
from drivers.model import Samples

START_NS = 7_000_000_123
STEP_NS = 10 * MILLISECOND


def told(start: Start, t_ns: int, late_ns: int) -> int:
    """What a round of that time says, whose uptime was read so late."""
    return start.seen(t_ns, (t_ns + late_ns - START_NS) // STEP_NS * STEP_NS)


@given(st.lists(st.integers(0, 400 * MILLISECOND), min_size=1, max_size=150), st.integers(0, STEP_NS))
def test_the_round_that_was_read_at_once_tells_when_the_phone_started(
    late_ns: list[int], phase_ns: int
) -> None:
    start = Start()
    for number, late in enumerate([0, *late_ns]):
        found = told(start, START_NS + SECOND + phase_ns + number * 500 * MILLISECOND, late)
        if number < 60:
            assert -STEP_NS <= found - START_NS <= 0


def test_two_clocks_that_drift_apart_are_followed() -> None:
    start = Start()
    for number in range(1000):
        drift_ns = number * MILLISECOND
        found = start.seen(START_NS + number * SECOND + drift_ns, number * SECOND)
    assert abs(found - START_NS - drift_ns) <= 121 * MILLISECOND
    assert start.seen(START_NS - 3600 * SECOND, 0) == START_NS - 3600 * SECOND - STEP_NS, "a clock was set"


def test_a_counter_counted_when_its_phone_says_not_when_it_was_read() -> None:
    gauge = RailGauge("phone", "energy_value", "s2mpg10", ["CPU"], builtin=True)
    times = []
    for number, late_ms in enumerate([0, 70, 40, 90]):
        read_ns = START_NS + 100 * SECOND + number * SECOND
        uptime_ms = 100_000 + 1000 * number + late_ms
        texts = [f"{uptime_ms / 1000:.2f} 1.00", f"t=9\nCH0(T={99_900 + 1000 * number})[CPU], {number}"]
        (block,) = gauge.take(read_ns, texts)
        assert isinstance(block, Samples)
        times.append(block.t0_ns)
    assert [later - sooner for sooner, later in pairwise(times)] == [SECOND] * 3
    assert times[0] == START_NS + 99_900 * MILLISECOND - STEP_NS
