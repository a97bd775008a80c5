"""From when to when a recording reaches."""

import sqlite3

import numpy as np

from melt_tui.store.catalog import Catalog
from melt_tui.store.pyramid import step_of
from melt_tui.store.series import Series


def extent(connection: sqlite3.Connection, catalog: Catalog) -> tuple[int, int]:
    """First and newest moment in host time, of events and of samples of announced channels; zeros without events."""
    first, last = connection.execute("SELECT min(t_ns), max(t_ns) FROM events").fetchone()
    if first is None:
        return 0, 0
    bounds = _tail_bounds(catalog)
    for series in catalog.announced():
        stored = _stored_bounds(connection, series)
        for t_ns in (*(bounds.get(series.id, ())), *(stored or ())):
            host_ns = catalog.clock.to_host(series.channel.device, t_ns)
            first, last = min(first, host_ns), max(last, host_ns)
    return first, last


def _stored_bounds(connection: sqlite3.Connection, series: Series) -> tuple[int, int] | None:
    row = connection.execute(_FIRST, (series.id,)).fetchone()
    if row is None:
        return None
    last = connection.execute(
        _LAST, (series.id, series.id, step_of(connection, series.id, 0).longest_ns)
    ).fetchone()
    return row[0], last[0]


def _tail_bounds(catalog: Catalog) -> dict[int, tuple[int, int]]:
    tail = catalog.tail
    if not len(tail.series):
        return {}
    size = int(tail.series.max()) + 1
    low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(low, tail.series, np.minimum(tail.t0, tail.t1))
    np.maximum.at(high, tail.series, np.maximum(tail.t0, tail.t1))
    return {number: (int(low[number]), int(high[number])) for number in np.unique(tail.series).tolist()}


_FIRST = "SELECT t0_ns FROM chunks INDEXED BY chunks_by_time WHERE series = ? ORDER BY t0_ns LIMIT 1"
_LAST = """
    SELECT max(t1_ns) FROM chunks INDEXED BY chunks_by_time WHERE series = ?
    AND t0_ns >= (SELECT max(t0_ns) FROM chunks INDEXED BY chunks_by_time WHERE series = ?) - ?"""
