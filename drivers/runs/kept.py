"""What a run under a lease has missed while its link was away: its lines placed in time, its device's readings merged.

Lines that waited bear the device's own time; events that follow from them are told at host times, by offsets measured
before and after, as straight a line between them as every reader of ``ClockMeasured`` draws. Samples go to channels of
the device's own clock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND, pause
from drivers.errors import DriverError, LinkError, LinkLost
from drivers.events import ChannelsOpened, ClockMeasured, TurnEnded
from drivers.links.asking import Offset
from drivers.links.base import Line, Process
from drivers.links.leased import LeasedProcess
from drivers.model import Channel, Quantity, RunSpec, Samples, uneven_block
from drivers.runs.beside import PREFIX, Beside
from drivers.runs.ownline import OwnLine
from drivers.runs.stage import Emit, Stage

PERIOD_S = 60.0
"""How often the device's clock is measured while the link is there."""
NOTICED_NS = 10 * SECOND
"""A link that is gone and does not tell so is noticed at the latest after so long."""
TICK_NS = 200 * MILLISECOND
"""How late a line that waited may be stamped."""
SET_BACK_NS = 2 * SECOND


@dataclass(frozen=True, slots=True)
class _Away:
    """The last time that the link was away."""

    since_ns: int
    """Host time from which on it was away, as far as that is known."""
    back_ns: int
    """Host time at which it was there again."""
    uncertainty_ns: int


class Kept:
    """Of one run, over all its links. Without a lease, and over a link that keeps nothing, it does nothing."""

    def __init__(self, spec: RunSpec, arrivals: Channel | None = None) -> None:
        self._spec = spec
        self._arrivals = arrivals
        self._line = OwnLine()
        self._beside = Beside(spec.device)
        self._opened: dict[str, float | None] = {}
        self._asleep_ns = 0
        self._heard_ns = 0
        self._lost_ns = 0
        self._away: _Away | None = None

    def lose(self, t_ns: int, error: LinkError) -> None:
        """The link was found to be gone: just now where that was told, else it may have been silent before."""
        self._lost_ns = t_ns - (0 if _told(error) else NOTICED_NS)

    def hearing(self, emit: Emit) -> Emit:
        """Tells items of which the samples were heard from the device over its link."""

        def tell(item: Item) -> None:
            if isinstance(item, Samples):
                self._heard_ns = max(self._heard_ns, item.t0_ns)
            emit(item)

        return tell

    async def take_up(self, stage: Stage, process: Process) -> None:
        """After ``process`` was taken up and before its lines are read: measure its clock, merge what was read beside it.

        Raises LinkError, Garbled.
        """
        if not isinstance(process, LeasedProcess) or not process.taken_up:
            return
        since_ns, back_ns = self._since_ns, stage.clock.now()
        async with process.own_clock.watched() as watch:
            offset = await watch.measure()
        own_ns = offset.t_ns - offset.offset_ns
        if (process.stamps.last_ns or 0) > own_ns + SET_BACK_NS and self._line.known:
            stage.log(
                "melt", "the device was restarted: what it read meanwhile is by a clock that is no more"
            )
            self._away = _Away(since_ns, back_ns, self._line.uncertainty(process.stamps.last_ns or 0))
            return
        self._measured(stage, offset, watch.asleep_ns)
        self._away = _Away(since_ns, back_ns, self._line.uncertainty(self._line.own(since_ns)))
        await self._merge(stage, process, self._away)

    def keep_time(self, stage: Stage, process: Process) -> None:
        """From now on measure the clock of the device of a leased process, every minute, as one of the run's listeners."""
        if isinstance(process, LeasedProcess):
            stage.inbox.listen("own clock", self._keep_time(stage, process))

    def placed(self, line: Line) -> Line:
        """The line at its host time: that of its arrival, or when it was written where it waited on the device."""
        if line.own_ns is None or self._away is None:
            self._heard_ns = max(self._heard_ns, line.t_ns)
            return line
        return replace(line, t_ns=min(self._line.host(line.own_ns), self._away.back_ns - 1))

    async def ordered(
        self,
        process: Process,
        output: AsyncIterator[Line],
        caught_up: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[Line]:
        """``output`` of a process, each line at its host time: what waited on the device first, by time, then the rest.

        ``caught_up`` is called in between, also where nothing waited. Raises as ``output`` does, nothing left out.
        """
        late: list[Line] = []
        try:
            if isinstance(process, LeasedProcess) and not process.caught_up:
                await self._gather(process, output, late)
        except LinkError:
            for line in _by_time(late):
                yield line
            raise
        for line in _by_time(late):
            yield line
        caught_up()
        async for line in output:
            yield self.placed(line)

    async def _gather(self, process: LeasedProcess, output: AsyncIterator[Line], late: list[Line]) -> None:
        async for line in output:
            late.append(self.placed(line))
            if process.caught_up:
                return

    def late(self, t_ns: int) -> bool:
        """Whether what happened at that host time waited on the device for somebody to come back."""
        return self._away is not None and t_ns < self._away.back_ns

    def note(self, t_ns: int) -> str:
        """What is to be said of an event told at that host time; empty for one of before or after."""
        if self._away is None or not self._away.since_ns <= t_ns < self._away.back_ns:
            return ""
        uncertainty_s = (self._away.uncertainty_ns + TICK_NS) / SECOND
        return f"the link was away: times are the device's, within {uncertainty_s:.2g} s"

    def items(self, stage: Stage, item: Item) -> Iterator[Item]:
        """An item of the run as it is to be told: counts of tokens that waited are of the device's own clock, and a turn
        that ended meanwhile says how well its times are known."""
        arrivals = self._arrivals
        if isinstance(item, TurnEnded) and (note := self.note(item.t_ns)):
            yield replace(item, detail="; ".join(filter(None, [item.detail, note])))
            return
        if arrivals is None or not isinstance(item, Samples) or not self.late(item.t0_ns):
            yield item
            return
        channel = replace(
            arrivals,
            name=PREFIX + arrivals.name,
            quantity=Quantity.OTHER,
            provenance=f"lines that the device kept while its link was away, by its own clock; {arrivals.detail}",
            own_clock=True,
            fills=(arrivals.name,),
        )
        own_ns = self._line.own(item.t0_ns) - self._asleep_ns
        yield from self._open([channel], item.t0_ns)
        yield uneven_block(channel, [own_ns], [item.last_code])

    @property
    def _since_ns(self) -> int:
        """Host time from which on the link was away, as far as that is known."""
        return max(self._heard_ns, self._lost_ns)

    async def _keep_time(self, stage: Stage, process: LeasedProcess) -> None:
        while True:
            with suppress(DriverError):
                async with process.own_clock.watched() as watch:
                    self._measured(stage, await watch.measure(), watch.asleep_ns)
            await pause(stage.clock, PERIOD_S)

    def _measured(self, stage: Stage, offset: Offset, asleep_ns: int) -> None:
        self._line.add(offset)
        self._asleep_ns = asleep_ns
        self._heard_ns = max(self._heard_ns, offset.t_ns)
        stage.emit(
            ClockMeasured(
                t_ns=offset.t_ns,
                device=self._spec.device,
                offset_ns=offset.offset_ns + asleep_ns,
                uncertainty_ns=offset.uncertainty_ns,
                origin="round trip",
            )
        )

    async def _merge(self, stage: Stage, process: LeasedProcess, away: _Away) -> None:
        from_ns, until_ns = self._line.own(away.since_ns), self._line.own(away.back_ns)
        text, count, beside = await process.beside(), 0, deepcopy(self._beside)
        # Of a night there is more than a second's work: the loop goes on meanwhile, and may cut it short.
        found = await asyncio.to_thread(beside.take, text, from_ns, until_ns)
        self._beside = beside
        process.merged()
        read = [series for series in found if series.times_ns]
        begun_ns = min((self._line.host(series.times_ns[0]) for series in read), default=away.since_ns)
        first = {series.channel.name: series.channel for series in reversed(found)}
        for item in self._open([*first.values()], begun_ns):
            stage.emit(item)
        for series in read:
            for item in self._open([series.channel], self._line.host(series.times_ns[0])):
                stage.emit(item)
            times_ns = [t_ns - self._asleep_ns for t_ns in series.times_ns]
            stage.emit(uneven_block(series.channel, times_ns, series.values))
            count += len(times_ns)
        stage.log(
            "melt",
            f"away for {(away.back_ns - away.since_ns) / SECOND:.1f} s: {count} readings that the device kept are "
            f"merged; its clock is known to ± {away.uncertainty_ns / MILLISECOND:.1f} ms",
        )

    def _open(self, channels: Sequence[Channel], t_ns: int) -> Iterator[Item]:
        """Those that are new or come at another rate, all at once: who hears of them knows what is kept, also where an
        absence was too short for it."""
        new = tuple(one for one in channels if self._opened.get(one.name, -1) != one.rate_hz)
        self._opened.update((channel.name, channel.rate_hz) for channel in new)
        if new:
            yield ChannelsOpened(t_ns=t_ns, device=self._spec.device, channels=new)


def _told(error: LinkError) -> bool:
    """Whether what it follows from was told at the moment that the link went."""
    chain: list[BaseException] = []
    follows: BaseException | None = error
    while (
        follows is not None and follows not in chain
    ):  # one that is raised again from itself is its own cause
        chain.append(follows)
        follows = follows.__cause__ or follows.__context__
    return any(isinstance(each, LinkLost) and each.told for each in chain)


def _by_time(lines: Sequence[Line]) -> list[Line]:
    """In order of time, each stream in its own order; of one time what was said beside the answer first."""
    return sorted(lines, key=lambda line: (line.t_ns, line.stream))
