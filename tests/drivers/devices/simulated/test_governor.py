from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.simulated.bodies import PHONE
from drivers.devices.simulated.governor import HYSTERESIS_C, Governor, Status


def governor() -> Governor:
    return Governor(PHONE.thresholds_c, PHONE.policies)


def run(one: Governor, temperature_c: float, seconds: float, *, busy: bool = True) -> None:
    for _ in range(round(seconds / 0.05)):
        one.step(0.05, temperature_c, busy=busy)


def test_cool_and_busy_runs_at_the_top() -> None:
    one = governor()
    run(one, 40, 0.1)
    assert (one.status, one.frequency(1), one.cap(1)) == (Status.NONE, 2.84e9, 2.84e9)


def test_idle_falls_to_the_bottom_step_by_step() -> None:
    one = governor()
    run(one, 40, 0.1)
    seen: list[float] = []
    for _ in range(40):
        one.step(0.05, 40, busy=False)
        if not seen or seen[-1] != one.frequency(1):
            seen.append(one.frequency(1))
    # the first step may still show the top, then every frequency once
    assert seen[-1] == 0.71e9
    assert seen[-9:] == list(reversed(PHONE.policies[1].frequencies))[-len(seen[-9:]) :]


def test_heat_goes_up_one_status_at_a_time_and_lowers_the_cap() -> None:
    one = governor()
    statuses: list[Status] = []
    for _ in range(60):
        one.step(0.05, 90, busy=True)
        if not statuses or statuses[-1] is not one.status:
            statuses.append(one.status)
    assert statuses == [Status.NONE, Status.LIGHT, Status.MODERATE, Status.SEVERE]
    assert one.cap(1) == one.frequency(1) == 1.59e9
    assert one.cap(0) == one.frequency(0) == 1.4e9


def test_a_status_is_held_until_it_is_cooler_by_the_hysteresis() -> None:
    one = governor()
    light = PHONE.thresholds_c[0]
    run(one, light + 0.1, 2)
    seen = [one.status]
    run(one, light - HYSTERESIS_C + 0.1, 30)
    seen.append(one.status)
    run(one, light - HYSTERESIS_C - 0.1, 3)
    seen.append(one.status)
    assert seen == [Status.LIGHT, Status.LIGHT, Status.NONE]


def test_a_script_goes_before_the_temperature() -> None:
    one = governor()
    one.pinned = Status.SEVERE
    one.step(0.05, 30, busy=True)
    seen = [one.status]
    one.pinned = None
    run(one, 30, 10)
    assert [*seen, one.status] == [Status.SEVERE, Status.NONE]


@given(st.lists(st.tuples(st.floats(20, 110), st.booleans()), max_size=60))
def test_a_frequency_is_one_of_its_policy_and_reaches_its_cap(steps: list[tuple[float, bool]]) -> None:
    one = governor()
    for temperature_c, busy in steps:
        before = one.status
        one.step(0.05, temperature_c, busy=busy)
        assert abs(one.status - before) <= 1
        for i, policy in enumerate(PHONE.policies):
            assert one.frequency(i) in policy.frequencies
            assert one.cap(i) in policy.caps
    run(one, 25, 3)
    assert all(one.frequency(i) <= one.cap(i) for i in (0, 1))
