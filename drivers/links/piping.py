"""A file sent in parts that the device joins: resumed where it broke off, checked, and never seen half-written."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path, PurePosixPath
from typing import Protocol

from drivers.errors import Garbled, LinkLost, LinkTimeout, Refused
from drivers.foreign import printable
from drivers.inbox import Ended, Inbox
from drivers.links.base import Pipe, Progress
from drivers.links.guarding import script
from drivers.links.output import collect
from drivers.links.summing import Source, Stopped, Summing, check
from drivers.sizes import size

PIECE = 1 << 20
"""Bytes sent between two reports of progress."""
PART = 64 << 20
"""Bytes sent before the device is told: what is lost with a link is less than two of these. When it has a beginning, these
are files that it joins to that."""
GROWN = 8 << 20
"""Bytes after which the device is told first that a whole file grew."""
AHEAD = 2
"""Parts that may wait on the device to be joined."""
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
rm -f "$1.part.0" "$1.part.1"
[ "$(cat "$1.part.of" 2>/dev/null)" = "$2" ] || { rm -f "$1.part"; echo "$2" >"$1.part.of"; } || exit 1
: >>"$1.part" || exit 1
set -- "$1" $(df -k "${1%/*}" | tail -n 1)
echo "part $(stat -c %s "$1.part") $5"
"""
# Reads the numbers of the parts that came, or, of a whole file ($2), that it grew: that is moved away at once, as the daemon
# removes what it finds where it began when the link is lost, and writes on wherever it lies. What lies there is summed up
# while more comes.
_TAKE = """
if command -v dd >/dev/null; then copy() { dd bs=262144 status=none; }; else copy() { cat; }; fi
exec 3<"$1.part" 4>&1 || exit 1
{
  copy <&3
  while read -r n; do
    if [ -z "$2" ]; then
      copy <"$1.part.$n" >>"$1.part" && rm -f "$1.part.$n" || break
      echo "joined" >&4
    elif [ -e "$1.part.0" ]; then
      mv -f "$1.part.0" "$1.part" && exec 3<"$1.part" || break
    fi
    copy <&3
  done
  rm -f "$1.part.0" "$1.part.1"
} | sha256sum
"""
_FINISH = """
chmod 755 "$1.part" && touch "$1.part" && mv -f "$1.part" "$1" && rm -f "$1.part.of" && echo "$3 $(stat -c "%s %Y" "$1")" >"$1.sha256"
"""
_DROP = """
rm -f "$1.part" "$1.part.of" "$1.part.0" "$1.part.1"
"""
_TIDY = """
rm -f "$1.part.0" "$1.part.1"
"""


class FileStream(Protocol):
    """Carries files to a device, one after the other."""

    @property
    def all_sent(self) -> bool:
        """Whether the last byte of the last of them has gone."""
        ...

    async def send(self, files: Iterator[tuple[str, Iterator[memoryview]]]) -> None:
        """Send each to its path; a thread asks for them and for their bytes. Raises LinkLost."""
        ...

    async def kept(self) -> str | None:
        """Wait for what the device says of the next: nothing when it keeps it, else why it does not; None after the last.

        Raises LinkLost.
        """
        ...


OpenPipe = Callable[[str], AbstractAsyncContextManager[Pipe]]
OpenFiles = Callable[[], AbstractAsyncContextManager[FileStream]]


async def push_file(
    open_pipe: OpenPipe,
    open_files: OpenFiles,
    title: str,
    source: Path,
    target: str,
    progress: Callable[[Progress], None],
) -> None:
    """Make the device's ``target`` hold what ``source`` holds, and be runnable.

    It needs ``stat``, ``df`` and ``sha256sum`` there; what lies there in the end is summed up, not what was sent.
    Raises LinkLost, LinkTimeout, Refused, Garbled.
    """
    if not PurePosixPath(target).is_absolute():
        raise Refused(f"{printable(target, 80)!r} is no absolute path on {title}")
    try:
        total, modified_ns = await asyncio.to_thread(_stat, source)
        sending = _Sending(open_pipe, open_files, title, target, Source(source, total, modified_ns))
        if not await sending.is_there():
            await sending.send(progress)
    except OSError as error:
        raise Refused(f"{error.filename or source}: {error.strerror}") from error
    progress(Progress(total, total))


class _Sending:
    """One file on its way."""

    def __init__(
        self, open_pipe: OpenPipe, open_files: OpenFiles, title: str, target: str, source: Source
    ) -> None:
        self._open_pipe = open_pipe
        self._open_files = open_files
        self._title = title
        self._target = target
        self._source = source
        self._total = source.total
        self._present = 0
        self._part = PART
        self._against = ""

    @property
    def _whole(self) -> bool:
        """Whether nothing of it is there."""
        return self._present == 0

    async def is_there(self) -> bool:
        """Whether the device has the file; if not, it is ready to receive what is missing of it."""
        said = await self._look()
        if said[:1] == ["there"]:
            async with self._source.summing() as summing:
                if said[1:] == [await summing.digest()]:
                    return True
            said = await self._look("anew")
        match said:
            case ["part", present, free_kib] if present.isdecimal() and free_kib.isdecimal():
                self._begin(int(present), int(free_kib) * 1024)
            case _:
                raise self._garbled(f"asked what is there, it said {printable(' '.join(said), 80)!r}")
        return False

    async def send(self, progress: Callable[[Progress], None]) -> None:
        """What is missing, and the check: of a whole file what is sent is summed up, else all of it beside that."""
        async with self._source.summing(carried=self._whole) as summing:
            received = await self._transfer(progress, summing)
            summed = await summing.digest()
        if self._against and received != f"{summed}  -":
            raise self._refused(self._against)
        if self._present > self._total or received != f"{summed}  -":
            await self._run(_DROP)
            raise self._garbled("the copy came out different, and was removed")
        await self._run(_FINISH, summed)

    async def _look(self, anew: str = "") -> list[str]:
        return (await self._run(_LOOK, str(self._total), anew)).split()

    def _begin(self, present: int, free: int) -> None:
        spare = free - (self._total - present)
        if spare < 0:
            raise self._full(f"{size(free)} are free")
        self._present = present
        self._part = max(PIECE, min(PART, spare // AHEAD))

    async def _transfer(self, progress: Callable[[Progress], None], summing: Summing) -> str:
        """Sends what is missing; what the device says that it has got in all."""
        loop = asyncio.get_running_loop()

        lines = asyncio.Queue[bytes]()

        def tell(done: int) -> None:
            loop.call_soon_threadsafe(progress, Progress(done, self._total))
            if self._whole and done % PART == GROWN:
                loop.call_soon_threadsafe(lines.put_nowait, b"grown\n")

        part = self._total if self._whole else self._part
        parts = _Parts(self._source, self._target, self._present, part, tell, summing.take)
        said = _Said(parts.joined)
        try:
            await self._exchange(parts, said, lines)
        except (Stopped, Refused, LinkLost):
            if parts.trouble is not None:
                raise parts.trouble from None
            if not said.trouble:
                raise
        finally:
            parts.stop()
        if said.trouble:
            await self._run(_TIDY)
            raise self._refused(said.trouble.decode(errors="replace"))
        return said.out.decode(errors="replace").strip()

    async def _exchange(self, parts: "_Parts", said: "_Said", lines: asyncio.Queue[bytes]) -> None:
        """All that goes on at once, until the device has said all. Raises what one of those at work ended by."""
        line = script(_TAKE, self._target, "whole" if self._whole else "")
        async with self._open_pipe(line) as pipe, self._open_files() as files, Inbox() as inbox:
            inbox.listen("sent", files.send(parts.files()))
            inbox.listen("kept", self._kept(files, lines))
            inbox.listen("told", _write_all(pipe, lines))
            inbox.listen("said", said.listen(pipe))
            await _until_said(inbox)

    async def _kept(self, files: FileStream, lines: asyncio.Queue[bytes]) -> None:
        """Has each part joined that the device keeps."""
        name = 0
        while (against := await files.kept()) is not None:
            if against and not (self._whole and files.all_sent):
                raise self._refused(against)
            self._against = against  # it may miss a whole file where it began to write: the sum tells
            lines.put_nowait(b"%d\n" % name)
            name = (name + 1) % AHEAD
        lines.put_nowait(b"")

    async def _run(self, text: str, *arguments: str) -> str:
        """What a script about this file says. Raises Refused when it fails."""
        line = script(text, self._target, f"{self._total} {self._source.modified_ns}", *arguments)
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


async def _write_all(pipe: Pipe, lines: asyncio.Queue[bytes]) -> None:
    """Write each to its input, and close that after the last, which is empty."""
    while line := await lines.get():
        await pipe.write(line)
    await pipe.close_stdin()


async def _until_said(inbox: Inbox) -> None:
    """Until the device has said all. Raises what one of those at work ended by."""
    while isinstance(ended := await inbox.take(), Ended):
        if ended.error is not None:
            raise ended.error
        if ended.listener == "said":
            return


class _Said:
    """What the far end says while it receives."""

    def __init__(self, joined: Callable[[], None]) -> None:
        self.out = b""
        """Its last line that is not about a part: the sum."""
        self.trouble = bytearray()
        self._line = b""
        self._joined = joined

    async def listen(self, pipe: Pipe) -> None:
        """To the end."""
        while chunk := await pipe.read():
            if chunk[1] == "err":
                self.trouble += chunk[2][: SAID_LIMIT - len(self.trouble)]
                continue
            *lines, rest = (self._line + chunk[2]).split(b"\n")
            self._line = rest[:SAID_LIMIT]
            for line in lines:
                if line == b"joined":
                    self._joined()
                else:
                    self.out = line[:SAID_LIMIT]


class _Parts:
    """What the device has not got of a file, in parts, read by the thread that sends it."""

    def __init__(
        self,
        source: Source,
        target: str,
        present: int,
        size: int,
        tell: Callable[[int], None],
        take: Callable[[memoryview], None],
    ) -> None:
        self.trouble: OSError | None = None
        """Why it could not be read to its end."""
        self._source = source
        self._target = target
        self._done = present
        self._size = size
        self._tell = tell
        self._take = take
        self._room = threading.Semaphore(AHEAD)
        self._stopped = threading.Event()
        self._short = False
        self._held = memoryview(bytearray(PIECE))

    def joined(self) -> None:
        """The device has joined one: it has room for another."""
        self._room.release()

    def stop(self) -> None:
        """Whoever reads gets ``Stopped``, at once or before the next bytes."""
        self._stopped.set()
        self._room.release()

    def files(self) -> Iterator[tuple[str, Iterator[memoryview]]]:
        """Where each part is to be kept, and its bytes: to be used before the next are asked for."""
        name = 0
        while self._done < self._source.total and not self._short:
            self._room.acquire()
            check(self._stopped)
            yield (
                f"{self._target}.part.{name}",
                self._pieces(min(self._done + self._size, self._source.total)),
            )
            name = (name + 1) % AHEAD

    def _pieces(self, end: int) -> Iterator[memoryview]:
        try:
            with self._source.path.open("rb", buffering=0) as file:
                file.seek(self._done)
                while self._done < end and not self._short:
                    n = file.readinto(self._held[: end - self._done])
                    check(self._stopped)
                    self._tell(self._done)
                    self._take(self._held[:n])
                    yield self._held[:n]
                    self._done += n
                    self._short = n == 0
        except OSError as error:
            self.trouble = error
            raise Stopped from error


def _stat(source: Path) -> tuple[int, int]:
    status = source.stat()
    return status.st_size, status.st_mtime_ns
