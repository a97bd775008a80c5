"""This computer: commands run here, each in a process group of its own that does not outlive us."""

import asyncio
import os
import shutil
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, cast

from drivers.clock import Clock
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links.base import Completed, Lease, Line, Process, Progress
from drivers.links.copying import copy_file
from drivers.links.splitting import LineSplitter, PieceSplitter, Splitter

OUTPUT_LIMIT = 1 << 20
"""Bytes of each stream that ``run`` keeps."""
BACKLOG_LIMIT = 1 << 20
"""Bytes of unread lines above which a process has to wait with its output."""

GUARD = (
    'lifeline=$1; shift; [ -e "/dev/fd/$lifeline" ] || exit 125; '
    '( { read -r _ <"/dev/fd/$lifeline"; kill -s KILL -- "-$$"; } </dev/null >/dev/null 2>&1 & ); '
    'exec "$@"'
)
"""The dead-man's switch: a process beside the command waits for the end of a pipe whose other end only we hold,
then kills the group. It is nobody's child, so that it counts neither as the command's nor towards its memory."""


class LocalShell:
    """A ShellLink to this computer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """Run to the end; of each stream the first MiB is kept. Raises LinkTimeout, or Refused without such a command."""
        collected = (bytearray(), bytearray())

        def collect(fd: int, data: bytes) -> None:
            kept = collected[fd - 1]
            kept += data[: OUTPUT_LIMIT - len(kept)]

        async with _started(argv, {}, _LocalProcess(collect)) as process:
            process.close_input()
            try:
                async with asyncio.timeout(timeout_s):
                    await process.closed()
                    returncode = await process.wait()
            except TimeoutError:
                raise LinkTimeout(f"{argv[0]} did not end within {timeout_s:g} s") from None
        out, err = (bytes(kept).decode(errors="replace") for kept in collected)
        return Completed(returncode, out, err)

    @asynccontextmanager
    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AsyncIterator[Process]:
        """Start and follow; ``env`` is added to our own. Leaving the block kills its group.

        Raises Refused; NotSupported with a lease: there is no link here that could be lost.
        """
        if lease is not None:
            raise NotSupported("a process on this computer cannot outlive melt")
        lines = _Lines(self._clock)
        async with _started(argv, env or {}, _LocalProcess(lines.take, lines)) as process:
            yield process

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Copy a file; nothing is copied when ``target`` is the same file or has the same content."""
        await copy_file(source, Path(target), progress)

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        """The port itself: this computer's loopback is ours."""
        yield ("127.0.0.1", port)


class _Lines:
    """Lines of both streams, stamped when their last bytes came. They are cut when they are asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._splitters: dict[int, Splitter] = {1: LineSplitter(), 2: LineSplitter()}
        self._came: deque[tuple[int, int, bytes]] = deque()
        self._ready: deque[tuple[Line, int]] = deque()
        self._backlog = 0

    @property
    def crowded(self) -> bool:
        """Whether more should not be read now."""
        return self._backlog > BACKLOG_LIMIT

    def whole(self) -> None:
        """From now on they are pieces as they come, not lines."""
        self._splitters = {1: PieceSplitter(), 2: PieceSplitter()}

    def take(self, fd: int, data: bytes) -> None:
        """Bytes of stream ``fd``; none when it has ended."""
        self._came.append((self._clock.now(), fd, data))
        self._backlog += len(data)

    def next(self) -> Line | None:
        """The oldest unread line."""
        while self._came and not self._ready:
            self._cut(*self._came.popleft())
        if not self._ready:
            return None
        line, size = self._ready.popleft()
        self._backlog -= size
        return line

    def _cut(self, t_ns: int, fd: int, data: bytes) -> None:
        splitter = self._splitters[fd]
        stream: Literal["out", "err"] = "out" if fd == 1 else "err"
        self._backlog -= len(data)
        for part in splitter.feed(data) if data else splitter.flush():
            self._ready.append((Line(t_ns, stream, part.decode(errors="replace")), len(part) + 1))
            self._backlog += len(part) + 1


class _LocalProcess(asyncio.SubprocessProtocol):
    """One process: what asyncio tells about it, and the pipe that keeps it alive."""

    def __init__(self, take: Callable[[int, bytes], None], lines: _Lines | None = None) -> None:
        self._take = take
        self._lines = lines
        self._transport: asyncio.SubprocessTransport | None = None
        self._lifeline: int | None = None
        self._returncode: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._open = {1, 2}
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._stdin_gone = False

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._started.get_pid()

    async def lines(self) -> AsyncIterator[Line]:
        """Lines of both streams in order of arrival, until both are closed."""
        if self._lines is None:
            raise RuntimeError("this process's output is collected, not followed")
        while True:
            line = self._lines.next()
            if line is not None:
                self._read_on()
                yield line
            elif not self._open:
                return
            else:
                await self._next_change()

    def pieces(self) -> AsyncIterator[Line]:
        """Output of both streams as it comes, whole characters; asked for before anything was read."""
        if self._lines is not None:
            self._lines.whole()
        return self.lines()

    async def write(self, data: bytes) -> None:
        """Write to its standard input. Raises LinkLost when it no longer reads."""
        pipe = self._started.get_pipe_transport(0)
        if self._stdin_gone or pipe is None:
            raise LinkLost(f"process {self.pid} does not read its input any more")
        cast("asyncio.WriteTransport", pipe).write(data)
        await self._writable.wait()

    async def close_stdin(self) -> None:
        """Close its standard input."""
        self.close_input()

    async def wait(self) -> int:
        """Its return code; negative for the signal that ended it."""
        return await asyncio.shield(self._returncode)

    async def kill(self) -> None:
        """Kill its group, and return when it is gone."""
        self.end()
        await self.wait()

    async def closed(self) -> None:
        """Return when both streams are closed."""
        while self._open:
            await self._next_change()

    def close_input(self) -> None:
        """Close its standard input, at once."""
        pipe = self._started.get_pipe_transport(0)
        if pipe is not None:
            pipe.close()

    def tie(self, lifeline: int) -> None:
        """From now on it lives as long as ``lifeline``, the writing end of its guard's pipe, is open."""
        self._lifeline = lifeline

    def end(self) -> None:
        """Kill its group, at once; the guard in it keeps the group's number from being used again until then."""
        if self._lifeline is not None and self._transport is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._let_go()

    async def close(self) -> None:
        """End it if it still runs, and let go of its pipes."""
        self.end()
        if self._transport is None:
            return
        try:
            await self.wait()
        finally:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it has started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """asyncio: it wrote something."""
        self._take(fd, data)
        if self._lines is not None and self._lines.crowded:
            self._reading(fd).pause_reading()
        self._changed.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """asyncio: a stream was closed."""
        del exc
        if fd == 0:
            self._stdin_gone = True
            self._writable.set()
            return
        self._take(fd, b"")
        self._open.discard(fd)
        self._changed.set()

    def process_exited(self) -> None:
        """asyncio: it has ended."""
        returncode = self._started.get_returncode()
        if not self._returncode.done():
            self._returncode.set_result(-signal.SIGKILL if returncode is None else returncode)

    def pause_writing(self) -> None:
        """asyncio: it does not read its input fast enough."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """asyncio: it has read its input."""
        self._writable.set()

    @property
    def _started(self) -> asyncio.SubprocessTransport:
        if self._transport is None:
            raise RuntimeError("the process has not been started")
        return self._transport

    def _let_go(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _read_on(self) -> None:
        if self._lines is not None and not self._lines.crowded:
            for fd in self._open:
                self._reading(fd).resume_reading()

    def _reading(self, fd: int) -> asyncio.ReadTransport:
        return cast("asyncio.ReadTransport", self._started.get_pipe_transport(fd))


@asynccontextmanager
async def _started(
    argv: Sequence[str], env: Mapping[str, str], process: _LocalProcess
) -> AsyncIterator[_LocalProcess]:
    environment = {**os.environ, **env}
    if shutil.which(argv[0], path=environment.get("PATH")) is None:
        raise Refused(f"there is no command {argv[0]} on this computer")
    try:
        await _spawn(argv, environment, process)
        yield process
    finally:
        await process.close()


async def _spawn(argv: Sequence[str], env: Mapping[str, str], process: _LocalProcess) -> None:
    guarded, lifeline = os.pipe()
    process.tie(lifeline)
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: process,
            *("/bin/sh", "-c", GUARD, "melt-guard", str(guarded), *argv),
            env=env,
            pass_fds=(guarded,),
            start_new_session=True,
        )
    except OSError as error:
        raise Refused(f"this computer could not start {argv[0]}: {error.strerror}") from error
    finally:
        os.close(guarded)
