"""An archive from the network: resumed where it broke off, and exactly what was pinned, or nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from drivers.foreign import printable
from melt_tui import format as fmt
from melt_tui.errors import SetupError
from melt_tui.workbench.pace import Pace

SIZE_LIMIT = 4 << 30
"""Bytes of an archive; none of an engine is near that."""
SILENCE_S = 30.0

_PARTIAL, _OK, _BAD_RANGE = 206, 200, 416

Told = Callable[[float, float | None], None]
"""Fraction 0…1, seconds to go."""


async def fetch(url: str, sha256: str, target: Path, pace: Pace, told: Told) -> None:
    """Make ``target`` hold what has that sum. Nothing is fetched when it does. Raises SetupError."""
    if await _is(target, sha256):
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        await _complete(url, part, pace, told)
        if not await _is(part, sha256):
            part.unlink()
            raise SetupError(
                f"what {_shown(url)} gives is not what was pinned: its sha256 is another",
                "try again; if it stays so, somebody has changed that file",
            )
        part.replace(target)
    except OSError as error:
        raise SetupError(
            f"{error.filename or target} cannot be written ({error.strerror})", "free some space"
        ) from error


async def _complete(url: str, part: Path, pace: Pace, told: Told) -> None:
    """Fetch what is missing of it."""
    for begin in (await asyncio.to_thread(_size, part), 0):
        async with _opened(url, begin) as response:
            if response.status_code == _BAD_RANGE:
                continue
            await _save(response, part, begin if response.status_code == _PARTIAL else 0, pace, told)
            return
    raise SetupError(f"{_shown(url)} gives no whole file", "try again later")


@asynccontextmanager
async def _opened(url: str, begin: int) -> AsyncIterator[httpx.Response]:
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begin}-"} if begin else {})
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=SILENCE_S) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code not in {_OK, _PARTIAL, _BAD_RANGE}:
                raise SetupError(
                    f"{_shown(url)} answers {response.status_code}",
                    "check the address, or fetch the file by other means and name it with --from PATH",
                )
            yield response
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SetupError(
            f"{_shown(url)} cannot be fetched: {printable(str(error) or type(error).__name__, 120)}",
            "try again: it goes on where it broke off; or fetch it by other means and name it with --from PATH",
        ) from error


async def _save(response: httpx.Response, part: Path, begin: int, pace: Pace, told: Told) -> None:
    length = response.headers.get("Content-Length", "")
    total = begin + int(length) if length.isdecimal() else 0
    done = begin
    with part.open("r+b" if begin else "wb") as file:
        file.truncate(begin)
        file.seek(begin)
        async for piece in response.aiter_bytes():
            done += len(piece)
            if max(done, total) > SIZE_LIMIT:
                raise SetupError(
                    f"{_shown(str(response.url))} is larger than {fmt.byte_count(SIZE_LIMIT)}", "check it"
                )
            await asyncio.to_thread(file.write, piece)
            fraction = done / total if total else 0.0
            told(fraction, pace.to_go(fraction))


async def _is(path: Path, sha256: str) -> bool:
    return await asyncio.to_thread(_sum, path) == sha256.lower()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sum(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(url: str) -> str:
    return printable(url, 200)
