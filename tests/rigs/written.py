"""Recordings written without waiting: items in commits of given sizes, compacted every few of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers.base import Item
from melt_tui.store import pyramid, series
from melt_tui.store.database import close, create
from melt_tui.store.finish import finish
from melt_tui.store.ingest import Ingest


@contextmanager
def folder() -> Iterator[Path]:
    """A place for one recording, in memory where there is such a place."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@contextmanager
def small_scale(slow_hz: float = 64.0, fan: int = 3) -> Iterator[None]:
    """Fast channels are fast from ``slow_hz`` on, and a few rows of a level make one of the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "SLOW_HZ", slow_hz)
        patch.setattr(pyramid, "FAN", fan)
        yield


class Writer:
    """Writes as a Recorder does, but when it is told to."""

    def __init__(self, path: Path, compacted_every: int = 3) -> None:
        self.connection = create(path, 0.25)
        self._ingest = Ingest(self.connection, compacted_every)

    def write(self, items: Sequence[Item], size: int) -> None:
        """In commits of so many items."""
        for start in range(0, len(items), size):
            self._ingest.commit(items[start : start + size])

    def finish(self) -> None:
        """End in order."""
        finish(self.connection)

    def close(self) -> None:
        """Let go of the file."""
        close(self.connection)


def write(path: Path, items: Sequence[Item], *, size: int = 10, minute: int = 3) -> None:
    """A whole recording that ended in order."""
    writer = Writer(path, minute)
    writer.write(items, size)
    writer.finish()
    writer.close()
