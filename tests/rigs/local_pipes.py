"""Pipes to shells on this computer that end as an adb daemon's do: closing one leaves its processes alone.

A shell of choice stands in for ``sh``; ``cut`` takes every open pipe away, as a pulled cable does.
"""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from drivers.clock import Clock
from drivers.errors import LinkLost


class LocalPipes:
    """Opens pipes; ``bin`` holds the ``sh`` that every script finds first."""

    def __init__(self, clock: Clock, bin: Path) -> None:
        self.opened: list[str] = []
        self.refusing = False
        self._clock = clock
        self._env = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}
        self._sh = bin / "sh"
        self._open: set[LocalPipe] = set()

    @asynccontextmanager
    async def __call__(self, command_line: str) -> AsyncIterator["LocalPipe"]:
        if self.refusing:
            raise LinkLost("the cable is out")
        self.opened.append(command_line)
        process = await asyncio.create_subprocess_exec(
            self._sh,
            "-c",
            command_line,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._env,
            start_new_session=True,
        )
        pipe = LocalPipe(self._clock, process)
        self._open.add(pipe)
        try:
            yield pipe
        finally:
            self._open.discard(pipe)
            pipe.close()

    def cut(self) -> None:
        """The link is gone, with all that was on its way."""
        self.refusing = True
        for pipe in list(self._open):
            pipe.cut()


class LocalPipe:
    """A ``Pipe`` over three pipes of the kernel."""

    def __init__(self, clock: Clock, process: Process) -> None:
        self._clock = clock
        self._process = process
        self._queue: asyncio.Queue[tuple[int, Literal["out", "err"], bytes] | None] = asyncio.Queue(8)
        self._streams = 2
        self._lost = False
        self._tasks = [
            asyncio.get_running_loop().create_task(self._pump(stream)) for stream in ("out", "err")
        ]

    async def read(self) -> tuple[int, Literal["out", "err"], bytes] | None:
        while self._streams:
            chunk = await self._queue.get()
            if self._lost:
                raise LinkLost("the cable is out")
            if chunk is not None:
                return chunk
            self._streams -= 1
        return None

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        if self._lost or self._process.stdin.is_closing():
            raise LinkLost("the cable is out")
        self._process.stdin.write(data)
        with suppress(ConnectionError):
            await self._process.stdin.drain()

    async def close_stdin(self) -> None:
        assert self._process.stdin is not None
        if self._lost:
            raise LinkLost("the cable is out")
        self._process.stdin.close()

    async def returncode(self) -> int:
        code = await self._process.wait()
        return 128 - code if code < 0 else code

    def cut(self) -> None:
        self._lost = True
        self.close()
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    def close(self) -> None:
        """Only our ends are closed; who still lives at the others is not asked."""
        for task in self._tasks:
            task.cancel()
        vars(self._process)["_transport"].get_pipe_transport(0).close()
        for fd in (1, 2):
            vars(self._process)["_transport"].get_pipe_transport(fd).close()

    async def _pump(self, stream: Literal["out", "err"]) -> None:
        reader = self._process.stdout if stream == "out" else self._process.stderr
        assert reader is not None
        while data := await reader.read(65536):
            await self._queue.put((self._clock.now(), stream, data))
        await self._queue.put(None)
