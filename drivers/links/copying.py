"""A file copied on this computer: resumed, checked, and never seen half-written."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from drivers.errors import Garbled, Refused
from drivers.links.base import Progress

PIECE = 8 << 20
"""Bytes copied between two reports of progress."""


async def copy_file(source: Path, target: Path, progress: Callable[[Progress], None]) -> None:
    """Make ``target`` hold what ``source`` holds; an interrupted copy goes on where it stopped.

    Raises Refused where a file cannot be read or written, Garbled when the copy differs from its source.
    """
    part = target.with_name(target.name + ".part")
    try:
        total, done = await asyncio.to_thread(_begin, source, target, part)
        while done < total:
            progress(Progress(done, total))
            done = await asyncio.to_thread(_append, source, part, done)
        await asyncio.to_thread(_finish, source, target, part)
    except OSError as error:
        raise Refused(f"{error.filename or target}: {error.strerror}") from error
    progress(Progress(total, total))


def _begin(source: Path, target: Path, part: Path) -> tuple[int, int]:
    """Bytes in all, and how many of them are there already."""
    total = source.stat().st_size
    if _same(source, target):
        return total, total
    part.touch()
    return total, min(total, part.stat().st_size)


def _append(source: Path, part: Path, done: int) -> int:
    """Bytes that are there after one more piece."""
    with source.open("rb") as reading, part.open("ab") as writing:
        reading.seek(done)
        copied = writing.write(reading.read(PIECE))
    if copied == 0:
        raise Garbled(f"{source} became shorter while it was copied")
    return done + copied


def _finish(source: Path, target: Path, part: Path) -> None:
    if not part.exists():
        return
    if _digest(source) != _digest(part):
        part.unlink()
        raise Garbled(f"the copy of {source} came out different, and was removed")
    part.replace(target)


def _same(source: Path, target: Path) -> bool:
    if not target.exists():
        return False
    if source.samefile(target):
        return True
    return source.stat().st_size == target.stat().st_size and _digest(source) == _digest(target)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
