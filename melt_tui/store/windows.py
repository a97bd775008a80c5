"""Columns of a window: from summaries where there are fine enough ones, else from the samples themselves."""

import sqlite3
from collections.abc import Iterator
from functools import partial

from drivers.model import ChannelKey
from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks, by_time
from melt_tui.store.pyramid import summaries
from melt_tui.store.series import Series
from melt_tui.timeline.columns import Buckets, bucketed, empty, joined, window_of
from melt_tui.timeline.grid import Cut, cut
from melt_tui.timeline.model import Window


def window_at(
    connection: sqlite3.Connection,
    catalog: Catalog,
    chunks: Chunks,
    key: ChannelKey,
    span: tuple[int, int],
    columns: int,
) -> Window:
    """As ``Timeline.window``."""
    own_ns = (catalog.clock.to_device(key, span[0]), catalog.clock.to_device(key, span[1]))
    part = cut(span[1] - span[0], columns, *own_ns)
    found = [
        buckets
        for series in catalog.series_of(key)
        for buckets in _parts(connection, catalog, chunks, series, part)
    ]
    whole = joined(found, part.width_ns) if found else empty()
    return window_of(key, part.width_ns, whole, catalog.clock)


def _parts(
    connection: sqlite3.Connection, catalog: Catalog, chunks: Chunks, series: Series, part: Cut
) -> Iterator[Buckets]:
    level = _level(series.base_ns, part.level_ns)
    if level is None:
        yield chunks.columns(series, part)
        return
    span = (part.start_ns, part.stop_ns)
    yield from summaries(connection, series.id, level, span, partial(chunks.summed, series, part))
    tail = catalog.tail.of(series.id)
    if tail is not None:
        samples = by_time(tail).between(part.start_ns, part.stop_ns)
        yield bucketed(samples.times, series.decoder(samples.codes), part.width_ns)


def _level(base_ns: int | None, level_ns: int | None) -> int | None:
    """How many levels above the finest summaries; None where those are too coarse."""
    if base_ns is None or level_ns is None or level_ns < base_ns:
        return None
    return len(str(level_ns // base_ns)) - 1
