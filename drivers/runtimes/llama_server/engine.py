"""The engine that we started: its process, what it prints, and why it ended."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import drivers
from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, Garbled, MissingExtra, NotSupported, RunFailed
from drivers.events import LogLine, Preparing, ProcessEnded, ProcessStarted, bounded
from drivers.foreign import printable
from drivers.inbox import Inbox
from drivers.links.base import Line, Process, ShellLink
from drivers.model import ModelFile, RunSpec
from drivers.runs.hearing import Gone
from drivers.runs.loglimit import LogLimit
from drivers.runtimes.llama_server.flags import (
    batch_in_force,
    binary_command,
    binary_of,
    engine_command,
    threads_in_force,
)
from drivers.runtimes.llama_server.needs import default_threads
from drivers.runtimes.llama_server.protocol import (
    MARK,
    Failed,
    Ready,
    last_line,
    read_bytes_read,
    read_child,
    read_listening,
    telling,
)
from drivers.ticks import ticks

SOURCE = "llama-server"
TAIL_LINES = 60
POLITE_S = 0.3
"""How long it may take to end by itself."""
LOAD_PERIOD_NS = SECOND // 2
ETA_FROM = 0.05
"""Fraction of a model that has to be read before the rest can be foretold: the engine itself has to start first."""

Emit = Callable[[Item], None]


class Engine:
    """One engine process. Entering starts it; leaving ends it, and says that it has ended."""

    def __init__(self, spec: RunSpec, model: ModelFile, shell: ShellLink, clock: Clock, emit: Emit) -> None:
        self._threads = default_threads() if spec.threads is None else spec.threads
        self.threads = threads_in_force(spec.args, self._threads)
        """Those that it uses; None where a flag of the user's does not tell them in a number."""
        self.batch = batch_in_force(spec.args, spec.batch)
        self.started_ns = clock.now()
        self._spec = spec
        self._model = model
        self._shell = shell
        self._clock = clock
        self._emit = emit
        self._binary = binary_of(spec.args)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._limit = LogLimit()
        self._stack = AsyncExitStack()
        self._process: Process | None = None
        self._failed: Failed | None = None

    @property
    def command(self) -> list[str]:
        """What is run."""
        if self._binary:
            return binary_command(self._spec, self._binary, self._model.path, self._threads)
        return engine_command(self._spec, sys.executable, self._model.path, self._threads)

    async def __aenter__(self) -> Self:
        self.started_ns = self._clock.now()
        self._process = await self._stack.enter_async_context(
            self._shell.start(self.command, env=_environment())
        )
        self._emit(
            ProcessStarted(
                t_ns=self._clock.now(),
                device=self._spec.device,
                run=self._spec.run,
                pid=self._process.pid,
                command=bounded(" ".join(self.command)),
            )
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._stack:
            if self._process is not None:
                await self._end(self._process)

    async def listen(self, inbox: Inbox) -> None:
        """Put its lines into the inbox, then ``Gone``."""
        process = self._running
        async for line in process.lines():
            inbox.put(line)
        inbox.put(Gone(await process.wait()))

    async def follow_loading(self) -> None:
        """Tell how much of the model has been read, where the system tells it; for as long as it is awaited."""
        async for now in ticks(self._clock, LOAD_PERIOD_NS):
            done = await self._loaded()
            if done is None:
                return
            elapsed_s = (now - self.started_ns) / SECOND
            self._emit(
                Preparing(
                    t_ns=self._clock.now(),
                    device=self._spec.device,
                    run=self._spec.run,
                    step=f"loading {printable(self._model.name, 80)}",
                    done=done,
                    eta_s=elapsed_s / done * (1 - done) if done > ETA_FROM else None,
                )
            )

    def note(self, line: Line) -> None:
        """Keep a line for the post-mortem, and tell it unless there are too many or it is meant for us."""
        if line.text.startswith(MARK):
            return
        self._tail.append(line.text)
        left_out = self._limit.admit(line.t_ns)
        if left_out:
            self._log(line.t_ns, f"… {left_out} lines left out")
        if left_out is not None:
            self._log(line.t_ns, line.text)

    def understood(self, line: Line) -> Ready | None:
        """Whether this line says that the server listens; why it cannot is kept for the post-mortem."""
        if self._binary:
            port = read_listening(line.text)
            return None if port is None else Ready(port=port, load_s=None, build="", backend="", ignored="")
        told = read_child(line.text) if line.stream == "out" else None
        if isinstance(told, Failed):
            self._failed = told
            return None
        return told

    def post_mortem(self, returncode: int) -> DriverError:
        """Why it ended, as far as it told, or else its last lines."""
        if self._failed is not None:
            return self._objection(self._failed)
        how = _signal_name(returncode) if returncode < 0 else f"exit code {returncode}"
        return RunFailed(
            f"the engine ended with {how}{self._last_words()}", remedy=_REMEDIES.get(returncode, "")
        )

    def _last_words(self) -> str:
        """An error that it told of; else its last line, called that: it need have nothing to do with its end."""
        error, last = telling(self._tail), last_line(self._tail)
        if error:
            return f": {error}"
        return f"; the last line that it printed: {last}" if last else ""

    def _objection(self, told: Failed) -> DriverError:
        if told.kind in _OBJECTIONS:
            return _OBJECTIONS[told.kind](told.sentence, remedy=told.remedy)
        name = printable(self._model.name, 80)
        return RunFailed(
            f"the engine could not load {name}: {telling(self._tail) or told.sentence}",
            remedy="check that the file is a whole GGUF model",
        )

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("the engine has not been started")
        return self._process

    async def _end(self, process: Process) -> None:
        detail = ""
        try:
            async with asyncio.timeout(0 if self._binary else POLITE_S):
                await process.close_stdin()
                returncode = await process.wait()
        except TimeoutError:
            await process.kill()
            returncode, detail = await process.wait(), "ended by us"
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

    async def _loaded(self) -> float | None:
        """Fraction of the model's file that has been read; None where nobody tells."""
        try:
            answer = await self._shell.run(["cat", f"/proc/{self._running.pid}/io"])
        except DriverError:
            return None  # progress is a courtesy: not every system tells it, and the load goes on
        read = read_bytes_read(answer.out)
        if read is None or self._model.size_bytes <= 0:
            return None
        return min(1.0, read / self._model.size_bytes)

    def _log(self, t_ns: int, text: str) -> None:
        self._emit(
            LogLine(
                t_ns=t_ns, device=self._spec.device, run=self._spec.run, source=SOURCE, text=bounded(text)
            )
        )


_REMEDIES = {-signal.SIGKILL: "somebody killed it, or the system did when memory ran out"}

_OBJECTIONS: dict[str, type[DriverError]] = {
    "MissingExtra": MissingExtra,
    "NotSupported": NotSupported,
    "Garbled": Garbled,
}


def _environment() -> dict[str, str]:
    """Numbers with a decimal point, our own packages within reach of the interpreter, no debugger when it aborts."""
    home = str(Path(drivers.__file__).parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {"LC_ALL": "C", "PYTHONPATH": os.pathsep.join(paths), "GGML_NO_BACKTRACE": "1"}


def _signal_name(returncode: int) -> str:
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
