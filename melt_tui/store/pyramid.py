"""Summaries of summaries: some chunks make a tile, sixteen rows of a level make one of the next, ten times coarser.

What a level does not hold yet is read from the level below; what is late merely adds buckets that are summed up on
reading. So a row is never rewritten, and after a crash the pyramid is whole as it stands.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from melt_tui.store.tiles import decode_tiles, encode_tile, merged, within
from melt_tui.timeline.columns import Buckets
from melt_tui.timeline.grid import LEVELS_NS

FAN = 16

CHUNKS = -1
"""The level below the first: the chunks themselves."""

_FAR = 1 << 62

Bounds = tuple[int, int]
"""``(t0_ns, t1_ns)``, both included."""


@dataclass(slots=True)
class Step:
    """A row of ``pyramid``: of one level its longest row, what it holds of the level below, from where the next lacks."""

    longest_ns: int = 0
    upto: int = 0
    since_ns: int = _FAR


@dataclass(slots=True)
class _Level:
    """One level of one series in the making: its step, and its rows that wait for the next level, in buckets of that or finer."""

    step: Step
    last: int = 0
    waiting: list[Buckets] = field(default_factory=list)


class PyramidWriter:
    """Keeps the levels of every series growing, inside the transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._levels: dict[tuple[int, int], _Level] = {}

    def chunk(self, series: int, bounds: Bounds, *, waits: bool) -> None:
        """A chunk was written; it ``waits`` until a tile holds it, or has one already."""
        self._note((series, CHUNKS), self._level(series, CHUNKS).step, bounds, waits=waits)

    def tile(self, series: int, base_ns: int, buckets: Buckets, upto: int = 0) -> None:
        """Write a tile of the finest level, which holds all chunks up to a row."""
        if upto:
            self._level(series, CHUNKS).step.since_ns = _FAR
        self._write(series, 0, base_ns, buckets, upto)

    def _write(self, series: int, number: int, base_ns: int, buckets: Buckets, upto: int) -> None:
        """Write a row of a level, and of the next one when it is time."""
        level, width_ns = self._level(series, number), base_ns * 10**number
        bounds = int(buckets.starts[0]), int(buckets.starts[-1]) + width_ns - 1
        row = (series, number, *bounds, encode_tile(buckets))
        cursor = self._connection.execute(_TILE, row)
        level.last = int(cursor.lastrowid or 0)
        if upto:
            level.step.upto = upto
        self._note((series, number), level.step, bounds, waits=True, changed=bool(upto))
        if width_ns * 10 > LEVELS_NS[-1]:
            return
        level.waiting.append(merged([buckets], width_ns * 10))
        if len(level.waiting) >= FAN:
            parts, last = level.waiting, level.last
            level.waiting, level.step.since_ns = [], _FAR
            self._write(series, number + 1, base_ns, merged(parts, width_ns * 10), last)

    def _note(
        self, of: tuple[int, int], step: Step, bounds: Bounds, *, waits: bool, changed: bool = False
    ) -> None:
        """Keep what is new about a level."""
        since_ns = bounds[0] if waits else _FAR
        if (
            changed
            or bounds[1] - bounds[0] > step.longest_ns
            or since_ns < step.since_ns
            or not step.longest_ns
        ):
            step.longest_ns = max(step.longest_ns, bounds[1] - bounds[0], 1)
            step.since_ns = min(step.since_ns, since_ns)
            self._connection.execute(_ROW, (*of, step.longest_ns, step.upto, step.since_ns))

    def _level(self, series: int, number: int) -> _Level:
        """What is known of a level; at first what an earlier writer left of it."""
        level = self._levels.get((series, number))
        if level is None:
            level = self._levels[series, number] = _Level(step_of(self._connection, series, number))
            if number != CHUNKS:
                rows = _pending(self._connection, series, number)
                level.waiting = [decode_tiles([blob]) for _, blob in rows]
        return level


def summaries(
    connection: sqlite3.Connection,
    series: int,
    level: int,
    cut: Bounds,
    chunks: Callable[[Sequence[int]], Sequence[Buckets]],
) -> Sequence[Buckets]:
    """Buckets of this level or finer that start at ``cut[0] <= t < cut[1]``, in any order, some more than once.

    Both ends are multiples of the level's width. ``chunks`` sums up chunks that no tile holds yet.
    """
    blobs = list(_blobs(connection, series, level, cut))
    found = [within(decode_tiles(blobs), *cut)]
    waiting = waiting_chunks(connection, series)
    return [*found, *chunks(waiting)] if waiting else found


def waiting_chunks(connection: sqlite3.Connection, series: int) -> Sequence[int]:
    """Chunks of a series that no tile holds yet, in order of publication."""
    since_ns = step_of(connection, series, CHUNKS).since_ns
    upto = step_of(connection, series, 0).upto
    return [row[0] for row in connection.execute(_WAITING, (series, since_ns, upto))]


def step_of(connection: sqlite3.Connection, series: int, level: int) -> Step:
    """Of one level."""
    row = connection.execute(
        "SELECT longest_ns, upto, since_ns FROM pyramid WHERE series = ? AND level = ?", (series, level)
    ).fetchone()
    return Step(*row) if row else Step()


def _blobs(connection: sqlite3.Connection, series: int, level: int, cut: Bounds) -> Iterator[bytes]:
    step = step_of(connection, series, level)
    span = (series, level, cut[0] - step.longest_ns, cut[1], cut[0])
    yield from (row[0] for row in connection.execute(_OVERLAPPING, span))
    for below in range(level - 1, -1, -1):
        yield from (blob for _, blob in _pending(connection, series, below))


def _pending(connection: sqlite3.Connection, series: int, level: int) -> Sequence[tuple[int, bytes]]:
    """Tiles of a level that the next one does not hold yet."""
    since_ns = step_of(connection, series, level).since_ns
    upto = step_of(connection, series, level + 1).upto
    return connection.execute(_PENDING, (series, level, since_ns, upto)).fetchall()


_TILE = "INSERT INTO tiles (series, level, t0_ns, t1_ns, data) VALUES (?, ?, ?, ?, ?)"
_ROW = """
    INSERT INTO pyramid VALUES (?, ?, ?, ?, ?) ON CONFLICT (series, level)
    DO UPDATE SET longest_ns = excluded.longest_ns, upto = excluded.upto, since_ns = excluded.since_ns"""
_OVERLAPPING = """
    SELECT data FROM tiles INDEXED BY tiles_by_time
    WHERE series = ? AND level = ? AND t0_ns >= ? AND t0_ns < ? AND t1_ns >= ?"""
_PENDING = """
    SELECT id, data FROM tiles INDEXED BY tiles_by_time
    WHERE series = ? AND level = ? AND t0_ns >= ? AND id > ? ORDER BY id"""
_WAITING = """
    SELECT id FROM chunks INDEXED BY chunks_by_time WHERE series = ? AND t0_ns >= ? AND id > ? ORDER BY id"""
