"""Where an export goes: a file appears when it is whole, a pipe or a device takes it as it comes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from melt_tui.errors import MeltError, UsageError

_DATABASE = b"SQLite format 3\0"


def check_destination(out: Path, *, force: bool) -> None:
    """Before anything is reckoned. Raises UsageError where a file stands there, MeltError where it is a recording."""
    try:
        stands = out.is_file()
        database = stands and _begins(out, _DATABASE)
    except OSError:
        return  # what is there says so when it is written
    if database:
        raise MeltError(f"{out} is a recording, which the table would overwrite", "choose another name")
    if stands and not force:
        raise UsageError(f"{out} exists already", "choose another name, or replace it with --force")


@contextmanager
def destination(out: Path, *, force: bool) -> Iterator[BinaryIO]:
    """What to write to. Raises what ``check_destination`` raises, and MeltError when it cannot be written."""
    check_destination(out, force=force)
    try:
        with _direct(out) if out.exists() and not out.is_file() else _whole(out.resolve()) as stream:
            yield stream
    except OSError as error:
        raise MeltError(
            f"{out} could not be written ({error.strerror or error})", remedy="choose another place for it"
        ) from error


@contextmanager
def _direct(out: Path) -> Iterator[BinaryIO]:
    with out.open("wb") as stream:
        yield stream


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    made = False
    try:
        with part.open("xb") as stream:
            made = True
            yield stream
        part.replace(out)
    finally:
        if made:
            part.unlink(missing_ok=True)


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(start)) == start
