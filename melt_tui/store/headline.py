"""The one energy that the library shows: joules for each decode token of a recording's first run, by what was told live."""

import sqlite3
from typing import NamedTuple

from drivers.clock import SECOND
from melt_tui.measures import points


class PerToken(NamedTuple):
    """J for each decode token, and the reference point."""

    joules: float
    point: str


def per_token(connection: sqlite3.Connection) -> PerToken | None:
    """Mean over the turns of the first run that count, at the point that sees most of its device; None without any.

    Asks the rows per second: the minutes are compacted. Raises sqlite3.Error.
    """
    first = connection.execute(_FIRST_RUN).fetchone()
    if first is None:
        return None
    device, started_ns, ended_ns = first
    told = dict(connection.execute(_TOLD, (device, f"{points.PER_TOKEN_DECODE} %")))
    sums: dict[str, tuple[float, int]] = {}
    for number, n, mean in connection.execute(_SECONDS, (started_ns // SECOND, ended_ns // SECOND)):
        if number in told:
            joules, turns = sums.get(told[number], (0.0, 0))
            sums[told[number]] = (joules + n * mean, turns + n)
    if not sums:
        return None
    point = min(sums, key=lambda name: (points.rank(name), list(told.values()).index(name)))
    joules, turns = sums[point]
    return PerToken(joules / turns, point)


_FIRST_RUN = """
    SELECT device, started_ns, coalesce(ended_ns, (SELECT max(t_ns) FROM events))
    FROM runs WHERE started_ns IS NOT NULL ORDER BY id LIMIT 1"""
_TOLD = """
    SELECT id, point FROM channels
    WHERE device = ? AND quantity = 'energy_per_token' AND name LIKE ? ORDER BY id"""
_SECONDS = "SELECT channel, n, mean FROM seconds WHERE second BETWEEN ? AND ?"
