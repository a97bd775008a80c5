"""From codes to columns, by numpy: what live state and recordings share, so that both state the same numbers.

Not imported by ``melt_tui.timeline`` itself: the first screen reaches no numpy.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.model import IDENTITY, ChannelKey, Decoding, DType, Samples
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.model import Window

Times = NDArray[np.int64]
Values = NDArray[np.float64]

_EXACT = 1 << 62
"""Products below it fit an int64."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Summaries of the samples of equal spans: arrays of equal length, ``starts`` rising, only those with samples. Of several
    channels that share their times least, greatest and sums have a row for each."""

    starts: Times
    counts: NDArray[np.int64]
    minima: Values
    maxima: Values
    sums: Values


class Columns(NamedTuple):
    """The same as a ``Window`` tells it, but for the clock: a mean in place of a sum."""

    starts: "array[int]"
    counts: "array[int]"
    minima: "array[float]"
    maxima: "array[float]"
    means: "array[float]"

    def followed_by(self, later: "Columns", first: int = 0) -> "Columns":
        """These from number ``first`` on, then ``later`` ones."""
        return Columns(
            self.starts[first:] + later.starts,
            self.counts[first:] + later.counts,
            self.minima[first:] + later.minima,
            self.maxima[first:] + later.maxima,
            self.means[first:] + later.means,
        )


def no_columns() -> Columns:
    """None at all."""
    return Columns(array("q"), array("q"), array("d"), array("d"), array("d"))


def times_of(samples: Samples) -> Times:
    """Times of the samples of a block: exactly ``samples.time_at`` of each."""
    if samples.times is not None:
        return np.frombuffer(samples.times, "<i8").astype(np.int64, copy=False)
    n, span = samples.n, samples.t1_ns - samples.t0_ns
    if n == 1:
        return np.array([samples.t0_ns], np.int64)
    if span * (n - 1) >= _EXACT:
        return np.array([samples.time_at(i) for i in range(n)], np.int64)
    return samples.t0_ns + span * np.arange(n, dtype=np.int64) // (n - 1)


def values_of(codes: bytes, dtype: DType, decoding: Decoding) -> Values:
    """Values of codes: bit for bit ``decoding.value`` of each; NaN where ``bits`` name a piece that there is not."""
    raw = np.frombuffer(codes, "<" + _NUMPY[dtype])
    if decoding == IDENTITY:
        return _wide(raw)
    if decoding.bits is None:
        return _polynomial(_wide(raw), decoding.pieces[0])
    whole = raw.astype(np.int64)
    piece = whole >> decoding.bits
    x = (whole & ((1 << decoding.bits) - 1)).astype(np.float64)
    if len(piece) and 0 <= piece[0] < len(decoding.pieces) and (piece == piece[0]).all():
        return _polynomial(x, decoding.pieces[piece[0]])
    values = np.full(len(raw), np.nan)
    for number in range(len(decoding.pieces)):
        chosen = piece == number
        values[chosen] = _polynomial(x[chosen], decoding.pieces[number])
    return values


def piece_values(codes: NDArray[Any], decoding: Decoding, piece: int) -> Values:
    """Values of whole codes that all belong to one piece: the same as ``values_of``."""
    first = codes.dtype.type(piece << (decoding.bits or 0))
    return _polynomial((codes - first).astype(np.float64), decoding.pieces[piece])


def bucketed(times: Times, values: Values, width_ns: int) -> Buckets:
    """Samples in time order, summed up in buckets of this width; of several channels with a row of values for each."""
    starts = times - times % width_ns
    first = firsts(starts)
    if not len(first):
        return Buckets(starts, starts, values, values, values)
    with np.errstate(all="ignore"):
        return Buckets(
            starts[first],
            lengths(first, len(starts)),
            np.minimum.reduceat(values, first, axis=-1),
            np.maximum.reduceat(values, first, axis=-1),
            np.add.reduceat(values, first, axis=-1),
        )


def coarser(buckets: Buckets, width_ns: int) -> Buckets:
    """Buckets by start, summed up in buckets of a width that is a multiple of theirs."""
    starts = buckets.starts - buckets.starts % width_ns
    first = firsts(starts)
    if len(first) == len(starts):
        return Buckets(starts, buckets.counts, buckets.minima, buckets.maxima, buckets.sums)
    with np.errstate(all="ignore"):
        return Buckets(
            starts[first],
            np.add.reduceat(buckets.counts, first),
            np.minimum.reduceat(buckets.minima, first, axis=-1),
            np.maximum.reduceat(buckets.maxima, first, axis=-1),
            np.add.reduceat(buckets.sums, first, axis=-1),
        )


def each_of(buckets: Buckets) -> Iterator[Buckets]:
    """Those of each of several channels."""
    for low, high, total in zip(buckets.minima, buckets.maxima, buckets.sums, strict=True):
        yield Buckets(buckets.starts, buckets.counts, low, high, total)


def joined(parts: Sequence[Buckets], width_ns: int) -> Buckets:
    """Buckets of several parts in any order, those of one start summed up."""
    if len(parts) == 1 and (parts[0].starts[1:] >= parts[0].starts[:-1]).all():
        return coarser(parts[0], width_ns)
    starts = np.concatenate([part.starts for part in parts])
    order = np.argsort(starts, kind="stable")
    together = Buckets(
        starts[order],
        np.concatenate([part.counts for part in parts])[order],
        np.concatenate([part.minima for part in parts])[order],
        np.concatenate([part.maxima for part in parts])[order],
        np.concatenate([part.sums for part in parts])[order],
    )
    return coarser(together, width_ns)


def window_of(key: ChannelKey, width_ns: int, buckets: Buckets, clock: ClockMap) -> Window:
    """The answer made of these columns, their starts told in host time."""
    return told(key, width_ns, columns_of(buckets), clock)


def columns_of(buckets: Buckets) -> Columns:
    """Buckets as columns."""
    return Columns(
        _array("q", buckets.starts),
        _array("q", buckets.counts),
        _array("d", buckets.minima),
        _array("d", buckets.maxima),
        _array("d", buckets.sums / buckets.counts),
    )


def told(key: ChannelKey, width_ns: int, columns: Columns, clock: ClockMap) -> Window:
    """The answer that these columns are, their starts told in host time."""
    starts = columns.starts
    if clock.moves(key):
        starts = array("q", [clock.to_host(key, start) for start in starts])
    return Window(
        key=key,
        width_ns=width_ns,
        starts_ns=starts,
        counts=columns.counts,
        minima=columns.minima,
        maxima=columns.maxima,
        means=columns.means,
    )


def lengths(firsts: NDArray[np.intp], n: int) -> Times:
    """How long each run is that begins at one of ``firsts``, of ``n`` in all. Quicker than ``np.diff``."""
    lengths = np.empty(len(firsts), np.int64)
    lengths[:-1], lengths[-1] = firsts[1:], n
    lengths -= firsts
    return lengths


def empty() -> Buckets:
    """No buckets."""
    return bucketed(np.empty(0, np.int64), np.empty(0), 1)


_NUMPY = {
    DType.F64: "f8",
    DType.F32: "f4",
    DType.I64: "i8",
    DType.I32: "i4",
    DType.U32: "u4",
    DType.I16: "i2",
    DType.U16: "u2",
    DType.U8: "u1",
}


def _wide(raw: NDArray[Any]) -> Values:
    """As 64-bit numbers; a NaN that signals is a NaN like any other."""
    with np.errstate(invalid="ignore"):
        return raw.astype(np.float64)


def _polynomial(x: Values, coefficients: Sequence[float]) -> Values:
    """The same steps in the same order as ``Decoding.value``, so that nothing differs in the last bit."""
    total = np.zeros(len(x))
    with np.errstate(all="ignore"):
        for coefficient in reversed(coefficients):
            total *= x
            total += coefficient
    return total


def firsts(starts: Times) -> NDArray[np.intp]:
    """Where each run of equal starts begins. Not by ``np.diff``, which takes longer than a minute of readings."""
    fresh = np.ones(len(starts), np.bool_)
    np.not_equal(starts[1:], starts[:-1], out=fresh[1:])
    return fresh.nonzero()[0]


def _array(code: str, values: NDArray[Any]) -> "array[Any]":
    made: array[Any] = array(code)
    made.frombytes(np.ascontiguousarray(values).tobytes())
    return made
