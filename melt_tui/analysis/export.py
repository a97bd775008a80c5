"""The tables of a recording's file, written to a stream or beside one another into a folder."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TextIO

from melt_tui.analysis.energytable import energy_table, token_table
from melt_tui.analysis.recorded import Recorded
from melt_tui.analysis.tables import events_table, samples_table
from melt_tui.errors import MeltError
from melt_tui.store.recording import Recording

_DATABASE = b"SQLite format 3\0"

TABLES = {
    "samples": samples_table,
    "events": events_table,
    "energy": energy_table,
    "per-token": token_table,
}


def write(path: Path, table: str, out: TextIO) -> None:
    """One of ``TABLES``. Raises what opening a recording raises, OSError when ``out`` takes no more."""
    with closing(Recording(path)) as recording:
        TABLES[table](recording, out)


def to_file(path: Path, table: str, out: Path) -> None:
    """One of ``TABLES`` to ``out``: a file appears when it is whole, a pipe or a device takes it as it comes.

    Raises MeltError when it cannot be written, and what opening a recording raises.
    """
    _spare_recordings(out)
    with closing(Recording(path)) as recording:
        _write(recording, TABLES[table], out)


def to_folder(path: Path, out: Path) -> None:
    """Samples to ``out`` and events to ``<out>.events.csv``; each appears when it is whole.

    Raises MeltError when they cannot be written, and what opening a recording raises.
    """
    _spare_recordings(out)
    with closing(Recording(path)) as recording:
        _write(recording, samples_table, out)
        _write(recording, events_table, out.with_name(f"{out.name}.events.csv"))


def _spare_recordings(out: Path) -> None:
    """Raises MeltError where a table would take the place of a recording."""
    try:
        database = out.is_file() and _begins(out, _DATABASE)
    except OSError:
        return  # what is there says so when it is written
    if database:
        raise MeltError(f"{out} is a recording, which the table would overwrite", "choose another name")


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(start)) == start


def _write(recording: Recorded, table: Callable[[Recorded, TextIO], None], out: Path) -> None:
    try:
        if out.exists() and not out.is_file():
            with out.open("w", encoding="utf-8", newline="") as stream:
                table(recording, stream)
        else:
            _write_whole(recording, table, out.resolve())
    except OSError as error:
        raise MeltError(f"{out} could not be written", error.strerror or str(error)) from error


def _write_whole(recording: Recorded, table: Callable[[Recorded, TextIO], None], out: Path) -> None:
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as stream:
            table(recording, stream)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
