"""From when to when a recording reaches."""

import sqlite3

from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks


def extent(connection: sqlite3.Connection, catalog: Catalog, chunks: Chunks) -> tuple[int, int]:
    """First and newest moment in host time, of events and of samples of announced channels; zeros without events."""
    moments: list[int] = [t_ns for t_ns in events_reach(connection) if t_ns is not None]
    for series in catalog.ticks:
        moments += chunks.bounds(series) or ()
    if not moments:
        return 0, 0
    for series in catalog.announced():
        own_ns = chunks.bounds(series) or ()
        moments += [catalog.clock.to_host(series.channel.key, t_ns) for t_ns in own_ns]
    return min(moments), max(moments)


def events_reach(connection: sqlite3.Connection) -> tuple[int | None, int | None]:
    """First and newest moment of all events but Ticks; of a part those of its clock that lie around it do not count."""
    (part,) = connection.execute("SELECT EXISTS (SELECT 1 FROM events WHERE kind = 'Part')").fetchone()
    first, newest = connection.execute(_OF_PART if part else _OF_ALL).fetchone()
    return first, newest


_OF_ALL = "SELECT min(t_ns), max(t_ns) FROM events"
_OF_PART = "SELECT min(t_ns), max(t_ns) FROM events WHERE kind <> 'ClockMeasured'"
