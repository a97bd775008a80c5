"""What one source of power had told at a moment, and from two moments the energy between them with how far it may be off.

By the formulas of recordings, of which an integral keeps the sums.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey, Kind, Samples, Unit
from melt_tui.detectors.history import History
from melt_tui.detectors.integral import UNKNOWN_GAP_NS, Integral
from melt_tui.detectors.reached import Reached
from melt_tui.measures import metering, points
from melt_tui.measures.counts import HOLE_PERIODS
from melt_tui.measures.energy import IDLE_S, Amount, expanded
from melt_tui.measures.integral import (
    NEIGHBOURS,
    Trace,
    Values,
    between,
    cut,
    moved,
    stated,
    unmoved,
    unseen,
)
from melt_tui.timeline.clockmap import ClockMap

_KEPT: Final = 512
"""Words of a channel that are kept."""


class Off(NamedTuple):
    """How far the times of a source may be off, and how long its figures stand; ns."""

    timing_ns: float = 0.0
    refresh_ns: float = 0.0
    parts: tuple["Off", ...] = ()
    """Of each of several sources that are one together."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What had been used up to a moment."""

    t_ns: int
    """Host time."""
    reached: Reached
    earlier: Reached
    """A few samples before it, and after it: they tell how much the load changes there."""
    later: Reached
    moved: Values | None
    """As ``measures.integral.moved``; None where the samples about it are kept no more."""
    cut: float
    """As ``measures.integral.cut``; of instants 0, but where what is known of long ago is cut."""
    final: bool
    """All samples have come that tell something of it."""
    parts: tuple["Mark", ...] = ()
    """The same of each of several sources that are one together."""
    least_ns: float = 0.0
    """Of windows that end here and are shorter nothing can be said."""


class Source:
    """The energy of one channel, asked in host time."""

    def __init__(self, channel: Channel, clock: ClockMap) -> None:
        self.channel = channel
        self.integral = Integral(channel)
        self.history = History()
        self._clock = clock

    def excerpt(self, t0_ns: int) -> "Source":
        """As ``Integral.excerpt``."""
        kept = Source(self.channel, self._clock)
        kept.integral = self.integral.excerpt(self._clock.to_device(self.channel.key, t0_ns))
        return kept

    def note(self) -> None:
        """Note what was reached, to be asked long after."""
        newest_ns, first_ns = self.integral.newest_ns, self.integral.first_ns
        noted_ns = self.history.newest_ns
        if newest_ns is None or first_ns is None or (noted_ns and newest_ns - noted_ns < SECOND):
            return
        reached = self.integral.at(newest_ns)
        if reached is not None:
            self.history.note(first_ns, newest_ns, reached)

    @property
    def newest_ns(self) -> int | None:
        """How far its samples have come."""
        newest_ns = self.integral.newest_ns
        return None if newest_ns is None else self._clock.to_host(self.channel.key, newest_ns)

    def at(self, t_ns: int) -> Reached | None:
        """As ``Integral.at``."""
        own_ns = self._clock.to_device(self.channel.key, t_ns)
        newest_ns = self.integral.newest_ns
        return self.integral.at(own_ns if newest_ns is None else min(own_ns, newest_ns))

    def mark(self, t_ns: int, off: Off) -> Mark | None:
        """As ``at``, with all that tells how far it may be off."""
        reached, newest_ns = self.at(t_ns), self.integral.newest_ns
        if reached is None or newest_ns is None:
            return None
        own_ns = min(self._clock.to_device(self.channel.key, t_ns), newest_ns)
        period_ns = self.period_ns
        trace, beside_ns = self._around(own_ns, period_ns, off), round(NEIGHBOURS * period_ns)
        return Mark(
            t_ns,
            reached,
            self.integral.at(own_ns - beside_ns) or reached,
            self.integral.at(min(own_ns + beside_ns, newest_ns)) or reached,
            None if trace is None else moved(trace, own_ns),
            0.0 if trace is None or trace.kind is Kind.INSTANT else self._cut(trace, own_ns),
            newest_ns >= own_ns + beside_ns + off.timing_ns + off.refresh_ns,
        )

    def past(self, until_ns: int) -> tuple[History, ...]:
        """What is known of the time before that moment, as soon as it is; nothing until then."""
        noted_ns, own_ns = self.history.newest_ns, self._clock.to_device(self.channel.key, until_ns)
        return (self.history.kept(),) if noted_ns is not None and noted_ns >= own_ns else ()

    def mark_past(self, past: Sequence[History], t_ns: int, off: Off) -> Mark:
        """As ``mark``, of a moment that may be long ago: between the moments that are known, energy rises evenly."""
        (history,) = past
        own_ns, period_ns = self._clock.to_device(self.channel.key, t_ns), self.period_ns
        trace, beside_ns = history.trace(off.timing_ns, off.refresh_ns), round(NEIGHBOURS * period_ns)
        return Mark(
            t_ns,
            history.at(own_ns),
            history.at(own_ns - beside_ns),
            history.at(own_ns + beside_ns),
            moved(trace, own_ns),
            self._cut(trace, own_ns),
            final=True,
        )

    def between(self, start: Mark, end: Mark) -> Reached:
        """What was used from one moment to another."""
        return end.reached.since(start.reached)

    def amount(self, start: Mark, end: Mark) -> Amount | None:
        """Joules from one moment to another; None where nobody can tell any more how far they may be off."""
        if start.moved is None or end.moved is None:
            return None
        channel, energy = self.channel, self.between(start, end)
        ours = expanded(_sampling(channel.kind, start, end), between(start.moved, end.moved))
        bound = stated(channel.accuracy, channel.kind, energy.joules, energy.absolute_j, energy.covered_ns)
        return Amount(energy.joules, ours, bound)

    @property
    def period_ns(self) -> float:
        """Between samples; where none is known yet, by the gap that is bridged."""
        return self.integral.period_ns or UNKNOWN_GAP_NS / HOLE_PERIODS

    def _cut(self, trace: Trace, own_ns: int) -> float:
        """± J of what ends there; half a step at least of a counter that stands between its steps."""
        return max(cut(trace, own_ns), self.integral.coarse_j / 2)

    def _around(self, own_ns: int, period_ns: float, off: Off) -> Trace | None:
        """The samples about a moment; none where nothing has to be known of them."""
        kind = self.channel.kind
        bare = Trace(
            kind=kind, times_ns=np.empty(0, np.int64), values=np.empty(0), period_ns=period_ns, timing_ns=off.timing_ns,
            refresh_ns=off.refresh_ns,
        )  # fmt: skip
        if kind is Kind.INSTANT and not bare.off_ns:
            return bare
        near = self.integral.near(own_ns - bare.beyond_ns, own_ns + bare.beyond_ns)
        return None if near is None else replace(bare, times_ns=near[0], values=near[1])


def _sampling(kind: Kind, start: Mark, end: Mark) -> float:
    cuts = expanded(start.cut, end.cut)
    return cuts if kind is not Kind.INSTANT else expanded(_between_instants(start, end), cuts)


def _between_instants(start: Mark, end: Mark) -> float:
    energy, near = end.reached.since(start.reached), end.later.since(start.earlier)
    if not near.moved:
        return unmoved(energy.joules)
    variance = near.variance
    if variance is None:
        variance = end.later.variance or 0.0
    return unseen(variance, max(1, round(near.steps)), max(0.0, energy.squares_s2))


class Metering:
    """What meters and gauges tell of their own times, and clocks of theirs."""

    def __init__(self, clock: ClockMap) -> None:
        self._clock = clock
        self._channels: dict[ChannelKey, Channel] = {}
        self._told: dict[ChannelKey, deque[tuple[int, float]]] = {}
        self._known: dict[tuple[ChannelKey, int], tuple[int, Off]] = {}
        """By source and run: until when it stands, and what was found."""

    def open(self, event: ChannelsOpened) -> None:
        """Know the channels that tell it."""
        for channel in event.channels:
            if channel.unit is Unit.SECOND and (
                channel.name == metering.TIMING or channel.name.endswith(metering.REFRESH)
            ):
                self._channels[channel.key] = channel

    def hears(self, channel: Channel) -> bool:
        """Whether it is one of them."""
        return channel.key in self._channels

    def take(self, samples: Samples) -> None:
        """A word of one of them."""
        value = self._channels[samples.key].decoding.value(samples.last_code)
        self._told.setdefault(samples.key, deque(maxlen=_KEPT)).append((samples.t1_ns, value))

    def off(self, source: Source, run_t0_ns: int, now_ns: int, *, meter: bool) -> Off:
        """Of a source, as far as it was told for a run: looked up once a second."""
        key = (source.channel.key, run_t0_ns)
        until_ns, known = self._known.get(key, (now_ns, Off()))
        if now_ns >= until_ns:
            known = self._found(source, run_t0_ns, now_ns, meter=meter)
            self._known = {one: each for one, each in self._known.items() if one[0] != key[0]}
            self._known[key] = (now_ns + SECOND, known)
        return known

    def _found(self, source: Source, run_t0_ns: int, now_ns: int, *, meter: bool) -> Off:
        channel, since_ns = source.channel, run_t0_ns - metering.BEYOND_NS - round(IDLE_S * SECOND)
        known = [
            max(seconds) * SECOND for seconds in self._since((channel.device, metering.TIMING), since_ns)
        ]
        if meter or channel.own_clock:
            known += self._clock.uncertainties(channel.device, since_ns, now_ns)
        timing_ns = metering.timing(known, channel, meter=meter, seen_ns=source.integral.usual_gap_ns)
        return Off(timing_ns, self._refresh(source, since_ns) if channel.point == points.GAUGE else 0.0)

    def _refresh(self, source: Source, since_ns: int) -> float:
        """As it is told, else as seldom as the gauge speaks."""
        key = (source.channel.device, metering.refresh_name(source.channel))
        for seconds in self._since(key, since_ns):
            return median(seconds) * SECOND
        return source.integral.gap_ns or 0.0

    def _since(self, key: ChannelKey, since_ns: int) -> Iterable[list[float]]:
        """What was told since then, and the word before; nothing where nobody told anything."""
        told = self._told.get(key, ())
        before = [value for t_ns, value in told if t_ns <= since_ns][-1:]
        found = [*before, *(value for t_ns, value in told if t_ns > since_ns)]
        return [found] if found else []
