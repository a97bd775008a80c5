"""One run as it is laid over others: which moment is its 0, where it stood when, and what its channels say.

A channel is read once in ``FINE`` columns of the recording's own summaries, and again, finer, for a part of the run that
somebody looks at closely. What was read is kept: another alignment, another axis, another width are reckoned, not read.
"""

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from drivers.clock import SECOND
from drivers.events import FirstToken
from drivers.model import Channel, Kind, Quantity
from melt_tui.analysis.compare_request import Alignment, Axis
from melt_tui.analysis.meter import about
from melt_tui.analysis.power import Source, sources
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.traces import Measured, measured
from melt_tui.analysis.turns import read_counts
from melt_tui.events import Mark
from melt_tui.measures.integral import Times, Values
from melt_tui.measures.overlay import Samples
from melt_tui.timeline.filled import hole_ns

FINE = 2048
"""Columns that a run's channel is read in, before it is put on the shared grid."""
_ENERGIES = 128
_PERIODS = 12
"""Energy is summed up over spans of at least so many periods of its source."""
_KEPT = 24
"""Parts that were read finer and are kept."""

Quantities = tuple[Quantity, ...]


class Track:
    """One run. ``onset_s``: when it began to throttle, since its start; ``None`` where it did not, or is not known."""

    def __init__(self, recording: Recorded, events: RunEvents, channels: Channels | None = None) -> None:
        self.recording = recording
        self.events = events
        self.device = events.started.device
        self.t0_ns = events.started.t_ns
        end_ns = events.ended.t_ns if events.ended else recording.span()[1]
        self.t1_ns = max(end_ns, self.t0_ns + 1)
        self.onset_s: float | None = None
        self._channels = channels
        self._whole: dict[tuple[Quantities, str], tuple[Channel, Samples] | None] = {}
        self._parts: OrderedDict[tuple[object, ...], Samples] = OrderedDict()
        self._joules: dict[str, tuple[Times, Values] | None] = {}

    @property
    def channels(self) -> Channels:
        """All of its recording."""
        if self._channels is None:
            self._channels = Channels(self.recording)
        return self._channels

    @cached_property
    def points(self) -> tuple[str, ...]:
        """Where its power was measured, that which sees most first."""
        return tuple(dict.fromkeys(source.point for source in self._sources if self._given(source.channel)))

    @cached_property
    def marks(self) -> dict[str, int]:
        """The first mark of each name within it."""
        found = self.recording.events(self.t0_ns, self.t1_ns, kinds=(Mark,), limit=EVERY)
        return {one.name: one.t_ns for one in reversed(found) if isinstance(one, Mark)}

    def anchor(self, alignment: Alignment, place: int) -> int | None:
        """The moment that is 0; None where it has none such. ``place``: which of all runs it is."""
        match alignment.word:
            case "first-token":
                return self._first_token_ns
            case "onset":
                return None if self.onset_s is None else self.t0_ns + round(self.onset_s * SECOND)
            case "mark":
                return self.marks.get(alignment.mark)
        return self.t0_ns - round(alignment.moved(place) * SECOND)

    def stood(self, axis: Axis, point: str) -> bool:
        """Whether it is known where it stood along this axis: else ``along`` reads its samples first."""
        match axis:
            case Axis.TOKENS:
                return "_tokens" in self.__dict__
            case Axis.JOULES:
                return point in self._joules
        return True

    def along(self, axis: Axis, anchor_ns: int, point: str) -> tuple[Times, Values] | None:
        """Where the run stood when: moments and the axis' value at each, both rising; 0 at the anchor. None without it.

        ``point``: where joules were measured.
        """
        if axis is Axis.TIME:
            ends = np.array([self.t0_ns, self.t1_ns], np.int64)
            return ends, (ends - anchor_ns) / SECOND
        stood = self._tokens if axis is Axis.TOKENS else self._energies(point)
        if stood is None:
            return None
        times, values = stood
        return times, values - np.interp(anchor_ns - times[0], times - times[0], values)

    def samples(self, quantities: Quantities, point: str) -> tuple[Channel, Samples] | None:
        """The channel that stands for a quantity, all of the run in ``FINE`` columns; power as measured at ``point``."""
        key = (quantities, point if Quantity.POWER in quantities else "")
        if key not in self._whole:
            self._whole[key] = self._first(*key)
        return self._whole[key]

    def part(self, channel: Channel, span: tuple[int, int], columns: int) -> Samples:
        """A channel between two moments, in so many columns or some more."""
        key = (channel.key, span, columns)
        found = self._parts.pop(key, None) or self._read(channel, *span, columns)
        self._parts[key] = found
        if len(self._parts) > _KEPT:
            self._parts.popitem(last=False)
        return found

    def known_part(self, channel: Channel, span: tuple[int, int], columns: int) -> Samples | None:
        """The same where it was read before."""
        return self._parts.get((channel.key, span, columns))

    @cached_property
    def _first_token_ns(self) -> int | None:
        mine = self.events.started
        found = self.recording.events(self.t0_ns, self.t1_ns, kinds=(FirstToken,), limit=EVERY)
        each = (one for one in found if isinstance(one, FirstToken))
        return next((one.t_ns for one in each if (one.device, one.run) == (mine.device, mine.run)), None)

    @cached_property
    def _sources(self) -> list[Source]:
        return sources(self.recording, self.channels, self.device, self.t1_ns)

    def _given(self, channel: Channel) -> bool:
        return bool(sum(self.recording.window(channel.key, self.t0_ns, self.t1_ns, 1).counts))

    def _source(self, point: str) -> Source | None:
        """What measured at that point."""
        return next((one for one in self._sources if one.point == point), None) if point else None

    @cached_property
    def _tokens(self) -> tuple[Times, Values] | None:
        """Output tokens of the run so far."""
        mine = self.channels.of(self.device)
        wanted = (Quantity.TOKENS, Quantity.TOKEN_ARRIVALS)
        channel = next((one for q in wanted for one in mine if one.quantity is q), None)
        if channel is None:
            return None
        counts = read_counts(self.recording, channel, self.t0_ns, self.t1_ns)
        if not len(counts.counts):
            return None
        came = np.maximum.accumulate(np.frombuffer(counts.counts, np.float64))
        between = np.frombuffer(counts.times_ns, np.int64)
        times = np.concatenate([np.array([self.t0_ns]), between, np.array([self.t1_ns])])
        return times, np.concatenate([[0.0], came, came[-1:]])

    def _energies(self, point: str) -> tuple[Times, Values] | None:
        if point not in self._joules:
            self._joules[point] = self._summed(point)
        return self._joules[point]

    def _summed(self, point: str) -> tuple[Times, Values] | None:
        """Energy of the run so far, up to where nothing was measured."""
        trace = self._measured(point)
        if trace is None:
            return None
        spans = int((self.t1_ns - self.t0_ns) / max(1.0, _PERIODS * trace.least_ns))
        edges = np.linspace(self.t0_ns, self.t1_ns, min(max(spans, 1), _ENERGIES) + 1).astype(np.int64)
        sums = [0.0]
        for a_ns, b_ns in zip(edges.tolist(), edges[1:].tolist(), strict=False):
            energy = trace.energy(a_ns, b_ns)
            if energy is None or not energy.enough:
                break
            sums.append(sums[-1] + energy.joules.value)
        return (edges[: len(sums)], np.maximum.accumulate(np.array(sums))) if len(sums) > 1 else None

    def _measured(self, point: str) -> Measured | None:
        source = self._source(point)
        if source is None:
            return None
        trace = about(self.recording, self.channels, source, self.t0_ns, self.t1_ns)
        beyond = 60 * SECOND
        span = (self.t0_ns - beyond, self.t1_ns + beyond)
        return measured(self.recording, self.channels, source.channel, trace, *span)

    def _first(self, quantities: Quantities, point: str) -> tuple[Channel, Samples] | None:
        """Of the first channel that gave anything."""
        for channel in self._candidates(quantities, point):
            found = self._read(channel, self.t0_ns, self.t1_ns, FINE)
            if len(found.times_ns):
                return channel, found
        return None

    def _read(self, channel: Channel, t0_ns: int, t1_ns: int, columns: int) -> Samples:
        window = self.recording.window(channel.key, t0_ns, t1_ns, columns)
        low, mean, high = (
            np.array(part, np.float64) for part in (window.minima, window.means, window.maxima)
        )
        return Samples(
            np.array(window.starts_ns, np.int64) + window.width_ns // 2,
            low,
            mean,
            high,
            np.array(window.counts, np.float64),
            max(hole_ns(channel) or 5 * SECOND, 2 * window.width_ns),
        )

    def _candidates(self, quantities: Quantities, point: str) -> Iterator[Channel]:
        if Quantity.POWER in quantities:
            source = self._source(point)
            if source is not None and source.channel.kind is not Kind.COUNTER:
                yield source.channel
            return
        yield from (one for one in self.channels.of(self.device) if one.quantity in quantities)
