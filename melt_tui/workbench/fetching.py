"""A file from the network: resumed where it broke off, and exactly what was pinned if something was, or nothing."""

import asyncio
import fcntl
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from drivers.foreign import printable
from melt_tui import format as fmt
from melt_tui.errors import MeltError, SetupError
from melt_tui.workbench.addressed import split
from melt_tui.workbench.pace import Pace

SIZE_LIMIT: Final = 4 << 30
"""Bytes of an archive; none of an engine is near that."""
REDIRECTS: Final = 8
SILENCE_S: Final = 30.0
SPARE: Final = 64 << 20
"""Bytes that stay free on the disk."""

_PARTIAL, _OK, _BAD_RANGE = 206, 200, 416
_TOLD_EVERY = 0.002
"""Fraction that is told: a screen need not hear of every packet."""

Told = Callable[[float, float | None], None]
"""Fraction 0…1, seconds to go."""


def anything(_: Path) -> None:
    """Nothing is asked of it but its sum."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the network, and what it has to be."""

    url: str
    sha256: str
    """Empty: what is found there is taken, if ``check`` takes it."""
    option: str = "--from"
    """By which a file on this computer is named instead."""
    largest: int = SIZE_LIMIT
    magic: bytes = b""
    """How it begins: of what begins otherwise no more is read."""
    check: Callable[[Path], None] = anything
    """Raises MeltError for what it is not."""

    @property
    def shown(self) -> str:
        """For a sentence: without an account and a query, in either of which there may be a secret."""
        parts = split(self.url)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return printable(bare.geturl(), 200)


async def fetch(wanted: Wanted, target: Path, pace: Pace, told: Told) -> None:
    """Make ``target`` hold it. Nothing is fetched when it does. Raises SetupError, and what ``wanted.check`` raises."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            if not await asyncio.to_thread(_there, wanted, target):
                await _complete(wanted, part, pace, told)
                await asyncio.to_thread(_judge, wanted, part)
                part.replace(target)
                _mark(part).unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{error.filename or target} cannot be written ({error.strerror})",
            "check the free space and the rights of that folder",
        ) from error


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Two that write one file make a third of it."""
    with part.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(
                f"{part.stem} is being fetched by another setup", "wait until that is done, then try again"
            ) from None
        try:
            yield
        finally:
            if _size(part) == 0:
                _forget(part)


def _there(wanted: Wanted, target: Path) -> bool:
    return target.is_file() and wanted.sha256.lower() in {"", _sum(target)}


def _judge(wanted: Wanted, part: Path) -> None:
    """Throw away what is not what was wanted."""
    try:
        if wanted.sha256 and _sum(part) != wanted.sha256.lower():
            raise SetupError(
                f"what {wanted.shown} gives is not what was pinned: its sha256 is another",
                "try again; if it stays so, somebody has changed that file",
            )
        wanted.check(part)
    except MeltError:
        _forget(part)
        raise


async def _complete(wanted: Wanted, part: Path, pace: Pace, told: Told) -> None:
    """Fetch what is missing of it."""
    for begin in (_begin(wanted, part), 0):
        async with _opened(wanted, part, begin) as response:
            if response.status_code == _BAD_RANGE:
                continue
            await _save(wanted, response, part, pace, told)
            return
    raise SetupError(f"{wanted.shown} gives no whole file", "try again later")


def _begin(wanted: Wanted, part: Path) -> int:
    """How much there is of it. Where nothing tells whether the rest is of the same file, it is begun anew."""
    return _size(part) if wanted.sha256 or _mark(part).exists() else 0


def _mark(part: Path) -> Path:
    """File that keeps by what the server knows the version that was begun."""
    return part.with_name(f"{part.name}.of")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


@asynccontextmanager
async def _opened(wanted: Wanted, part: Path, begin: int) -> AsyncIterator[httpx.Response]:
    headers = {"Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        if _mark(part).exists():
            headers["If-Range"] = _mark(part).read_text()
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, max_redirects=REDIRECTS, timeout=SILENCE_S) as client,
            client.stream("GET", wanted.url, headers=headers) as response,
        ):
            if response.status_code not in {_OK, _PARTIAL, _BAD_RANGE}:
                raise SetupError(
                    f"{wanted.shown} answers {response.status_code}",
                    f"check the address, or fetch the file by other means and name it with {wanted.option} PATH",
                )
            yield response
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"{wanted.shown} cannot be fetched: {printable(str(error) or type(error).__name__, 120)}",
            "try again: it goes on where it broke off; or fetch it by other means and name it with "
            f"{wanted.option} PATH",
        ) from error


async def _save(wanted: Wanted, response: httpx.Response, part: Path, pace: Pace, told: Told) -> None:
    begin = _first(wanted, response, part)
    length = response.headers.get("Content-Length", "")
    total = begin + int(length) if length.isdecimal() else 0
    _bounded(wanted, total)
    _fitting(wanted, part, total - begin)
    last = -1.0
    with part.open("r+b") as file:
        file.truncate(begin)
        file.seek(begin)
        async for piece in response.aiter_bytes():
            await asyncio.to_thread(file.write, piece)
            done = file.tell()
            _bounded(wanted, done)
            if done == len(piece) and piece[: len(wanted.magic)] != wanted.magic[: len(piece)]:
                return
            fraction = done / total if total else 0.0
            if fraction >= last + _TOLD_EVERY or done == total:
                last = fraction
                told(fraction, pace.to_go(fraction))


def _first(wanted: Wanted, response: httpx.Response, part: Path) -> int:
    """Where in the file the answer begins; it is noted by what the server knows this version of it."""
    if response.status_code == _PARTIAL:
        begin = _size(part)
        told = response.headers.get("Content-Range", f"bytes {begin}-")
        if not told.startswith(f"bytes {begin}-"):
            raise SetupError(f"{wanted.shown} gives another piece than was asked for", "try again later")
        return begin
    etag = response.headers.get("ETag", "")
    mark = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
    _mark(part).unlink(missing_ok=True)
    part.write_bytes(b"")  # before the mark: it is never beside what is left of another version
    if mark:
        _mark(part).write_text(mark)
    return 0


def _bounded(wanted: Wanted, size: int) -> None:
    if size > wanted.largest:
        raise SetupError(f"{wanted.shown} is larger than {fmt.byte_count(wanted.largest)}", "check it")


def _fitting(wanted: Wanted, part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > max(0, free - SPARE):
        raise SetupError(
            f"{fmt.byte_count(missing)} of {wanted.shown} are to be fetched, and {fmt.byte_count(free)} are free "
            f"in {part.parent}",
            "free some space there",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
