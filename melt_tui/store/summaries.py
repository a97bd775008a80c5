"""Values of codes and their summaries: what of a chunk is known without unpacking it."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drivers.model import IDENTITY, Decoding, DType
from melt_tui.store.blocks import Blocks, Ints
from melt_tui.timeline.columns import Buckets, Values, bucketed, values_of
from melt_tui.timeline.grid import LEVELS_NS

SLOW_HZ = 2000.0
"""Channels up to this rate go through the journal; faster ones have a chunk of their own at every commit."""

_DENSE = 16
"""The finest summaries of a channel hold about so many samples or more: below, samples are read themselves."""

_TABLE_BITS = 20


class Decoder:
    """From codes to values, as ``columns.values_of`` does it; by a table where one is faster."""

    def __init__(self, dtype: DType, decoding: Decoding) -> None:
        self._dtype = dtype
        self._decoding = decoding

    def __call__(self, codes: bytes) -> Values:
        """Values of packed codes."""
        table = self._table
        if table is None or len(codes) < _DENSE * 1024:
            return values_of(codes, self._dtype, self._decoding)
        places = np.frombuffer(codes, _UNSIGNED[self._dtype])
        values: Values = table[np.minimum(places, len(table) - 1)]
        return values

    @cached_property
    def _table(self) -> Values | None:
        """The value of each code, the last for all that are greater; None where there are too many."""
        form, bits = _UNSIGNED.get(self._dtype), self._decoding.bits
        if form is None or self._decoding == IDENTITY:
            return None
        size = 1 << (8 * np.dtype(form).itemsize)
        if size > 1 << _TABLE_BITS:
            size = len(self._decoding.pieces) << bits if bits is not None else size
            if size > 1 << _TABLE_BITS:
                return None
        codes = np.arange(size, dtype=form).tobytes()
        return np.append(values_of(codes, self._dtype, self._decoding), np.nan)


def base_of(rate_hz: float | None, *, most_ns: int = LEVELS_NS[-1]) -> int:
    """Width of the finest summaries for a channel of this rate, at most ``most_ns``."""
    fitting = [level for level in LEVELS_NS if rate_hz and rate_hz * level >= _DENSE * 1e9]
    finest: int = fitting[0] if fitting else LEVELS_NS[-1]
    return min(finest, most_ns)


def summarized(blocks: Blocks, decoder: Decoder, width_ns: int) -> Buckets:
    """All samples of the blocks in buckets of this width."""
    values = decoder(blocks.codes)
    if _regular(blocks, width_ns):
        return _cut(blocks, values, width_ns)
    times = blocks.times
    if len(times) > 1 and (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
    return bucketed(times, values, width_ns)


def _regular(blocks: Blocks, width_ns: int) -> bool:
    """Whether bucket edges can be found by arithmetic: even blocks in order, of many samples, without great holes."""
    low, high = blocks.bounds
    few = (high - low) // width_ns < blocks.n
    if (
        not few
        or blocks.single
        or len(blocks.own)
        or (high - low) * max(1, int(blocks.counts.max())) >= 1 << 62
    ):
        return False
    return bool((blocks.t1 >= blocks.t0).all() and (blocks.t0[1:] >= blocks.t1[:-1]).all())


def _cut(blocks: Blocks, values: Values, width_ns: int) -> Buckets:
    """The first sample at or after an edge ``e`` is ``ceil((e - t0) (n - 1) / (t1 - t0))`` of the block that holds it."""
    first = int(blocks.t0[0])
    edges = np.arange(first - first % width_ns, int(blocks.t1[-1]) + 1, width_ns)
    block = np.searchsorted(blocks.t1, edges)
    t0, counts = blocks.t0[block], blocks.counts[block]
    spans = np.maximum(blocks.t1[block] - t0, 1)
    inside = -(-(np.maximum(edges - t0, 0) * (counts - 1)) // spans)
    places: Ints = (blocks.ends - blocks.counts)[block] + inside
    held = np.diff(places, append=blocks.n)
    filled: NDArray[np.bool_] = held > 0
    places = places[filled]
    with np.errstate(all="ignore"):
        return Buckets(
            edges[filled],
            held[filled],
            np.minimum.reduceat(values, places),
            np.maximum.reduceat(values, places),
            np.add.reduceat(values, places),
        )


_UNSIGNED = {
    DType.U8: "<u1",
    DType.U16: "<u2",
    DType.I16: "<u2",
    DType.U32: "<u4",
    DType.I32: "<u4",
}
