"""From samples of power, or of a counter of energy, to joules: over a window, or so far.

Imports numpy: reached only where there are samples, never on the way to the first picture. Times are host time in ns.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.accuracy import Accuracy
from drivers.model import Kind
from melt_tui.measures.energy import SECOND_NS, Amount, Energy, expanded

Times = NDArray[np.int64]
Values = NDArray[np.float64]

HOLE_PERIODS = 5
"""A gap longer than so many periods is a hole: not bridged."""


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
    accuracy: Accuracy | None = None
    """As stated for the meter, in the unit of the values."""
    limit: float | None = None
    """The end of the meter's range: samples there are clipped."""
    wrap: float | None = None
    """A counter that reaches it begins again at 0; None: a fall is a restart, and what came meanwhile unknown."""

    @property
    def least_ns(self) -> float:
        """Windows shorter than this hold no sample of their own: nothing can be said of them."""
        return max(self.period_ns, self.refresh_ns)


def integrate(trace: Trace, a_ns: int, b_ns: int) -> Energy | None:
    """The energy of ``a_ns … b_ns``; None where nothing of it was measured, or it is shorter than ``least_ns``.

    Trapezoids between instant samples; interval means over their intervals; differences of a counter. Cut on a straight
    line at both ends. Holes count as not covered.
    """
    if b_ns <= a_ns or b_ns - a_ns < trace.least_ns:
        return None
    pieces = _pieces(trace)
    ends = np.array([a_ns, b_ns])
    low, high = pieces.covered(ends)
    if high <= low:
        return None
    inside = pieces.between(a_ns, b_ns)
    before, after = pieces.energy(ends)
    joules, covered_ns = float(after - before), float(high - low)
    sampling = _sampling(pieces, inside, a_ns, b_ns, trace.kind)
    integration = expanded(sampling, _shifting(pieces, a_ns, b_ns, trace.timing_ns + trace.refresh_ns))
    accuracy = _accuracy(trace, pieces.overlaps(inside, a_ns, b_ns), joules, covered_ns)
    return Energy(
        t0_ns=a_ns,
        t1_ns=b_ns,
        covered_ns=covered_ns,
        joules=Amount(joules, integration, accuracy),
        peak_w=_peak(trace, pieces.overlaps(inside, a_ns, b_ns), a_ns, b_ns),
        clipped=_clipped(trace, a_ns, b_ns),
    )


class Running:
    """Joules so far, block by block: what ``integrate`` gives from the first sample on, without keeping them."""

    def __init__(self, kind: Kind, period_ns: float, wrap: float | None = None) -> None:
        self.joules = 0.0
        self.covered_ns = 0.0
        self._kind = kind
        self._period_ns = period_ns
        self._wrap = wrap
        self._times: Times = np.empty(0, np.int64)
        self._values: Values = np.empty(0)

    def take(self, times_ns: Times, values: Values) -> Values:
        """Take the samples that follow; the joules so far at each of their times.

        It stands still over a hole.
        """
        together = Trace(
            kind=self._kind,
            times_ns=np.concatenate((self._times, times_ns)),
            values=np.concatenate((self._values, values)),
            period_ns=self._period_ns,
            wrap=self._wrap,
        )
        known = np.flatnonzero(np.isfinite(together.values))
        if not len(known):
            return np.full(len(times_ns), self.joules)
        pieces = _pieces(together, first=not len(self._times))
        energies = self.joules + pieces.energy(times_ns)
        last = known[-1:]
        self._times, self._values = together.times_ns[last], together.values[last]
        self.joules += float(pieces.energy(self._times)[0])
        self.covered_ns += float(pieces.covered(self._times)[0])
        return energies


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
    measured: Times
    """Likewise, ns."""

    def energy(self, at_ns: NDArray[np.int64]) -> Values:
        """Joules up to each moment."""
        if not len(self.starts):
            return np.zeros(len(at_ns))
        i = self._at(at_ns)
        u, d = self._into(i, at_ns), (self.ends[i] - self.starts[i]) / SECOND_NS
        part = u * (self.left[i] + (self.right[i] - self.left[i]) * u / (2 * d))
        return np.asarray(self.joules[i] + part, np.float64)

    def covered(self, at_ns: NDArray[np.int64]) -> Values:
        """Nanoseconds up to each moment that were measured."""
        if not len(self.starts):
            return np.zeros(len(at_ns))
        i = self._at(at_ns)
        return np.asarray(self.measured[i] + self._into(i, at_ns) * SECOND_NS, np.float64)

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


def _pieces(trace: Trace, *, first: bool = True) -> _Pieces:
    """``first``: whether the first interval mean stands for its interval, or only tells where the next one begins."""
    times, values = _in_order(trace)
    if trace.kind is Kind.INTERVAL_MEAN:
        return _of_means(times, values, trace.period_ns, first=first)
    steps = np.diff(times)
    sound = (steps > 0) & (steps <= HOLE_PERIODS * trace.period_ns)
    if trace.kind is Kind.COUNTER:
        rises = _rises(values, trace.wrap)
        sound &= rises >= 0
        level = rises[sound] / (steps[sound] / SECOND_NS)
        return _made(times[:-1][sound], times[1:][sound], level, level)
    return _made(times[:-1][sound], times[1:][sound], values[:-1][sound], values[1:][sound])


def _of_means(times: Times, values: Values, period_ns: float, *, first: bool) -> _Pieces:
    """Each reaches back to the one before; after a hole, by its period."""
    own = max(1, round(period_ns))
    steps = np.diff(times, prepend=times[:1] - (own if first else 0))
    lengths = np.where(steps > HOLE_PERIODS * period_ns, own, steps)
    sound = lengths > 0
    values = values[sound]
    return _made((times - lengths)[sound], times[sound], values, values)


def _rises(values: Values, wrap: float | None) -> Values:
    rises = np.diff(values)
    return rises if wrap is None else np.where(rises < 0, rises + wrap, rises)


def _in_order(trace: Trace) -> tuple[Times, Values]:
    known = np.isfinite(trace.values)
    times, values = trace.times_ns[known], trace.values[known]
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
    return times, values


def _made(starts: Times, ends: Times, left: Values, right: Values) -> _Pieces:
    lengths = ends - starts
    joules = np.cumsum((left + right) / 2 * (lengths / SECOND_NS))
    zero = np.zeros(1)
    return _Pieces(
        starts,
        ends,
        left,
        right,
        np.concatenate((zero, joules)),
        np.concatenate((zero.astype(np.int64), np.cumsum(lengths))),
    )


def _sampling(pieces: _Pieces, inside: slice, a_ns: int, b_ns: int, kind: Kind) -> float:
    """± 95 % for what nobody saw between the samples."""
    if kind is Kind.INSTANT:
        return _between_instants(pieces, inside, pieces.overlaps(inside, a_ns, b_ns).seconds)
    return expanded(*(_within_interval(pieces, at_ns) for at_ns in (a_ns, b_ns)))


def _between_instants(pieces: _Pieces, inside: slice, seconds: Values) -> float:
    """Samples taken as draws of a load that changes faster than they come; a steady rise is none.

    Their variance is a sixth of the mean square of second differences, taken a little beyond the window too; each weighs
    by its time. A load in step with the sampling cannot be told from a steady one.
    """
    near = slice(max(0, inside.start - _NEIGHBOURS), inside.stop + _NEIGHBOURS)
    steps = pieces.right[near] - pieces.left[near]
    variance = np.mean(np.diff(steps) ** 2) / 6 if len(steps) > 1 else np.mean(steps**2) / 2
    return 2 * float(np.sqrt(variance * np.sum(seconds * seconds)))


def _within_interval(pieces: _Pieces, at_ns: int) -> float:
    """How far the energy of a part of an interval may be from its share of the interval's.

    Of a load that changes once between the levels seen around it: at most ``f · (1 - f) · length · (high - low)``.
    """
    i = int(np.searchsorted(pieces.starts, at_ns, "right")) - 1
    if i < 0 or at_ns >= pieces.ends[i]:
        return 0.0
    levels = pieces.left[max(0, i - 1) : i + 2]
    length = int(pieces.ends[i] - pieces.starts[i])
    share = (at_ns - int(pieces.starts[i])) / length
    return share * (1 - share) * (length / SECOND_NS) * float(np.ptp(levels))


def _shifting(pieces: _Pieces, a_ns: int, b_ns: int, off_ns: float) -> float:
    """The most that the energy changes when the window is moved by up to ``off_ns``, either way."""
    if not off_ns:
        return 0.0
    shifts = np.rint(np.linspace(-off_ns, off_ns, _SHIFTS)).astype(np.int64)
    moved = pieces.energy(b_ns + shifts) - pieces.energy(a_ns + shifts)
    return float(np.max(np.abs(moved - moved[_SHIFTS // 2])))


def _accuracy(trace: Trace, parts: _Overlap, joules: float, covered_ns: float) -> float | None:
    if trace.accuracy is None:
        return None
    if trace.kind is Kind.COUNTER:
        return trace.accuracy.bound(joules)
    absolute = float(np.sum((np.abs(parts.left) + np.abs(parts.right)) / 2 * parts.seconds))
    return trace.accuracy.gain_fraction * absolute + trace.accuracy.offset * covered_ns / SECOND_NS


def _peak(trace: Trace, parts: _Overlap, a_ns: int, b_ns: int) -> float:
    """Of instants the greatest sample; the straight line's greatest point where there is none within."""
    if trace.kind is Kind.INSTANT:
        within = trace.values[(trace.times_ns >= a_ns) & (trace.times_ns <= b_ns)]
        within = within[np.isfinite(within)]
        if len(within):
            return float(np.max(within))
    return float(max(np.max(parts.left), np.max(parts.right)))


def _clipped(trace: Trace, a_ns: int, b_ns: int) -> int:
    if trace.limit is None or trace.kind is Kind.COUNTER:
        return 0
    within = (trace.times_ns >= a_ns) & (trace.times_ns <= b_ns)
    return int(np.count_nonzero(within & (trace.values >= trace.limit)))


_NEIGHBOURS = 4
_SHIFTS = 17
