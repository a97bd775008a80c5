"""A meter's clock against that of the device it feeds, as soon as a run's first turns tell it."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured, FirstToken, RunEvent, TurnEnded, TurnStarted
from drivers.model import Channel, ChannelKey, Kind, Quantity, Samples
from melt_tui.events import ClocksCompared, RunEnded, RunStarted, Tick, Wired
from melt_tui.measures.alignment import REACH_NS, Alignment, Power, align
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.columns import Values, times_of, values_of

STEP_NS = MILLISECOND
HELD_NS = 30 * SECOND
"""So much power is held beside a run that has not told yet."""

TURNS = (1, 2, 4)
"""After so many turns it is tried; then no more."""


class PowerEdge:
    """Transform: one ``ClocksCompared`` for every run and meter that feeds its device, as soon as it is sure, or cannot be.

    Power is only looked at while a run has not told yet, in means of a millisecond.
    """

    quantities = frozenset({Quantity.POWER})

    def __init__(self) -> None:
        self._clock = ClockMap()
        self._channels: dict[str, Channel] = {}
        """By meter: its fastest channel of power."""
        self._wires: dict[str, str] = {}
        self._looks: dict[ChannelKey, _Look] = {}

    def feed(self, item: Item) -> Iterable[Item]:
        """What was found, at a tick; of everything else note is taken."""
        if isinstance(item, Samples):
            look = self._looks.get(item.key)
            if look is not None:
                look.take(item, self._clock.to_host(item.key, item.t0_ns) - item.t0_ns)
        elif isinstance(item, Tick):
            return list(self._tick(item)) if self._looks else ()
        elif isinstance(item, RunEvent):
            self._follow(item)
        elif isinstance(item, ChannelsOpened):
            self._open(item)
        elif isinstance(item, Wired):
            self._wires[item.device] = item.feeds
        elif isinstance(item, ClockMeasured):
            self._clock.learn(item)
        return ()

    def _open(self, event: ChannelsOpened) -> None:
        for channel in event.channels:
            self._clock.open(channel)
            if channel.quantity is Quantity.POWER and not channel.derived:
                known = self._channels.get(channel.device)
                if known is None or known.key == channel.key or _rate(channel) > _rate(known):
                    self._channels[channel.device] = channel
                look = self._looks.get(channel.key)
                if look is not None:
                    look.channel = channel

    def _follow(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            for meter, feeds in self._wires.items():
                channel = self._channels.get(meter)
                if feeds == event.device and channel is not None:
                    self._looks[channel.key] = _Look(channel, event.run, feeds)
            return
        for look in self._looks.values():
            if look.feeds == event.device and look.run == event.run:
                look.note(event)

    def _tick(self, tick: Tick) -> Iterator[Item]:
        for key, look in list(self._looks.items()):
            found = look.compare()
            if found is not None and (found.sure or look.over):
                del self._looks[key]
                yield ClocksCompared(
                    t_ns=tick.t_ns,
                    device=key[0],
                    run=look.run,
                    feeds=look.feeds,
                    offset_ns=found.offset_ns,
                    uncertainty_ns=found.uncertainty_ns,
                    confidence=found.confidence,
                    edges=found.edges,
                    offered=found.worth,
                    reason=found.reason,
                )


def _rate(channel: Channel) -> float:
    return channel.rate_hz or 0.0


@dataclass(slots=True)
class _Means:
    """Of one block: sums and numbers of samples of its steps, the first of which is number ``first``."""

    first: int
    sums: Values
    counts: Values


@dataclass(slots=True)
class _Look:
    """One run beside the power of one meter."""

    channel: Channel
    run: str
    feeds: str
    over: bool = False
    """It will not be tried again."""
    _moments: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    """Of its turns."""
    _ended: bool = False
    _tried: int = 0
    _newest_ns: int = 0
    _means: deque[_Means] = field(default_factory=deque)

    def note(self, event: RunEvent) -> None:
        """What the device did."""
        if isinstance(event, TurnStarted | FirstToken):
            self._moments.append(event.t_ns)
        elif isinstance(event, TurnEnded) and event.last_token_ns is not None:
            self._moments.append(event.last_token_ns)
            self._ends.append(event.last_token_ns)
        elif isinstance(event, RunEnded):
            self._ended = True

    def take(self, samples: Samples, shift_ns: int) -> None:
        """Power, whose times are ``shift_ns`` before the host's."""
        times = times_of(samples) + shift_ns
        steps = times // self._step_ns
        values = values_of(samples.codes, samples.dtype, self.channel.decoding)
        first, known = int(steps[0]), np.isfinite(values)
        places = (steps - first)[known]
        if len(places):
            sums, counts = np.bincount(places, values[known]), np.bincount(places)
            self._means.append(_Means(first, sums.astype(np.float64), counts.astype(np.float64)))
        self._newest_ns = max(self._newest_ns, int(times[-1]))
        while self._means and self._means[0].first * self._step_ns < self._newest_ns - HELD_NS:
            self._means.popleft()

    def compare(self) -> Alignment | None:
        """What can be said by now, if it is time to say it."""
        reach_ns = self._newest_ns - REACH_NS
        turns = sum(end_ns <= reach_ns for end_ns in self._ends)
        last = self._ended and all(moment <= reach_ns for moment in self._moments)
        if not last and (self._tried >= len(TURNS) or turns < TURNS[self._tried]):
            return None
        self._tried += 1
        self.over = last or self._tried >= len(TURNS)
        return align(self._power(), [moment for moment in self._moments if moment <= reach_ns])

    @property
    def _period_ns(self) -> float:
        return SECOND / self.channel.rate_hz if self.channel.rate_hz else float(STEP_NS)

    @property
    def _step_ns(self) -> int:
        return max(STEP_NS, round(self._period_ns))

    def _power(self) -> Power:
        step_ns = self._step_ns
        first = min((part.first for part in self._means), default=0)
        stop = max((part.first + len(part.sums) for part in self._means), default=0)
        sums, counts = np.zeros(stop - first), np.zeros(stop - first)
        for part in self._means:
            sums[part.first - first :][: len(part.sums)] += part.sums
            counts[part.first - first :][: len(part.counts)] += part.counts
        watts = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
        mean = self.channel.kind is Kind.INTERVAL_MEAN
        return Power(first * step_ns - (round(self._period_ns / 2) if mean else 0), step_ns, watts)
