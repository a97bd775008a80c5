"""What a process at the far end of a pipe writes: its first line apart, the rest as lines that know their size."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from drivers.errors import Garbled
from drivers.links.base import Completed, Line, Pipe
from drivers.links.splitting import LINE_LIMIT, LineSplitter, PieceSplitter
from drivers.links.stamping import Stamps

BACKLOG_LIMIT = 1 << 20
"""Bytes of unread lines above which nothing more is read, and the process has to wait with its output."""

COLLECT_LIMIT = 1 << 20
"""Bytes of each stream that ``collect`` keeps."""

_PREFACE_LIMIT = 64 * 1024
_SIGNALS = range(129, 193)

Stream = Literal["out", "err"]
Chunk = tuple[int, Stream, bytes]


@dataclass(slots=True)
class Offsets:
    """Bytes of each stream."""

    out: int = 0
    err: int = 0
    beside: int = 0
    """Of what a script writes beside a leased process."""

    def of(self, stream: Stream) -> int:
        """Those of one stream."""
        return self.out if stream == "out" else self.err

    def add(self, stream: Stream, size: int) -> None:
        """So many more of one stream."""
        if stream == "out":
            self.out += size
        else:
            self.err += size


async def collect(pipe: Pipe) -> Completed:
    """Read a pipe to its end; of each stream the first MiB is kept. Raises LinkLost."""
    kept: dict[Stream, bytearray] = {"out": bytearray(), "err": bytearray()}
    while chunk := await pipe.read():
        stream = kept[chunk[1]]
        stream += chunk[2][: COLLECT_LIMIT - len(stream)]
    out, err = (bytes(stream).decode(errors="replace") for stream in kept.values())
    return Completed(signed(await pipe.returncode()), out, err)


def signed(returncode: int) -> int:
    """A shell's 128 + n as the -n that a process which signal n ended is said to return."""
    return 128 - returncode if returncode in _SIGNALS else returncode


class Prefaced:
    """A ``Pipe`` whose first line of output is for us and not of the process."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._held: deque[Chunk] = deque()

    async def preface(self) -> bytes | None:
        """That line, without its end; None when the output ended before. Raises LinkLost, Garbled for an endless one."""
        line = bytearray()
        while len(line) < _PREFACE_LIMIT:
            chunk = await self._pipe.read()
            if chunk is None:
                return None
            t_ns, stream, data = chunk
            if stream == "err":
                self._held.append(chunk)
                continue
            piece, end, more = data.partition(b"\n")
            line += piece
            if more:
                self._held.append((t_ns, stream, more))
            if end:
                return bytes(line)
        raise Garbled("the device's shell answered a line without an end")

    async def read(self) -> Chunk | None:
        """The bytes after that line, as the other pipe gives them."""
        return self._held.popleft() if self._held else await self._pipe.read()

    async def write(self, data: bytes) -> None:
        """As the other pipe."""
        await self._pipe.write(data)

    async def close_stdin(self) -> None:
        """As the other pipe."""
        await self._pipe.close_stdin()

    async def returncode(self) -> int:
        """As the other pipe."""
        return await self._pipe.returncode()


class Output:
    """Lines of both streams of a pipe. Several may wait for them or for their end; one of them reads for all."""

    def __init__(self, pipe: Pipe, given: Offsets | None = None, stamps: Stamps | None = None) -> None:
        self.given = given or Offsets()
        """Bytes that have been taken as lines, their ends included."""
        self.ended = False
        """Both streams have ended; lines may still wait to be taken."""
        self._pipe = pipe
        self._stamps = stamps or Stamps()
        self._read = Offsets(self.given.out, self.given.err)
        self._own_ns: dict[Stream, int | None] = {"out": None, "err": None}
        self._streams: dict[Stream, _Stream | _Pieces] = {"out": _Stream(), "err": _Stream()}
        self._waiting: deque[tuple[Line, int]] = deque()
        self._backlog = 0
        self._last_ns = 0
        self._discarding = False
        self._reading = asyncio.Lock()
        self._taken = asyncio.Event()

    async def lines(self) -> AsyncIterator[Line]:
        """Lines in order of arrival until both streams have ended. Raises LinkLost after the last that came."""
        while True:
            while self._waiting:
                yield self._take()
            if self.ended:
                return
            await self._read_some()

    @property
    def caught_up(self) -> bool:
        """Whether all that waited on the device has been taken."""
        return not self._waiting and all(
            self._read.of(stream) >= self._stamps.size(stream) for stream in self._streams
        )

    def pieces(self) -> AsyncIterator[Line]:
        """What comes as it comes, whole characters; asked for before anything was read. Raises as ``lines`` does."""
        self._streams = {"out": _Pieces(), "err": _Pieces()}
        return self.lines()

    async def end(self, *, discard: bool = False) -> None:
        """Read until both streams have ended; ``discard`` forgets what nobody has taken. Raises LinkLost."""
        if discard:
            self._discarding = True
            self._waiting.clear()
            self._taken.set()
        while not self.ended:
            while self._crowded:
                self._taken.clear()
                await self._taken.wait()
            await self._read_some()

    @property
    def _crowded(self) -> bool:
        return self._backlog > BACKLOG_LIMIT and not self._discarding

    async def _read_some(self) -> None:
        """Wait until there is something new, read by us or by another who waits."""
        another_reads = self._reading.locked()
        async with self._reading:
            if another_reads or self.ended:
                return
            chunk = await self._pipe.read()
            if chunk is None:
                self._finish()
            else:
                self._last_ns, stream, data = chunk
                self._feed(stream, data)

    def _feed(self, stream: Stream, data: bytes) -> None:
        """What waited on the device is cut where its time changes."""
        if not self._stamps.times_ns:
            self._put(stream, self._streams[stream].feed(data))
            return
        for part, own_ns in self._stamps.parts(stream, self._read.of(stream), data):
            self._own_ns[stream] = own_ns
            self._put(stream, self._streams[stream].feed(part))
        self._read.add(stream, len(data))

    def _finish(self) -> None:
        self.ended = True
        for stream, state in self._streams.items():
            self._put(stream, state.flush())

    def _put(self, stream: Stream, lines: list[tuple[str, int]]) -> None:
        if self._discarding:
            return
        for text, size in lines:
            self._waiting.append((Line(self._last_ns, stream, text, self._own_ns[stream]), size))
            self._backlog += size

    def _take(self) -> Line:
        line, size = self._waiting.popleft()
        self._backlog -= size
        self.given.add(line.stream, size)
        self._taken.set()
        return line


class _Stream:
    """One stream: its lines, each with the number of bytes that it took."""

    def __init__(self) -> None:
        self._splitter = LineSplitter()
        self._open = 0

    def feed(self, data: bytes) -> list[tuple[str, int]]:
        """The lines that ``data`` completes."""
        if (
            not self._open and data[-1:] == b"\n" and len(data) <= LINE_LIMIT
        ):  # whole lines, as they mostly come
            return [
                (line.removesuffix(b"\r").decode(errors="replace"), len(line) + 1)
                for line in data[:-1].split(b"\n")
            ]
        *whole, rest = data.split(b"\n")
        sizes = [len(piece) + 1 for piece in whole]
        if sizes:
            sizes[0] += self._open
            self._open = 0
        self._open += len(rest)
        lines = self._splitter.feed(data)
        return [(line.decode(errors="replace"), size) for line, size in zip(lines, sizes, strict=True)]

    def flush(self) -> list[tuple[str, int]]:
        """The last line, when it had no end."""
        size, self._open = self._open, 0
        return [(line.decode(errors="replace"), size) for line in self._splitter.flush()]


class _Pieces:
    """One stream as it comes, each piece with the number of bytes that it took."""

    def __init__(self) -> None:
        self._splitter = PieceSplitter()

    def feed(self, data: bytes) -> list[tuple[str, int]]:
        """The piece, when it holds a whole character."""
        return [(piece.decode(errors="replace"), len(piece)) for piece in self._splitter.feed(data)]

    def flush(self) -> list[tuple[str, int]]:
        """Half a character, if it ended in one."""
        return [(piece.decode(errors="replace"), len(piece)) for piece in self._splitter.flush()]
