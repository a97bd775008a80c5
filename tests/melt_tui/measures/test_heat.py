"""How a device stands towards heat."""

import pytest

from drivers.events import LimitEngaged
from melt_tui.measures.heat import STATUS, cool, slope, thermal_state


def limit(name: str, reason: str, detail: str = "") -> LimitEngaged:
    return LimitEngaged(t_ns=0, device="d", limit=name, reason=reason, detail=detail)


@pytest.mark.parametrize(
    ("limits", "state", "is_cool"),
    [
        ([], "none", True),
        ([limit(STATUS, "thermal", "SEVERE"), limit("cap", "operating-system cap")], "SEVERE", False),
        ([limit("cap", "operating-system cap", "2.8 → 1.8 GHz")], "operating-system cap", False),
        ([limit("oc1", "power limit"), limit("alert", "thermal")], "thermal", False),
        ([limit("oc1", "power limit")], "power limit", True),
        ([limit("x", "unknown")], "unknown", False),
        ([limit("x", "something new")], "none", True),
    ],
)
def test_the_state_is_the_platforms_word_or_its_gravest_reason(
    limits: list[LimitEngaged], state: str, is_cool: bool
) -> None:
    assert (thermal_state(limits), cool(limits)) == (state, is_cool)


def test_a_slope_is_that_of_the_best_straight_line() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2], [0, 3, 0]) == pytest.approx(0)
    assert slope([4], [1]) is None
    assert slope([4, 4], [1, 2]) is None
