"""A recording made at once, of items that are at hand: it has its name when it is whole, and until then there is none."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.base import Item
from drivers.model import Samples
from melt_tui.store.database import close, create, sidecars, writing
from melt_tui.store.finish import finish
from melt_tui.store.ingest import Ingest

_ITEMS = 5_000
_BYTES = 2_000_000
"""Of one commit: what is written at once is bounded, whatever comes."""

_COMMITS_A_MINUTE = 240
_COMMIT_S = 0.25


class Maker:
    """A sink that writes in bounded commits."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        """Where it lies until it has its name."""
        self.last: list[Callable[[], None]] = []
        """What is to be done when all else is finished, before it has its name."""
        self._ingest = Ingest(connection, _COMMITS_A_MINUTE)
        self._items: list[Item] = []
        self._bytes = 0

    def take(self, item: Item) -> None:
        """Write it, now or with the next ones. Raises sqlite3.Error."""
        self._items.append(item)
        if isinstance(item, Samples):
            self._bytes += len(item.codes) + len(item.times or b"")
        if len(self._items) >= _ITEMS or self._bytes >= _BYTES:
            self.flush()

    def take_all(self, items: Iterable[Item]) -> None:
        """One after the other."""
        for item in items:
            self.take(item)

    def settle(self) -> None:
        """Do what is to be done last."""
        for act in self.last:
            act()

    def flush(self) -> None:
        """Write what is left."""
        self._ingest.commit(self._items)
        self._items, self._bytes = [], 0


@contextmanager
def making(path: Path) -> Iterator[Maker]:
    """A new recording at ``path`` out of what is put into it; nothing where that fails. Raises CannotWrite."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        if path.exists():
            raise FileExistsError
    try:
        connection = create(part, _COMMIT_S)
        try:
            maker = Maker(connection, part)
            with writing(path):
                yield maker
                maker.flush()
                finish(connection)
                maker.settle()
        finally:
            close(connection)
        with writing(path):
            _name(part, path)
    finally:
        for file in (part, *sidecars(part)):
            file.unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    """Without taking the place of another file, where the disk knows how to."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        part.replace(path)
