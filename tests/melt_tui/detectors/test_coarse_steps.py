"""Live energies by a counter that tells whole steps: as far off as a step may make them, and saying so."""

from itertools import pairwise

import pytest

from drivers.model import Channel, Kind, Quantity, Unit, block
from melt_tui.detectors.marks import Off, Source
from melt_tui.timeline.clockmap import ClockMap

S = 1_000_000_000
STEP_J = 3.6
COUNTER = Channel(
    device="meter", name="energy", quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER, rate_hz=100.0
)


def fed(counts: list[float], together: int) -> Source:
    source = Source(COUNTER, ClockMap())
    for first in range(0, len(counts), together):
        some = counts[first : first + together]
        source.integral.take(block(COUNTER, first * S // 100, (first + len(some) - 1) * S // 100, some))
    return source


@pytest.mark.parametrize("together", [1, 10])
def test_the_truth_lies_within_what_is_said(together: int) -> None:
    """2 W of whole milliwatt hours: a step every 1.8 s."""
    source = fed([STEP_J * int(0.02 * n / STEP_J + 1e-9) for n in range(1000)], together)
    assert source.integral.coarse_j == pytest.approx(STEP_J)
    moments = [source.mark(round(t * S), Off()) for t in (6.1, 6.9, 7.3, 8.1, 9.3)]
    for (a, start), (b, end) in pairwise(zip((6.1, 6.9, 7.3, 8.1, 9.3), moments, strict=True)):
        assert start is not None
        assert end is not None
        told = source.amount(start, end)
        assert told is not None
        assert told.value == pytest.approx(2.0 * (b - a), abs=told.uncertainty)
        assert told.uncertainty >= 0.8 * STEP_J


@pytest.mark.parametrize("together", [1, 10])
def test_one_that_rises_with_each_count_is_not_coarse(together: int) -> None:
    source = fed([0.02 * n for n in range(1000)], together)
    assert source.integral.coarse_j == 0
    rested = fed([0.02 * max(0, n - 200) for n in range(1000)], together)
    assert rested.integral.coarse_j == 0, "it rose more often than it stood"
