"""A meter that is asked: when, and that a load in step with its period is seen as it is. Time is made up."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from random import Random

import numpy as np
import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import LinkTimeout
from drivers.events import SamplesLost
from drivers.metering.polling import LEAST, Asking, PolledMeter, conversing
from drivers.model import Channel, DeviceInfo, DeviceKind, Kind, Quantity, Samples, Unit
from drivers.ticks import scattered
from melt_tui.measures.integral import Times, Trace, integrate
from tests.rigs.virtual_clock import START_NS, VirtualClock

POWER = Channel(device="m", name="power", quantity=Quantity.POWER, unit=Unit.WATT)
INFO = DeviceInfo(device="m", address="serial:x", kind=DeviceKind.METER)


class Answering:
    """A link whose meter answers at once with what it measures: 1 in the first half of each period, else 0."""

    def __init__(self, clock: VirtualClock, load_s: float) -> None:
        self._clock = clock
        self._load_ns = round(load_s * SECOND)
        self.takes_s = 0.001
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
        await self._clock.sleep_until(self.asked_ns[-1] + round(self.takes_s * SECOND))
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


@pytest.mark.parametrize("load_s", [0.05, 0.1, 0.045, 0.5, 0.25])
async def test_a_load_in_step_with_the_period_is_not_taken_for_a_steady_one(load_s: float) -> None:
    clock = VirtualClock()
    link = Answering(clock, load_s)
    async with conversing(link, clock, Asking("um", b"?", 1, 0.5, lambda data: [data[0]])) as talk:
        values = await readings(PolledMeter(INFO, [POWER], talk, chance=Random(4)), 150)
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)
    late = np.diff(link.asked_ns) / SECOND
    assert late.min() >= 0.5 * LEAST - 0.001
    assert late.max() <= 0.5 * 2 + 0.001
    assert late.mean() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(("takes_s", "period_s"), [(0.14, 0.5), (0.3, 1.0), (0.6, 2.0)])
async def test_slow_answers_are_waited_for_and_make_the_periods_longer(
    takes_s: float, period_s: float
) -> None:
    clock = VirtualClock()
    link = Answering(clock, 0.01)
    link.takes_s = takes_s
    async with conversing(link, clock, Asking("um", b"?", 1, 0.5, lambda data: [data[0]])) as talk:
        await readings(PolledMeter(INFO, [POWER], talk, chance=Random(4)), 50)
    late = np.diff(link.asked_ns[-30:]) / SECOND
    assert late.min() >= takes_s
    assert late.mean() == pytest.approx(period_s, rel=0.05), "none is left out"
    assert late.std() > 0.3 * period_s, "random moments, not those of the answers"


class Square:
    """A load of 0.6 W in the first part of each period, else 0.1 W."""

    def __init__(self, period_s: float, part: float, phase: float) -> None:
        self._period, self._part, self._phase = period_s * SECOND, part, phase

    def watts(self, at_ns: Times) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.where((at_ns / self._period + self._phase) % 1 < self._part, 0.6, 0.1)

    def joules(self, a_ns: int, b_ns: int) -> float:
        low, high = (self._up(at_ns) for at_ns in (a_ns, b_ns))
        return (0.1 * (b_ns - a_ns) + 0.5 * (high - low)) / SECOND

    def _up(self, at_ns: int) -> float:
        periods = at_ns / self._period + self._phase
        return (
            float(np.floor(periods) + min(periods % 1, self._part) / self._part) * self._part * self._period
        )


async def moments(period_s: float, n: int) -> Times:
    """When a meter is asked."""
    clock, period_ns = VirtualClock(0), round(period_s * SECOND)
    asked = scattered(clock, lambda: period_ns, Random(8), round(LEAST * period_ns))
    async with aclosing(asked) as ticks:
        found = [t_ns async for t_ns in _first(ticks, n)]
    return np.array(found, np.int64)


async def _first(ticks: AsyncIterator[int], n: int) -> AsyncIterator[int]:
    for _ in range(n):
        yield await anext(ticks)


TRIALS = 150
LOADS_S = (0.1, 0.36, 0.48, 0.49, 0.5, 0.51, 1.0, 1.5, 5.0)


@pytest.mark.parametrize("part", [0.5, 0.2])
@pytest.mark.parametrize(("period_s", "loads_s"), [(0.5, LOADS_S), (0.1, (0.1, 1 / 9.5, 0.05))])
async def test_energies_of_square_loads_stay_within_what_is_stated(
    period_s: float, loads_s: tuple[float, ...], part: float
) -> None:
    """Loads of many periods, those of the meter, twice and half of it among them: 95 % of them, whatever the window."""
    asked, random = await moments(period_s, 3000), np.random.default_rng(5)
    outside: dict[tuple[float, int], float] = {}
    for load_s in loads_s:
        for periods in (10, 40, 120):
            missed = sum(_missed(asked, period_s, load_s, part, periods, random) for _ in range(TRIALS))
            outside[load_s, periods] = missed / TRIALS
    assert np.mean(list(outside.values())) <= 0.06
    assert max(outside.values()) <= 0.12, outside


def _missed(
    asked: Times, period_s: float, load_s: float, part: float, periods: int, random: np.random.Generator
) -> bool:
    """Whether the truth is outside the stated ± in a window of so many periods."""
    load, length = Square(load_s, part, random.random()), round(periods * period_s * SECOND)
    a_ns = round(random.uniform(asked[8], asked[-8] - length))
    low, high = np.searchsorted(asked, (a_ns, a_ns + length)).tolist()
    times = asked[low - 8 : high + 8]
    trace = Trace(kind=Kind.INSTANT, times_ns=times, values=load.watts(times), period_ns=period_s * SECOND)
    energy = integrate(trace, a_ns, a_ns + length)
    assert energy is not None
    return abs(energy.joules.value - load.joules(a_ns, a_ns + length)) > energy.joules.integration


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
