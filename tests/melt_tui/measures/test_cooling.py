"""What a falling temperature comes to, against curves whose end is known."""

from math import exp
from random import Random

import pytest

from melt_tui.measures.conditions import Comparison, parse
from melt_tui.measures.cooling import Course, course, line, seconds_to, since_turn


def cooling(
    level: float, distance: float, tau_s: float, *, seconds: int = 90, noise: float = 0.0
) -> list[tuple[float, float]]:
    """The last seconds of a body that is ``distance`` from its level now."""
    random = Random(3)
    return [
        (float(s), level + distance * exp((seconds - s) / tau_s) + random.gauss(0, noise))
        for s in range(seconds + 1)
    ]


def comparison(text: str) -> Comparison:
    found = parse(text)
    assert isinstance(found, Comparison)
    return found


@pytest.mark.parametrize(
    ("tau_s", "noise", "near"), [(60.0, 0.0, 0.01), (200.0, 0.0, 0.01), (60.0, 0.08, 0.1), (150.0, 0.03, 0.2)]
)
def test_level_and_wait_are_those_of_the_curve(tau_s: float, noise: float, near: float) -> None:
    found = course(cooling(30.0, 20.0, tau_s, noise=noise))
    assert found is not None
    assert found.level == pytest.approx(30.0, abs=0.3 + 20 * near)
    assert found.level + found.distance == pytest.approx(50.0, abs=0.5 + 10 * near)
    wait_s = seconds_to(comparison("soc<=40"), [(0.0, 50.0)], found)
    assert wait_s == pytest.approx(tau_s * 0.6931, rel=0.02 + 2 * near)


def test_a_bound_below_the_level_is_never_met_and_one_that_holds_needs_no_wait() -> None:
    found, points = Course(30.0, 20.0, 60.0), [(0.0, 50.0)]
    assert seconds_to(comparison("soc<=29"), points, found) is None
    assert seconds_to(comparison("soc<=51"), points, found) == 0.0
    assert seconds_to(comparison("soc>=60"), points, found) is None
    assert seconds_to(comparison("soc<=40"), points, None) is None
    assert seconds_to(comparison("soc<=40"), [], None) is None
    assert found.misses(comparison("soc<=19"))
    assert not found.misses(comparison("soc<=29"))
    assert not found.misses(comparison("soc<=31"))


@pytest.mark.parametrize("known_s", [20, 45, 90])
def test_a_slope_is_foretold_from_what_was_and_what_comes(known_s: int) -> None:
    """At s seconds the curve is 30 + 20·exp(-s/60); its line over 60 s falls below 2 at the first whole second found here."""
    curve = [(float(s), 30 + 20 * exp(-s / 60)) for s in range(400)]
    one = comparison("slope<2/60s")
    true_s = next(s for s in range(60, 400) if (line(curve[: s + 1], 60.0) or 9.0) < 2)
    wait_s = seconds_to(one, curve[: known_s + 1], Course(30.0, 20 * exp(-known_s / 60), 60.0))
    assert wait_s == pytest.approx(true_s - known_s, rel=0.1)


def test_what_stands_still_has_no_slope_as_soon_as_that_is_known() -> None:
    points = [(float(s), 40.0) for s in range(21)]
    assert seconds_to(comparison("slope<2/60s"), points, None) == pytest.approx(34, abs=4)
    assert seconds_to(comparison("slope>2/60s"), points, None) is None


def test_a_level_body_tells_nothing_of_where_it_goes() -> None:
    assert course(cooling(30.0, 0.0, 60.0, noise=0.08)) is None
    assert course(cooling(30.0, 20.0, 60.0, seconds=10)) is None
    assert course([]) is None


def test_a_line_needs_its_whole_time() -> None:
    rising = [(float(s), 0.05 * s) for s in range(61)]
    assert line(rising, 60.0) == pytest.approx(3.0)
    assert line(rising[:30], 60.0) is None
    assert line([(s, -v) for s, v in rising], 20.0) == pytest.approx(1.0)
    assert line([], 60.0) is None


def test_what_was_before_it_turned_is_left_out() -> None:
    warmed = [(float(s), 30.0 + s) for s in range(21)]
    cooled = [(20.0 + s, 30 + 20 * exp(-s / 60)) for s in range(1, 41)]
    past = [*warmed, *cooled]
    known = since_turn(past, 60.0, falling=True)
    assert known == [warmed[-1], *cooled]
    assert since_turn(past, 30.0, falling=True) == cooled[10:]
    assert since_turn([(s, -v) for s, v in past], 60.0, falling=False)[0] == (20.0, -50.0)
    assert since_turn([], 60.0, falling=True) == []
    found = course(known)
    assert found is not None
    assert found.level == pytest.approx(30.0, abs=0.5)
    assert course(past) is None
