"""A bulk channel in memory: how much is held of it, and in which widths."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from drivers.clock import MILLISECOND, SECOND
from drivers.model import Channel, DType, Quantity, Samples, Unit
from melt_tui.live.bulk import BulkSeries
from melt_tui.timeline.grid import Cut


def channel(rate_hz: float) -> Channel:
    return Channel(device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=rate_hz)


def fed(rate_hz: float, seconds: int) -> BulkSeries:
    """One value a sample: its number."""
    series, period_ns = BulkSeries(), round(SECOND / rate_hz)
    series.open(channel(rate_hz))
    step = max(1, round(rate_hz / 50))
    for first in range(0, round(seconds * rate_hz), step):
        codes = np.arange(first, first + step, dtype=np.float64).tobytes()
        series.take(
            Samples(
                device="meter",
                channel="power",
                t0_ns=first * period_ns,
                t1_ns=(first + step - 1) * period_ns,
                codes=codes,
                dtype=DType.F64,
            )
        )
    series.settle()
    return series


@pytest.mark.parametrize(
    ("rate_hz", "finest_ms"), [(100_000.0, 1), (1000.0, 1), (500.0, 1), (100.0, 10), (70.0, 10)]
)
def test_no_level_is_finer_than_the_samples_need(rate_hz: float, finest_ms: int) -> None:
    series = fed(rate_hz, 20)
    assert series.held_from(finest_ms * MILLISECOND) < 0
    cut = Cut(2 * SECOND, 4 * SECOND, 50 * MILLISECOND, None)
    columns = series.columns(cut)()
    first = round(2 * rate_hz)
    assert columns.minima[0] == pytest.approx(first, abs=1)
    assert sum(columns.counts) == pytest.approx(2 * rate_hz, abs=1)
    if finest_ms > 1:
        assert series.held_from(MILLISECOND) > 15 * SECOND


def traced(make: Callable[[], BulkSeries]) -> float:
    """Bytes that it holds."""
    tracemalloc.start()
    try:
        made = make()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.held_from(100 * MILLISECOND) < 0
    return held


def test_memory_of_a_fast_channel_is_taken_at_once_and_does_not_seem_to_leak() -> None:
    at_once = traced(lambda: fed(1000.0, 0))
    assert at_once > 2e6
    assert traced(lambda: fed(1000.0, 60)) - at_once < 0.2e6


def test_a_slower_one_takes_what_it_needs() -> None:
    assert traced(lambda: fed(100.0, 0)) < 0.1e6
    assert traced(lambda: fed(100.0, 60)) < 0.5e6
