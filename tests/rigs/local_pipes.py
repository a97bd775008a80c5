"""Pipes to shells on this computer that end as an adb daemon's do: closing one leaves its processes alone.

A shell of choice stands in for ``sh``; ``cut`` takes every open pipe away, as a pulled cable does.
"""

import asyncio
import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Literal

from drivers.clock import Clock
from drivers.errors import LinkLost
from tests.rigs.llama_runs import processes_with

TOOLS = (
    *("cat", "env", "mkdir", "mv", "printf", "rm", "setsid", "sleep", "tail", "true", "wc", "sha256sum"),
    *("stat", "date", "head", "false", "echo", "ls", "touch", "truncate", "rmdir"),
)
"""What a box of tools may replace."""


def userlands() -> list[str]:
    """``SHELL`` or ``SHELL+TOOLBOX`` of what is installed here."""
    known = ("dash", "bash", "mksh+toybox", "busybox+busybox")
    return [one for one in known if all(shutil.which(part) for part in one.split("+"))]


def install(userland: str, folder: Path) -> None:
    """Make the folder hold its ``sh`` and tools."""
    folder.mkdir(exist_ok=True)
    shell, _, toolbox = userland.partition("+")
    (folder / "sh").symlink_to(shutil.which(shell) or shell)
    if toolbox:
        path = shutil.which(toolbox) or toolbox
        for tool in TOOLS:
            (folder / tool).symlink_to(path)


class LocalPipes:
    """Opens pipes in a userland; ``folder`` is made to hold its ``sh`` and tools, found first by every script."""

    def __init__(self, clock: Clock, userland: str, folder: Path) -> None:
        self.refusing = False
        self._clock = clock
        install(userland, folder)
        self._mark = f"MELT_PIPES={uuid.uuid4().hex}"
        self._env = {**os.environ, "MELT_PIPES": self._mark.partition("=")[2]} | {
            "PATH": f"{folder}:{os.environ['PATH']}"
        }
        self._sh = folder / "sh"
        self._open: set[LocalPipe] = set()
        self._started: list[subprocess.Popen[bytes]] = []

    @asynccontextmanager
    async def __call__(self, command_line: str) -> AsyncIterator["LocalPipe"]:
        if self.refusing:
            raise LinkLost("the cable is out")
        pipe = LocalPipe(self._clock, self._start(command_line))
        try:
            await pipe.open()
            self._open.add(pipe)
            yield pipe
        finally:
            self._open.discard(pipe)
            pipe.close()

    def _start(self, command_line: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [self._sh, "-c", command_line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
            start_new_session=True,
            bufsize=0,
        )
        self._started.append(process)
        return process

    def cut(self) -> None:
        """The link is gone, with all that was on its way."""
        self.refusing = True
        for pipe in list(self._open):
            pipe.cut()

    def children(self) -> list[int]:
        """What lives of all that was ever started in it."""
        return processes_with(self._mark)

    def wait(self) -> None:
        """Return when every shell that was ever started is gone; raises TimeoutExpired for one that stays."""
        for process in self._started:
            process.wait(30)


class LocalPipe:
    """A ``Pipe`` over three pipes of the kernel. Closing it closes our ends; who lives at the others is not asked."""

    def __init__(self, clock: Clock, process: subprocess.Popen[bytes]) -> None:
        self._clock = clock
        self._process = process
        self._queue: asyncio.Queue[tuple[int, Literal["out", "err"], bytes] | None] = asyncio.Queue(8)
        self._streams = 2
        self._lost = False
        self._tasks: list[asyncio.Task[None]] = []
        self._transports: list[asyncio.ReadTransport] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        streams: tuple[tuple[Literal["out", "err"], IO[bytes] | None], ...] = (
            ("out", self._process.stdout),
            ("err", self._process.stderr),
        )
        for stream, file in streams:
            reader = asyncio.StreamReader()
            transport, _ = await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), file)
            self._transports.append(transport)
            self._tasks.append(loop.create_task(self._pump(stream, reader)))

    async def read(self) -> tuple[int, Literal["out", "err"], bytes] | None:
        while self._streams:
            chunk = None if self._lost else await self._queue.get()
            if self._lost:
                raise LinkLost("the cable is out")
            if chunk is not None:
                return chunk
            self._streams -= 1
        return None

    async def write(self, data: bytes) -> None:
        stdin = self._stdin()
        with suppress(BrokenPipeError):
            await asyncio.to_thread(stdin.write, data)

    async def close_stdin(self) -> None:
        self._stdin(closed=True).close()

    async def returncode(self) -> int:
        code = await asyncio.to_thread(self._process.wait)
        return 128 - code if code < 0 else code

    def cut(self) -> None:
        self._lost = True
        self.close()
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for transport in self._transports:
            transport.close()
        for file in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert file is not None
            file.close()

    def _stdin(self, *, closed: bool = False) -> IO[bytes]:
        stdin = self._process.stdin
        assert stdin is not None
        if self._lost or (stdin.closed and not closed):
            raise LinkLost("the cable is out")
        return stdin

    async def _pump(self, stream: Literal["out", "err"], reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            await self._queue.put((self._clock.now(), stream, data))
        await self._queue.put(None)
