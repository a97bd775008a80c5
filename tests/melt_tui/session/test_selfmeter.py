"""What melt itself costs."""

import asyncio

import pytest

from drivers.clock import MILLISECOND
from drivers.model import (
    Samples,
)
from melt_tui.session.bus import Bus
from melt_tui.session.selfmeter import CPU, LOOP_LAG, RSS, SelfMeter
from tests.rigs.session_parts import Collected, SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


async def test_self_meter_tells_lag_cpu_and_memory(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    task = asyncio.ensure_future(SelfMeter(clock).run(bus))
    await clock.run_until(950 * MILLISECOND)
    clock.t_ns = 1130 * MILLISECOND  # the loop was held up: the beat due at 1.0 s fires 130 ms late
    await clock.run_until(1130 * MILLISECOND)
    lags = [s for s in collected.of(Samples) if s.channel == LOOP_LAG.name]
    assert [s.last_code for s in lags[:10]] == [0.0] * 10
    assert lags[10].last_code == pytest.approx(0.130)
    assert [s.channel for s in collected.of(Samples) if s.channel in {CPU.name, RSS.name}] == ["cpu", "rss"]
    task.cancel()
