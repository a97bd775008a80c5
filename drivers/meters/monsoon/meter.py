"""An open Monsoon, of either type: what it measures as it comes, and its output.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from drivers.arrival import Arrivals
from drivers.base import Item
from drivers.clock import SECOND, Clock, pause
from drivers.errors import LinkError, LinkTimeout, NotSupported
from drivers.events import LimitEngaged, LimitReleased, SupplySet
from drivers.links.base import ByteLink, ShellLink
from drivers.metering.losses import counted_losses
from drivers.metering.timing import Timing
from drivers.meters.monsoon import channels as table
from drivers.meters.monsoon.protocol import RATE_HZ, Heard, Stretch
from drivers.model import Channel, DeviceInfo, Samples, reading
from drivers.supply import Supplied, require_range

SILENT_S = 2.0
"""A Monsoon that samples and says nothing for so long is gone."""

PAUSE_NS = SECOND
"""It writes on and on: after a shorter silence what had to wait comes late."""

TOLERANCE = 0.01
"""How far its rate may be off: what it spends on calibrating is part of it."""

SETTLE_S = 0.15
"""What was sent before sampling ended has arrived by then."""

_LOOKS = 4
_NEVER_NS = 1 << 62
_OVERLOAD = "output"


class Wire(Protocol):
    """What differs between the types: how one is told, and how its bytes are read."""

    async def begin(self) -> None:
        """Sample from now on. Raises LinkError."""
        ...

    async def end(self) -> None:
        """Sample no more. Raises LinkError."""
        ...

    async def set_output(self, volts: float) -> None:
        """Supply this voltage; 0 cuts it. Raises Refused, LinkError."""
        ...

    def feed(self, data: bytes) -> Heard:
        """Read what ``data`` completes."""
        ...

    def restart(self) -> None:
        """What comes now does not follow on from what came before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What to measure, and what it can do."""

    rails: tuple[str, ...]
    point: str
    volts_per_step: dict[str, float]
    lowest_v: float
    highest_v: float
    output_v: float | None = None
    """What it is set to, where it tells."""
    limit_a: float | None = None


class MonsoonMeter:
    """An open Monsoon."""

    def __init__(
        self,
        info: DeviceInfo,
        setup: Setup,
        wire: Wire,
        link: ByteLink,
        clock: Clock,
        *,
        silent_s: float = SILENT_S,
    ) -> None:
        name = info.device
        self._info = info
        self._setup = setup
        self._wire = wire
        self._link = link
        self._clock = clock
        self._look_s = silent_s / _LOOKS
        self._rails = [_Rail(name, rail, setup) for rail in setup.rails]
        self._output = table.output(name)
        self._supplied = _supplied(setup)
        self._lost = counted_losses(name, "lost samples")
        self._damaged = counted_losses(name, "damaged frames")
        self._timing = Timing(name)
        self._said: list[Item] = []
        self._overloaded = False
        self._turn = asyncio.Lock()
        self._begun_ns = _NEVER_NS
        self._arrivals = _arrivals()
        self._end = 0

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """Current, voltage and power of each rail, what it is set to, what is known of losses and times."""
        measured = [channel for rail in self._rails for channel in rail.channels]
        counts = (self._lost.channel, self._damaged.channel)
        return (*measured, self._output, *counts, *self._timing.channels)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    @property
    def supplied(self) -> Supplied:
        """What it can supply, and what it does as far as it tells."""
        return self._supplied

    async def set_voltage(self, millivolts: int) -> None:
        """Supply this voltage from now on: it reaches what is connected, so a person must have agreed. Sampling pauses.

        Raises NotSupported for one that it cannot supply, Refused where it cannot be trusted to, LinkError.
        """
        require_range(self._info.device, self._supplied, millivolts)
        await self._order(millivolts / 1000)
        self._supplied = replace(self._supplied, set_mv=millivolts, on=True)

    async def switch(self, *, on: bool) -> None:
        """Supply nothing from now on, or what was last set. Raises NotSupported where nothing was, LinkError."""
        if on and not self._supplied.set_mv:
            raise NotSupported(
                f"{self._info.device} does not tell which voltage it is set to", remedy="set its voltage"
            )
        await self._order((self._supplied.set_mv or 0) / 1000 if on else 0.0)
        self._supplied = replace(self._supplied, on=on)

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What it measures, from now on. Raises LinkTimeout when it falls silent, LinkLost when it is gone."""
        t_ns = self._clock.now()
        for item in self._losses(t_ns):
            yield item
        if self._setup.output_v is not None:
            yield reading(self._output, t_ns, self._setup.output_v)
        async with self._turn:
            await self._begin()
        while True:
            try:
                t_ns, data = await self._heard()
            except LinkError:
                for item in self._losses(self._clock.now(), all_of_them=True):
                    yield item
                raise
            if t_ns >= self._begun_ns:
                for item in self._items(t_ns, self._wire.feed(data)):
                    yield item

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

    async def _order(self, volts: float) -> None:
        """A Monsoon takes no setting while it samples, and supplies as soon as a voltage is set."""
        async with self._turn:
            self._begun_ns = _NEVER_NS
            await self._wire.end()
            try:
                await self._wire.set_output(volts)
            finally:
                await self._begin()
        now = self._clock.now()
        self._said += [
            SupplySet(t_ns=now, device=self._info.device, volts=volts or None, on=volts > 0),
            reading(self._output, now, volts),
        ]

    async def _begin(self) -> None:
        """Sample, and forget what came before."""
        await pause(self._clock, SETTLE_S)
        self._wire.restart()
        self._arrivals, self._end = _arrivals(), 0
        self._begun_ns = self._clock.now()
        await self._wire.begin()

    async def _heard(self) -> tuple[int, bytes]:
        """The next bytes. Silence counts only while this program itself runs: several looks, one after the other."""
        for _ in range(_LOOKS):
            try:
                async with asyncio.timeout(self._look_s):
                    return await self._link.read()
            except TimeoutError:
                continue
        raise LinkTimeout(
            f"{self._info.device} has sent nothing for {self._look_s * _LOOKS:g} s",
            remedy="look at its cable, or switch it off and on again",
        )

    def _items(self, t_ns: int, heard: Heard) -> Iterator[Item]:
        self._lost.add(heard.lost)
        self._damaged.add(heard.damaged)
        said, self._said = self._said, []
        yield from said
        yield from self._overload(t_ns, heard)
        for stretch in heard.stretches:
            placed = self._arrivals.place(t_ns, stretch.n, stretch.first - self._end)
            self._end = stretch.first + stretch.n
            for rail in self._rails:
                yield from rail.samples(stretch, placed.t0_ns, placed.t1_ns)
        yield from self._losses(t_ns)
        if heard.stretches:
            yield from self._timing.told(t_ns, self._arrivals.fit)

    def _losses(self, t_ns: int, *, all_of_them: bool = False) -> Iterator[Item]:
        for losses in (self._lost, self._damaged):
            yield from losses.told(t_ns, all_of_them=all_of_them)

    def _overload(self, t_ns: int, heard: Heard) -> Iterator[Item]:
        if heard.overloaded and not self._overloaded:
            detail = "too much current, or too hot: the meter has cut its output"
            yield LimitEngaged(
                t_ns=t_ns, device=self._info.device, limit=_OVERLOAD, reason="current limit", detail=detail
            )
        elif self._overloaded and not heard.overloaded:
            yield LimitReleased(t_ns=t_ns, device=self._info.device, limit=_OVERLOAD)
        self._overloaded = heard.overloaded


def _supplied(setup: Setup) -> Supplied:
    now_v = setup.output_v
    return Supplied(
        low_mv=round(1000 * setup.lowest_v),
        high_mv=round(1000 * setup.highest_v),
        set_mv=round(1000 * now_v) if now_v else None,
        on=None if now_v is None else now_v > 0,
    )


def _arrivals() -> Arrivals:
    return Arrivals(RATE_HZ, tolerance=TOLERANCE, exact=False, pause_ns=PAUSE_NS)


class _Rail:
    """One rail of the meter: its channels, and blocks of them."""

    def __init__(self, device: str, rail: str, setup: Setup) -> None:
        point = setup.point if rail == "main" and setup.point else table.POINTS[rail]
        step = setup.volts_per_step.get(rail)
        self._rail = rail
        self._step = step
        self._current = table.current(device, rail, point, setup.limit_a if rail == "main" else None)
        self._voltage = table.voltage(device, rail, point, step) if step else None
        self._power = table.power(device, rail, point, setup.highest_v) if step else None

    @property
    def channels(self) -> list[Channel]:
        """Power first, where there is a voltage."""
        return [channel for channel in (self._power, self._current, self._voltage) if channel]

    def samples(self, stretch: Stretch, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """What this rail has of the stretch; nothing while its calibration is not known."""
        amperes = stretch.amperes.get(self._rail)
        if amperes is None:
            return
        if self._power and self._voltage and self._step:
            raw = stretch.voltages[self._rail]
            watts = amperes * (raw * self._step)
            yield _block(self._power, t0_ns, t1_ns, watts.astype("<f4").tobytes())
            yield _block(self._voltage, t0_ns, t1_ns, np.clip(raw, 0, 0xFFFF).astype("<u2").tobytes())
        yield _block(self._current, t0_ns, t1_ns, amperes.astype("<f4").tobytes())


def _block(channel: Channel, t0_ns: int, t1_ns: int, codes: bytes) -> Samples:
    return Samples(channel.device, channel.name, t0_ns, t1_ns, channel.dtype, codes)
