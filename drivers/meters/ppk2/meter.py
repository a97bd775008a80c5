"""An open PPK2: what it measures as it comes, its supply voltage, and its switch."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace

from drivers.arrival import Arrivals
from drivers.base import Item
from drivers.clock import Clock
from drivers.errors import LinkError, LinkTimeout
from drivers.events import Absent, SupplySet
from drivers.links.base import ByteLink, ShellLink
from drivers.metering.losses import Losses, loss_channel
from drivers.metering.timing import Timing
from drivers.meters.ppk2.frames import COUNTS, FrameReader, Run
from drivers.meters.ppk2.protocol import (
    HIGHEST_MV,
    LOWEST_MV,
    RATE_HZ,
    START,
    Metadata,
    Mode,
    set_power,
    set_supply,
)
from drivers.meters.ppk2.sampling import Logic, Sampling
from drivers.model import Channel, DeviceInfo
from drivers.supply import Supplied, require_range

SILENT_S = 2.0
"""A PPK2 that measures and says nothing for so long is gone."""

_LOOKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How to measure."""

    mode: Mode
    supply_mv: int
    point: str
    filtered: bool = True
    logic: bool = True


class Ppk2Meter:
    """An open PPK2."""

    def __init__(
        self,
        info: DeviceInfo,
        told: Metadata,
        setup: Setup,
        link: ByteLink,
        clock: Clock,
        *,
        silent_s: float = SILENT_S,
    ) -> None:
        name = info.device
        self._info = info
        self._told = told
        self._setup = setup
        self._link = link
        self._clock = clock
        self._look_s = silent_s / _LOOKS
        self._reader = FrameReader()
        self._arrivals = Arrivals(RATE_HZ)
        self._sampling = Sampling(
            name, told.fits, setup.mode, setup.supply_mv, setup.point, filtered=setup.filtered
        )
        self._supplied = Supplied(
            low_mv=LOWEST_MV,
            high_mv=HIGHEST_MV,
            set_mv=setup.supply_mv,
            settable=setup.mode is Mode.SOURCE,
        )
        self._logic = Logic(name) if setup.logic else None
        self._lost = Losses(
            loss_channel(name, "lost samples"), of=self._sampling.power.name, reason="not received"
        )
        self._damaged = Losses(loss_channel(name, "damaged bytes"))
        self._timing = Timing(name)
        self._changes: deque[tuple[int, int]] = deque()
        self._said: list[Item] = []
        self._end = 0

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        return self._info

    @property
    def channels(self) -> Sequence[Channel]:
        """Power at every sample, the mean current, what is known of losses and times, the logic lines."""
        lines = self._logic.channels if self._logic else ()
        counts = (self._lost.channel, self._damaged.channel, *self._timing.channels)
        return (*self._sampling.channels, *counts, *lines)

    @property
    def shell(self) -> ShellLink | None:
        """A meter runs nothing."""
        return None

    @property
    def supplied(self) -> Supplied:
        """What it can supply, and what it does as far as it tells: of its switch it tells nothing."""
        return self._supplied

    async def set_voltage(self, millivolts: int) -> None:
        """Supply this voltage from now on: it reaches what is connected, so a person must have agreed.

        Raises NotSupported in ampere mode and for a voltage that it cannot supply, LinkError.
        """
        require_range(self._info.device, self._supplied, millivolts)
        await self._link.write(set_supply(millivolts))
        self._changes.append((self._clock.now(), millivolts))
        self._supplied = replace(self._supplied, set_mv=millivolts)
        self._say(volts=millivolts / 1000)

    async def switch(self, *, on: bool) -> None:
        """Let current through to the device, or cut it. Raises LinkError."""
        await self._link.write(set_power(on=on))
        self._supplied = replace(self._supplied, on=on)
        self._say(on=on)

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What it measures, from now on. Raises LinkTimeout when it falls silent, LinkLost when it is gone."""
        for item in self._opening(self._clock.now()):
            yield item
        await self._link.write(START)
        while True:
            try:
                t_ns, data = await self._heard()
            except LinkError:
                for item in self._counts(self._clock.now(), at_once=True):
                    yield item
                raise
            for item in self._items(t_ns, data):
                yield item

    def watch(self, pid: int) -> None:
        """A meter watches no process."""

    def unwatch(self, pid: int) -> None:
        """A meter watches no process."""

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
            remedy="look at its cable, or unplug it and plug it in again",
        )

    def _opening(self, t_ns: int) -> Iterator[Item]:
        if self._told.assumed:
            yield Absent(
                t_ns=t_ns,
                device=self._info.device,
                what="calibration",
                reason=f"the PPK2 does not tell {', '.join(self._told.assumed)}: values of its type are used",
                remedy="calibrate it with Nordic's own program",
            )
        yield self._sampling.supplied(t_ns)
        yield from self._counts(t_ns)

    def _items(self, t_ns: int, data: bytes) -> Iterator[Item]:
        frames = self._reader.feed(data)
        self._damaged.add(frames.damaged)
        yield from self._spoken()
        for run in frames.runs:
            yield from self._run(t_ns, run)
        yield from self._counts(t_ns)
        if frames.runs:
            yield from self._state(t_ns)

    def _run(self, t_ns: int, run: Run) -> Iterator[Item]:
        """Samples without a gap: placed in time, and cut where the voltage was changed."""
        n, skipped = len(run.words), run.first - self._end
        placed = self._arrivals.place(t_ns, n, skipped)
        unseen = round(placed.missing / COUNTS) * COUNTS
        self._end = run.first + n
        self._lost.add(skipped + unseen)
        if skipped or unseen:
            self._sampling.gap()
        at, t0_ns, t1_ns = 0, placed.t0_ns, placed.t1_ns
        for changed_ns, supply_mv in self._due(t1_ns):
            place = min(n, max(at, -((t0_ns - changed_ns) * (n - 1) // max(1, t1_ns - t0_ns))))
            yield from self._part(run, placed.t0_ns, placed.t1_ns, at, place)
            yield from self._sampling.change(_time(t0_ns, t1_ns, place, n), supply_mv)
            at = place
        yield from self._part(run, placed.t0_ns, placed.t1_ns, at, n)

    def _part(self, run: Run, t0_ns: int, t1_ns: int, start: int, stop: int) -> Iterator[Item]:
        if start == stop:
            return
        n = len(run.words)
        first_ns, last_ns = _time(t0_ns, t1_ns, start, n), _time(t0_ns, t1_ns, stop - 1, n)
        yield from self._sampling.take(run.codes[start:stop], first_ns, last_ns)
        if self._logic:
            yield from self._logic.take(run.logic[start:stop], first_ns, last_ns)

    def _due(self, t_ns: int) -> Iterator[tuple[int, int]]:
        while self._changes and self._changes[0][0] <= t_ns:
            yield self._changes.popleft()

    def _counts(self, t_ns: int, *, at_once: bool = False) -> Iterator[Item]:
        for count in (self._lost, self._damaged, self._sampling.clipped):
            yield from count.told(t_ns, all_of_them=at_once)

    def _state(self, t_ns: int) -> Iterator[Item]:
        told = self._timing.told(t_ns, self._arrivals.fit)
        yield from told
        if told and self._logic:
            yield from self._logic.state(t_ns)

    def _say(self, *, volts: float | None = None, on: bool | None = None) -> None:
        self._said.append(SupplySet(t_ns=self._clock.now(), device=self._info.device, volts=volts, on=on))

    def _spoken(self) -> Iterator[Item]:
        said, self._said = self._said, []
        yield from said


def _time(t0_ns: int, t1_ns: int, i: int, n: int) -> int:
    """When sample ``i`` of ``n`` was taken; ``n`` itself stands where the next one would."""
    return t0_ns if n == 1 else t0_ns + (t1_ns - t0_ns) * i // (n - 1)
