"""The clock of a meter beside a run, told on the bus while the run goes on."""

from collections.abc import Iterable

import pytest

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import Event
from drivers.model import Samples
from melt_tui.detectors.power_edge import PowerEdge
from melt_tui.events import SELF, ClocksCompared, RunStarted, Tick, Wired
from tests.rigs.late_meter import at, session


def in_order(items: Iterable[Item], ticks_to_s: float) -> list[Item]:
    """As they come on the bus: samples when the last of them was taken, a tick four times a second."""
    ticks = [Tick(t_ns=at(quarter / 4), device=SELF) for quarter in range(round(4 * ticks_to_s))]
    return sorted([*items, *ticks], key=lambda item: item.t1_ns if isinstance(item, Samples) else item.t_ns)


def told(items: Iterable[Item]) -> list[ClocksCompared]:
    detector = PowerEdge()
    return [event for item in items for event in detector.feed(item) if isinstance(event, ClocksCompared)]


@pytest.mark.parametrize("late_ms", [0, 37, -600])
def test_it_is_told_once_when_the_first_turn_has_told_it(late_ms: int) -> None:
    (event,) = told(in_order(session(late_ns=late_ms * MILLISECOND), 17))
    assert event.offset_ns is not None
    assert event.uncertainty_ns is not None
    assert abs(event.offset_ns + late_ms * MILLISECOND) <= event.uncertainty_ns < 5 * MILLISECOND
    assert (event.device, event.feeds, event.run) == ("meter", "board", "r1")
    assert (event.offered, event.edges) == (late_ms != 0, 3)
    assert at(9.1) + 2 * SECOND <= event.t_ns - max(0, late_ms) * MILLISECOND <= at(9.1) + 3 * SECOND


def test_a_slow_meter_cannot_say() -> None:
    (event,) = told(in_order(session(rate_hz=0.5), 20))
    assert event.offset_ns is None
    assert "too seldom" in event.reason


def test_without_a_wire_or_a_run_nothing_is_looked_at() -> None:
    def but(kind: type[Event]) -> list[Item]:
        return [item for item in session() if not isinstance(item, kind)]

    for kind in (Wired, RunStarted):
        detector = PowerEdge()
        for item in in_order(but(kind), 17):
            assert not list(detector.feed(item))
        assert not detector._looks
