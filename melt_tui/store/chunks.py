"""Chunks as readers see them: found by time, unpacked once, kept for a while."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drivers.model import code_struct
from melt_tui.store.blocks import Blocks, Ints
from melt_tui.store.catalog import Catalog
from melt_tui.store.codec import decode, decode_axis
from melt_tui.store.pyramid import CHUNKS, step_of
from melt_tui.store.series import Series
from melt_tui.timeline.columns import Times, Values

_KEPT_BYTES = 12_000_000
_KEPT_AXES = 64


@dataclass(frozen=True, slots=True)
class Sorted:
    """Samples of one series by time, those of one time in order of publication."""

    times: Times
    codes: bytes
    size: int
    """Bytes of one code."""

    def between(self, start_ns: int, stop_ns: int) -> "Sorted":
        """Those at ``start_ns <= t < stop_ns``."""
        low, high = np.searchsorted(self.times, [start_ns, stop_ns]).tolist()
        if low == 0 and high == len(self.times):
            return self
        return Sorted(self.times[low:high], self.codes[low * self.size : high * self.size], self.size)


def by_time(blocks: Blocks) -> Sorted:
    """The samples of these blocks."""
    times, codes, size = blocks.times, blocks.codes, code_struct(blocks.dtype).size
    if len(times) > 1 and (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times = times[order]
        codes = np.frombuffer(codes, np.uint8).reshape(-1, size)[order].tobytes()
    return Sorted(times, codes, size)


class Chunks:
    """Reads chunks, within the read transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._kept: OrderedDict[int, Sorted] = OrderedDict()
        self._kept_bytes = 0
        self._axes: OrderedDict[int, Ints] = OrderedDict()

    def blocks(self, series: Series, number: int) -> Blocks:
        """The blocks of one chunk, in order of publication."""
        axis, data = self._connection.execute(
            "SELECT axis, data FROM chunks WHERE id = ?", (number,)
        ).fetchone()
        return decode(data, series.dtype, None if axis is None else self._axis(axis))

    def sorted(self, series: Series, number: int) -> Sorted:
        """The samples of one chunk."""
        kept = self._kept.get(number)
        if kept is None:
            kept = self._kept[number] = by_time(self.blocks(series, number))
            self._kept_bytes += _bytes(kept)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= _bytes(self._kept.popitem(last=False)[1])
        elif len(self._kept) > 1:
            self._kept.move_to_end(number)
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
        parts = [
            self.sorted(series, number).between(start_ns, stop_ns)
            for number in self.overlapping(series, start_ns, stop_ns)
        ]
        tail = self._catalog.tail.of(series.id)
        if tail is not None:
            parts.append(by_time(tail).between(start_ns, stop_ns))
        if not parts:
            return np.empty(0, np.int64), np.empty(0)
        times = np.concatenate([part.times for part in parts])
        values = series.decoder(b"".join(part.codes for part in parts))
        if len(times) > 1 and (np.diff(times) < 0).any():
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        return times, values

    def _axis(self, number: int) -> Ints:
        if number not in self._axes:
            (blob,) = self._connection.execute("SELECT data FROM axes WHERE id = ?", (number,)).fetchone()
            self._axes[number] = decode_axis(blob)
            if len(self._axes) > _KEPT_AXES:
                self._axes.popitem(last=False)
        return self._axes[number]


def _bytes(samples: Sorted) -> int:
    return len(samples.codes) + samples.times.nbytes + 500


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
