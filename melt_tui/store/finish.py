"""The end of a recording, in order or after a crash: compact, close what lasted, put everything into one file."""

import sqlite3

from melt_tui.store.compaction import compact
from melt_tui.store.extent import events_reach
from melt_tui.store.fast import FastWriter
from melt_tui.store.headline import per_token
from melt_tui.store.ingest import Transaction
from melt_tui.store.pyramid import PyramidWriter
from melt_tui.store.series import Registry

ENDED, RECOVERED = "ended", "recovered"

_SMALL_PAGES = 16_384
"""Up to so many pages (64 MB) a file is written anew to give back what is free in it."""


def finish(connection: sqlite3.Connection, *, lost: str = "") -> None:
    """Finish a recording that nobody writes any more; ``lost`` says what may be missing. Nothing when it is finished.

    Raises sqlite3.Error; what is in the file stays readable then.
    """
    with Transaction(connection):
        if not _begun(connection):
            return
        registry = Registry(connection)
        registry.load()
        pyramid = PyramidWriter(connection)
        fast = FastWriter(connection, pyramid)
        for series in [series for series in registry.by_id.values() if series.bulk]:
            fast.recall(series)
        compact(connection, registry, pyramid, fast.summaries())
        newest_ns = _newest_ns(connection)
        connection.execute("UPDATE intervals SET t1_ns = ? WHERE t1_ns IS NULL", (newest_ns + 1,))
        told: dict[str, object] = {
            "state": RECOVERED if lost else ENDED,
            "lost": lost,
            "newest_ns": newest_ns,
        }
        headline = per_token(connection)
        if headline is not None:
            told |= {"joules_per_token": headline.joules, "joules_per_token_point": headline.point}
        connection.executemany("INSERT OR REPLACE INTO session VALUES (?, ?)", list(told.items()))
    tidy(connection)


def give_up(connection: sqlite3.Connection, lost: str) -> None:
    """Say in a recording that cannot be finished now why nobody writes it any more. Raises sqlite3.Error."""
    with Transaction(connection):
        connection.execute("INSERT OR REPLACE INTO session VALUES ('lost', ?)", (lost,))


def tidy(connection: sqlite3.Connection) -> None:
    """Give back what is free and put all into the one file; readers that look at it meanwhile may keep the ``-wal``."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages < _SMALL_PAGES and free * 50 > pages:
        connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA busy_timeout = 100").fetchall()
    try:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.OperationalError:
        return


def _begun(connection: sqlite3.Connection) -> bool:
    (state,) = connection.execute("SELECT max(value) FROM session WHERE key = 'state'").fetchone()
    return bool(state == "recording")


def _newest_ns(connection: sqlite3.Connection) -> int:
    """Of all events, Ticks included."""
    _, told_ns = events_reach(connection)
    (ticked_ns,) = connection.execute(_TICKED).fetchone()
    return max(told_ns or 0, ticked_ns or 0)


_TICKED = "SELECT max(t1_ns) FROM chunks WHERE series IN (SELECT id FROM series WHERE ticks IS NOT NULL)"
