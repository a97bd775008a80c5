"""What a commit brings of a fast series: blocks that follow on one another, their codes in a byte each where that tells all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat
from operator import floordiv, sub
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.model import DType, Samples, code_struct
from melt_tui.timeline.blocks import Blocks, Counted, Ints

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks of a series as they were published, side by side: at least one, evenly spaced within, each after the one before.
    Plain tuples: of the dozen blocks of a commit arrays cost more than all that is done with them."""

    dtype: DType
    counts: tuple[int, ...]
    t0: tuple[int, ...]
    t1: tuple[int, ...]
    codes: bytes
    """Of all blocks, or the last byte of each where ``lows`` tell the rest: they wait for seconds, and are gone through again."""
    lows: tuple[int, ...] = ()
    """The least code of each block, where none holds one that is 256 above it."""

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last time."""
        return self.t0[0], self.t1[-1]

    @property
    def n(self) -> int:
        """Samples of all blocks."""
        return sum(self.counts)

    @property
    def whole(self) -> bytes:
        """The codes of all blocks."""
        return whole(self.codes, self.lows, self.counts, self.dtype) if self.lows else self.codes


class Narrow(NamedTuple):
    """Codes of blocks: the least one of each, and the last byte of every code."""

    lows: tuple[int, ...]
    lasts: bytes


def stretch_of(samples: Sequence[Samples], gap_ns: int, most: int) -> Stretch | None:
    """Published blocks as one stretch; None of those that bring their own times, lie in another order or further apart than
    ``gap_ns``, or are more than ``most`` samples."""
    _, _, t0, t1, dtypes, parts, times = zip(*samples, strict=True)
    steps = list(map(sub, t0[1:], t1))
    follow = min(map(sub, t1, t0)) >= 0 <= min(steps, default=0) and max(steps, default=0) <= gap_ns
    if not follow or times.count(None) < len(times):
        return None
    dtype = dtypes[0]
    counts = tuple(map(floordiv, map(len, parts), repeat(code_struct(dtype).size)))
    if sum(counts) > most:
        return None
    codes = b"".join(parts)
    narrow = narrowed(codes, dtype, counts)
    if narrow is None:
        return Stretch(dtype, counts, t0, t1, codes)
    return Stretch(dtype, counts, t0, t1, narrow.lasts, narrow.lows)


def narrowed(codes: bytes, dtype: DType, counts: Sequence[int]) -> Narrow | None:
    """Codes of blocks in a byte each: noise round a slow level. None of those that take more, or are no whole numbers of up
    to 32 bits."""
    if dtype not in _WHOLE:
        return None
    raw = np.frombuffer(codes, _WHOLE[dtype])
    starts = np.array([0, *accumulate(counts[:-1])])
    lows = np.minimum.reduceat(raw, starts).tolist()
    if max(map(sub, np.maximum.reduceat(raw, starts).tolist(), lows)) >= 1 << 8:
        return None
    return Narrow(tuple(lows), raw.astype(np.uint8).tobytes())


def above(lasts: bytes, lows: Ints, counts: Ints) -> Bytes:
    """How far each code is above the least one of its block."""
    return np.frombuffer(lasts, np.uint8) - lows.astype(np.uint8).repeat(counts)


def whole(lasts: bytes, lows: Sequence[int] | Ints, counts: Sequence[int] | Ints, dtype: DType) -> bytes:
    """The codes that were narrowed."""
    low, n = np.array(lows, np.int64), np.array(counts, np.int64)
    made = _WHOLE[dtype]
    codes: bytes = (low.astype(made).repeat(n) + above(lasts, low, n)).astype(made).tobytes()
    return codes


@dataclass(frozen=True)
class Ends(Counted):
    """Of blocks that are evenly spaced within: what tells all their times."""

    counts: Ints
    t0: Ints
    t1: Ints


def ends_of(stretches: Sequence[Stretch]) -> Ends:
    """Of the blocks of some, at least one, one after the other."""
    return Ends(
        np.array([*chain.from_iterable([part.counts for part in stretches])], np.int64),
        np.array([*chain.from_iterable([part.t0 for part in stretches])], np.int64),
        np.array([*chain.from_iterable([part.t1 for part in stretches])], np.int64),
    )


def side_by_side(stretches: Sequence[Stretch]) -> Blocks:
    """The blocks of some, at least one, one after the other."""
    ends = ends_of(stretches)
    return Blocks(
        stretches[0].dtype,
        ends.counts,
        ends.t0,
        ends.t1,
        np.zeros(len(ends.counts), np.bool_),
        np.empty(0, np.int64),
        b"".join([part.whole for part in stretches]),
    )


_WHOLE: dict[DType, np.dtype[Any]] = {
    dtype: np.dtype("<" + dtype)
    for dtype in DType
    if np.dtype("<" + dtype).kind != "f" and np.dtype("<" + dtype).itemsize < 8
}
