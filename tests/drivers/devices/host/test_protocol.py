"""Energy counters and shares of time against hand-made and generated readings."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.host import protocol
from drivers.devices.host.protocol import Energy
from tests.rigs.sysfs_trees import CPUINFO_INTEL


def test_energy_across_the_wrap() -> None:
    range_uj = 262143328850
    first = protocol.advance(None, 0, range_uj - 1_000_000, range_uj)
    assert (first.total_uj, first.power_w) == (range_uj - 1_000_000, None)
    second = protocol.advance(first, 100_000_000, 499_999, range_uj)  # 1.5 J in 0.1 s
    assert second.total_uj - first.total_uj == 1_500_000
    assert second.power_w == pytest.approx(15.0)


def test_a_counter_that_starts_anew_is_no_energy() -> None:
    before = Energy(0, 5_000_000_000, 9_000_000_000)
    after = protocol.advance(before, 100_000_000, 1000, 262143328850)
    assert (after.total_uj, after.power_w) == (1000, None)


@given(st.lists(st.integers(0, 900_000), min_size=2, max_size=50), st.integers(1_000_000, 10**9))
def test_unwrapped_energy_is_the_sum_of_the_steps(steps: list[int], range_uj: int) -> None:
    states: list[Energy] = []
    true_uj = 0
    for i, step in enumerate(steps):
        true_uj += step
        states.append(
            protocol.advance(
                states[-1] if states else None, i * 100_000_000, true_uj % (range_uj + 1), range_uj
            )
        )
    assert states[-1].total_uj - states[0].total_uj == sum(steps[1:])
    for (before, after), step in zip(pairwise(states), steps[1:], strict=True):
        assert after.power_w == pytest.approx(step / 1e6 / 0.1)
        assert after.t_ns > before.t_ns


def test_busy_percent_leaves_idle_waiting_and_guests_out() -> None:
    before = {"user": 10.0, "system": 5.0, "idle": 100.0, "iowait": 1.0, "guest": 3.0}
    after = {"user": 13.0, "system": 6.0, "idle": 105.0, "iowait": 2.0, "guest": 9.0}
    assert protocol.busy_percent(before, after) == pytest.approx(40.0)
    assert protocol.busy_percent(after, after) is None


@given(st.dictionaries(st.sampled_from(["user", "idle", "iowait", "steal"]), st.floats(0, 1e9)))
def test_busy_percent_is_a_percentage(after: dict[str, float]) -> None:
    share = protocol.busy_percent(dict.fromkeys(after, 0.0), after)
    assert share is None or -1e-9 <= share <= 100 + 1e-9


def test_a_measured_clock_is_told_from_a_nominal_one() -> None:
    assert protocol.cpuinfo_hertz(CPUINFO_INTEL) == pytest.approx(2600.25e6)
    assert protocol.cpuinfo_hertz(CPUINFO_INTEL.replace("aperfmperf", "")) is None


@given(st.one_of(st.none(), st.text(), st.from_regex(r"(flags|cpu MHz)[ -~\n\t]*", fullmatch=True)))
def test_no_text_breaks_the_clock(text: str | None) -> None:
    hertz = protocol.cpuinfo_hertz(text)
    assert hertz is None or hertz >= 0
