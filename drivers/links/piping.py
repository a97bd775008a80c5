"""A file sent through a pipe: resumed where it broke off, checked, and never seen half-written."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from drivers.errors import Garbled, LinkTimeout, Refused
from drivers.foreign import printable
from drivers.inbox import Inbox
from drivers.links.base import Pipe, Progress
from drivers.links.guarding import script
from drivers.links.output import collect
from drivers.sizes import size

PIECE = 1 << 20
"""Bytes sent between two reports of progress."""
RUN_LIMIT_S = 120.0
"""How long the device may take to check a file that it has."""
SAID_LIMIT = 4096
"""Bytes of what it says that are kept."""

# The sum of what was checked stands beside the file, with its size and time: to look is enough to know it again.
_LOOK = """
mkdir -p "${1%/*}" || exit 1
if [ -f "$1" ] && [ "$(stat -c %s "$1")" = "$3" ] && [ -z "$4" ]; then
  read -r sum size time 2>/dev/null <"$1.sha256"
  [ "$size $time" = "$(stat -c "%s %Y" "$1")" ] || { sum=$(sha256sum <"$1") && sum=${sum%% *} || exit 1
  echo "$sum $(stat -c "%s %Y" "$1")" >"$1.sha256"; }
  echo "there $sum"; exit
fi
[ "$(cat "$1.part.of" 2>/dev/null)" = "$2" ] || { rm -f "$1.part"; echo "$2" >"$1.part.of"; } || exit 1
: >>"$1.part" || exit 1
set -- "$1" $(df -k "${1%/*}" | tail -n 1)
echo "part $(stat -c %s "$1.part") $5"
"""
_TAKE = """
if command -v dd >/dev/null; then dd bs=262144 status=none; else cat; fi >>"$1.part" && sha256sum <"$1.part"
"""
_FINISH = """
chmod 755 "$1.part" && mv -f "$1.part" "$1" && rm -f "$1.part.of" && echo "$3 $(stat -c "%s %Y" "$1")" >"$1.sha256"
"""
_DROP = """
rm -f "$1.part" "$1.part.of"
"""


class PouringPipe(Pipe, Protocol):
    """A pipe that takes much at once."""

    async def pour(self, pieces: Iterator[bytes]) -> None:
        """Write all of them, each as soon as the one before has gone; a thread asks for them. Raises LinkLost."""
        ...


OpenPouring = Callable[[str], AbstractAsyncContextManager[PouringPipe]]


async def push_file(
    open_pipe: OpenPouring, title: str, source: Path, target: str, progress: Callable[[Progress], None]
) -> None:
    """Make the device's ``target`` hold what ``source`` holds, and be runnable.

    It needs ``stat``, ``df`` and ``sha256sum`` there; what lies there in the end is summed up, not what was sent.
    Raises LinkLost, LinkTimeout, Refused, Garbled.
    """
    if not PurePosixPath(target).is_absolute():
        raise Refused(f"{printable(target, 80)!r} is no absolute path on {title}")
    try:
        total, modified_ns = await asyncio.to_thread(_stat, source)
        sending = _Sending(open_pipe, title, source, target, total, modified_ns)
        if not await sending.is_there():
            await sending.send(progress)
    except OSError as error:
        raise Refused(f"{error.filename or source}: {error.strerror}") from error
    progress(Progress(total, total))


class _Sending:
    """One file on its way."""

    def __init__(
        self, open_pipe: OpenPouring, title: str, source: Path, target: str, total: int, modified_ns: int
    ) -> None:
        self._open_pipe = open_pipe
        self._title = title
        self._source = source
        self._target = target
        self._total = total
        self._modified_ns = modified_ns
        self._present = 0

    async def is_there(self) -> bool:
        """Whether the device has the file; if not, it is ready to receive what is missing of it."""
        said = await self._look()
        if said[:1] == ["there"]:
            digest = await asyncio.to_thread(_digest, self._source, self._total, self._modified_ns)
            if said[1:] == [digest]:
                return True
            said = await self._look("anew")
        match said:
            case ["part", present, free_kib] if present.isdecimal() and free_kib.isdecimal():
                self._begin(int(present), int(free_kib) * 1024)
            case _:
                raise self._garbled(f"asked what is there, it said {printable(' '.join(said), 80)!r}")
        return False

    async def send(self, progress: Callable[[Progress], None]) -> None:
        """What is missing, and the check."""
        summed = hashlib.sha256()
        received = await self._transfer(summed.update, progress)
        if self._present > self._total or received != f"{summed.hexdigest()}  -":
            await self._run(_DROP)
            raise self._garbled("the copy came out different, and was removed")
        await self._run(_FINISH, summed.hexdigest())

    async def _look(self, anew: str = "") -> list[str]:
        return (await self._run(_LOOK, str(self._total), anew)).split()

    def _begin(self, present: int, free: int) -> None:
        if self._total - present > free:
            raise self._full(f"{size(free)} are free")
        self._present = present

    async def _transfer(self, summed: Callable[[bytes], None], progress: Callable[[Progress], None]) -> str:
        """Sends what is missing; what the device says that it has got in all. ``summed`` is given the whole file."""
        said = _Said()
        async with self._open_pipe(script(_TAKE, self._target)) as pipe, Inbox() as inbox:
            listening = inbox.listen("said", said.listen(pipe))
            source = _Source(self._source, self._present, summed)
            loop = asyncio.get_running_loop()

            def missing() -> Iterator[bytes]:
                for piece in source.pieces():
                    if said.trouble or listening.done():
                        return
                    loop.call_soon_threadsafe(progress, Progress(source.done - len(piece), self._total))
                    yield piece

            await pipe.pour(missing())
            await pipe.close_stdin()
            await listening
        if source.trouble is not None:
            raise source.trouble
        if said.trouble:
            raise self._refused(said.trouble.decode(errors="replace"))
        return said.out.decode(errors="replace").strip()

    async def _run(self, text: str, *arguments: str) -> str:
        """What a script about this file says. Raises Refused when it fails."""
        line = script(text, self._target, f"{self._total} {self._modified_ns}", *arguments)
        try:
            async with asyncio.timeout(RUN_LIMIT_S), self._open_pipe(line) as pipe:
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
            f"{self._title} has no space for {printable(self._target, 80)} ({size(self._total)}): {how}",
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


class _Source:
    """A file that is read by the thread that sends it, and summed up on the way."""

    def __init__(self, path: Path, present: int, summed: Callable[[bytes], None]) -> None:
        self.done = 0
        self.trouble: OSError | None = None
        """Why it could not be read to its end."""
        self._path = path
        self._present = present
        self._summed = summed

    def pieces(self) -> Iterator[bytes]:
        """What the device has not got of it."""
        try:
            yield from self._read()
        except OSError as error:
            self.trouble = error

    def _read(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                self._summed(piece)
                missing = piece[max(0, self._present - self.done) :]
                self.done += len(piece)
                if missing:
                    yield missing


def _stat(source: Path) -> tuple[int, int]:
    status = source.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(source: Path, size: int, modified_ns: int) -> str:
    """Of a file as it was then: a model is read once however many devices get it."""
    del size, modified_ns
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
