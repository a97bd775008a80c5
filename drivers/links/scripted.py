"""Links without a wire: they play a script or a transcript, with faults on cue. For the demo, tests and bug reports."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from drivers.clock import MILLISECOND, Clock
from drivers.errors import DriverError, Garbled, LinkError, LinkLost, NotSupported
from drivers.links.base import Completed, Lease, Line, Process, Progress

_HOP_NS = 20 * MILLISECOND
_SHOWN = 60

SILENT = Completed(0, "", "")
"""A command that went well and said nothing."""


@dataclass(frozen=True, slots=True)
class Play:
    """The other end sends these bytes, not before this moment (in ns of the link's clock)."""

    t_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Expect:
    """The other end says nothing more until it has been sent exactly these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """The link breaks at this moment. A link that is read on afterwards stays broken."""

    t_ns: int
    error: LinkError


Step = Play | Expect | Fault


class ScriptedLink:
    """A ``ByteLink`` that plays steps in their order; when they are over the other end is gone.

    The script is drawn on only as far as it is read, so that it may be endless.
    """

    def __init__(self, clock: Clock, steps: Iterable[Step]) -> None:
        self.written = b""
        """All that was sent and not yet asked for by an ``Expect``."""
        self._clock = clock
        self._steps = iter(steps)
        self._broken: LinkError | None = None

    async def read(self) -> tuple[int, bytes]:
        """The next bytes, at their moment or later. Raises the script's fault, LinkLost at its end, Garbled
        when something else was sent than the script expects."""
        while self._broken is None:
            match next(self._steps, None):
                case Play(t_ns, data) if data:
                    await self._clock.sleep_until(t_ns)
                    return self._clock.now(), data
                case Expect(data):
                    await self._expect(data)
                case Fault(t_ns, error):
                    await self._clock.sleep_until(t_ns)
                    self._broken = error
                case None:
                    self._broken = LinkLost("the script is over")
        raise self._broken

    async def write(self, data: bytes) -> None:
        """Taken down for the script. Raises the fault that broke the link."""
        if self._broken is not None:
            raise self._broken
        self.written += data

    async def _expect(self, data: bytes) -> None:
        while len(self.written) < len(data) and data.startswith(self.written):
            await self._clock.sleep_until(self._clock.now() + _HOP_NS)
        if not self.written.startswith(data):
            raise Garbled(f"the script expected {data[:_SHOWN]!r} and was sent {self.written[:_SHOWN]!r}")
        self.written = self.written[len(data) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One command and what it answers. ``fault`` instead of the answer, or after the last line of a process."""

    argv: tuple[str, ...]
    answer: Completed = SILENT
    lines: tuple[tuple[int, Literal["out", "err"], str], ...] = ()
    """Of a process that is started: ns after its start, stream, text."""
    fault: DriverError | None = None


class ScriptedShell:
    """A ``ShellLink`` that expects commands in this order and gives their answers."""

    def __init__(self, clock: Clock, exchanges: Iterable[Exchange]) -> None:
        self.pushed: list[tuple[Path, str]] = []
        self.running: set[int] = set()
        """Pids of processes that were started and have not ended."""
        self._clock = clock
        self._exchanges = deque(exchanges)
        self._pids = count(1000)

    @property
    def left(self) -> int:
        """Exchanges that nobody has asked for yet."""
        return len(self._exchanges)

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        """The script's answer to this command. Raises its fault, or Garbled for a command that it does not expect."""
        del timeout_s
        exchange = self._next(argv)
        if exchange.fault is not None:
            raise exchange.fault
        return exchange.answer

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        """A process that writes the script's lines; it ends with its answer's return code."""
        del env, lease
        return self._start(argv)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        """Taken down in ``pushed``; the file has to be there."""
        size = (await asyncio.to_thread(source.stat)).st_size
        self.pushed.append((source, target))
        progress(Progress(size, size))

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        """A script has no ports."""
        raise NotSupported(f"a script has no port {port}")

    @asynccontextmanager
    async def _start(self, argv: Sequence[str]) -> AsyncIterator[Process]:
        process = ScriptedProcess(self._clock, next(self._pids), self._next(argv))
        self.running.add(process.pid)
        try:
            yield process
        finally:
            await process.kill()
            self.running.discard(process.pid)

    def _next(self, argv: Sequence[str]) -> Exchange:
        exchange = self._exchanges.popleft() if self._exchanges else None
        if exchange is None or exchange.argv != tuple(argv):
            expected = "nothing more" if exchange is None else " ".join(exchange.argv)[:_SHOWN]
            raise Garbled(f"the script expected {expected!r} and was asked {' '.join(argv)[:_SHOWN]!r}")
        return exchange


class ScriptedProcess:
    """A ``Process`` that writes what the script says."""

    def __init__(self, clock: Clock, pid: int, exchange: Exchange) -> None:
        self.written = b""
        self._clock = clock
        self._pid = pid
        self._exchange = exchange
        self._started_ns = clock.now()
        self._returncode: int | None = None

    @property
    def pid(self) -> int:
        """Its number in the script."""
        return self._pid

    async def lines(self) -> AsyncIterator[Line]:
        """The script's lines at their moments, then its fault."""
        for after_ns, stream, text in self._exchange.lines:
            await self._clock.sleep_until(self._started_ns + after_ns)
            if self._returncode is not None:
                return
            yield Line(self._clock.now(), stream, text)
        if self._exchange.fault is not None:
            raise self._exchange.fault
        self._end(self._exchange.answer.returncode)

    async def write(self, data: bytes) -> None:
        """Taken down in ``written``."""
        self.written += data

    async def close_stdin(self) -> None:
        """The script does not mind."""

    async def wait(self) -> int:
        """Its return code, after the last of its lines."""
        last_ns = max((after_ns for after_ns, _, _ in self._exchange.lines), default=0)
        if self._returncode is None:
            await self._clock.sleep_until(self._started_ns + last_ns)
        return self._end(self._exchange.answer.returncode)

    async def kill(self) -> None:
        """Ended by SIGKILL, unless it had ended before."""
        self._end(-9)

    def _end(self, returncode: int) -> int:
        if self._returncode is None:
            self._returncode = returncode
        return self._returncode
