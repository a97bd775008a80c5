"""The shell of a simulated machine: a link without a wire, to processes that are state machines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from drivers.clock import MILLISECOND, Clock, pause
from drivers.devices.simulated.body import Body
from drivers.devices.simulated.engine import HOP_NS, PROGRAM, Engine, EngineOptions
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.links.base import Completed, Lease, Line, Process, Progress

_PUSH_BPS = 38_000_000
_PUSH_PIECE = 4 << 20
_INPUT_LIMIT = 1 << 20


def check_cable(body: Body, device: str) -> None:
    """Raises LinkLost while the machine's cable is pulled."""
    if not body.connected:
        raise LinkLost(f"the cable of {device} is pulled", remedy="plug it in again")


class SimulatedShell:
    """Implements ``ShellLink`` for one simulated machine."""

    def __init__(self, body: Body, device: str, clock: Clock) -> None:
        self._body = body
        self._device = device
        self._clock = clock
        self._pushed: dict[str, int] = {}

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """Run ``uname``, ``ps`` or ``true``; nothing else is installed."""
        self._reach()
        commands: dict[str, Callable[[], str]] = {
            "true": str,
            "uname": lambda: "Simulated\n",
            "ps": self._processes,
        }
        command = commands.get(argv[0] if argv else "")
        if command is None:
            raise Refused(f"{self._device} has no command {' '.join(argv)[:40]!r}")
        if timeout_s <= 0.001:
            raise LinkTimeout(f"{self._device} did not answer within {timeout_s:g} s")
        await pause(self._clock, 0.001)
        self._reach()
        return Completed(0, command(), "")

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """Start ``sim-engine``; leaving the block ends it."""
        del env, lease
        return self._start(argv)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Take as long as 38 MB/s take; nothing when a file of that size is already there."""
        self._reach()
        try:
            total = (await asyncio.to_thread(source.stat)).st_size
        except OSError as error:
            raise Refused(f"{source} cannot be read: {error.strerror}", remedy="check the path") from error
        done = total if self._pushed.get(target) == total else 0
        progress(Progress(done, total))
        while done < total:
            piece = min(_PUSH_PIECE, total - done)
            await pause(self._clock, piece / _PUSH_BPS)
            self._reach()
            done += piece
            progress(Progress(done, total))
        self._pushed[target] = total

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Never: nothing listens on a simulated machine."""
        raise NotSupported(f"{self._device} is simulated and has no port {port} to forward")

    @asynccontextmanager
    async def _start(self, argv: Sequence[str]) -> AsyncIterator[Process]:
        self._reach()
        if not argv or argv[0] != PROGRAM:
            raise Refused(
                f"{self._device} has no command {' '.join(argv)[:40]!r}", remedy=f"it has {PROGRAM}"
            )
        options = EngineOptions.parse(argv, self._body.spec.cores - 1)
        pid, engine = self._body.start_engine(options, self._clock.now())
        process = SimulatedProcess(self._body, self._device, self._clock, pid, engine)
        try:
            yield process
        finally:
            await process.kill()

    def _processes(self) -> str:
        return "".join(f"{pid} {PROGRAM}\n" for pid in self._body.engines)

    def _reach(self) -> None:
        self._body.advance(self._clock.now())
        check_cable(self._body, self._device)


class SimulatedProcess:
    """Implements ``Process`` for a simulated engine. It works while its lines are read, as one behind a full pipe."""

    def __init__(self, body: Body, device: str, clock: Clock, pid: int, engine: Engine) -> None:
        self._body = body
        self._device = device
        self._clock = clock
        self._pid = pid
        self._engine = engine
        self._input = b""

    @property
    def pid(self) -> int:
        """Its process id on the simulated machine."""
        return self._pid

    async def lines(self) -> AsyncIterator[Line]:
        """What the engine writes, when it writes it. Raises LinkLost when the cable is pulled."""
        while True:
            now = self._reach()
            for text in self._engine.poll(now):
                yield Line(now, "out", text)
            if self._engine.returncode is not None:
                return
            soon = max(now + MILLISECOND // 10, self._engine.next_ns())
            await self._clock.sleep_until(min(soon, now + HOP_NS))

    async def write(self, data: bytes) -> None:
        """Give the engine whole lines; the rest waits for its end."""
        now = self._reach()
        *lines, self._input = (self._input + data).split(b"\n")
        if len(self._input) > _INPUT_LIMIT:
            self._input = b""
        for line in lines:
            self._engine.command(line, now)
        self._forget_ended()

    async def close_stdin(self) -> None:
        """It ends when its input does."""
        self._engine.end(0)
        self._forget_ended()

    async def wait(self) -> int:
        """Its return code."""
        while self._engine.returncode is None:
            await self._clock.sleep_until(self._clock.now() + HOP_NS)
            self._reach()
        return self._engine.returncode

    async def kill(self) -> None:
        """End it now; also when the cable is pulled, for its guard does so then."""
        self._body.end_engine(self._pid, -9)

    def _forget_ended(self) -> None:
        if self._engine.returncode is not None:
            self._body.end_engine(self._pid, self._engine.returncode)

    def _reach(self) -> int:
        now = self._clock.now()
        self._body.advance(now)
        check_cable(self._body, self._device)
        return now
