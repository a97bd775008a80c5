"""From when to when a recording reaches."""

import sqlite3

from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks


def extent(connection: sqlite3.Connection, catalog: Catalog, chunks: Chunks) -> tuple[int, int]:
    """First and newest moment in host time, of events and of samples of announced channels; zeros without events."""
    told = connection.execute("SELECT min(t_ns), max(t_ns) FROM events").fetchone()
    moments: list[int] = [t_ns for t_ns in told if t_ns is not None]
    for series in catalog.ticks:
        moments += chunks.bounds(series) or ()
    if not moments:
        return 0, 0
    for series in catalog.announced():
        own_ns = chunks.bounds(series) or ()
        moments += [catalog.clock.to_host(series.channel.key, t_ns) for t_ns in own_ns]
    return min(moments), max(moments)
