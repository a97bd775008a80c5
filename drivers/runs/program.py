"""A program of an engine that we started on a device: its process, what it prints, and why it ended."""

import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from drivers.clock import Clock
from drivers.errors import DriverError, Garbled, LinkError, LinkLost, RunFailed
from drivers.events import LogLine, ProcessEnded, ProcessStarted, bounded
from drivers.inbox import Inbox
from drivers.links.base import Lease, Line, Process, ShellLink
from drivers.links.leased import LeasedProcess
from drivers.links.stamping import End
from drivers.model import RunSpec
from drivers.runs.backends import Backends
from drivers.runs.builds import read_build
from drivers.runs.dying import death
from drivers.runs.hearing import Gone
from drivers.runs.loglimit import LogLimit
from drivers.runs.stage import Emit

TAIL_LINES = 60
END_LIMIT_S = 2.0
"""How long the end of a process may take to be known; past that the link is taken for dead."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a program is started."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    polite_s: float = 0.0
    """How long it may take to end by itself after its standard input was closed."""


def library_environment(folder: str) -> dict[str, str]:
    """Numbers with a decimal point, the libraries that lie beside a program, and no debugger when it aborts."""
    found = {"LC_ALL": "C", "GGML_NO_BACKTRACE": "1"}
    return {**found, "LD_LIBRARY_PATH": folder} if folder else found


class Program:
    """One process. Entering starts it; leaving ends it, and says that it has ended.

    Under a lease a lost link ends nothing: the process is left to its lease, and nothing is said of its end. Leaving it
    raises LinkLost where it was to be ended and could not be reached.
    ``taken_up`` is the process id of one that is to live already under its lease: then it is not said to start.
    """

    def __init__(
        self,
        spec: RunSpec,
        launch: Launch,
        source: str,
        shell: ShellLink,
        clock: Clock,
        emit: Emit,
        *,
        taken_up: int | None = None,
    ) -> None:
        self.started_ns = clock.now()
        self._spec = spec
        self._launch = launch
        self._source = source
        self._shell = shell
        self._clock = clock
        self._emit = emit
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._limit = LogLimit()
        self._backends = Backends()
        self._build = ""
        self._stack = AsyncExitStack()
        self._process: Process | None = None
        self._returncode: int | None = None
        self._taken_up = taken_up

    @property
    def process(self) -> Process:
        """The process, once it was started."""
        if self._process is None:
            raise RuntimeError("the program has not been started")
        return self._process

    @property
    def tail(self) -> Sequence[str]:
        """The last lines that it printed."""
        return self._tail

    async def __aenter__(self) -> Self:
        self.started_ns = self._clock.now()
        launch = self._launch
        async with AsyncExitStack() as stack:
            starting = self._shell.start(launch.argv, env=launch.env, lease=launch.lease)
            self._process = await stack.enter_async_context(starting)
            self._started(self._process)
            stack.push_async_exit(self._leave)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # the link hears of what ended the block: by that it knows whether what has a lease is left to it
        await self._stack.__aexit__(kind, error, trace)

    async def listen(self, inbox: Inbox, output: AsyncIterator[Line] | None = None) -> None:
        """Put its lines, or that ``output`` of its, into the inbox, then ``Gone``."""
        async for line in self.process.lines() if output is None else output:
            inbox.put(line)
        self._returncode = await self.process.wait()
        inbox.put(Gone(self._returncode))

    @property
    def backend(self) -> str:
        """What it said that it computes on: ``CUDA, CPU``; empty when it did not."""
        return self._backends.told

    @property
    def build(self) -> str:
        """Which build it said that it is: ``b880 (b9b7d94)``; empty when it did not."""
        return self._build

    def note(self, line: Line) -> None:
        """Keep a line for the post-mortem, and tell it unless there are too many."""
        self._tail.append(line.text)
        self._backends.note(line.text)
        self._build = self._build or read_build(line.text)
        left_out = self._limit.admit(line.t_ns)
        if left_out:
            self._log(line.t_ns, f"… {left_out} lines left out")
        if left_out is not None:
            self._log(line.t_ns, line.text)

    def post_mortem(self, returncode: int) -> DriverError:
        """Why it ended, as far as it told, or else its last lines."""
        process = self._process
        if isinstance(process, LeasedProcess) and process.taken_up and returncode == -signal.SIGKILL:
            ended = self._ended_away(process.ended)
            if ended is not None:
                return ended
        return death(self._launch.argv[0], returncode, self._tail)

    def _ended_away(self, end: End | None) -> RunFailed | None:
        """What ended it while the link was away; None when it ended by itself."""
        device = self._spec.device
        if end is End.ENDED:
            return None
        if end is End.FULL:
            return RunFailed(f"the engine on {device} wrote more than a lease keeps")
        if end is End.EXPIRED and self._launch.lease is not None:
            return RunFailed(
                f"the lease of {self._launch.lease.seconds:g} s ran out while the link was away; "
                "what the device kept was merged",
                remedy="take a longer --lease, or see why the device stayed away",
            )
        return RunFailed(
            f"the engine on {device} ended while the link was away; what the device kept was merged",
            remedy="see whether the device was restarted",
        )

    def _started(self, process: Process) -> None:
        if self._taken_up is not None:
            if process.pid != self._taken_up:
                raise Garbled(f"{self._spec.device} took up another process than it was asked for")
            return
        self._emit(
            ProcessStarted(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                pid=process.pid,
                command=bounded(" ".join(self._launch.argv)),
            )
        )

    async def _leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lost = isinstance(error, LinkError)
        if not (lost and self._launch.lease):
            await self._end(self.process, lost=lost)

    async def _end(self, process: Process, *, lost: bool) -> None:
        returncode: int | None = None
        detail = "the link was lost: the device ends it by itself"
        try:
            async with asyncio.timeout(END_LIMIT_S):
                if not lost or self._returncode is not None:
                    returncode, detail = await self._returned(process)
        except (TimeoutError, LinkError) as error:
            if self._launch.lease is not None:
                raise LinkLost(f"{self._spec.device} does not answer") from error
            detail = "it was not seen to end"
        self._emit(
            ProcessEnded(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                pid=process.pid,
                returncode=returncode,
                detail=detail,
            )
        )

    async def _returned(self, process: Process) -> tuple[int, str]:
        if self._returncode is not None:
            return self._returncode, ""
        if self._launch.polite_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._launch.polite_s):
                    await process.close_stdin()
                    return await process.wait(), ""
        await process.kill()
        return await process.wait(), "ended by us"

    def _log(self, t_ns: int, text: str) -> None:
        self._emit(
            LogLine(
                t_ns=t_ns,
                device=self._spec.device,
                run=self._spec.run,
                source=self._source,
                text=bounded(text),
            )
        )
