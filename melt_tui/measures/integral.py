"""From samples of power, or of a counter of energy, to the joules of a window.

Imports numpy: reached only where there are samples, never on the way to the first picture. Times are host time in ns.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.accuracy import Accuracy
from drivers.model import Kind
from melt_tui.measures.counts import HOLE_PERIODS, steps_of
from melt_tui.measures.energy import SECOND_NS, Amount, Energy, expanded, student

Times = NDArray[np.int64]
Values = NDArray[np.float64]
_T = TypeVar("_T", float, Values)

SHIFTS = 17

NEIGHBOURS = 4
"""Samples beside a window that tell of the load's variance in it, at either end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """What is known of one reference point, around a window; more than the window does no harm."""

    kind: Kind
    times_ns: Times
    """Of the samples, in order. Of an interval mean: where its interval ends."""
    values: Values
    """W; of a counter J. What is not finite is no sample."""
    period_ns: float
    """From sample to sample, as a rule."""
    timing_ns: float = 0.0
    """Times may be off by as much, all in the same direction: ± ."""
    refresh_ns: float = 0.0
    """Of a gauge: how long a figure stands before there is another; it may be as old."""
    stand_ns: float = 0.0
    """Of a counter whose steps are coarse: how long it may stand from one to the next."""
    accuracy: Accuracy | None = None
    """As stated for the meter, in the unit of the values."""
    limit: float | None = None
    """The end of the meter's range: samples there are clipped."""
    wrap: float | None = None
    """A counter that reaches it begins again at 0; None: a fall is a restart, and what came meanwhile unknown."""

    @property
    def least_ns(self) -> float:
        """Windows shorter than this hold no sample of their own: nothing can be said of them."""
        return max(self.period_ns, self.refresh_ns, self.stand_ns)

    @property
    def off_ns(self) -> float:
        """How far a figure may stand from the moment that it is of."""
        return self.timing_ns + self.refresh_ns

    @property
    def beyond_ns(self) -> int:
        """How far beyond a window samples tell something of it."""
        own_ns = max(self.period_ns, self.stand_ns)
        return round(self.off_ns + (HOLE_PERIODS + NEIGHBOURS) * own_ns) + 1

    def between(self, a_ns: int, b_ns: int) -> "Trace":
        """What tells something of this window."""
        beyond = self.beyond_ns
        low, high = np.searchsorted(self.times_ns, [a_ns - beyond, b_ns + beyond + 1]).tolist()
        return replace(self, times_ns=self.times_ns[low:high], values=self.values[low:high])


def integrate(trace: Trace, a_ns: int, b_ns: int) -> Energy | None:
    """The energy of ``a_ns … b_ns``; None where nothing of it was measured, or it is shorter than ``least_ns``.

    Trapezoids between instant samples; interval means over their intervals; differences of a counter. Cut on a straight
    line at both ends. Holes count as not covered.
    """
    if b_ns <= a_ns or b_ns - a_ns < trace.least_ns:
        return None
    near = trace.between(a_ns, b_ns)
    pieces = _pieces(near)
    inside = pieces.between(a_ns, b_ns)
    if inside.start == inside.stop:
        return None
    parts = pieces.overlaps(inside, a_ns, b_ns)
    joules = float(np.sum((parts.left + parts.right) / 2 * parts.seconds))
    covered_ns = float(np.sum(parts.seconds)) * SECOND_NS
    sampling = _sampling(pieces, inside, a_ns, b_ns, trace.kind)
    if trace.kind is Kind.INSTANT and not np.diff(_numbers(near)[1]).any():
        sampling = unmoved(joules)
    shifting = between(moved(near, a_ns), moved(near, b_ns))
    return Energy(
        t0_ns=a_ns,
        t1_ns=b_ns,
        covered_ns=covered_ns,
        joules=Amount(joules, expanded(sampling, shifting), _accuracy(trace, parts, joules, covered_ns)),
        peak_w=_peak(near, pieces, inside, a_ns, b_ns),
        clipped=_clipped(near, a_ns, b_ns),
    )


def moved(trace: Trace, at_ns: int) -> Values:
    """Joules from a moment to each of those that it may be in truth: ``SHIFTS`` moments evenly over ± ``off_ns``."""
    if not trace.off_ns:
        return np.zeros(SHIFTS)
    shifts = np.rint(np.linspace(-trace.off_ns, trace.off_ns, SHIFTS)).astype(np.int64)
    joules = _pieces(trace.between(at_ns, at_ns)).energy(at_ns + shifts)
    return np.asarray(joules - joules[SHIFTS // 2], np.float64)


def between(start: Values, end: Values) -> float:
    """The most that an energy changes when both of its ends are ``moved`` by the same time."""
    return float(np.max(np.abs(end - start)))


def unseen_variance(steps: Values, lengths: Values | None = None) -> float:
    """Of a load between its samples, W²: by the steps from each of them to the next, at least one.

    ``lengths``: of time, one for each step; None where they are alike. Samples are taken as draws of a load that changes
    faster than they come; a steady rise is none: the variance is told by how far each sample is from the straight line
    between its neighbours. A load in step with the sampling cannot be told from a steady one: who asks for samples asks
    at random moments.
    """
    if len(steps) < 2:
        return float(np.mean(steps**2) / 2)
    off, spread = bends(steps, lengths)
    return off / spread


def bends(steps: Values, lengths: Values | None = None) -> tuple[float, float]:
    """What ``unseen_variance`` is the quotient of, as sums over the samples between steps: they may be added up."""
    if lengths is None:
        off = (steps[:-1] - steps[1:]) / 2
        return float(off @ off), 1.5 * len(off)
    off, spread = bend(steps[:-1], steps[1:], lengths[:-1], lengths[1:])
    return float(off @ off), float(np.sum(spread))


def bend(step: _T, following: _T, length: _T, next_length: _T) -> tuple[_T, _T]:
    """How far a sample is from the line between its neighbours, W, and the variance of that for one of the load."""
    both = length + next_length
    return (next_length * step - length * following) / both, 1 + (length**2 + next_length**2) / both**2


def unseen(variance: float, steps: int, squares_s2: float) -> float:
    """± 95 % J for what was between instant samples, by the load's variance: told by so many steps.

    ``squares_s2``: the sum of the squares of the times from sample to sample.
    """
    return _coverage(steps) * float(np.sqrt(variance * squares_s2))


def unmoved(joules: float) -> float:
    """The same where no reading differed from the one before."""
    return abs(joules) * _UNMOVED


def cut(trace: Trace, at_ns: int) -> float:
    """± J for a window of interval means or of a counter that ends there, within an interval."""
    return _within_interval(_pieces(trace.between(at_ns, at_ns)), at_ns)


def stated(
    accuracy: Accuracy | None, kind: Kind, joules: float, absolute_j: float, covered_ns: float
) -> float | None:
    """± J by the accuracy that the meter's maker states; ``absolute_j`` is the energy with every power taken as positive."""
    if accuracy is None:
        return None
    if kind is Kind.COUNTER:
        return accuracy.bound(joules)
    return accuracy.gain_fraction * absolute_j + accuracy.offset * covered_ns / SECOND_NS


class _Overlap(NamedTuple):
    """The parts of pieces within a window: seconds, and power at both ends of each part."""

    seconds: Values
    left: Values
    right: Values


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Power as straight lines over stretches of time that do not overlap, in order; what is between is a hole."""

    starts: Times
    ends: Times
    left: Values
    right: Values
    joules: Values
    """Up to the start of each piece, and of all: one more than there are pieces."""

    def energy(self, at_ns: NDArray[np.int64]) -> Values:
        """Joules up to each moment."""
        if not len(self.starts):
            return np.zeros(len(at_ns))
        i = self._at(at_ns)
        u, d = self._into(i, at_ns), (self.ends[i] - self.starts[i]) / SECOND_NS
        part = u * (self.left[i] + (self.right[i] - self.left[i]) * u / (2 * d))
        return np.asarray(self.joules[i] + part, np.float64)

    def between(self, a_ns: int, b_ns: int) -> slice:
        """The pieces that have a part in the window."""
        first = int(np.searchsorted(self.ends, a_ns, "right"))
        return slice(first, max(first, int(np.searchsorted(self.starts, b_ns, "left"))))

    def overlaps(self, some: slice, a_ns: int, b_ns: int) -> _Overlap:
        """Their parts."""
        starts, ends = self.starts[some], self.ends[some]
        low, high = np.maximum(starts, a_ns), np.minimum(ends, b_ns)
        slope = (self.right[some] - self.left[some]) / (ends - starts)
        left = self.left[some]
        return _Overlap(
            (high - low) / SECOND_NS, left + slope * (low - starts), left + slope * (high - starts)
        )

    def _at(self, at_ns: NDArray[np.int64]) -> NDArray[np.intp]:
        """The last piece that has begun, the first for those before it."""
        return np.maximum(np.searchsorted(self.starts, at_ns, "right") - 1, 0)

    def _into(self, i: NDArray[np.intp], at_ns: NDArray[np.int64]) -> Values:
        """How far into its piece, s; its whole length for what is behind it."""
        length = self.ends[i] - self.starts[i]
        return np.asarray(np.clip(at_ns - self.starts[i], 0, length) / SECOND_NS, np.float64)


def _pieces(trace: Trace) -> _Pieces:
    times, values = _numbers(trace)
    if trace.kind is Kind.INTERVAL_MEAN:
        return _of_means(times, values, trace.period_ns)
    if trace.kind is Kind.COUNTER:
        return _of_counts(times, values, trace)
    steps = np.diff(times)
    sound = (steps > 0) & (steps <= HOLE_PERIODS * trace.period_ns)
    return _made(times[:-1][sound], times[1:][sound], values[:-1][sound], values[1:][sound])


def _of_means(times: Times, values: Values, period_ns: float) -> _Pieces:
    """Each reaches back to the one before; the first, and one after a hole, by its period."""
    own = max(1, round(period_ns))
    steps = np.diff(times, prepend=times[:1] - own)
    lengths = np.where(steps > HOLE_PERIODS * period_ns, own, steps)
    sound = lengths > 0
    values = values[sound]
    return _made((times - lengths)[sound], times[sound], values, values)


def _of_counts(times: Times, values: Values, trace: Trace) -> _Pieces:
    return _made(*steps_of(times, values, trace.period_ns, trace.wrap, coarse=trace.stand_ns > 0))


def _numbers(trace: Trace) -> tuple[Times, Values]:
    """The samples that are numbers."""
    known = np.isfinite(trace.values)
    return (trace.times_ns, trace.values) if known.all() else (trace.times_ns[known], trace.values[known])


def _made(starts: Times, ends: Times, left: Values, right: Values) -> _Pieces:
    lengths = ends - starts
    joules = np.cumsum((left + right) / 2 * (lengths / SECOND_NS))
    return _Pieces(starts, ends, left, right, np.concatenate((np.zeros(1), joules)))


def _sampling(pieces: _Pieces, inside: slice, a_ns: int, b_ns: int, kind: Kind) -> float:
    """± 95 % for what nobody saw between the samples."""
    if kind is Kind.INSTANT:
        return _between_instants(pieces, inside, pieces.overlaps(inside, a_ns, b_ns).seconds)
    return expanded(*(_within_interval(pieces, at_ns) for at_ns in (a_ns, b_ns)))


def _between_instants(pieces: _Pieces, inside: slice, seconds: Values) -> float:
    """The steps are taken a little beyond the window too; each stretch weighs by its time."""
    near = slice(max(0, inside.start - NEIGHBOURS), inside.stop + NEIGHBOURS)
    lengths = (pieces.ends[near] - pieces.starts[near]) / SECOND_NS
    variance = unseen_variance(pieces.right[near] - pieces.left[near], lengths)
    return unseen(variance, len(lengths), float(np.sum(seconds * seconds)))


def _coverage(steps: int) -> float:
    """How many standard deviations are ± 95 %, of one that was told by so many steps: 2, of few of them more.

    Student's factor by its degrees of freedom, which are fewer than second differences: these share their samples.
    """
    return student(max(1, steps - 1) * 18 / 35)


def _within_interval(pieces: _Pieces, at_ns: int) -> float:
    """± 95 % for how far the energy of the part ``f`` of an interval is from its share of the interval's.

    Of a load that changes once between the levels around it: at most ``f · (1 - f) · length · (high - low)``. One that
    changes more often goes beyond those levels, for means even out what is within them. If its changes do not know of the
    meter's intervals, and their means have the variance v, parts have ``f · (1 - f) · length² · v``, or less where it
    changes more slowly (as of a Brownian bridge); v is told by the means nearby. The greater of the two; but no part of
    what is never negative holds less than nothing, or more than all. A load that repeats in step with the intervals has
    the same mean in each: what happens within them cannot be told from them.
    """
    i = int(np.searchsorted(pieces.starts, at_ns, "right")) - 1
    if i < 0 or at_ns >= pieces.ends[i]:
        return 0.0
    levels = pieces.left[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]
    length = int(pieces.ends[i] - pieces.starts[i])
    share = (at_ns - int(pieces.starts[i])) / length
    once = share * (1 - share) * float(np.ptp(pieces.left[max(0, i - 1) : i + 2]))
    often = _deviation(levels) * float(np.sqrt(share * (1 - share)))
    most = max(share, 1 - share) * float(pieces.left[i]) if levels.min() >= 0 else np.inf
    return length / SECOND_NS * min(max(once, often), most)


def _deviation(levels: Values) -> float:
    """± 95 % of draws of which these are some."""
    if len(levels) < 2:
        return 0.0
    return _coverage(len(levels) - 1) * float(np.sqrt(unseen_variance(np.diff(levels))))


def _accuracy(trace: Trace, parts: _Overlap, joules: float, covered_ns: float) -> float | None:
    absolute = float(np.sum((np.abs(parts.left) + np.abs(parts.right)) / 2 * parts.seconds))
    return stated(trace.accuracy, trace.kind, joules, absolute, covered_ns)


def _peak(trace: Trace, pieces: _Pieces, inside: slice, a_ns: int, b_ns: int) -> float:
    """Of instants the greatest sample; the straight line's greatest point where there is none within. Of a counter the
    greatest mean of a period."""
    if trace.kind is Kind.COUNTER:
        return _greatest_mean(pieces, inside, _WHOLE * trace.period_ns)
    if trace.kind is Kind.INSTANT:
        within = trace.values[(trace.times_ns >= a_ns) & (trace.times_ns <= b_ns)]
        within = within[np.isfinite(within)]
        if len(within):
            return float(np.max(within))
    parts = pieces.overlaps(inside, a_ns, b_ns)
    return float(max(np.max(parts.left), np.max(parts.right)))


def _greatest_mean(pieces: _Pieces, inside: slice, least_ns: float) -> float:
    """Over whole steps without a hole, as few as last so long: what a counter gained in a period may be told within a
    moment, when counts come in bunches. Where none last so long: as if they had."""
    starts, ends = pieces.starts, pieces.ends
    first = np.arange(inside.start, inside.stop)
    stop = np.searchsorted(ends, starts[first] + least_ns)
    known = stop < len(ends)
    first, stop = first[known], stop[known]
    holes = np.concatenate(([0], np.cumsum(starts[1:] != ends[:-1])))
    solid = holes[stop] == holes[first]
    first, stop = first[solid], stop[solid] + 1
    if not len(first):
        first, stop = np.array([inside.start]), np.array([inside.stop])
    lasted = np.maximum(ends[stop - 1] - starts[first], least_ns)
    return float(np.max((pieces.joules[stop] - pieces.joules[first]) / (lasted / SECOND_NS)))


def _clipped(trace: Trace, a_ns: int, b_ns: int) -> int:
    if trace.limit is None or trace.kind is Kind.COUNTER:
        return 0
    within = (trace.times_ns >= a_ns) & (trace.times_ns <= b_ns)
    return int(np.count_nonzero(within & (trace.values >= trace.limit)))


_WHOLE = 0.9
"""Of a period: counts come a little early or late."""

_UNMOVED = 2**-12 / 2
"""Readings that do not move at all around a window hide up to half a step of their converter: of 12 bits, the fewest of any
meter here, at its full scale."""
