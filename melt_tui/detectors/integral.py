"""Energy under one series of power, block by block: a dense meter costs one sum a block."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, replace
from math import isfinite
from statistics import median
from typing import Final

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, Decoding, Kind, Samples, code_struct
from melt_tui.detectors.block_sums import block_sum, value_of
from melt_tui.detectors.counts import Counts, Steps
from melt_tui.detectors.reached import NOTHING, Reached, Step, bent, one_step, together
from melt_tui.measures.counts import HOLE_PERIODS, MOST_W
from melt_tui.measures.integral import bends
from melt_tui.measures.metering import usual_gap
from melt_tui.timeline.columns import Times, Values, times_of, values_of

HELD_NS: Final = 20 * SECOND
"""So far back a moment may lie that is asked for."""
RAW_NS: Final = 4 * SECOND
RAW_SAMPLES: Final = 1 << 18
"""Blocks of the last seconds are kept as they are; of older ones only their ends and what they hold together."""
UNKNOWN_GAP_NS: Final = 10 * SECOND
"""The same where no period is known yet."""
_GAPS = 15
_TRIM = 64
_DENSE = 64
_LOOK = 8
_LOOKED = 256
"""Of longer blocks than ``_DENSE`` one in ``_LOOK`` is looked at for how much the load changes between samples; of each no
more than its first ``_LOOKED`` samples."""

_Edges = tuple[Step | None, Step | None]
_UNKNOWN: Final[_Edges] = (None, None)


@dataclass(slots=True)
class _Piece:
    """A block, or what is left of it."""

    t0_ns: int
    t1_ns: int
    first: float
    last: float
    inside: Reached
    before: Reached
    """Up to its first sample."""
    samples: Samples | None
    decoding: Decoding
    edges: _Edges
    """The first and the last step within it; of a single sample the second is that which led to it."""
    torn: bool = False
    """Of a counter: nothing is known of the step that leads to it."""

    @property
    def held(self) -> int:
        """How many samples of it are kept."""
        return 1 if self.samples is None else self.samples.n


class Integral:
    """The energy of one channel of power, or of an energy counter, by the channel's own times.

    Trapezoid for instants, sum for interval means, differences for counters; no hole is bridged, a counter's fall is
    its restart. Samples that are no numbers, or not later than what came before, are passed over.
    """

    def __init__(self, channel: Channel) -> None:
        self.first_ns: int | None = None
        self.newest_ns: int | None = None
        self._channel = channel
        self._pieces: list[_Piece] = []
        self._gaps: deque[int] = deque(maxlen=_GAPS)
        self._raw = 0
        """Pieces before this one have no samples any more."""
        self._raw_samples = 0
        self._blocks = 0
        self._counts = Counts()
        self._torn = False
        self._steps = Steps()

    def open(self, channel: Channel) -> None:
        """From now on codes mean this."""
        if channel.decoding != self._channel.decoding:
            self._counts = Counts()
        self._channel = channel

    @property
    def period_ns(self) -> float | None:
        """Between samples: nominal, else the median of the last; None before a few came."""
        if self._channel.rate_hz:
            return SECOND / self._channel.rate_hz
        return median(self._gaps) if len(self._gaps) > 2 else None

    @property
    def gap_ns(self) -> float | None:
        """Between the last blocks, as a rule; None before any came."""
        return median(self._gaps) if self._gaps else None

    @property
    def usual_gap_ns(self) -> float:
        """As ``measures.metering.usual_gap``, of the last blocks."""
        return usual_gap(self._gaps)

    @property
    def coarse_j(self) -> float:
        """As ``Steps.coarse_j``; 0 of what is no counter."""
        return self._steps.coarse_j

    def take(self, samples: Samples) -> None:
        """Take the next block; of a counter the one before it."""
        if self._channel.kind is not Kind.COUNTER:
            self._add(samples)
            return
        for some, torn in self._counts.after(samples, self._channel.decoding, self._longest_ns()):
            self._add(some, torn=torn)

    def _add(self, samples: Samples, *, torn: bool = False) -> None:
        self._torn = torn
        piece = self._piece(samples)
        if piece is None:
            return
        if self._channel.kind is Kind.COUNTER:
            self._steps.see(_values(piece.samples, piece.decoding) if piece.samples else [piece.first])
        if self._pieces:
            self._gaps.append(piece.t0_ns - self._pieces[-1].t1_ns)
        else:
            self.first_ns = piece.t0_ns
        self._pieces.append(piece)
        self._blocks += 1
        self.newest_ns = piece.t1_ns
        self._raw_samples += piece.held
        self._thin(piece.t1_ns)

    def at(self, t_ns: int) -> Reached | None:
        """Up to that moment; None for one that is later than the newest sample, or too long ago."""
        if self.first_ns is None or self.newest_ns is None or t_ns > self.newest_ns:
            return None
        if t_ns <= self.first_ns:
            return NOTHING
        place = bisect_right(self._pieces, t_ns, key=_start) - 1
        if place < 0:
            return None
        piece = self._pieces[place]
        if t_ns < piece.t1_ns:
            return piece.before.plus(self._within(piece, t_ns))
        whole = _whole(piece)
        if t_ns == piece.t1_ns or place + 1 == len(self._pieces):
            return whole
        return whole.plus(self._joint(piece, self._pieces[place + 1], t_ns))

    def near(self, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        """The samples there, and one more at either end; None where they are kept no more."""
        first = max(0, bisect_right(self._pieces, t0_ns, key=_start) - 1)
        some = self._pieces[first : bisect_right(self._pieces, t1_ns, key=_start) + 1]
        if not some or any(piece.samples is None and piece.t1_ns > piece.t0_ns for piece in some):
            return None
        times = [times_of(one.samples) if one.samples else np.array([one.t0_ns], np.int64) for one in some]
        values = [
            _values(one.samples, one.decoding) if one.samples else np.array([one.first]) for one in some
        ]
        return np.concatenate(times), np.concatenate(values)

    def excerpt(self, t0_ns: int) -> "Integral":
        """What is held from a moment on, to be asked when it is held here no more."""
        kept = Integral(self._channel)
        first = max(0, bisect_right(self._pieces, t0_ns, key=_start) - 1)
        kept._pieces = [replace(piece) for piece in self._pieces[first:]]
        kept._gaps = self._gaps.copy()
        kept._steps = replace(self._steps)
        kept.first_ns, kept.newest_ns = self.first_ns, self.newest_ns
        return kept

    def _longest_ns(self) -> float:
        period = self.period_ns
        return UNKNOWN_GAP_NS if period is None else HOLE_PERIODS * period

    def _piece(self, samples: Samples) -> _Piece | None:
        newest = self.newest_ns
        if newest is not None and samples.t0_ns <= newest:
            return self._uneven(samples) if samples.t1_ns > newest else None
        if len(samples.codes) == code_struct(samples.dtype).size:
            value = value_of(samples.last_code, self._channel.decoding)
            return self._joined(samples.t0_ns, samples.t0_ns, value, value, NOTHING, None)
        return self._uneven(samples) if samples.times is not None else self._even(samples)

    def _even(self, samples: Samples) -> _Piece | None:
        n, span = samples.n, samples.t1_ns - samples.t0_ns
        kind = self._channel.kind
        total, first, last = block_sum(samples, self._channel.decoding)
        step = span / (n - 1)
        unbroken = self._channel.rate_hz is None or step <= self._longest_ns()
        if kind is Kind.COUNTER or not unbroken or not isfinite(total):
            return self._uneven(samples)
        joules = (total - (first if kind is Kind.INTERVAL_MEAN else (first + last) / 2)) * step / SECOND
        if kind is Kind.INTERVAL_MEAN:
            inside, edges = Reached(joules, span, abs(joules)), _UNKNOWN
        else:
            inside, edges = self._seen(samples, joules, first, last)
        return self._joined(samples.t0_ns, samples.t1_ns, first, last, inside, samples, edges)

    def _seen(self, samples: Samples, joules: float, first: float, last: float) -> tuple[Reached, _Edges]:
        """What an even block of instants comes to; of a dense one its beginning is looked at, now and then."""
        n, span = samples.n, samples.t1_ns - samples.t0_ns
        length_s, moved = span / (n - 1) / SECOND, (last - first) ** 2
        squares = (n - 1) * length_s * length_s
        if n > _DENSE and self._blocks % _LOOK:
            return Reached(joules, span, abs(joules), n - 1, squares, moved), _UNKNOWN
        codes = samples.codes[: _LOOKED * code_struct(samples.dtype).size]
        values = values_of(codes, samples.dtype, self._channel.decoding)
        steps = values[1:] - values[:-1]
        moved = max(moved, float(steps @ steps))
        inside = Reached(joules, span, abs(joules), n - 1, squares, moved, *bends(steps))
        whole = (float(steps[-1]), length_s) if n <= _LOOKED else None
        return inside, ((float(steps[0]), length_s), whole)

    def _uneven(self, samples: Samples) -> _Piece | None:
        times, values = self._fresh(samples, self._channel.decoding)
        if not len(times):
            return None
        whole = samples if len(times) == samples.n else None
        ends = int(times[0]), int(times[-1]), float(values[0]), float(values[-1])
        return self._joined(*ends, self._area(times, values), whole, _edges(times, values))

    def _fresh(self, samples: Samples, decoding: Decoding) -> tuple[Times, Values]:
        """Those that are numbers, and later than what came before."""
        times, values = times_of(samples), values_of(samples.codes, samples.dtype, decoding)
        after = -1 if self.newest_ns is None else self.newest_ns
        good = np.isfinite(values) & (times > after)
        return (times, values) if good.all() else (times[good], values[good])

    def _joined(
        self,
        t0_ns: int,
        t1_ns: int,
        first: float,
        last: float,
        inside: Reached,
        samples: Samples | None,
        edges: _Edges = _UNKNOWN,
    ) -> _Piece | None:
        if not isfinite(first):
            return None
        piece = _Piece(
            t0_ns, t1_ns, first, last, inside, NOTHING, samples, self._channel.decoding, edges, self._torn
        )
        if self._pieces:
            before = self._pieces[-1]
            piece.before = together(before.before, before.inside, self._joint(before, piece, t0_ns))
            if before.edges is not _UNKNOWN or edges is not _UNKNOWN or t0_ns == t1_ns:
                self._bend(before, piece)
        return piece

    def _bend(self, before: _Piece, piece: _Piece) -> None:
        """Take the samples at both ends of the step that leads to a piece, if it is one."""
        if self._channel.kind is not Kind.INSTANT or piece.t0_ns - before.t1_ns > self._longest_ns():
            return
        step = piece.first - before.last, (piece.t0_ns - before.t1_ns) / SECOND
        first = piece.edges[0]
        piece.before = bent(bent(piece.before, before.edges[1], step), step, first)
        if piece.t0_ns == piece.t1_ns:
            piece.edges = first, step

    def _joint(self, before: _Piece, after: _Piece, t_ns: int) -> Reached:
        """From the end of one piece as far as ``t_ns``, on the way to the next."""
        if after.torn:
            return NOTHING
        return self._across(before.last, after.first, after.t0_ns - before.t1_ns, t_ns - before.t1_ns)

    def _across(self, first: float, last: float, gap_ns: int, part_ns: int) -> Reached:
        """``part_ns`` of the way from one sample to the next; an interval mean after a hole stands for one period."""
        kind = self._channel.kind
        if gap_ns <= self._longest_ns():
            most_j = MOST_W * max(gap_ns, self.period_ns or 0.0) / SECOND
            was_set = kind is Kind.COUNTER and last - first > most_j
            return NOTHING if was_set else one_step(kind, first, last, gap_ns, part_ns)
        if kind is not Kind.INTERVAL_MEAN:
            return NOTHING
        own = max(0.0, part_ns - gap_ns + (self.period_ns or 0.0))
        return Reached(last * own / SECOND, own, abs(last) * own / SECOND)

    def _within(self, piece: _Piece, t_ns: int) -> Reached:
        if piece.samples is None:
            share = (t_ns - piece.t0_ns) / (piece.t1_ns - piece.t0_ns)
            return piece.inside.share(share)
        samples = piece.samples
        times, values = times_of(samples), values_of(samples.codes, samples.dtype, piece.decoding)
        k = int(np.searchsorted(times, t_ns, "right"))
        gap, part = int(times[k] - times[k - 1]), t_ns - int(times[k - 1])
        step = self._across(float(values[k - 1]), float(values[k]), gap, part)
        return self._area(times[:k], values[:k]).plus(step)

    def _area(self, times: Times, values: Values) -> Reached:
        """Of samples in order of time."""
        kind, gaps, longest = self._channel.kind, np.diff(times), self._longest_ns()
        if kind is Kind.INTERVAL_MEAN:
            lengths = np.where(gaps > longest, self.period_ns or 0.0, gaps)
            parts = values[1:] * lengths / SECOND
            return Reached(float(parts.sum()), float(lengths.sum()), float(np.abs(parts).sum()))
        steps, good = np.diff(values), gaps <= longest
        if kind is Kind.COUNTER:
            good &= (steps >= 0) & (steps <= MOST_W * np.maximum(gaps, self.period_ns or 0.0) / SECOND)
            joules = float(steps[good].sum())
            return Reached(joules, float(gaps[good].sum()), joules)
        good &= gaps > 0
        parts = ((values[1:] + values[:-1]) * gaps / (2 * SECOND))[good]
        lengths, steps = gaps[good] / SECOND, steps[good]
        return Reached(
            float(parts.sum()),
            float(gaps[good].sum()),
            float(np.abs(parts).sum()),
            len(steps),
            float(lengths @ lengths),
            float(steps @ steps),
            *bends(steps, lengths),
        )

    def _thin(self, newest_ns: int) -> None:
        pieces = self._pieces
        while self._raw < len(pieces) - 1 and (
            pieces[self._raw].t1_ns < newest_ns - RAW_NS or self._raw_samples > RAW_SAMPLES
        ):
            self._raw_samples -= pieces[self._raw].held
            pieces[self._raw].samples = None
            self._raw += 1
        if pieces[min(_TRIM, len(pieces) - 1)].t1_ns < newest_ns - HELD_NS:
            old = bisect_right(pieces, newest_ns - HELD_NS, key=_start) - 1
            del pieces[:old]
            self._raw -= old


def _start(piece: _Piece) -> int:
    return piece.t0_ns


def _whole(piece: _Piece) -> Reached:
    return piece.before.plus(piece.inside)


def _edges(times: Times, values: Values) -> _Edges:
    """The first step and the last one."""
    if len(times) < 2:
        return _UNKNOWN
    first = float(values[1] - values[0]), int(times[1] - times[0]) / SECOND
    return first, (float(values[-1] - values[-2]), int(times[-1] - times[-2]) / SECOND)


def _values(samples: Samples, decoding: Decoding) -> Values:
    return values_of(samples.codes, samples.dtype, decoding)
