"""The folder where models of ours lie: written once, whole or not at all; sums of files remembered."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from melt_tui.errors import ModelError
from melt_tui.format import byte_count, plain
from melt_tui.models.progress import Meter, Report

_SPARE: Final = 64 << 20
"""Bytes that stay free on the disk."""
_PIECE: Final = 4 << 20


def write_once(path: Path, size_bytes: int, write: Callable[[BinaryIO], None]) -> None:
    """Have ``write`` fill the file, then put it in its place at once; on any failure nothing stays behind.

    Raises ``ModelError`` when the folder cannot be written or its disk has no room for ``size_bytes``.
    """
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        _check_space(path.parent, size_bytes)
        part = path.with_name(f"{path.name}.part-{threading.get_ident()}-{os.getpid()}")
        try:
            with part.open("wb") as file:
                write(file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def sha256(path: Path, report: Report, what: str = "checking the model") -> str:
    """Of the file's bytes, in hex. Raises ``ModelError`` when it cannot be read."""
    digest = hashlib.sha256()
    with told(path), path.open("rb", buffering=0) as file:
        meter = Meter(what, path.stat().st_size, report)
        piece = bytearray(_PIECE)
        view = memoryview(piece)
        while n := file.readinto(piece):
            digest.update(view[:n])
            meter.add(n)
    return digest.hexdigest()


def remembered_sha256(path: Path, cache_dir: Path, report: Report) -> str:
    """The same, taken from a note in ``cache_dir`` while the file's size and time of change stay what they were."""
    with told(path):
        whole = path.resolve()
        stat = whole.stat()
    key: list[str | int] = [str(whole), stat.st_size, stat.st_mtime_ns]
    name = hashlib.sha256(os.fsencode(whole)).hexdigest()[:32]
    note = cache_dir / "sums" / f"{name}.json"
    known = _read_note(note, key)
    if known:
        return known
    found = sha256(path, report)
    with suppress(OSError):  # a cache that cannot be written costs time, nothing else
        note.parent.mkdir(parents=True, exist_ok=True)
        part = note.with_name(f"{note.name}.part-{os.getpid()}")
        part.write_text(json.dumps([key, found]), encoding="utf-8")
        part.replace(note)
    return found


def _read_note(note: Path, key: list[str | int]) -> str:
    try:
        kept, found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return ""
    return found if kept == key and isinstance(found, str) and len(found) == 64 else ""


def _sweep(path: Path) -> None:
    """Remove what writers of this file left behind that are no more."""
    for part in path.parent.glob(f"{path.name}.part-*"):
        pid = part.name.rpartition("-")[2]
        if pid.isdecimal() and not _alive(int(pid)):
            part.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _check_space(folder: Path, size_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size_bytes + _SPARE:
        needs = f"the model takes {byte_count(size_bytes)}, and {byte_count(free)} are free in {folder}"
        raise ModelError(needs, "free some space there")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say what the system says about a file, this one unless it names another, as a sentence."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"{plain(str(error.filename or path), 200)} cannot be used ({error.strerror})",
            "check the disk and its rights",
        ) from error
