"""Chunks as readers see them: found by time, unpacked once, kept for a while."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.model import code_struct
from melt_tui.store.catalog import Catalog
from melt_tui.store.codec import decode, decode_axis
from melt_tui.store.pyramid import CHUNKS, step_of
from melt_tui.store.series import Series
from melt_tui.store.tiles import within
from melt_tui.timeline.blocks import Blocks, Ints, together
from melt_tui.timeline.columns import Buckets, Times, Values, bucketed, empty, joined
from melt_tui.timeline.grid import Cut
from melt_tui.timeline.summaries import summarized

_KEPT_BYTES = 12_000_000
"""Of samples with their times."""
_WHOLE_BYTES = 8_000_000
"""Of chunks of fast series as they are."""
_KEPT_AXES = 64

_Item = TypeVar("_Item")


class _Kept(Generic[_Item]):
    """The last few of many, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: OrderedDict[int, tuple[_Item, int]] = OrderedDict()
        self._bytes = 0

    def get(self, number: int) -> _Item | None:
        """One, if it is still there."""
        found = self._items.get(number)
        if found is None:
            return None
        if len(self._items) > 1:
            self._items.move_to_end(number)
        return found[0]

    def keep(self, number: int, item: _Item, size: int) -> None:
        """Have it for later; the ones that nobody asked for longest go."""
        self._items[number] = item, size
        self._bytes += size
        while self._bytes > self._most:
            self._bytes -= self._items.popitem(last=False)[1][1]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Samples of one series by time, those of one time in order of publication."""

    times: Times
    codes: bytes
    size: int
    """Bytes of one code."""

    def between(self, start_ns: int, stop_ns: int) -> "Sorted":
        """Those at ``start_ns <= t < stop_ns``."""
        if len(self.times) and self.times[0] >= start_ns and self.times[-1] < stop_ns:
            return self
        low, high = np.searchsorted(self.times, [start_ns, stop_ns]).tolist()
        return Sorted(self.times[low:high], self.codes[low * self.size : high * self.size], self.size)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the samples of blocks with these ``counts`` stand in time."""

    counts: Ints
    times: Times
    """Of the samples by time."""
    order: NDArray[np.intp] | None
    """Their places in order of publication; None where that is the order of their times."""

    def sorted(self, blocks: Blocks) -> Sorted:
        """Samples of blocks that stand so."""
        codes, size = blocks.codes, code_struct(blocks.dtype).size
        if self.order is not None:
            codes = np.frombuffer(codes, np.uint8).reshape(-1, size)[self.order].tobytes()
        return Sorted(self.times, codes, size)


def by_time(blocks: Blocks) -> Sorted:
    """The samples of these blocks."""
    return _standing(blocks).sorted(blocks)


class Chunks:
    """Reads chunks, within the read transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._kept: _Kept[Sorted] = _Kept(_KEPT_BYTES)
        self._whole: _Kept[Blocks] = _Kept(_WHOLE_BYTES)
        self._axes: OrderedDict[int, Ints] = OrderedDict()
        self._standing: dict[int, _Standing] = {}

    def blocks(self, series: Series, number: int) -> Blocks:
        """The blocks of one chunk, in order of publication."""
        return self._blocks(series, number)[0]

    def sorted(self, series: Series, number: int) -> Sorted:
        """The samples of one chunk."""
        kept = self._kept.get(number)
        if kept is None:
            kept = self._sorted(*self._blocks(series, number))
            self._kept.keep(number, kept, _bytes(kept))
        return kept

    def overlapping(self, series: Series, start_ns: int, stop_ns: int) -> Sequence[int]:
        """Chunks that may hold samples at ``start_ns <= t < stop_ns``, in order of publication."""
        span = (
            series.id,
            start_ns - step_of(self._connection, series.id, CHUNKS).longest_ns,
            stop_ns,
            start_ns,
        )
        return sorted(row[0] for row in self._connection.execute(_OVERLAPPING, span))

    def latest_first(self, series: Series, t_ns: int) -> Iterator[tuple[int, int, int]]:
        """``(row, t0_ns, t1_ns)`` of chunks that begin at or before ``t_ns``, those that begin last first."""
        yield from self._connection.execute(_LATEST, (series.id, t_ns))

    def bounds(self, series: Series) -> tuple[int, int] | None:
        """Least and greatest time of a series in its own time, the tail included; None when it has no samples."""
        found = list(self._catalog.tail.bounds.get(series.id, ()))
        first = self._connection.execute(_FIRST, (series.id,)).fetchone()
        if first is not None:
            reach_ns = step_of(self._connection, series.id, CHUNKS).longest_ns
            (last,) = self._connection.execute(_LAST, (series.id, series.id, reach_ns)).fetchone()
            found += [first[0], last]
        return (min(found), max(found)) if found else None

    def samples(self, series: Series, start_ns: int, stop_ns: int) -> tuple[Times, Values]:
        """Times and values at ``start_ns <= t < stop_ns``, by time, the tail included."""
        found = self._all(series, self.overlapping(series, start_ns, stop_ns))
        parts = [each.between(start_ns, stop_ns) for each in found]
        tail = self._catalog.tail.of(series.id)
        if tail is not None:
            parts.append(by_time(tail).between(start_ns, stop_ns))
        if not parts:
            return np.empty(0, np.int64), np.empty(0)
        times = np.concatenate([part.times for part in parts])
        values = series.decoder(b"".join(part.codes for part in parts))
        if (times[1:] < times[:-1]).any():
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        return times, values

    def columns(self, series: Series, part: Cut) -> Buckets:
        """The columns of a window, from its samples."""
        if not series.crowds(part.width_ns):
            return bucketed(*self.samples(series, part.start_ns, part.stop_ns), part.width_ns)
        found = self.summed(series, part, self.overlapping(series, part.start_ns, part.stop_ns))
        tail = self._catalog.tail.of(series.id)
        if tail is not None:
            found = [
                *found,
                within(summarized(tail, series.decoder, part.width_ns), part.start_ns, part.stop_ns),
            ]
        return joined(found, part.width_ns) if found else empty()

    def summed(self, series: Series, part: Cut, numbers: Sequence[int]) -> Sequence[Buckets]:
        """Some chunks of a fast series, as columns of a window."""
        if not numbers:
            return ()
        blocks = together([self._whole_chunk(series, number) for number in numbers])
        return (within(summarized(blocks, series.decoder, part.width_ns), part.start_ns, part.stop_ns),)

    def _whole_chunk(self, series: Series, number: int) -> Blocks:
        kept = self._whole.get(number)
        if kept is None:
            kept = self.blocks(series, number)
            self._whole.keep(number, kept, len(kept.codes) + kept.t0.nbytes * 3)
        return kept

    def _all(self, series: Series, numbers: Sequence[int]) -> Sequence[Sorted]:
        """The samples of these chunks, in this order."""
        found = {number: kept for number in numbers if (kept := self._kept.get(number)) is not None}
        missing = [number for number in numbers if number not in found]
        if len(missing) > 1:
            loaded = [self.blocks(series, number) for number in missing]
            found |= zip(missing, _all_sorted(loaded), strict=True)
            for number in missing:
                self._kept.keep(number, found[number], _bytes(found[number]))
        return [found.get(number) or self.sorted(series, number) for number in numbers]

    def _blocks(self, series: Series, number: int) -> tuple[Blocks, int | None]:
        """The blocks of a chunk, and the axis that their times lie in."""
        axis, data, times = self._connection.execute(_CHUNK, (number,)).fetchone()
        return decode(data, series.dtype, None if axis is None else self._axis(axis, times)), axis

    def _sorted(self, blocks: Blocks, axis: int | None) -> Sorted:
        """Channels that are read together share an axis: where their samples stand is reckoned once for all of them."""
        if axis is None:
            return by_time(blocks)
        known = self._standing.get(axis)
        if known is None or not np.array_equal(known.counts, blocks.counts):
            known = self._standing[axis] = _standing(blocks)
        return known.sorted(blocks)

    def _axis(self, number: int, blob: bytes) -> Ints:
        if number not in self._axes:
            self._axes[number] = decode_axis(blob)
            if len(self._axes) > _KEPT_AXES:
                self._standing.pop(self._axes.popitem(last=False)[0], None)
        return self._axes[number]


def _all_sorted(chunks: Sequence[Blocks]) -> Iterator[Sorted]:
    """The samples of each of these chunks. Reckoned for all at once their times cost a fraction."""
    times = together(chunks).times
    falls = np.flatnonzero(times[1:] < times[:-1])
    end = 0
    for blocks in chunks:
        start, end = end, end + blocks.n
        if len(falls) and ((falls >= start) & (falls < end - 1)).any():
            yield by_time(blocks)
        else:
            yield Sorted(times[start:end].copy(), blocks.codes, code_struct(blocks.dtype).size)


def _standing(blocks: Blocks) -> _Standing:
    times = blocks.times
    if (times[1:] >= times[:-1]).all():
        return _Standing(blocks.counts, times, None)
    order = np.argsort(times, kind="stable")
    return _Standing(blocks.counts, times[order], order)


def _bytes(samples: Sorted) -> int:
    return len(samples.codes) + samples.times.nbytes + 500


_CHUNK = """
    SELECT axis, chunks.data, axes.data FROM chunks LEFT JOIN axes ON axes.id = axis WHERE chunks.id = ?"""
_OVERLAPPING = """
    SELECT id FROM chunks INDEXED BY chunks_by_time
    WHERE series = ? AND t0_ns >= ? AND t0_ns < ? AND t1_ns >= ?"""
_LATEST = """
    SELECT id, t0_ns, t1_ns FROM chunks INDEXED BY chunks_by_time
    WHERE series = ? AND t0_ns <= ? ORDER BY t0_ns DESC"""
_FIRST = "SELECT t0_ns FROM chunks INDEXED BY chunks_by_time WHERE series = ? ORDER BY t0_ns LIMIT 1"
_LAST = """
    SELECT max(t1_ns) FROM chunks INDEXED BY chunks_by_time WHERE series = ?
    AND t0_ns >= (SELECT max(t0_ns) FROM chunks INDEXED BY chunks_by_time WHERE series = ?) - ?"""
