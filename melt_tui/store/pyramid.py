"""Summaries of summaries: sixteen rows of a level make one of the next, ten times coarser.

What a level does not hold yet is read from the level below; what is late merely adds buckets that are summed up on
reading. So a row is never rewritten, and after a crash the pyramid is whole as it stands.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from melt_tui.store.tiles import decode_tiles, encode_tile, merged, within
from melt_tui.timeline.columns import Buckets
from melt_tui.timeline.grid import LEVELS_NS

FAN = 16

_FAR = 1 << 62

_ROW = """
    INSERT INTO pyramid VALUES (?, ?, ?, ?, ?) ON CONFLICT (series, level)
    DO UPDATE SET longest_ns = excluded.longest_ns, upto = excluded.upto, since_ns = excluded.since_ns"""


@dataclass(slots=True)
class Step:
    """A row of ``pyramid``: of one level its longest row, what it holds of the level below, from where the next lacks."""

    longest_ns: int = 0
    upto: int = 0
    since_ns: int = _FAR


class _Level:
    """One level of one series in the making: its step, and its rows that wait for the next level."""

    def __init__(self, step: Step, rows: Sequence[tuple[int, bytes]]) -> None:
        self.step = step
        self.last = max((number for number, _ in rows), default=0)
        self.waiting = [decode_tiles([blob]) for _, blob in rows]


class PyramidWriter:
    """Keeps the levels of every series growing, inside the transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._levels: dict[tuple[int, int], _Level] = {}

    def add(
        self,
        of: tuple[int, int],
        number: int,
        bounds: tuple[int, int],
        buckets: Buckets,
        base_ns: int,
    ) -> None:
        """A row was written: ``of`` a series and level, between two times, with these buckets."""
        level = self._level(of, number)
        step = level.step
        if bounds[1] - bounds[0] > step.longest_ns or bounds[0] < step.since_ns:
            step.longest_ns = max(step.longest_ns, bounds[1] - bounds[0])
            step.since_ns = min(step.since_ns, bounds[0])
            self._keep(of, step)
        level.waiting.append(buckets)
        level.last = number
        if len(level.waiting) >= FAN and base_ns * 10 ** (of[1] + 1) <= LEVELS_NS[-1]:
            self._raise(of, level, base_ns)

    def _raise(self, of: tuple[int, int], level: _Level, base_ns: int) -> None:
        above, width_ns = (of[0], of[1] + 1), base_ns * 10 ** (of[1] + 1)
        buckets = merged(level.waiting, width_ns)
        bounds = int(buckets.starts[0]), int(buckets.starts[-1]) + width_ns - 1
        next_level = self._level(above, _FAR)
        cursor = self._connection.execute(
            "INSERT INTO tiles (series, level, t0_ns, t1_ns, data) VALUES (?, ?, ?, ?, ?)",
            (*above, *bounds, encode_tile(buckets)),
        )
        next_level.step.upto = level.last
        self._keep(above, next_level.step)
        level.waiting.clear()
        level.step.since_ns = _FAR
        self.add(above, int(cursor.lastrowid or 0), bounds, buckets, base_ns)

    def _level(self, of: tuple[int, int], before: int) -> _Level:
        """What is known of a level; at first what an earlier writer left of it, up to a row."""
        if of not in self._levels:
            rows = _pending(self._connection, of[0], of[1], _TILES[min(of[1], 1)])
            rows = [row for row in rows if row[0] < before]
            self._levels[of] = _Level(step_of(self._connection, *of), rows)
        return self._levels[of]

    def _keep(self, of: tuple[int, int], step: Step) -> None:
        self._connection.execute(_ROW, (*of, step.longest_ns, step.upto, step.since_ns))


def summaries(
    connection: sqlite3.Connection, series: int, level: int, start_ns: int, stop_ns: int
) -> Buckets:
    """Buckets of this level or finer that start at ``start_ns <= t < stop_ns``, in any order, some more than once.

    Both ends are multiples of the level's width.
    """
    blobs = list(_blobs(connection, series, level, start_ns, stop_ns))
    return within(decode_tiles(blobs), start_ns, stop_ns)


def step_of(connection: sqlite3.Connection, series: int, level: int) -> Step:
    """Of one level."""
    row = connection.execute(
        "SELECT longest_ns, upto, since_ns FROM pyramid WHERE series = ? AND level = ?", (series, level)
    ).fetchone()
    return Step(*row) if row else Step()


def _blobs(
    connection: sqlite3.Connection, series: int, level: int, start_ns: int, stop_ns: int
) -> Iterator[bytes]:
    table, step = _TILES[min(level, 1)], step_of(connection, series, level)
    span = (series, level, start_ns - step.longest_ns, stop_ns, start_ns)
    yield from (row[1] for row in connection.execute(table.overlapping, span))
    for below in range(level - 1, -1, -1):
        yield from (blob for _, blob in _pending(connection, series, below, _TILES[min(below, 1)]))


def _pending(
    connection: sqlite3.Connection, series: int, level: int, table: "_Table"
) -> Sequence[tuple[int, bytes]]:
    """Rows of a level that the next one does not hold yet."""
    since_ns = step_of(connection, series, level).since_ns
    upto = step_of(connection, series, level + 1).upto
    return connection.execute(table.pending, (series, level, since_ns, upto)).fetchall()


class _Table(NamedTuple):
    """How the rows of a level are found."""

    overlapping: str
    pending: str


_TILES = (
    _Table(
        """SELECT id, tile FROM chunks INDEXED BY chunks_by_time
        WHERE series = ?1 AND ?2 = 0 AND t0_ns >= ?3 AND t0_ns < ?4 AND t1_ns >= ?5""",
        """SELECT id, tile FROM chunks INDEXED BY chunks_by_time
        WHERE series = ?1 AND ?2 = 0 AND t0_ns >= ?3 AND id > ?4 ORDER BY id""",
    ),
    _Table(
        """SELECT id, data FROM tiles INDEXED BY tiles_by_time
        WHERE series = ?1 AND level = ?2 AND t0_ns >= ?3 AND t0_ns < ?4 AND t1_ns >= ?5""",
        """SELECT id, data FROM tiles INDEXED BY tiles_by_time
        WHERE series = ?1 AND level = ?2 AND t0_ns >= ?3 AND id > ?4 ORDER BY id""",
    ),
)
