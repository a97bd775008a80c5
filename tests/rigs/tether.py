"""A link to this computer that can be cut and mended, with leases: what adb and ssh do, without either.

While it is cut, commands, pushes and forwards raise LinkLost, what is forwarded breaks, and processes without a lease
are killed. A process under a lease lives on; starting its key again gives the lines that were not given yet.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from drivers.clock import SystemClock
from drivers.errors import LinkLost, Refused
from drivers.links.base import Completed, Lease, Line, Process, Progress
from drivers.links.local import LocalShell


class Tether:
    """A ``ShellLink``; enter it so that nothing outlives the test."""

    def __init__(self) -> None:
        self.up = True
        self.leases: dict[str, _Leased] = {}
        self.pushed: list[tuple[Path, str]] = []
        self.forwarded: list[int] = []
        self.commands: list[tuple[str, ...]] = []
        self._shell = LocalShell(SystemClock())
        self._stack = AsyncExitStack()
        self._cuts: set[Callable[[], None]] = set()
        self._begun: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def cut(self) -> None:
        """Pull the cable."""
        self.up = False
        for cut in list(self._cuts):
            cut()

    def mend(self) -> None:
        """Put it in again."""
        self.up = True

    async def expire(self) -> None:
        """The leases run out: what lived under them is gone."""
        for leased in self.leases.values():
            await leased.process.kill()
        self.leases.clear()

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        self._check()
        self.commands.append(tuple(argv))
        return await self._shell.run(argv, timeout_s=timeout_s)

    @asynccontextmanager
    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AsyncIterator[Process]:
        self._check()
        self.commands.append(tuple(argv))
        if lease is None:
            async with self._shell.start(argv, env=env) as process:
                with self._until_cut(_Attached(process)) as attached:
                    yield attached
            return
        leased = self.leases.get(lease.key) or await self._begin(argv, env, lease.key)
        with self._until_cut(leased.attach()) as attached:
            try:
                yield attached
            finally:
                if self.up:
                    await leased.process.kill()
                    del self.leases[lease.key]

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        self._check()
        self.pushed.append((source, target))
        await self._shell.push(source, target, progress)

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        self._check()
        self.forwarded.append(port)
        writers: set[asyncio.StreamWriter] = set()

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                writers.update((writer, far_writer))
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            writer.close()

        server = await asyncio.start_server(carry, "127.0.0.1", 0)

        def cut() -> None:
            server.close()
            for writer in writers:
                writer.transport.abort()

        self._cuts.add(cut)
        try:
            yield ("127.0.0.1", server.sockets[0].getsockname()[1])
        finally:
            self._cuts.discard(cut)
            cut()
            await server.wait_closed()

    def _until_cut(self, attached: "_Attached") -> "_Attached":
        self._cuts.add(attached.cut)
        attached.closed = lambda: self._cuts.discard(attached.cut)
        return attached

    async def _begin(self, argv: Sequence[str], env: Mapping[str, str] | None, key: str) -> "_Leased":
        if key in self._begun:
            raise Refused("what the device kept of it is no longer there")
        self._begun.add(key)
        process = await self._stack.enter_async_context(self._shell.start(argv, env=env))
        self.leases[key] = leased = _Leased(process)
        task = asyncio.create_task(leased.collect())
        self._stack.callback(task.cancel)
        return leased

    def _check(self) -> None:
        if not self.up:
            raise LinkLost("the cable is pulled")


class _Leased:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: asyncio.Queue[Line | None] = asyncio.Queue()

    async def collect(self) -> None:
        async for line in self.process.lines():
            self.lines.put_nowait(line)
        self.lines.put_nowait(None)

    def attach(self) -> "_Attached":
        return _Attached(self.process, self.lines)


class _Attached:
    """A process as seen through the tether."""

    def __init__(self, process: Process, lines: "asyncio.Queue[Line | None] | None" = None) -> None:
        self.closed: Callable[[], object] = lambda: None
        self._process = process
        self._lines = lines
        self._gone = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed()

    def cut(self) -> None:
        self._gone.set()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def lines(self) -> AsyncIterator[Line]:
        own = self._process.lines() if self._lines is None else None
        while True:
            line = await self._or_cut(_next(own) if own else _get(self._lines))
            if line is None:
                return
            yield line

    async def write(self, data: bytes) -> None:
        self._check()
        await self._process.write(data)

    async def close_stdin(self) -> None:
        self._check()
        await self._process.close_stdin()

    async def wait(self) -> int:
        self._check()
        return await self._process.wait()

    async def kill(self) -> None:
        self._check()
        await self._process.kill()

    def _check(self) -> None:
        if self._gone.is_set():
            raise LinkLost("the cable is pulled")

    async def _or_cut(self, work: "asyncio.Future[Line | None]") -> Line | None:
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            futures: list[asyncio.Future[Any]] = [work, gone]
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if self._gone.is_set() or not work.done():
                raise LinkLost("the cable is pulled")
            return work.result()
        finally:
            for future in (work, gone):
                future.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


def _next(lines: AsyncIterator[Line]) -> "asyncio.Future[Line | None]":
    async def one() -> Line | None:
        return await anext(lines, None)

    return asyncio.ensure_future(one())


def _get(lines: "asyncio.Queue[Line | None] | None") -> "asyncio.Future[Line | None]":
    assert lines is not None
    return asyncio.ensure_future(lines.get())


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
