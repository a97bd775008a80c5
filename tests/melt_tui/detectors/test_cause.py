"""Which limit explains that a run became slower."""

import pytest

from drivers.clock import SECOND
from drivers.events import LimitEngaged, LimitReleased
from melt_tui.detectors.cause import Surroundings, weak
from melt_tui.detectors.mechanism import Episode, Mechanisms
from melt_tui.detectors.thermometer import Thermometer


def engaged(*told: tuple[int, str], until: int | None = None) -> Mechanisms:
    """Limits by second and reason, each released a second later if ``until``."""
    known = Mechanisms(10.0)
    for i, (t, reason) in enumerate(told):
        name = reason if until is None else "oc1"
        known.engaged(LimitEngaged(t_ns=t * SECOND, device="d", limit=name, reason=reason, detail=str(i)))
        if until is not None:
            known.released(LimitReleased(t_ns=(t + until) * SECOND, device="d", limit=name))
    return known


def explained(known: Mechanisms, **meters: Mechanisms) -> tuple[str, int] | None:
    """At 100 s, of a run since 0 s."""
    cause = Surroundings(known, Thermometer(), meters).cause(100 * SECOND, 0, 30.0)
    return None if cause is None else (cause.reason, cause.t0_ns // SECOND)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ([], None),
        ([(131, "thermal")], None),
        ([(130, "thermal")], ("thermal", 130)),
        ([(20, "thermal")], ("thermal", 20)),
        ([(20, "thermal"), (99, "power limit")], ("power limit", 99)),
        ([(99, "operating-system cap"), (110, "thermal")], ("thermal", 110)),
        ([(99, "operating-system cap"), (110, "memory pressure")], ("memory pressure", 110)),
        ([(99, "memory pressure"), (80, "something")], ("something", 80)),
        ([(99, "operating-system cap")], ("operating-system cap", 99)),
    ],
)
def test_the_nearest_of_those_that_explain_most(
    told: list[tuple[int, str]], cause: tuple[str, int] | None
) -> None:
    assert explained(engaged(*told)) == cause


def test_a_power_limit_that_came_and_went_before_explains_nothing() -> None:
    times = [(10, "power limit"), (40, "power limit"), (99, "power limit")]
    assert explained(engaged(*times, until=1)) is None
    assert explained(engaged(*times[1:], until=1)) == ("power limit", 99)


def test_a_meter_that_feeds_the_device_limits_it_too() -> None:
    assert explained(engaged(), hvpm=engaged((98, "current limit"))) == ("current limit", 98)


def test_what_is_often_in_force_for_nothing_is_weak() -> None:
    reasons = ("thermal", "power limit", "operating-system cap", "memory pressure", "unknown")
    assert [weak(Episode("x", reason, "", 0)) for reason in reasons] == [False, False, False, True, True]


def test_what_is_said_where_no_limit_is() -> None:
    around = Surroundings(Mechanisms(10.0), Thermometer(), {})
    assert around.silence() == "this device tells of no limit"
    around = Surroundings(engaged((1, "thermal")), Thermometer(), {})
    around.mechanisms.ordinary = 7
    assert "no limit is in force; oc3 counted 7 more" in around.silence()
    assert [one.t0_ns for one in around.lasting(41 * SECOND, 40 * SECOND)] == [SECOND]
    assert list(around.lasting(40 * SECOND, 40 * SECOND)) == []
