"""The sink that stores: it keeps items in a list, a thread of its own writes them four times a second."""

import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from time import monotonic

from drivers.base import Item
from melt_tui.store.database import close, create
from melt_tui.store.finish import finish, give_up
from melt_tui.store.ingest import COMPACT_S, Ingest, newest_ns
from melt_tui.store.lost import give_room

_BEHIND = 2
"""Commits between what is durable and what readers are told is."""

_SWITCH_S = 0.0005
"""SQLite lets go of the interpreter at every statement. A busy thread gives it back after Python's switch interval, 5 ms of old:
a commit of a hundred statements would take half a second as long as another thread imports or draws."""


def _say_nothing(_problem: str) -> None:
    """For callers that look at ``Recorder.problem``."""


class Recorder:
    """Stores a session at ``path``. Raises CannotWrite when nothing can be recorded there.

    ``take`` may be called from any thread and only appends. What goes wrong while writing stops the recording with one
    sentence, told to ``on_problem`` by the writer thread and kept in ``problem``; what is written stays.
    """

    def __init__(
        self, path: Path, *, commit_s: float = 0.25, on_problem: Callable[[str], None] = _say_nothing
    ) -> None:
        self.path = path
        self.problem = ""
        self.committed_ns = 0
        self._commit_s = commit_s
        self._on_problem = on_problem
        self._items: deque[Item] = deque()
        self._newest: deque[int] = deque([0] * (_BEHIND + 1), maxlen=_BEHIND + 1)
        self._closing = threading.Event()
        self._connection = create(path, commit_s)
        self._ingest = Ingest(self._connection, max(1, round(COMPACT_S / commit_s)))
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def take(self, item: Item) -> None:
        """Keep one item until the next commit."""
        if not self.problem:
            self._items.append(item)

    def close(self) -> None:
        """Write what is left, compact, leave one file; returns when it is done. Closing twice is nothing."""
        self._closing.set()
        self._thread.join()

    def _write(self) -> None:
        why = "an internal error"
        try:
            due = monotonic() + self._commit_s
            while not self._closing.wait(max(0.0, due - monotonic())):
                # by the start of the last one: a slow commit must not put off the next as well
                due = max(due, monotonic()) + self._commit_s
                self._commit()
            self._commit()
            why = ""
        except sqlite3.Error as error:
            why = str(error)
        finally:
            if why:
                self._stop(why)
            self._finish()

    def _commit(self) -> None:
        items = list(map(deque.popleft, repeat(self._items, len(self._items))))
        if items:
            before = sys.getswitchinterval()
            sys.setswitchinterval(min(before, _SWITCH_S))
            try:
                self._ingest.commit(items)
            finally:
                sys.setswitchinterval(before)
        ticked_ns = self._ingest.ticked_ns
        newest = newest_ns(items) if ticked_ns is None else ticked_ns
        self._newest.append(max(newest, self._newest[-1]))
        self.committed_ns = self._newest[0]

    def _stop(self, why: str) -> None:
        self.problem = (
            f"{_REASONS.get(why, why)}: recording stopped, what came before is kept in {self.path.name}"
        )
        self._items.clear()
        self._on_problem(self.problem)

    def _finish(self) -> None:
        try:
            with suppress(OSError):  # without its room it may still be finished
                give_room(self.path)
            finish(self._connection, lost=self.problem)
        except sqlite3.Error as error:
            if not self.problem:
                self._stop(str(error))
            self._give_up()
        finally:
            close(self._connection)

    def _give_up(self) -> None:
        """Leave a note in it; where not even that can be written, whoever opens it is told that it broke off."""
        with suppress(sqlite3.Error):
            give_up(self._connection, self.problem)


_REASONS = {
    "database or disk is full": "the disk is full, make room and start anew",
    "disk I/O error": "the disk does not take any more, look after it and start anew",
}
