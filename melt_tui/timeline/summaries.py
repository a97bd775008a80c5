"""Values of codes and their summaries: what of a chunk is known without unpacking it."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.model import Decoding, DType, code_struct
from melt_tui.timeline.blocks import Blocks, Ints
from melt_tui.timeline.columns import (
    Buckets,
    Times,
    Values,
    bucketed,
    firsts,
    lengths,
    piece_values,
    values_of,
)
from melt_tui.timeline.grid import LEVELS_NS
from melt_tui.timeline.stretches import Bytes, Ends, Stretch, above, ends_of, side_by_side

SLOW_HZ = 2000.0
"""Channels up to this rate go through the journal; faster ones have a chunk of their own at every commit."""

DENSE = 16
"""The finest summaries of a channel hold about so many samples or more: below, samples are read themselves."""

FAST_DENSE = 400
"""The same of a fast channel: its summaries are made while it is measured, and finer ones are quickly made on reading."""

_TABLE_BITS = 20
"""Codes of a piece that are tried one by one, as a power of two."""

_HALF = 1 << 16
"""The squares of numbers below fit 32 bits."""

_BYTE = 255

_NEAR = 100_000
"""Bytes of codes that are gone through at once: they stay in the cache from one step to the next, and what a step makes of them
needs no fresh memory of the system, which costs more than the step."""

_WHOLE = 1 << 32
"""Sums below fit 32 bits. Wider ones make numpy copy all that it sums up, which costs more than the sums."""

_TERMS = 3
"""Of a polynomial whose sums are taken by powers: those of codes are exact up to squares."""


class Decoder:
    """From codes to values, as ``columns.values_of`` does it, and to their summaries without all the values."""

    def __init__(self, dtype: DType, decoding: Decoding) -> None:
        self._dtype = dtype
        self._decoding = decoding
        self._rises: dict[int, int] = {}

    def __call__(self, codes: bytes) -> Values:
        """Values of packed codes."""
        return values_of(codes, self._dtype, self._decoding)

    def extremes(self, codes: bytes, places: Ints, counts: Ints) -> tuple[Values, Values, Values]:
        """Least and greatest value and the sum, of each stretch of codes that begins at one of ``places``.

        Where a polynomial of a piece only rises or only falls, the extremes lie at the extremes of the codes, and
        sums of values are sums of powers of codes.
        """
        raw = np.frombuffer(codes, "<" + self._dtype)
        if raw.dtype.kind != "f" and raw.itemsize < 8:
            low, high = np.minimum.reduceat(raw, places), np.maximum.reduceat(raw, places)
            span = range(int(low.min()), int(high.max()) + 1)
            piece = self._piece(span)
            if piece is not None:
                least, most = self._ends(low, high, piece)
                return least, most, self._sums(raw, span, piece, places, counts)
        values = self(codes)
        with np.errstate(all="ignore"):
            return (
                np.minimum.reduceat(values, places),
                np.maximum.reduceat(values, places),
                np.add.reduceat(values, places),
            )

    def extremes_above(
        self, codes: Bytes, lows: Ints, places: Ints, counts: Ints
    ) -> tuple[Values, Values, Values]:
        """The same of codes that tell how far they are above one of ``lows``, of which there is one for each stretch."""
        low, high = np.minimum.reduceat(codes, places) + lows, np.maximum.reduceat(codes, places) + lows
        piece = self._piece(range(int(low.min()), int(high.max()) + 1))
        if piece is None:
            whole = (lows.repeat(counts) + codes).astype("<" + self._dtype)
            return self.extremes(whole.tobytes(), places, counts)
        least, most = self._ends(low, high, piece)
        return least, most, self._sums_above(codes, lows, piece, places, counts)

    def _ends(self, low: NDArray[Any], high: NDArray[Any], piece: int) -> tuple[Values, Values]:
        """Least and greatest values, from the least and greatest codes of one piece."""
        codes = np.concatenate((low, high)).astype("<" + self._dtype, copy=False)
        ends = piece_values(codes, self._decoding, piece).reshape(2, -1)
        return (ends[0], ends[1]) if self._rises[piece] > 0 else (ends[1], ends[0])

    def _sums_above(self, codes: Bytes, lows: Ints, piece: int, places: Ints, counts: Ints) -> Values:
        """By powers of what codes are above the least of all, exact as well."""
        start, most = int(lows.min()), int(np.maximum.reduce(counts))
        first = piece << (self._decoding.bits or 0)
        constant, linear, square = _about(self._decoding.pieces[piece], start - first)
        sums: Values = np.multiply(counts, constant, dtype=np.float64)
        if linear or square:
            rises = lows - start
            total = _summed(codes, _BYTE * most, places).astype(np.int64)
            sums += (total + counts * rises) * linear
        if square:
            squares = _summed(np.multiply(codes, codes, dtype=np.uint16), _BYTE**2 * most, places)
            sums += (squares.astype(np.int64) + rises * (2 * total + counts * rises)) * square
        return sums

    def _sums(self, raw: NDArray[Any], span: range, piece: int, places: Ints, counts: Ints) -> Values:
        """By powers of what codes are above the least of them: small numbers, whose sums are exact."""
        first = piece << (self._decoding.bits or 0)
        constant, linear, square = _about(self._decoding.pieces[piece], span.start - first)
        most = int(np.maximum.reduce(counts))
        sums: Values = np.multiply(counts, constant, dtype=np.float64)
        if not square and raw.dtype.kind == "u" and span[-1] * most < _WHOLE:
            sums += (_summed(raw, span[-1] * most, places) - counts * span.start) * linear
            return sums
        above = (raw - raw.dtype.type(span.start)).view(f"u{raw.itemsize}")
        if linear:
            sums += _summed(above, (len(span) - 1) * most, places) * linear
        if square:
            whole = len(span) <= _HALF
            own = above if whole and above.itemsize == 4 else None
            squares = np.multiply(above, above, out=own, dtype=np.uint32 if whole else np.float64)
            sums += _summed(squares, (len(span) - 1) ** 2 * most, places) * square
        return sums

    def _piece(self, span: range) -> int | None:
        """The piece of the decoding that these codes belong to, if its codes can stand for values."""
        bits = self._decoding.bits
        first, last = (span[0] >> bits, span[-1] >> bits) if bits is not None else (0, 0)
        if first != last or not 0 <= first < len(self._decoding.pieces):
            return None
        if first not in self._rises:
            self._rises[first] = self._direction(first)
        return first if self._rises[first] else None

    def _direction(self, piece: int) -> int:
        """1 for a piece that never falls from one code to the next, -1 for one that never rises, else 0."""
        bits = self._decoding.bits if self._decoding.bits is not None else 8 * _SIZES[self._dtype]
        if bits > _TABLE_BITS or len(self._decoding.pieces[piece]) > _TERMS:
            return 0
        first = piece << bits if self._decoding.bits is not None else _FIRST.get(self._dtype, 0)
        codes = np.arange(first, first + (1 << bits)).astype("<" + self._dtype)
        steps = np.diff(self(codes.tobytes()))
        return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def base_of(rate_hz: float | None, *, most_ns: int = LEVELS_NS[-1], dense: int = DENSE) -> int:
    """Width of the finest summaries for a channel of this rate, at most ``most_ns``; they hold ``dense`` samples or more."""
    fitting = [level for level in LEVELS_NS if rate_hz and rate_hz * level >= dense * 1e9]
    finest: int = fitting[0] if fitting else LEVELS_NS[-1]
    return min(finest, most_ns)


def summarized(blocks: Blocks, decoder: Decoder, width_ns: int) -> Buckets:
    """All samples of the blocks in buckets of this width."""
    if not len(blocks.own) and not blocks.single and _regular(blocks, width_ns):
        edges, places, held = _cut(blocks, width_ns)
        return Buckets(edges, held, *decoder.extremes(blocks.codes, places, held))
    return _by_time(blocks.times, decoder(blocks.codes), width_ns)


def summarized_alike(blocks: Sequence[Blocks], decoders: Sequence[Decoder], width_ns: int) -> Buckets:
    """The same of several channels whose samples have the same times, with a row for each: what is done for all of them at once
    costs a fraction."""
    values = np.stack([decoder(each.codes) for each, decoder in zip(blocks, decoders, strict=True)])
    return _by_time(blocks[0].times, values, width_ns)


def _by_time(times: Times, values: Values, width_ns: int) -> Buckets:
    if len(times) > 1 and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[..., order]
    return bucketed(times, values, width_ns)


def summed_up(stretches: Sequence[Stretch], decoder: Decoder, width_ns: int) -> Buckets:
    """The same of stretches, at least one."""
    ends = ends_of(stretches)
    if not _regular(ends, width_ns):
        return summarized(side_by_side(stretches), decoder, width_ns)
    edges, places, held = _cut(ends, width_ns)
    cuts = np.sort(np.concatenate((places, ends.ends - ends.counts)), kind="stable")
    cuts = cuts[firsts(cuts)]
    least, most, sums = map(np.concatenate, zip(*_extremes(stretches, ends, cuts, decoder), strict=True))
    if len(cuts) == len(places):
        return Buckets(edges, held, least, most, sums)
    first = cuts.searchsorted(places)  # of the buckets, some of which lie in several blocks
    with np.errstate(all="ignore"):
        return Buckets(
            edges,
            held,
            np.minimum.reduceat(least, first),
            np.maximum.reduceat(most, first),
            np.add.reduceat(sums, first),
        )


def _extremes(
    stretches: Sequence[Stretch], ends: Ends, cuts: Ints, decoder: Decoder
) -> Iterator[tuple[Values, Values, Values]]:
    """Least and greatest value and the sum between one of ``cuts``, among which are the first samples of all blocks, and the
    next."""
    block, start = 0, 0
    for group in _groups(stretches):
        n, blocks = sum(part.n for part in group), sum(len(part.counts) for part in group)
        a, b = cuts.searchsorted((start, start + n)).tolist()
        within = cuts[a:b] - start
        held = lengths(within, n)
        if group[0].lows:
            own = slice(block, block + blocks)
            lows = np.array([*chain.from_iterable([part.lows for part in group])], np.int64)
            codes = above(b"".join([part.codes for part in group]), lows, ends.counts[own])
            of = lows[ends.ends[own].searchsorted(cuts[a:b], "right")]
            yield decoder.extremes_above(codes, of, within, held)
        else:
            yield decoder.extremes(group[0].codes, within, held)
        block, start = block + blocks, start + n


def _groups(stretches: Sequence[Stretch]) -> Iterator[Sequence[Stretch]]:
    """Some narrow stretches in a row, or a wide one: what is gone through at once."""
    group: list[Stretch] = []
    for part in stretches:
        if group and not (
            group[0].lows and part.lows and sum(len(each.codes) for each in group) + len(part.codes) <= _NEAR
        ):
            yield group
            group = []
        group.append(part)
    yield group


def _regular(blocks: Blocks | Ends, width_ns: int) -> bool:
    """Whether bucket edges can be found by arithmetic: even blocks in order, of many samples, without great holes."""
    t0, t1 = blocks.t0, blocks.t1
    if np.logical_or.reduce(t1 < t0) or np.logical_or.reduce(t0[1:] < t1[:-1]):
        return False
    span_ns, most = int(t1[-1]) - int(t0[0]), int(np.maximum.reduce(blocks.counts))
    return span_ns // width_ns < blocks.n and span_ns * most < 1 << 62


def _cut(blocks: Blocks | Ends, width_ns: int) -> tuple[Ints, Ints, Ints]:
    """Where buckets start that hold samples, which is the first sample of each, and how many it holds.

    The first sample at or after an edge ``e`` is ``ceil((e - t0) (n - 1) / (t1 - t0))`` of the block that holds it."""
    first = int(blocks.t0[0])
    edges = np.arange(first - first % width_ns, int(blocks.t1[-1]) + 1, width_ns)
    block = blocks.t1.searchsorted(edges)
    t0, counts = blocks.t0[block], blocks.counts[block]
    spans = np.maximum(blocks.t1[block] - t0, 1)
    inside = -(-(np.maximum(edges - t0, 0) * (counts - 1)) // spans)
    places: Ints = (blocks.ends - blocks.counts)[block] + inside
    held = lengths(places, blocks.n)
    if int(np.minimum.reduce(held)) == 0:
        filled: NDArray[np.bool_] = held > 0
        edges, places, held = edges[filled], places[filled], held[filled]
    return edges, places, held


def _about(piece: tuple[float, ...], x: int) -> tuple[float, float, float]:
    """The coefficients of a polynomial of at most three terms in ``d``, at ``x + d``."""
    constant, linear, square = (*piece, 0.0, 0.0)[:_TERMS]
    return constant + x * (linear + x * square), linear + 2 * x * square, square


def _summed(numbers: NDArray[Any], most: int, places: Ints) -> NDArray[Any]:
    """The sum, at most so much, of each stretch of numbers that begins at one of ``places``."""
    whole = np.uint32 if most < _WHOLE else np.uint64
    sums: NDArray[Any] = np.add.reduceat(
        numbers, places, dtype=np.float64 if numbers.dtype.kind == "f" else whole
    )
    return sums


_SIZES = {dtype: code_struct(dtype).size for dtype in DType}
_FIRST = {DType.I16: -(1 << 15), DType.I32: -(1 << 31)}
"""The least code of types that have negative ones."""
