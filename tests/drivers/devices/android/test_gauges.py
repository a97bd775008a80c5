"""When a phone's counters counted, by what its rounds tell."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers import linux
from drivers.base import Item
from drivers.caps import Judge
from drivers.clock import MILLISECOND, SECOND
from drivers.devices.android.channels import FREQUENCY, FREQUENCY_CAP
from drivers.devices.android.gauges import CapGauge, FileGauge, MemoryGauge, RailGauge, Rounds, Start
from drivers.events import LimitEngaged, LimitReleased
from drivers.joining import Moments, joined
from drivers.model import Samples, block

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


FREQUENCY_0, CAP_0 = FREQUENCY.of("phone", "frequency policy0"), FREQUENCY_CAP.of("phone", "cap policy0")


def rounds() -> Rounds:
    """A frequency, its cap and what is no file of one value."""
    return Rounds(
        "melt_fast",
        [
            FileGauge(FREQUENCY_0, "/cur", linux.integer),
            CapGauge(CAP_0, "/max", linux.integer, Judge("phone", "cap cpu0", 2000)),
            MemoryGauge("phone", builtin=True),
        ],
    )


TEXTS = st.tuples(*(st.sampled_from(["", "x", "1000", "1500", "2000"]),) * 3).map(
    lambda texts: "|".join(texts) + "|"
)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_rounds_at_once_are_each_of_them_joined(told: list[list[str]]) -> None:
    one, other = rounds(), rounds()
    for number, texts in enumerate(told):
        moments = at(*(100 * number + 10 * k + k * k for k in range(len(texts))))
        at_once = one.gather(moments, texts)
        assert at_once is not None
        by_turns = joined(
            [other.take(t_ns, text) or [] for t_ns, text in zip(moments.times_ns, texts, strict=True)]
        )
        for kept in (samples_of, limits_of):
            assert sorted(kept(at_once), key=repr) == sorted(kept(by_turns), key=repr)


def at(*times_ns: int) -> Moments:
    return Moments.of(times_ns)


def samples_of(items: list[Item]) -> list[Item]:
    return [item for item in items if isinstance(item, Samples)]


def limits_of(items: list[Item]) -> list[Item]:
    return [item for item in items if not isinstance(item, Samples)]


def test_a_cap_that_falls_between_two_rounds_is_told_with_its_time() -> None:
    told = rounds().gather(at(10, 20), ["900|2000||", "800|1500||"])
    assert told is not None
    assert told[:2] == [block(FREQUENCY_0, 10, 20, [900, 800]), block(CAP_0, 10, 20, [2000, 1500])]
    (limit,) = told[2:]
    assert isinstance(limit, LimitEngaged)
    assert (limit.t_ns, limit.limit) == (20, "cap cpu0")


def test_a_cap_that_is_back_is_told() -> None:
    gauges = rounds()
    assert gauges.gather(at(10, 20), ["|1500||", "|1500||"]) is not None
    told = gauges.gather(at(30, 40), ["|1500||", "|2000||"])
    assert told is not None
    assert isinstance(told[1], LimitReleased)
    assert told[1].t_ns == 40


def test_rounds_of_which_one_is_damaged_are_not_told_at_once() -> None:
    assert rounds().gather(at(10, 20, 30), ["900|2000||", "900|2000||", "900|20"]) is None
    assert rounds().gather(at(10, 20), ["900|2000", "900|2000||"]) is None
