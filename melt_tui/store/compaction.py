"""Once a minute: the journal into one chunk per channel, one row per channel and second, and the order of publication."""

import sqlite3
from collections.abc import Iterator

import numpy as np

from melt_tui.store.codec import encode, encode_axis
from melt_tui.store.journal import EVENT, Tail, encode_order, tail_of
from melt_tui.store.pyramid import PyramidWriter
from melt_tui.store.series import Registry, Series
from melt_tui.timeline.blocks import Blocks, Ints, runs_of
from melt_tui.timeline.columns import Buckets, coarser, joined
from melt_tui.timeline.summaries import base_of, summarized

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
    for series, run in _all_runs(registry, tail):
        axis = None if run.axis is None else axes.row(run.axis)
        connection.execute(
            "INSERT INTO chunks (series, t0_ns, t1_ns, axis, data) VALUES (?, ?, ?, ?, ?)",
            (series.id, *run.bounds, axis, encode(run, 3, axis=axis is not None)),
        )
        pyramid.chunk(series.id, run.bounds, waits=False)
        if series.ticks:
            continue
        base_ns = series.base_ns or _SECOND
        fine = summarized(run, series.decoder, min(base_ns, _SECOND))
        pyramid.tile(series.id, base_ns, fine if base_ns <= _SECOND else coarser(fine, base_ns))
        yield series.channel_id, fine if base_ns >= _SECOND else coarser(fine, _SECOND)


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
    parts = [(channel, joined(one, _SECOND)) for channel, one in seconds.items()]
    if not parts:
        return
    columns = (
        np.concatenate([one.starts // _SECOND for _, one in parts]),
        np.concatenate([np.full(len(one.starts), channel) for channel, one in parts]),
        np.concatenate([one.counts for _, one in parts]),
        np.concatenate([one.minima for _, one in parts]),
        np.concatenate([one.sums / one.counts for _, one in parts]),
        np.concatenate([one.maxima for _, one in parts]),
    )
    order = np.lexsort(columns[1::-1])
    for at in range(0, len(order), _SOME):
        some = order[at : at + _SOME]
        yield from zip(*(column[some].tolist() for column in columns), strict=True)


_ORDER = """
    INSERT INTO orders (event_to, chunk_to, tile_to, data) VALUES (?,
    (SELECT coalesce(max(id), 0) FROM chunks), (SELECT coalesce(max(id), 0) FROM tiles), ?)"""
_UPSERT = """
    INSERT INTO seconds VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (second, channel) DO UPDATE SET
    mean = (n * mean + excluded.n * excluded.mean) / (n + excluded.n), n = n + excluded.n,
    min = min(min, excluded.min), max = max(max, excluded.max)"""
