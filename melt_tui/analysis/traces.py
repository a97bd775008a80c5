"""The power of one source as a recording holds it: as samples, or, of very many, as sums of the pyramid.

Up to ``MANY`` samples are read and kept. Of more, whole columns of the pyramid are taken where none of their samples is
missing, and the samples themselves at both ends of a window and around holes: an hour at 100 kS/s costs what its columns
cost, and the samples of one column for each end.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Protocol

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, Kind
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.samples import read
from melt_tui.measures.counts import HOLE_PERIODS, standing
from melt_tui.measures.energy import SECOND_NS, Amount, Energy, expanded, joined
from melt_tui.measures.integral import (
    Times,
    Trace,
    Values,
    between,
    integrate,
    moved,
    stated,
    unseen_variance,
)
from melt_tui.timeline.grid import LEVELS_NS, STEPS, floor_to
from melt_tui.timeline.model import Window
from melt_tui.timeline.summaries import base_of

MANY = 1_000_000
"""Samples that are read at once."""

COLUMNS = 100_000
"""Columns of a long trace at most."""

SHORTEST_NS = SECOND // 10
"""The shortest of them."""

_LOOKED_AT = 4
"""Columns whose samples tell how much the load changes between them, twice: the widest, and others."""

_KEPT = 8
"""Columns whose samples are kept: the next window begins where the last one ended."""


class Measured(Protocol):
    """The energy of one source over any window of the span that it was made for."""

    @property
    def least_ns(self) -> float:
        """Of shorter windows nothing can be said."""
        ...

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """As ``integrate``."""
        ...


def measured(
    recording: Recorded, channels: Channels, channel: Channel, about: Trace, t0_ns: int, t1_ns: int
) -> Measured | None:
    """A channel over a span of host time; ``about`` tells all but its samples. None where it gave nothing."""
    counts = recording.window(channel.key, t0_ns, t1_ns, 1).counts
    if not sum(counts):
        return None
    factor = channels.factor(channel.key)
    sums = about.kind is not Kind.COUNTER and recording.clock.steady(channel.key) and factor is not None
    if sum(counts) > MANY and sums:
        return Summed(recording, channels, channel, about, (t0_ns, t1_ns), sum(counts))
    return Read(with_samples(about, *read(recording, channels, channel.key, t0_ns, t1_ns)))


def with_samples(about: Trace, times: Times, values: Values) -> Trace:
    """The same with samples, whose steps tell the period where they are longer than it is said to be; of a counter also
    how long it stands."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    seen = float(np.median(steps)) if len(steps) else 0.0
    period_ns = max(about.period_ns, seen)
    stand_ns = standing(times, values, period_ns) if about.kind is Kind.COUNTER else 0.0
    return replace(about, times_ns=times, values=values, period_ns=period_ns, stand_ns=stand_ns)


class Read:
    """All samples at hand."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @property
    def least_ns(self) -> float:
        """A period, or a refresh of the gauge."""
        return self.trace.least_ns

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """As ``integrate``."""
        return integrate(self.trace, a_ns, b_ns)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Of equal width, those that hold samples."""

    starts: Times
    counts: Values
    minima: Values
    maxima: Values
    means: Values


class Summed:
    """Very many samples: columns of the pyramid, and samples where these do not do."""

    def __init__(
        self,
        recording: Recorded,
        channels: Channels,
        channel: Channel,
        about: Trace,
        span: tuple[int, int],
        n: int,
    ) -> None:
        self._recording = recording
        self._channels = channels
        self._channel = channel
        self._width = _width(span, n)
        self._origin = recording.clock.to_host(channel.key, 0)
        low, high = self._start(span[0]), self._start(span[1] - 1) + self._width
        window = recording.window(channel.key, low, high, (high - low) // self._width)
        self._columns = _columns(window, channels.factor(channel.key) or 1.0)
        typical = float(np.median(self._columns.counts))
        self._step_ns = self._width / typical
        self._whole = np.abs(self._columns.counts - typical) <= HOLE_PERIODS
        self._kept: OrderedDict[int, Trace] = OrderedDict()
        self.trace = replace(about, period_ns=max(about.period_ns, self._step_ns))

    @property
    def least_ns(self) -> float:
        """A period."""
        return self.trace.least_ns

    def energy(self, a_ns: int, b_ns: int) -> Energy | None:
        """As ``integrate``, but that whole columns count as one."""
        parts = [part for part in self._parts(a_ns, b_ns) if part is not None]
        if not parts or b_ns - a_ns < self.trace.least_ns:
            return None
        total = joined(parts)
        shifting = between(*(moved(self._around(at_ns), at_ns) for at_ns in (a_ns, b_ns)))
        joules = replace(total.joules, integration=expanded(total.joules.integration, shifting))
        return replace(total, t0_ns=a_ns, t1_ns=b_ns, joules=joules)

    def _parts(self, a_ns: int, b_ns: int) -> Iterator[Energy | None]:
        first, stop = self._start(a_ns + self._width - 1), self._start(b_ns)
        if stop <= first:
            yield from self._exact(a_ns, b_ns)
            return
        yield from self._exact(a_ns, first)
        low, high = np.searchsorted(self._columns.starts, [first, stop]).tolist()
        for whole, some in groupby(range(low, high), key=self._whole.__getitem__):
            places = list(some)
            if whole:
                yield self._summed(slice(places[0], places[-1] + 1))
            for start in () if whole else self._columns.starts[places].tolist():
                yield from self._exact(start, start + self._width)
        yield from self._exact(stop, b_ns)

    def _exact(self, a_ns: int, b_ns: int) -> Iterator[Energy | None]:
        """From the samples, column by column; that times may be off is told of the window's ends alone."""
        while a_ns < b_ns:
            end_ns = min(b_ns, self._start(a_ns) + self._width)
            yield integrate(replace(self._around(a_ns), timing_ns=0.0, refresh_ns=0.0), a_ns, end_ns)
            a_ns = end_ns

    def _summed(self, some: slice) -> Energy:
        """Whole columns: the mean of each, for its time."""
        columns, trace = self._columns, self.trace
        width_s, n = self._width / SECOND_NS, some.stop - some.start
        samples = float(np.sum(columns.counts[some]))
        joules = float(np.sum(columns.means[some])) * width_s
        absolute = float(np.sum(np.abs(columns.means[some]))) * width_s
        limit = np.inf if trace.limit is None else trace.limit
        return Energy(
            t0_ns=int(columns.starts[some.start]),
            t1_ns=int(columns.starts[some.stop - 1]) + self._width,
            covered_ns=float(n * self._width),
            joules=Amount(
                joules,
                2 * self._step_ns / SECOND_NS * (self._variance * samples) ** 0.5,
                stated(trace.accuracy, trace.kind, joules, absolute, n * self._width),
            ),
            peak_w=float(np.max(columns.maxima[some])),
            clipped=int(np.count_nonzero(columns.maxima[some] >= limit)),
        )

    @cached_property
    def _variance(self) -> float:
        """``unseen_variance``, the greatest of some columns: those of the widest range, and others all along."""
        if self.trace.kind is Kind.INTERVAL_MEAN:
            return 0.0
        columns = self._columns
        widest = np.argsort(columns.maxima - columns.minima)[-_LOOKED_AT:]
        along = np.linspace(0, len(columns.starts) - 1, _LOOKED_AT).astype(np.intp)
        starts = columns.starts[np.union1d(widest, along)].tolist()
        values = (self._around(start).values for start in starts)
        return max((unseen_variance(np.diff(each)) for each in values if len(each) > 1), default=0.0)

    def _start(self, at_ns: int) -> int:
        """Of the column that holds a moment: columns are cut in the meter's own time, which may be corrected."""
        return floor_to(at_ns - self._origin, self._width) + self._origin

    def _around(self, at_ns: int) -> Trace:
        """The samples of the column that holds a moment, and what tells something of its ends."""
        start = self._start(at_ns)
        kept = self._kept.get(start)
        if kept is None:
            beyond = self.trace.beyond_ns
            samples = read(
                self._recording,
                self._channels,
                self._channel.key,
                start - beyond,
                start + self._width + beyond,
            )
            kept = self._kept[start] = replace(self.trace, times_ns=samples[0], values=samples[1])
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return kept


def _width(span: tuple[int, int], n: int) -> int:
    """The shortest decimal width that the pyramid has sums for, and of which the span has not too many."""
    length = span[1] - span[0]
    least = max(SHORTEST_NS, STEPS * base_of(n * SECOND / length), length // COLUMNS)
    width: int = min((width for width in LEVELS_NS if width >= least), default=LEVELS_NS[-1])
    return width


def _columns(window: Window, factor: float) -> _Columns:
    """``factor``: by what its values are to be multiplied; greater than 0."""
    return _Columns(
        np.array(window.starts_ns, np.int64),
        np.array(window.counts, np.float64),
        np.array(window.minima, np.float64) * factor,
        np.array(window.maxima, np.float64) * factor,
        np.array(window.means, np.float64) * factor,
    )
