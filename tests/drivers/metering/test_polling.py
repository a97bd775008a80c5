"""A meter that is asked: when, and that a load in step with its period is seen as it is. Time is made up."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import numpy as np
import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import LinkTimeout
from drivers.events import SamplesLost
from drivers.metering.polling import SCATTER, Asking, PolledMeter, conversing
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, Samples, Unit
from tests.rigs.virtual_clock import START_NS, VirtualClock

POWER = Channel(device="m", name="power", quantity=Quantity.POWER, unit=Unit.WATT)
INFO = DeviceInfo(device="m", address="serial:x", kind=DeviceKind.METER)


class Answering:
    """A link whose meter answers at once with what it measures: 1 in the first half of each period, else 0."""

    def __init__(self, clock: VirtualClock, load_s: float) -> None:
        self._clock = clock
        self._load_ns = round(load_s * SECOND)
        self.asked_ns: list[int] = []
        self.silent_ns = (0, 0)
        """Since the start."""
        self.over_ns = START_NS + 100 * SECOND

    async def write(self, data: bytes) -> None:
        if not self.silent_ns[0] <= self._clock.now() - START_NS < self.silent_ns[1]:
            self.asked_ns.append(self._clock.now())

    async def read(self) -> tuple[int, bytes]:
        told = len(self.asked_ns)
        while len(self.asked_ns) == told:
            await self._clock.sleep_until(self._clock.now() + SECOND // 1000)
            if self._clock.now() > self.over_ns:
                raise LinkTimeout("it is over")
        return self._clock.now(), bytes([(self._clock.now() - START_NS) % self._load_ns < self._load_ns // 2])


async def readings(meter: PolledMeter, n: int) -> list[float]:
    values: list[float] = []
    async with aclosing(meter.stream()) as items:
        async for item in items:
            if isinstance(item, Samples) and item.channel == "power":
                values.append(item.last_code)
            if len(values) == n:
                break
    return values


@pytest.mark.parametrize("load_s", [0.05, 0.1, 0.045])
async def test_a_load_in_step_with_the_period_is_not_taken_for_a_steady_one(load_s: float) -> None:
    clock = VirtualClock()
    link = Answering(clock, load_s)
    async with conversing(link, clock, Asking("um", b"?", 1, 0.5, lambda data: [data[0]])) as talk:
        values = await readings(PolledMeter(INFO, [POWER], talk), 60)
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)
    late = np.diff(link.asked_ns) / SECOND
    assert late.min() >= 0.5 * (1 - SCATTER) - 0.01
    assert late.max() <= 0.5 * (1 + SCATTER) + 0.01
    assert late.mean() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("silent_s", [3, 30])
async def test_a_silent_meter_has_damaged_nothing(silent_s: int) -> None:
    clock = VirtualClock()
    link = Answering(clock, 1.0)
    link.over_ns = START_NS + 8 * SECOND
    link.silent_ns = (2 * SECOND, (2 + silent_s) * SECOND)
    async with conversing(link, clock, Asking("tc66", b"?", 1, 0.1, lambda data: [data[0]])) as talk:
        items = [item async for item in until_over(PolledMeter(INFO, [POWER], talk))]
    (lost,) = (item for item in items if isinstance(item, SamplesLost))
    assert (lost.channel, lost.reason) == ("power", "it did not answer")
    assert lost.count == pytest.approx(10 * min(silent_s, 5), abs=11), "as many as were due"
    counts = [
        item.last_code for item in items if isinstance(item, Samples) and item.channel == "damaged frames"
    ]
    assert set(counts) == {0}


async def until_over(meter: PolledMeter) -> AsyncIterator[Item]:
    """Its items until it is given up."""
    with suppress(LinkTimeout):
        async with aclosing(meter.stream()) as items:
            async for item in items:
                yield item
