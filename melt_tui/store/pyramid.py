"""Summaries of summaries: sixteen rows of a level make one of the next, ten times coarser.

What a level does not hold yet is read from the level below; what is late merely adds buckets that are summed up on
reading. So a row is never rewritten, and after a crash the pyramid is whole as it stands.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from melt_tui.store.tiles import decode_tiles, encode_tile, within
from melt_tui.timeline.columns import Buckets, joined
from melt_tui.timeline.grid import LEVELS_NS

FAN = 16

_LONGEST = """
    INSERT INTO pyramid VALUES (:series, :level, :long, 0) ON CONFLICT (series, level)
    DO UPDATE SET longest_ns = max(longest_ns, excluded.longest_ns) WHERE excluded.longest_ns > longest_ns"""
_UPTO = """
    INSERT INTO pyramid VALUES (:series, :level, 0, :upto) ON CONFLICT (series, level)
    DO UPDATE SET upto = excluded.upto"""


class PyramidWriter:
    """Keeps the levels of every series growing, inside the transactions of its owner."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: dict[tuple[int, int], int] = {}
        self._longest: dict[tuple[int, int], int] = {}

    def add(self, series: int, base_ns: int, level: int, bounds: tuple[int, int]) -> None:
        """A row of this level was written; ``bounds`` are its ``t0_ns`` and ``t1_ns``."""
        key = (series, level)
        if bounds[1] - bounds[0] > self._longest.get(key, -1):
            self._longest[key] = bounds[1] - bounds[0]
            self._connection.execute(_LONGEST, {"series": series, "level": level, "long": self._longest[key]})
        if key not in self._waiting:
            self._waiting[key] = len(_pending(self._connection, series, level, "id"))
        else:
            self._waiting[key] += 1
        if self._waiting[key] >= FAN and base_ns * 10 ** (level + 1) <= LEVELS_NS[-1]:
            self._waiting[key] = 0
            self._raise(series, base_ns, level + 1)

    def _raise(self, series: int, base_ns: int, level: int) -> None:
        rows = _pending(self._connection, series, level - 1, "id, tile" if level == 1 else "id, data")
        buckets = joined([decode_tiles([row[1] for row in rows])], base_ns * 10**level)
        bounds = int(buckets.starts[0]), int(buckets.starts[-1]) + base_ns * 10**level - 1
        self._connection.execute(
            "INSERT INTO tiles (series, level, t0_ns, t1_ns, data) VALUES (?, ?, ?, ?, ?)",
            (series, level, *bounds, encode_tile(buckets)),
        )
        self._connection.execute(_UPTO, {"series": series, "level": level, "upto": rows[-1][0]})
        self.add(series, base_ns, level, bounds)


def summaries(
    connection: sqlite3.Connection, series: int, level: int, start_ns: int, stop_ns: int
) -> Buckets:
    """Buckets of this level or finer that start at ``start_ns <= t < stop_ns``, in any order, some more than once.

    Both ends are multiples of the level's width.
    """
    blobs = list(_blobs(connection, series, level, start_ns, stop_ns))
    return within(decode_tiles(blobs), start_ns, stop_ns)


def longest(connection: sqlite3.Connection, series: int, level: int) -> tuple[int, int]:
    """Of a level: how long its longest row is, and the last row of the level below that it holds."""
    row = connection.execute(
        "SELECT longest_ns, upto FROM pyramid WHERE series = ? AND level = ?", (series, level)
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _blobs(
    connection: sqlite3.Connection, series: int, level: int, start_ns: int, stop_ns: int
) -> Iterator[bytes]:
    long_ns, upto = longest(connection, series, level)
    span = {"series": series, "level": level, "from": start_ns - long_ns, "start": start_ns, "stop": stop_ns}
    yield from (row[0] for row in connection.execute(_OVERLAPPING_0 if level == 0 else _OVERLAPPING, span))
    for below in range(level - 1, -1, -1):
        rows = _pending(connection, series, below, "tile" if below == 0 else "data", upto)
        yield from (row[0] for row in rows)
        upto = longest(connection, series, below)[1]


def _pending(
    connection: sqlite3.Connection, series: int, level: int, columns: str, upto: int | None = None
) -> Sequence[tuple[Any, ...]]:
    """Rows of a level that the next one does not hold yet."""
    if upto is None:
        upto = longest(connection, series, level + 1)[1]
    table, also = ("chunks", "") if level == 0 else ("tiles", f"AND level = {level}")
    return connection.execute(
        f"SELECT {columns} FROM {table} INDEXED BY {table}_by_series "  # noqa: S608
        f"WHERE series = ? {also} AND id > ? ORDER BY id",
        (series, upto),
    ).fetchall()


_OVERLAPPING_0 = """
    SELECT tile FROM chunks INDEXED BY chunks_by_time
    WHERE series = :series AND t0_ns >= :from AND t0_ns < :stop AND t1_ns >= :start"""
_OVERLAPPING = """
    SELECT data FROM tiles INDEXED BY tiles_by_time
    WHERE series = :series AND level = :level AND t0_ns >= :from AND t0_ns < :stop AND t1_ns >= :start"""
