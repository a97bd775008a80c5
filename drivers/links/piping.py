"""A file sent through a pipe: resumed where it broke off, checked, and never seen half-written."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from drivers.errors import Garbled, LinkTimeout, Refused
from drivers.foreign import printable
from drivers.links.base import Pipe, Progress
from drivers.links.guarding import script
from drivers.links.leased import OpenPipe
from drivers.links.output import collect

PIECE = 1 << 20
"""Bytes sent between two reports of progress."""
RUN_LIMIT_S = 120.0
"""How long the device may take to check a file that it has."""
SAID_LIMIT = 4096
"""Bytes of what it says that are kept."""

# The sum of what was checked stands beside the file, with its size and time: to look is enough to know it again.
_LOOK = """
mkdir -p "${1%/*}" || exit 1
if [ -f "$1" ] && [ "$(cat "$1.sha256" 2>/dev/null)" = "$2 $(stat -c "%s %Y" "$1")" ]; then echo there; exit; fi
if [ -f "$1" ] && [ "$(stat -c %s "$1")" = "$3" ] && [ "$(sha256sum <"$1")" = "$2  -" ]; then
  echo "$2 $(stat -c "%s %Y" "$1")" >"$1.sha256"; echo there; exit; fi
[ "$(cat "$1.part.sha256" 2>/dev/null)" = "$2" ] || { rm -f "$1.part"; echo "$2" >"$1.part.sha256"; } || exit 1
: >>"$1.part" || exit 1
set -- "$1" "$2" "$3" "$(stat -c %s "$1.part")"
room=$(df -k "${1%/*}" | tail -n 1); set -- "$@" $room
[ "$(($3 - $4))" -le "$(($8 * 1024))" ] || { echo "full $(($8 * 1024))"; exit; }
echo "part $4"
"""
_TAKE = """
{ cat "$1.part"; exec tee -a "$1.part"; } | sha256sum || exit 1
"""
_FINISH = """
chmod 755 "$1.part" && mv -f "$1.part" "$1" && rm -f "$1.part.sha256" &&
  echo "$2 $(stat -c "%s %Y" "$1")" >"$1.sha256"
"""
_DROP = """
rm -f "$1.part" "$1.part.sha256"
"""


async def push_file(
    open_pipe: OpenPipe, title: str, source: Path, target: str, progress: Callable[[Progress], None]
) -> None:
    """Make the device's ``target`` hold what ``source`` holds, and be runnable.

    It needs ``tee``, ``stat``, ``df`` and ``sha256sum`` there. The sum is made by the device of what it received, while
    it receives. Raises LinkLost, LinkTimeout, Refused, Garbled.
    """
    if not PurePosixPath(target).is_absolute():
        raise Refused(f"{printable(target, 80)!r} is no absolute path on {title}")
    try:
        total, modified_ns = await asyncio.to_thread(_stat, source)
        digest = await asyncio.to_thread(_digest, source, total, modified_ns)
    except OSError as error:
        raise Refused(f"{error.filename or source}: {error.strerror}") from error
    sending = _Sending(open_pipe, title, target, total, digest)
    done = await sending.look()
    if done is not None:
        await sending.send(source, done, progress)
    progress(Progress(total, total))


class _Sending:
    """One file on its way."""

    def __init__(self, open_pipe: OpenPipe, title: str, target: str, total: int, digest: str) -> None:
        self._open_pipe = open_pipe
        self._title = title
        self._target = target
        self._total = total
        self._digest = digest

    async def look(self) -> int | None:
        """How many bytes are on the device already; None when the whole file is."""
        said = (await self._run(_LOOK, str(self._total))).split()
        match said:
            case ["there"]:
                return None
            case ["part", size] if size.isdecimal() and int(size) <= self._total:
                return int(size)
            case ["full", room] if room.lstrip("-").isdecimal():
                raise self._full(f"{int(room) / 1e9:.2f} GB are free")
        await self._run(_DROP)
        raise self._garbled("it did not say how much of the file it has")

    async def send(self, source: Path, done: int, progress: Callable[[Progress], None]) -> None:
        """The bytes from ``done`` on, and the check."""
        received = await self._transfer(source, done, progress)
        if received != f"{self._digest}  -":
            await self._run(_DROP)
            raise self._garbled("the copy came out different, and was removed")
        await self._run(_FINISH)

    async def _transfer(self, source: Path, done: int, progress: Callable[[Progress], None]) -> str:
        async with self._open_pipe(script(_TAKE, self._target)) as pipe, asyncio.TaskGroup() as tasks:
            said = _Said()
            listening = tasks.create_task(said.listen(pipe))
            async for piece in _pieces(source, done):
                if said.trouble or listening.done():
                    break
                progress(Progress(done, self._total))
                await pipe.write(piece)
                done += len(piece)
            await pipe.close_stdin()
        if said.trouble:
            raise self._refused(said.trouble.decode(errors="replace"))
        return said.out.decode(errors="replace").strip()

    async def _run(self, text: str, *arguments: str) -> str:
        """What a script about this file says. Raises Refused when it fails."""
        try:
            async with (
                asyncio.timeout(RUN_LIMIT_S),
                self._open_pipe(script(text, self._target, self._digest, *arguments)) as pipe,
            ):
                completed = await collect(pipe)
        except TimeoutError:
            raise LinkTimeout(f"{self._title} does not answer about {printable(self._target, 80)}") from None
        if completed.returncode != 0:
            raise self._refused(completed.err)
        return completed.out

    def _refused(self, said: str) -> Refused:
        if "No space left" in said:
            return self._full("it filled up")
        return Refused(f"{self._title} cannot keep {printable(self._target, 80)}: {printable(said, 200)}")

    def _full(self, how: str) -> Refused:
        return Refused(
            f"{self._title} has no space for {printable(self._target, 80)} ({self._total / 1e9:.2f} GB): {how}",
            remedy="free space on it",
        )

    def _garbled(self, what: str) -> Garbled:
        return Garbled(f"{self._title}, {printable(self._target, 80)}: {what}")


class _Said:
    """What the far end says while it receives."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.trouble = bytearray()

    async def listen(self, pipe: Pipe) -> None:
        """To the end."""
        while chunk := await pipe.read():
            kept = self.out if chunk[1] == "out" else self.trouble
            kept += chunk[2][: SAID_LIMIT - len(kept)]


async def _pieces(source: Path, done: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(source.open, "rb")
    try:
        await asyncio.to_thread(file.seek, done)
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


def _stat(source: Path) -> tuple[int, int]:
    status = source.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(source: Path, size: int, modified_ns: int) -> str:
    """Of a file as it was then: a model is read once however many devices get it."""
    del size, modified_ns
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
