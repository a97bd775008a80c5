"""Once a minute: the journal into one chunk per channel, one row per channel and second, and the order of publication."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np

from melt_tui.store.codec import encode, encode_axis
from melt_tui.store.journal import EVENT, Tail, encode_order, tail_of
from melt_tui.store.pyramid import PyramidWriter
from melt_tui.store.series import Registry, Series
from melt_tui.timeline.blocks import Blocks, Ints, runs_of
from melt_tui.timeline.columns import Buckets, coarser, each_of, joined
from melt_tui.timeline.summaries import base_of, summarized, summarized_alike

MOST = 65_536
"""Samples of one chunk at most, if its blocks allow it."""

_SOME = 64
"""Pages, or rows, that are in memory at a time."""

_SECOND = 1_000_000_000

Summaries = dict[int, list[Buckets]]
"""By number of a series or channel."""


def compact(
    connection: sqlite3.Connection, registry: Registry, pyramid: PyramidWriter, fast: Summaries
) -> None:
    """Compact all of the journal, within the transaction that is open.

    ``fast`` are the summaries of the fast series since the last time, second by second.
    """
    tail = _tail(connection)
    if tail is None or not len(tail.order):
        return
    (events,) = connection.execute("SELECT coalesce(max(event_to), 0) FROM orders").fetchone()
    seconds: Summaries = {}
    for number, parts in fast.items():
        seconds.setdefault(registry.by_id[number].channel_id, []).extend(parts)
    for channel, buckets in _slow(connection, registry, pyramid, tail):
        seconds.setdefault(channel, []).append(buckets)
    connection.executemany(_UPSERT, _rows(seconds))
    order = encode_order(np.abs(tail.order))
    event_to = events + int((tail.order == EVENT).sum())
    connection.execute(_ORDER, (event_to, order))
    connection.execute("DELETE FROM journal")


def _tail(connection: sqlite3.Connection) -> Tail | None:
    """All of the journal, a few pages at a time: a page in memory is many small objects."""
    pages, tail = connection.execute("SELECT data FROM journal ORDER BY id"), None
    while some := pages.fetchmany(_SOME):
        tail = tail_of([row[0] for row in some], tail)
    return tail


def _slow(
    connection: sqlite3.Connection, registry: Registry, pyramid: PyramidWriter, tail: Tail
) -> Iterator[tuple[int, Buckets]]:
    """Chunks of the slow series; the seconds of their channels."""
    axes = _Axes(connection)
    for (base_ns, _), group in groupby(_all_parts(registry, tail, axes), attrgetter("base_ns", "times")):
        parts = list(group)
        for part in parts:
            series, run = part.series, part.run
            data = encode(run, 3, axis=part.axis is not None)
            connection.execute(_CHUNK, (series.id, *run.bounds, part.axis, data))
            pyramid.chunk(series.id, run.bounds, waits=False)
        for part, fine, seconds in () if base_ns is None else _summed_up(parts, base_ns):
            pyramid.tile(part.series.id, base_ns, fine)
            yield part.series.channel_id, seconds


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk in the making."""

    series: Series
    run: Blocks
    axis: int | None
    """The row that holds its times."""

    @property
    def base_ns(self) -> int | None:
        """Width of its finest summaries; None for what has none."""
        return None if self.series.ticks else self.series.base_ns or _SECOND

    @property
    def times(self) -> object:
        """The same for parts whose samples have the same times: the axis tells all of them, or the ends of blocks."""
        if self.axis is None:
            return object()
        run = self.run
        return self.axis, b"" if run.single or len(run.own) else run.counts.tobytes()


def _summed_up(parts: Sequence[_Part], base_ns: int) -> Iterator[tuple[_Part, Buckets, Buckets]]:
    """Of each part its finest summaries and those of its seconds."""
    width_ns = min(base_ns, _SECOND)
    if len(parts) > 1:
        runs, decoders = [part.run for part in parts], [part.series.decoder for part in parts]
        found = summarized_alike(runs, decoders, width_ns)
    else:
        found = summarized(parts[0].run, parts[0].series.decoder, width_ns)
    fine = found if base_ns <= _SECOND else coarser(found, base_ns)
    seconds = found if base_ns >= _SECOND else coarser(found, _SECOND)
    if len(parts) == 1:
        yield parts[0], fine, seconds
    else:
        yield from zip(parts, each_of(fine), each_of(seconds), strict=True)


def _all_parts(registry: Registry, tail: Tail, axes: "_Axes") -> Iterator[_Part]:
    for series, run in _all_runs(registry, tail):
        yield _Part(series, run, None if run.axis is None else axes.row(run.axis))


def _all_runs(registry: Registry, tail: Tail) -> Iterator[tuple[Series, Blocks]]:
    for number in tail.numbers:
        series = registry.by_id[number]
        yield from ((series, run) for run in _runs(registry, series, tail))


def _runs(registry: Registry, series: Series, tail: Tail) -> Iterator[Blocks]:
    blocks = tail.of(series.id)
    assert blocks is not None
    if series.base_ns is None:
        low, high = blocks.bounds
        hz = (blocks.n - 1) * 1e9 / max(1, high - low)
        registry.fix(series, base_ns=base_of(hz, most_ns=_SECOND))
    return runs_of(blocks, series.gap_ns, MOST)


class _Axes:
    """Rows for sample times: what was read together has one. Which times nothing else has would be known too late."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: dict[bytes, int] = {}

    def row(self, times: Ints) -> int:
        """The row that holds these."""
        key = times.tobytes()
        if key not in self._rows:
            added = self._connection.execute("INSERT INTO axes (data) VALUES (?)", (encode_axis(times),))
            self._rows[key] = int(added.lastrowid or 0)
        return self._rows[key]


def _rows(seconds: Summaries) -> Iterator[tuple[int, int, int, float, float, float]]:
    """Rows of ``seconds`` in the order in which the table is kept; a few at a time, for a minute of many channels is
    megabytes of small objects."""
    parts = [one[0] if len(one) == 1 else joined(one, _SECOND) for one in seconds.values()]
    if not parts:
        return
    counts = np.concatenate([one.counts for one in parts])
    columns = (
        np.concatenate([one.starts for one in parts]) // _SECOND,
        np.repeat(np.array(list(seconds)), [len(one.starts) for one in parts]),
        counts,
        np.concatenate([one.minima for one in parts]),
        np.concatenate([one.sums for one in parts]) / counts,
        np.concatenate([one.maxima for one in parts]),
    )
    order = np.lexsort(columns[1::-1])
    for at in range(0, len(order), _SOME):
        some = order[at : at + _SOME]
        yield from zip(*(column[some].tolist() for column in columns), strict=True)


_CHUNK = "INSERT INTO chunks (series, t0_ns, t1_ns, axis, data) VALUES (?, ?, ?, ?, ?)"
_ORDER = """
    INSERT INTO orders (event_to, chunk_to, tile_to, data) VALUES (?,
    (SELECT coalesce(max(id), 0) FROM chunks), (SELECT coalesce(max(id), 0) FROM tiles), ?)"""
_UPSERT = """
    INSERT INTO seconds VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (second, channel) DO UPDATE SET
    mean = (n * mean + excluded.n * excluded.mean) / (n + excluded.n), n = n + excluded.n,
    min = min(min, excluded.min), max = max(max, excluded.max)"""
