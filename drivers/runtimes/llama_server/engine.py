"""The engine that we started: where it listens, how it loads, and why it ended."""

import os
import sys
from pathlib import Path

import drivers
from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, Garbled, MissingExtra, NotSupported, RunFailed
from drivers.events import Preparing
from drivers.foreign import printable
from drivers.links.base import Line, ShellLink
from drivers.model import RunSpec
from drivers.modelfile import ModelFile
from drivers.runs.args import binary_of
from drivers.runs.dying import telling
from drivers.runs.program import Launch, Program
from drivers.runs.stage import Emit
from drivers.runtimes.llama_server.flags import (
    batch_in_force,
    binary_command,
    engine_command,
    threads_in_force,
)
from drivers.runtimes.llama_server.needs import default_threads
from drivers.runtimes.llama_server.protocol import (
    MARK,
    Failed,
    Ready,
    read_bytes_read,
    read_child,
    read_listening,
)
from drivers.ticks import ticks

SOURCE = "llama-server"
POLITE_S = 0.3
"""How long our own engine may take to end by itself."""
LOAD_PERIOD_NS = SECOND // 2
ETA_FROM = 0.05
"""Fraction of a model that has to be read before the rest can be foretold: the engine itself has to start first."""


class Engine(Program):
    """One engine process: our own, or a llama-server program, here or on a device.

    ``taken_up`` is the process id of one that is to live already under its lease: then it is not said to start.
    """

    def __init__(
        self,
        spec: RunSpec,
        model: ModelFile,
        shell: ShellLink,
        clock: Clock,
        emit: Emit,
        launch: Launch | None = None,
        *,
        threads: int | None = None,
        taken_up: int | None = None,
    ) -> None:
        ours = threads if threads is not None else local_threads(spec)
        self._own = launch is None and not binary_of(spec.args)
        own = launch or local_launch(spec, model.path)
        super().__init__(spec, own, SOURCE, shell, clock, emit, taken_up=taken_up)
        self.threads = threads_in_force(spec.args, ours, program=not self._own)
        """Those that it uses; None where a flag of the user's does not tell them in a number."""
        self.batch = batch_in_force(spec.args, spec.batch, program=not self._own)
        self._model = model
        self._failed: Failed | None = None

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
        if not line.text.startswith(MARK):
            super().note(line)

    def understood(self, line: Line) -> Ready | None:
        """Whether this line says that the server listens; why it cannot is kept for the post-mortem."""
        if not self._own:
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
        return super().post_mortem(returncode)

    def _objection(self, told: Failed) -> DriverError:
        if told.kind in _OBJECTIONS:
            return _OBJECTIONS[told.kind](told.sentence, remedy=told.remedy)
        name = printable(self._model.name, 80)
        return RunFailed(
            f"the engine could not load {name}: {telling(self.tail) or told.sentence}",
            remedy="check that the file is a whole GGUF model",
        )

    async def _loaded(self) -> float | None:
        """Fraction of the model's file that has been read; None where nobody tells."""
        try:
            answer = await self._shell.run(["cat", f"/proc/{self.process.pid}/io"])
        except DriverError:
            return None  # progress is a courtesy: not every system tells it, and the load goes on
        read = read_bytes_read(answer.out)
        if read is None or self._model.size_bytes <= 0:
            return None
        return min(1.0, read / self._model.size_bytes)


def local_threads(spec: RunSpec) -> int:
    """Threads on this computer."""
    return default_threads() if spec.threads is None else spec.threads


def local_launch(spec: RunSpec, model: str) -> Launch:
    """Our own engine on this computer, or the llama-server program that the user named."""
    threads, binary = local_threads(spec), binary_of(spec.args)
    if binary:
        return Launch(tuple(binary_command(spec, binary, model, threads)), _environment())
    return Launch(
        tuple(engine_command(spec, sys.executable, model, threads)), _environment(), polite_s=POLITE_S
    )


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
