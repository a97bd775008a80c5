"""What platforms say of limits, from their events and from their channels."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Channel, DType, Kind, Quantity, Unit, block, reading
from melt_tui.detectors.mechanism import Mechanisms


def channel(name: str, quantity: Quantity) -> Channel:
    return Channel(
        device="d", name=name, quantity=quantity, unit=Unit.NONE, kind=Kind.INSTANT, dtype=DType.F64
    )


def engaged(t: int, limit: str = "it", reason: str = "thermal", detail: str = "") -> LimitEngaged:
    return LimitEngaged(t_ns=t * SECOND, device="d", limit=limit, reason=reason, detail=detail)


def played(name: str, quantity: Quantity, values: list[float], *, run_at: int = 0) -> Mechanisms:
    """A channel read once a second; the run starts before reading ``run_at``."""
    told, one = Mechanisms(10.0), channel(name, quantity)
    told.open(one)
    for t, value in enumerate(values):
        if t == run_at:
            told.begin_run()
        told.take(reading(one, t * SECOND, value), 0)
    return told


def force(told: Mechanisms) -> list[tuple[str, str, int]]:
    return [(one.reason, one.detail, one.t0_ns // SECOND) for one in told.in_force()]


def test_a_limit_lasts_from_its_rising_edge_and_may_deepen() -> None:
    told = Mechanisms(10.0)
    told.engaged(engaged(5, detail="LIGHT"))
    told.engaged(engaged(9, detail="SEVERE"))
    assert force(told) == [("thermal", "SEVERE", 5)]
    assert (told.cool, told.changes, told.tells) == (False, 1, True)
    told.released(LimitReleased(t_ns=20 * SECOND, device="d", limit="it"))
    assert (told.cool, force(told)) == (True, [])
    (episode,) = told.near(12 * SECOND, 0)
    assert (episode.t0_ns, episode.t1_ns) == (5 * SECOND, 20 * SECOND)


@pytest.mark.parametrize(
    ("t", "reach", "seen"),
    [(4, 0, 0), (4, 1, 1), (5, 0, 1), (20, 0, 1), (21, 0, 0), (36, 30, 0), (35, 30, 1)],
)
def test_near_is_in_force_then_or_engaged_within_reach(t: int, reach: int, seen: int) -> None:
    told = Mechanisms(10.0)
    told.engaged(engaged(5))
    told.released(LimitReleased(t_ns=20 * SECOND, device="d", limit="it"))
    assert len(list(told.near(t * SECOND, reach * SECOND))) == seen


def test_a_power_limit_leaves_it_cool_and_a_device_that_is_away_tells_nothing() -> None:
    told = Mechanisms(10.0)
    told.engaged(engaged(5, reason="power limit"))
    assert (told.cool, told.changes, told.hot()) == (True, 0, None)
    told.engaged(engaged(6, "cap", "operating-system cap"))
    assert told.hot() is not None
    told.forget(9 * SECOND)
    assert (told.cool, told.in_force()) == (True, ())


def test_what_a_channel_says_after_the_device_was_away_counts_anew() -> None:
    told, one = Mechanisms(10.0), channel("thermal status", Quantity.LIMIT_LEVEL)
    told.open(one)
    told.take(reading(one, SECOND, 3), 0)
    told.forget(5 * SECOND)
    told.open(one)
    told.take(reading(one, 9 * SECOND, 3), 0)
    assert force(told) == [("thermal", "SEVERE", 9)]
    counter = played("core_throttle_count", Quantity.THROTTLE_COUNT, [5, 5])
    counter.forget(3 * SECOND)
    counter.take(reading(channel("core_throttle_count", Quantity.THROTTLE_COUNT), 60 * SECOND, 9), 0)
    assert force(counter) == [], "nobody knows when it stepped"


def test_a_cap_is_compared_with_the_runs_own_start_unless_it_is_lowered_already() -> None:
    assert force(played("cap", Quantity.FREQUENCY_CAP, [2e9, 2e9, 1.5e9], run_at=1)) == [
        ("operating-system cap", "2.00 GHz → 1.50 GHz", 2)
    ]
    assert force(played("cap", Quantity.FREQUENCY_CAP, [2e9, 2.4e9, 2e9], run_at=2))[0][2] == 2
    assert force(played("cap", Quantity.FREQUENCY_CAP, [2.4e9, 2e9, 2e9], run_at=2))[0][2] == 1
    assert force(played("cap", Quantity.FREQUENCY_CAP, [2e9, 1.5e9, 2e9])) == []


def test_a_status_is_in_force_from_1_on_and_a_cooling_device_above_its_rest() -> None:
    assert force(played("thermal status", Quantity.LIMIT_LEVEL, [0, 1, 3])) == [("thermal", "SEVERE", 1)]
    assert force(played("cooling modem", Quantity.LIMIT_LEVEL, [2, 2])) == []
    assert force(played("cooling modem", Quantity.LIMIT_LEVEL, [2, 2, 4])) == [("thermal", "state 4", 2)]
    assert force(played("cpu-throttle-alert", Quantity.LIMIT_LEVEL, [1])) == [("thermal", "state 1", 0)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("core_throttle_count", "thermal"),
        ("oc1_event_cnt", "power limit"),
        ("package_power_limit_count", "power limit"),
    ],
)
def test_a_counter_is_in_force_while_it_steps_and_5_s_longer(name: str, reason: str) -> None:
    assert force(played(name, Quantity.THROTTLE_COUNT, [7, 7, 9])) == [(reason, "counted 2 more", 2)]
    assert force(played(name, Quantity.THROTTLE_COUNT, [7, 7, 9, 9, 9, 9, 9])) == [
        (reason, "counted 2 more", 2)
    ]
    assert force(played(name, Quantity.THROTTLE_COUNT, [7, 7, 9, 9, 9, 9, 9, 9])) == []
    assert force(played(name, Quantity.THROTTLE_COUNT, [7, 3])) == [], "a fall is a restart"


def test_the_counter_that_climbs_under_ordinary_load_is_counted_and_no_alarm() -> None:
    told = played("oc3_event_cnt", Quantity.THROTTLE_COUNT, [10, 500, 900])
    assert (force(told), told.ordinary, told.cool) == ([], 890, True)


def test_memory_pressure_is_a_mechanism_from_10_percent_on() -> None:
    assert force(played("memory_pressure", Quantity.MEMORY_PRESSURE, [0, 9.9])) == []
    assert force(played("memory_pressure", Quantity.MEMORY_PRESSURE, [0, 12, 30])) == [
        ("memory pressure", "30 %", 1)
    ]


def test_a_block_tells_each_edge_at_its_own_time_moved_to_the_hosts() -> None:
    told, one = Mechanisms(10.0), channel("thermal status", Quantity.LIMIT_LEVEL)
    told.open(one)
    told.take(block(one, 0, 4 * SECOND, [0, 0, 2, 2, 2]), 100 * SECOND)
    assert [episode.t0_ns for episode in told.in_force()] == [102 * SECOND]
    assert told.status_told


@example(("thermal status", Quantity.LIMIT_LEVEL), [[1.0], "forget", [1.0]])
@example(("oc1", Quantity.THROTTLE_COUNT), [[0.0], *[[1.0]] * 8])
@given(
    st.sampled_from(
        [
            ("cap", Quantity.FREQUENCY_CAP),
            ("thermal status", Quantity.LIMIT_LEVEL),
            ("oc1", Quantity.THROTTLE_COUNT),
            ("memory pressure", Quantity.MEMORY_PRESSURE),
        ]
    ),
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 20.0, float("nan")]), min_size=1, max_size=3)
        | st.sampled_from(["forget", "begin", "open"]),
        max_size=12,
    ),
)
def test_what_says_the_same_again_need_not_be_taken(
    kind: tuple[str, Quantity], told: list[list[float] | str]
) -> None:
    every, some, one = Mechanisms(10.0), Mechanisms(10.0), channel(*kind)
    every.open(one)
    some.open(one)
    for t, what in enumerate(told):
        happens(every, one, t, what, sparing=False)
        happens(some, one, t, what, sparing=True)
        assert force(every) == force(some)
        assert list(every.near(t * SECOND, 60 * SECOND)) == list(some.near(t * SECOND, 60 * SECOND))


def happens(told: Mechanisms, one: Channel, t: int, what: list[float] | str, *, sparing: bool) -> None:
    """A second of a channel: values that are read, or what else there is; ``sparing`` passes over what is said again."""
    if what == "forget":
        told.forget(t * SECOND)
    elif what == "begin":
        told.begin_run()
    elif isinstance(what, str):
        told.open(one)
    else:
        said = block(one, t * SECOND, t * SECOND + 400_000_000, what)
        if not (sparing and told.tells_nothing(said)):
            told.take(said, 0)
