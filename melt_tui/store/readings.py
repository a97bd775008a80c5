"""The last value of every channel at a moment."""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from drivers.model import Channel, ChannelKey
from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks
from melt_tui.store.journal import Tail
from melt_tui.store.pyramid import CHUNKS, step_of
from melt_tui.store.series import Series
from melt_tui.timeline.model import EVER, Reading


class _Last(NamedTuple):
    """Compared in this order: the later, then the one that was published later."""

    t_ns: int
    number: int
    code: bytes


_TAIL = 1 << 62
"""What is in the tail was published after all chunks."""


def readings_at(
    connection: sqlite3.Connection,
    catalog: Catalog,
    chunks: Chunks,
    channels: Mapping[ChannelKey, Channel],
    t_ns: int,
) -> dict[ChannelKey, Reading]:
    """Of each of these channels the last sample at or before host time ``t_ns``, its time as the host's."""
    own_ns = {key: catalog.clock.to_device(key, t_ns) for key in channels}
    tail = _tail_last(catalog.tail, own_ns, catalog.by_id)
    found: dict[ChannelKey, Reading] = {}
    for key in channels:
        best = None
        for series in catalog.series_of(key):
            last = _chunk_last(connection, chunks, series, own_ns[key])
            last = max((each for each in (last, tail.get(series.id)) if each is not None), default=None)
            if last is not None and (best is None or last.t_ns >= best[0]):
                best = (last.t_ns, float(series.decoder(last.code)[0]))
        if best is not None:
            found[key] = Reading(catalog.clock.to_host(key, best[0]), best[1])
    return found


def _chunk_last(connection: sqlite3.Connection, chunks: Chunks, series: Series, t_ns: int) -> _Last | None:
    best: _Last | None = None
    reach_ns = step_of(connection, series.id, CHUNKS).longest_ns
    for number, t0_ns, t1_ns in chunks.latest_first(series, t_ns):
        if best is not None and t0_ns < best.t_ns - reach_ns:
            break
        if best is not None and t1_ns < best.t_ns:
            continue
        samples = chunks.sorted(series, number)
        at = int(np.searchsorted(samples.times, t_ns, "right")) - 1
        if at >= 0:
            code = samples.codes[at * samples.size : (at + 1) * samples.size]
            last = _Last(int(samples.times[at]), number, code)
            best = last if best is None else max(best, last)
    return best


def _tail_last(tail: Tail, own_ns: Mapping[ChannelKey, int], by_id: Mapping[int, Series]) -> dict[int, _Last]:
    """By series."""
    if not len(tail.series):
        return {}
    limits = np.full(int(tail.series.max()) + 1, EVER)
    for number in tail.numbers:
        limits[number] = own_ns.get(by_id[number].channel.key, EVER)
    limit = limits[tail.series]
    begun = np.flatnonzero(np.minimum(tail.t0, tail.t1) <= limit)
    told = np.where((tail.counts > 1) & (tail.t1 <= limit), tail.t1, tail.t0)
    cut = (tail.counts > 1) & (tail.t1 > limit)
    for block in begun[cut[begun]].tolist():
        told[block] = tail.place(block, int(limit[block]))[1]
    newest = np.full(len(limits), EVER)
    np.maximum.at(newest, tail.series[begun], told[begun])
    best = begun[(told[begun] == newest[tail.series[begun]]) & (told[begun] <= limit[begun])]
    chosen = dict(zip(tail.series[best].tolist(), best.tolist(), strict=True))
    return {number: _last_of(tail, block, int(limit[block])) for number, block in chosen.items()}


def _last_of(tail: Tail, block: int, limit_ns: int) -> _Last:
    at, t_ns = tail.place(block, limit_ns)
    return _Last(t_ns, _TAIL + block, tail.code_at(block, at))
