"""What one commit holds of slow channels, and in which order everything was published."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from operator import is_not, mul, or_, sub
from typing import TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from drivers.model import DType, Samples, code_struct
from melt_tui.store.codec import Damaged, pack, pack_soon, unpack
from melt_tui.timeline.blocks import Blocks, Ints

_Item = TypeVar("_Item", bound=np.generic)

EVENT = 0
"""In the order of publication: the next event. A series' number: its next block in the journal, negative: in a chunk."""

_HEAD = struct.Struct("<III")
_TYPES = tuple(DType)
_SIZES = np.array([code_struct(dtype).size for dtype in _TYPES], np.int64)
_UNEVEN = 16

_WIDE = 256
"""Blocks of more places than this are copied one by one: less than is told of each of their places otherwise."""


class Page:
    """A commit in the making."""

    __slots__ = ("_blocks", "_counts", "_kinds", "order")

    def __init__(self) -> None:
        self.order: list[int] = []
        """Of publication: ``EVENT``, or the number of a series, negative for a block that is in a chunk."""
        self._counts: list[int] = []
        self._kinds: list[int] = []
        self._blocks: list[Samples] = []

    def take(self, series: int, kind: int, n: int, block: Samples) -> None:
        """The next block: of a series, of a ``kind_of`` codes, with so many samples."""
        self.order.append(series)
        self._counts.append(n)
        self._kinds.append(kind)
        self._blocks.append(block)

    def extend(self, kinds: Iterable[int], counts: Iterable[int], blocks: Iterable[Samples]) -> None:
        """The next blocks; their places in the order are told apart."""
        self._kinds += kinds
        self._counts += counts
        self._blocks += blocks

    def encode(self) -> bytes:
        """The page as a blob."""
        n = len(self._blocks)
        _, _, t0, t1, _, codes, times = zip(*self._blocks, strict=True) if n else 7 * ((),)
        bringing = list(map(is_not, times, repeat(None)))
        own = list(compress(times, bringing))
        parts = (
            _HEAD.pack(len(self.order), n, sum(map(len, own)) // 8),
            struct.pack(f"<{len(self.order)}i", *self.order),
            struct.pack(f"<{n}I", *self._counts),
            bytes(map(or_, self._kinds, map(mul, bringing, repeat(_UNEVEN)))),
            struct.pack(f"<{2 * n}q", *t0, *map(sub, t1, t0)),
            *own,
            *codes,
        )
        return pack_soon(b"".join(parts))


def kind_of(dtype: DType) -> int:
    """How a type of codes is told in a page."""
    return _TYPES.index(dtype)


@dataclass(frozen=True)
class Tail:
    """Pages that are not compacted yet, side by side: arrays with a place for each block, in order of publication."""

    order: NDArray[np.int32]
    series: NDArray[np.int32]
    counts: Ints
    kinds: NDArray[np.uint8]
    t0: Ints
    t1: Ints
    own: Ints
    codes: bytes

    def of(self, series: int) -> Blocks | None:
        """All blocks of one series; None when there are none."""
        first, stop = self._places(series)
        if first == stop:
            return None
        chosen = self._ranks[first:stop]
        uneven = self.kinds[chosen] >= _UNEVEN
        dtype = _TYPES[int(self.kinds[chosen[0]]) & (_UNEVEN - 1)]
        bringing = chosen[uneven]
        own = _gathered(self.own, self._own_starts[bringing], self.counts[bringing])
        return Blocks(
            dtype,
            self.counts[chosen],
            self.t0[chosen],
            self.t1[chosen],
            uneven,
            own,
            _gathered(
                np.frombuffer(self.codes, np.uint8), self._starts[chosen], self.sizes[chosen]
            ).tobytes(),
        )

    def place(self, block: int, t_ns: int) -> tuple[int, int]:
        """Which sample of a block is the last at or before ``t_ns``, and its time; its first when there is none."""
        n, t0, t1 = int(self.counts[block]), int(self.t0[block]), int(self.t1[block])
        if self.kinds[block] >= _UNEVEN:
            start = int(self._own_starts[block])
            times = self.own[start : start + n]
            at = max(0, int(np.searchsorted(times, t_ns, "right")) - 1)
            return at, int(times[at])
        if n == 1 or t1 <= t0:
            return n - 1, t0
        at = min(n - 1, max(0, ((t_ns - t0 + 1) * (n - 1) - 1) // (t1 - t0)))
        return at, t0 + (t1 - t0) * at // (n - 1)

    def code_at(self, block: int, i: int) -> bytes:
        """Code ``i`` of a block."""
        size = int(_SIZES[int(self.kinds[block]) & (_UNEVEN - 1)])
        start = int(self._starts[block]) + i * size
        return self.codes[start : start + size]

    @cached_property
    def sizes(self) -> Ints:
        """Bytes of the codes of each block."""
        sizes: Ints = self.counts * _SIZES[self.kinds & (_UNEVEN - 1)]
        return sizes

    @cached_property
    def numbers(self) -> list[int]:
        """The series that it holds blocks of. Not by ``np.unique``, which loads numpy's masked arrays."""
        ranked = self._ranked
        numbers: list[int] = ranked[np.diff(ranked, prepend=-1).nonzero()[0]].tolist()
        return numbers

    @cached_property
    def bounds(self) -> Mapping[int, tuple[int, int]]:
        """By series, the least and the greatest end of its blocks."""
        found: dict[int, tuple[int, int]] = {}
        for number in self.numbers:
            chosen = self._ranks[slice(*self._places(number))]
            t0, t1 = self.t0[chosen], self.t1[chosen]
            found[number] = (int(min(t0.min(), t1.min())), int(max(t0.max(), t1.max())))
        return found

    def _places(self, series: int) -> tuple[int, int]:
        """Where a series stands among the ranks. Looked for as what the ranks are, for else all of them are cast."""
        first, stop = np.searchsorted(self._ranked, np.array([series, series + 1], np.int32)).tolist()
        return first, stop

    @cached_property
    def _starts(self) -> Ints:
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def _own_starts(self) -> Ints:
        sizes = np.where(self.kinds >= _UNEVEN, self.counts, 0)
        return np.cumsum(sizes) - sizes

    @cached_property
    def _ranks(self) -> NDArray[np.intp]:
        return np.argsort(self.series, kind="stable")

    @cached_property
    def _ranked(self) -> NDArray[np.int32]:
        return self.series[self._ranks]


def tail_of(blobs: Sequence[bytes], before: Tail | None = None) -> Tail:
    """Pages in order, after those of ``before``. Raises Damaged."""
    try:
        pages = ([before] if before else [_EMPTY]) + [_page(blob) for blob in blobs]
    except (zstandard.ZstdError, struct.error, ValueError, IndexError) as error:
        raise Damaged(f"a page of the journal cannot be unpacked ({error})") from None
    return Tail(
        np.concatenate([page.order for page in pages]),
        np.concatenate([page.series for page in pages]),
        np.concatenate([page.counts for page in pages]),
        np.concatenate([page.kinds for page in pages]),
        np.concatenate([page.t0 for page in pages]),
        np.concatenate([page.t1 for page in pages]),
        np.concatenate([page.own for page in pages]),
        b"".join(page.codes for page in pages),
    )


def encode_order(order: Sequence[int] | NDArray[np.int32]) -> bytes:
    """An order of publication as a blob."""
    return pack(np.array(order, "<i4").tobytes(), 3)


def decode_order(blob: bytes) -> NDArray[np.int32]:
    """The order back. Raises Damaged."""
    try:
        return np.frombuffer(unpack(blob), "<i4")
    except (zstandard.ZstdError, ValueError) as error:
        raise Damaged(f"an order of publication cannot be unpacked ({error})") from None


def _gathered(data: NDArray[_Item], starts: Ints, sizes: Ints) -> NDArray[_Item]:
    """The places of some blocks out of those of all."""
    if not len(starts):
        return data[:0]
    ends = np.cumsum(sizes)
    if ends[-1] > _WIDE * len(sizes):
        pairs = zip(starts.tolist(), sizes.tolist(), strict=True)
        return np.concatenate([data[start : start + size] for start, size in pairs])
    places: Ints = np.arange(ends[-1]) + np.repeat(starts - ends + sizes, sizes)
    return data[places]


def _page(blob: bytes) -> Tail:
    data = unpack(blob)
    orders, blocks, owns = _HEAD.unpack_from(data)
    at, taken = _HEAD.size, {}
    for name, form, n in (
        ("order", "<i4", orders),
        ("counts", "<u4", blocks),
        ("kinds", "u1", blocks),
        ("t0", "<i8", blocks),
        ("spans", "<i8", blocks),
        ("own", "<i8", owns),
    ):
        taken[name] = np.frombuffer(data, form, n, at) if n else np.empty(0, form)
        at += taken[name].nbytes
    return _checked(taken, data[at:])


def _checked(taken: Mapping[str, NDArray[np.int_]], codes: bytes) -> Tail:
    order = taken["order"].astype(np.int32)
    page = Tail(
        order,
        order[order > EVENT],
        taken["counts"].astype(np.int64),
        taken["kinds"].astype(np.uint8),
        taken["t0"].astype(np.int64),
        taken["t0"].astype(np.int64) + taken["spans"],
        taken["own"].astype(np.int64),
        codes,
    )
    if len(page.series) != len(page.counts) or page.sizes.sum() != len(codes):
        raise ValueError("its parts do not match")
    return page


_EMPTY = _checked(
    {name: np.empty(0, np.int64) for name in ("order", "counts", "kinds", "t0", "spans", "own")}, b""
)
