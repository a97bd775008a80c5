"""Fast series: a chunk at every commit, a tile for some of them together."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from drivers.clock import SECOND
from drivers.model import Samples
from melt_tui.store.codec import decode, encode, encode_fast
from melt_tui.store.compaction import MOST, Summaries
from melt_tui.store.pyramid import PyramidWriter, waiting_chunks
from melt_tui.store.series import Series
from melt_tui.store.tiles import decode_tiles, merged
from melt_tui.timeline.blocks import Blocks, blocks_of, runs_of, together
from melt_tui.timeline.columns import Buckets
from melt_tui.timeline.stretches import Stretch, side_by_side, stretch_of
from melt_tui.timeline.summaries import Decoder, summarized, summed_up

TOGETHER = 32
"""Chunks that are summed up together: what is done once for all of them costs less. Whoever reads a recording that goes on sums up
those that wait, at a look; these are some milliseconds' work."""
TOGETHER_BYTES = 4 << 20
"""Codes that wait for it at most."""


@dataclass
class _Waiting:
    """Chunks that no tile holds yet."""

    series: Series
    parts: list[Stretch | Blocks] = field(default_factory=list)
    chunks: int = 0
    size: int = 0
    """Bytes of their codes."""
    last: int = 0
    worth: bool = True
    """Whether packing the last one was worth its time; of codes in a byte each it is tried again with the first after each
    tile."""


class FastWriter:
    """Writes the samples of fast series, inside the transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection, pyramid: PyramidWriter) -> None:
        self._connection = connection
        self._pyramid = pyramid
        self._waiting: dict[int, _Waiting] = {}
        self._summaries: Summaries = {}

    def write(self, series: Series, samples: Sequence[Samples]) -> None:
        """One commit's blocks of a series, in order of publication."""
        waiting = self._waiting.get(series.id) or self._waiting.setdefault(series.id, _Waiting(series))
        stretch = stretch_of(samples, series.gap_ns, MOST)
        if stretch is None:
            for run in runs_of(blocks_of(samples), series.gap_ns, MOST):
                self._chunk(waiting, run, encode(run, 1))
        else:
            made = encode_fast(stretch, packed=waiting.worth or not waiting.chunks)
            waiting.worth = made.worth
            self._chunk(waiting, stretch, made.blob)
        if waiting.chunks >= TOGETHER or waiting.size >= TOGETHER_BYTES:
            self._sum_up(waiting)

    def _chunk(self, waiting: _Waiting, part: Stretch | Blocks, blob: bytes) -> None:
        number, bounds = waiting.series.id, part.bounds
        cursor = self._connection.execute(_CHUNK, (number, *bounds, blob))
        self._pyramid.chunk(number, bounds, waits=True)
        waiting.parts.append(part)
        waiting.chunks += 1
        waiting.size += len(part.codes)
        waiting.last = int(cursor.lastrowid or 0)

    def recall(self, series: Series) -> None:
        """Take over what an earlier writer has left of a series."""
        tiles = self._connection.execute(_TILES, (series.id,)).fetchall()
        self._summaries[series.id] = [_seconds(decode_tiles([row[0]])) for row in tiles]
        waiting = self._waiting[series.id] = _Waiting(series)
        for number in waiting_chunks(self._connection, series.id):
            (blob,) = self._connection.execute("SELECT data FROM chunks WHERE id = ?", (number,)).fetchone()
            waiting.parts.append(decode(blob, series.dtype))
            waiting.last = number

    def summaries(self) -> Summaries:
        """All that was written since the last time that this was asked, by series, second by second."""
        for waiting in self._waiting.values():
            if waiting.parts:
                self._sum_up(waiting)
        found, self._summaries = self._summaries, {}
        return {number: parts for number, parts in found.items() if parts}

    def _sum_up(self, waiting: _Waiting) -> None:
        series = waiting.series
        assert series.base_ns is not None
        buckets = _summed_up(waiting.parts, series.decoder, series.base_ns)
        self._pyramid.tile(series.id, series.base_ns, buckets, waiting.last)
        self._summaries.setdefault(series.id, []).append(_seconds(buckets))
        waiting.parts, waiting.chunks, waiting.size = [], 0, 0


def _summed_up(parts: Sequence[Stretch | Blocks], decoder: Decoder, width_ns: int) -> Buckets:
    """All of them; stretches, as nearly always, as they are."""
    stretches = [part for part in parts if isinstance(part, Stretch)]
    if len(stretches) == len(parts):
        return summed_up(stretches, decoder, width_ns)
    blocks = [part if isinstance(part, Blocks) else side_by_side([part]) for part in parts]
    return summarized(together(blocks), decoder, width_ns)


def _seconds(buckets: Buckets) -> Buckets:
    """Ten to a thousand times fewer: a minute of the finest would be megabytes."""
    return merged([buckets], SECOND)


_CHUNK = "INSERT INTO chunks (series, t0_ns, t1_ns, data) VALUES (?, ?, ?, ?)"
_TILES = """
    SELECT data FROM tiles WHERE series = ? AND level = 0 AND id > (SELECT coalesce(max(tile_to), 0) FROM orders)"""
