"""A file brought to a board: resumed, checked, not sent again; off the loop on which things are measured.

The bytes go into ``cat`` on the board, not through SFTP: that is faster by half, says when the disk is full, and leaves
no holes when it is cut, so that the size of what is there is where to go on. All of it runs on a loop and a connection
of its own, in a thread.

Beside a file ``NAME`` lies ``.NAME.sha256``: its sum, and the size and time at which it was taken. As long as these
hold, the board need not read the file again, which would heat it and fill its page cache just before a run.
"""

import asyncio
import re
import shlex
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from drivers.clock import SystemClock
from drivers.errors import Garbled, LinkLost, NotSupported, Refused
from drivers.foreign import printable
from drivers.links.base import Pipe, Progress
from drivers.links.output import collect
from drivers.links.remote import RemoteShell
from drivers.links.sshconnection import SshConnection
from drivers.links.sshroute import SshSettings
from drivers.links.summing import Source
from drivers.sizes import size

PIECE = 1 << 18
"""Bytes that are handed to the connection at a time."""
STEP = 4 << 20
"""Bytes between two reports of progress."""

_ANSWER_S = 30.0
_SLOWEST_READ = 20e6
"""Bytes a second at which even a slow card is read."""

_SIZE = re.compile(r"([0-9]{1,19}) [0-9]{1,19}")
_FREE = re.compile(r"\s([0-9]{1,15})\s+[0-9]{1,3}%\s")

_LOOK = """
mkdir -p "${1%/*}" || exit
stat -c '%s %Y' "$1" 2>/dev/null || echo -
cat "$2" 2>/dev/null || echo -
stat -c %s "$3" 2>/dev/null || echo 0
df -Pk "${1%/*}" | tail -n 1
"""
_SUM = """
openssl dgst -sha256 -r <"$1" 2>/dev/null || sha256sum <"$1"
"""
"""openssl has the instructions of the processor for it where many a sha256sum has none, and takes a third of the time."""
_NOTE = """
set -e
[ "$3" = "$1" ] || mv -f "$3" "$1"
rm -f "${2%.sha256}".*.part
echo "$4 $(stat -c '%s %Y' "$1")" >"$2"
"""


async def push(
    address: str, settings: SshSettings, source: Path, target: str, progress: Callable[[Progress], None]
) -> None:
    """Make ``target`` on the board hold what ``source`` holds; nothing is sent when it does already.

    ``progress`` is called on the caller's loop. Cancelled or cut, what has arrived stays and is gone on with.
    Raises Refused without room, right or file; Garbled when what arrived differs; LinkError.
    """
    loop = asyncio.get_running_loop()

    def tell(told: Progress) -> None:
        loop.call_soon_threadsafe(progress, told)

    async def upload() -> None:
        async with SshConnection.open(address, settings, SystemClock()) as connection:
            await _Upload(connection, source, target, tell).run()

    await _aside(upload)


class _Upload:
    """One file on its way."""

    def __init__(
        self, connection: SshConnection, source: Path, target: str, tell: Callable[[Progress], None]
    ) -> None:
        self._connection = connection
        self._shell = RemoteShell(SystemClock(), connection.open_pipe, title=connection.title, directory="")
        self._source = source
        self._tell = tell
        self._target = _rooted(target)
        name = PurePosixPath(self._target).name
        self._note = _beside(self._target, f".{name}.sha256")

    async def run(self) -> None:
        """All of it. Raises as ``push``."""
        try:
            stat = self._source.stat()
            async with Source(self._source, stat.st_size, stat.st_mtime_ns).summing() as summing:
                total, digest = stat.st_size, await summing.digest()
        except OSError as error:
            raise Refused(f"{self._source}: {error.strerror}") from error
        part = _beside(self._target, f".{PurePosixPath(self._target).name}.{digest[:16]}.part")
        there = await self._look(part)
        if not await self._is_there(there, total, digest):
            await self._send(part, there, total)
            await self._check(part, total, digest)
        self._tell(Progress(total, total))

    async def _look(self, part: str) -> "_There":
        told = await self._shell.run(
            ["sh", "-c", _LOOK, "melt", self._target, self._note, part], timeout_s=_ANSWER_S
        )
        if told.returncode:
            raise self._refused(told.err)
        return _there(told.out)

    async def _is_there(self, there: "_There", total: int, digest: str) -> bool:
        if there.size != total:
            return False
        if there.note == f"{digest} {there.changed}":
            return True
        if await self._sum(self._target, total) != digest:
            return False
        await self._settle(self._target, digest)
        return True

    async def _send(self, part: str, there: "_There", total: int) -> None:
        done = there.part if there.part <= total else 0
        if 0 < done == total:
            return
        if there.free is not None and total - done > there.free:
            raise Refused(
                f"{self._connection.title} has {size(there.free)} free where {self._source.name} needs "
                f"{size(total - done)}",
                remedy="free space on it, or choose another directory",
            )
        into = 'exec cat >>"$1"' if done else 'exec cat >"$1"'
        line = "exec " + shlex.join(["sh", "-c", into, "melt", part])
        async with self._connection.open_pipe(line) as pipe:
            try:
                await self._stream(pipe, done, total)
            except LinkLost:
                if said := (await collect(pipe)).err:
                    raise self._refused(said) from None
                raise
            completed = await collect(pipe)
        if completed.returncode:
            raise self._refused(completed.err)

    async def _stream(self, pipe: Pipe, done: int, total: int) -> None:
        told = done
        self._tell(Progress(done, total))
        for data in _pieces(self._source, done):
            await pipe.write(data)
            done += len(data)
            if done - told >= STEP:
                told = done
                self._tell(Progress(min(done, total), total))
        await pipe.close_stdin()

    async def _check(self, part: str, total: int, digest: str) -> None:
        if await self._sum(part, total) != digest:
            await self._shell.run(["rm", "-f", part])
            raise Garbled(
                f"the copy of {self._source} on {self._connection.title} came out different, and was removed"
            )
        await self._settle(part, digest)

    async def _settle(self, path: str, digest: str) -> None:
        command = ["sh", "-c", _NOTE, "melt", self._target, self._note, path, digest]
        told = await self._shell.run(command, timeout_s=_ANSWER_S)
        if told.returncode:
            raise self._refused(told.err)

    async def _sum(self, path: str, size: int) -> str:
        told = await self._shell.run(
            ["sh", "-c", _SUM, "melt", path], timeout_s=_ANSWER_S + size / _SLOWEST_READ
        )
        if told.returncode == 127:
            raise NotSupported(f"{self._connection.title} has no sha256sum", remedy="install coreutils on it")
        if told.returncode:
            raise self._refused(told.err)
        return told.out.partition(" ")[0]

    def _refused(self, said: str) -> Refused:
        full = "No space left" in said
        return Refused(
            f"{self._connection.title} did not take {self._source.name}: {printable(said, 200)}",
            remedy="free space on it, or choose another directory"
            if full
            else "choose a directory that can be written",
        )


@dataclass(frozen=True, slots=True)
class _There:
    """What is on the board already."""

    size: int | None
    changed: str
    note: str
    part: int
    free: int | None
    """Bytes that the disk has left; None when that was not told."""


def _there(told: str) -> _There:
    """The four lines of ``_LOOK``. Raises Garbled."""
    lines = told.splitlines()
    if len(lines) != 4 or not lines[2].isascii() or not lines[2].isdigit():
        raise Garbled(f"the board answered {printable(told, 120)!r}")
    found, free = _SIZE.fullmatch(lines[0]), _FREE.search(lines[3])
    return _There(
        int(found[1]) if found else None,
        lines[0],
        lines[1],
        int(lines[2]),
        int(free[1]) * 1024 if free else None,
    )


def _pieces(source: Path, start: int) -> Iterator[bytes]:
    with source.open("rb") as file:
        file.seek(start)
        while data := file.read(PIECE):
            yield data


def _rooted(target: str) -> str:
    """The path with a directory in it, so that no name is taken for an option."""
    return target if target.startswith(("/", "./")) else f"./{target}"


def _beside(path: str, name: str) -> str:
    return f"{path.rpartition('/')[0]}/{name}"


async def _aside(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` on a loop and a thread of its own; when we are cancelled, so is it, and has ended before we do."""
    aside = _Aside(work)
    with ThreadPoolExecutor(1, "melt-push") as threads:
        running = asyncio.get_running_loop().run_in_executor(threads, aside.run)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            aside.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()
            raise


class _Aside:
    """Work on a loop of its own, to be cancelled from another thread."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    def run(self) -> None:
        """All of it, in the thread that calls."""
        with asyncio.Runner() as runner:
            runner.run(self._main())

    def cancel(self) -> None:
        """From any thread, at any time."""
        with self._lock:
            self._cancelled = True
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _main(self) -> None:
        with self._lock:
            if self._cancelled:
                return
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await self._work()
        finally:
            with self._lock:
                self._task = None
