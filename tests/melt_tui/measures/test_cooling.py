"""What a falling temperature comes to, against curves whose end is known."""

from math import exp
from random import Random

import pytest

from melt_tui.measures.conditions import Comparison, parse
from melt_tui.measures.cooling import Course, course, line


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
    wait_s = found.seconds_to(comparison("soc<=40"))
    assert wait_s == pytest.approx(tau_s * 0.6931, rel=0.02 + 2 * near)


def test_a_bound_below_the_level_is_never_met_and_one_that_holds_needs_no_wait() -> None:
    found = Course(30.0, 20.0, 60.0)
    assert found.seconds_to(comparison("soc<=29")) is None
    assert found.misses(comparison("soc<=29"))
    assert not found.misses(comparison("soc<=31"))
    assert found.seconds_to(comparison("soc<=51")) == 0.0
    assert found.seconds_to(comparison("soc>=60")) is None


def test_a_slope_falls_with_the_distance() -> None:
    found = Course(30.0, 20.0, 60.0)
    now = 20 * (1 - exp(-1))
    wait_s = found.seconds_to(comparison("slope<2/60s"))
    assert wait_s is not None
    assert now * exp(-wait_s / 60) == pytest.approx(2.0)


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
