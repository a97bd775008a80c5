"""An MLC server that we started: where it listens, and on what it computes."""

from drivers.clock import SECOND, Clock
from drivers.errors import NotSupported
from drivers.foreign import printable
from drivers.links.base import Line, ShellLink
from drivers.model import RunSpec
from drivers.runs.hearing import Ear
from drivers.runs.program import Launch, Program
from drivers.runs.stage import Emit
from drivers.runtimes.mlc.given import serve_command
from drivers.runtimes.mlc.startup import Startup

SOURCE = "mlc_llm"


class Engine(Program):
    """One ``mlc_llm serve``, here or on a device."""

    def __init__(self, spec: RunSpec, shell: ShellLink, clock: Clock, emit: Emit) -> None:
        launch = Launch(tuple(serve_command(spec.args)), {"LC_ALL": "C"})
        super().__init__(spec, launch, SOURCE, shell, clock, emit)
        self._startup = Startup()
        self._ready_ns: int | None = None

    @property
    def backend(self) -> str:
        """What it said that it computes on; empty when it did not."""
        return self._startup.backend

    @property
    def batch(self) -> int | None:
        """Tokens of a prompt that it said it takes at a time."""
        return self._startup.batch

    @property
    def load_s(self) -> float | None:
        """From its start until it listened: by then it has its model."""
        return None if self._ready_ns is None else (self._ready_ns - self.started_ns) / SECOND

    def note(self, line: Line) -> None:
        """Keep a line, tell it, and read it."""
        super().note(line)
        self._startup.note(line.text)
        if self._startup.port is not None and self._ready_ns is None:
            self._ready_ns = line.t_ns

    async def listening(self, ear: Ear) -> int:
        """The port on which it listens, once it does. Raises as ``Ear.hear`` does."""
        while self._startup.port is None:
            await ear.hear()
        return self._startup.port


async def check_program(spec: RunSpec, shell: ShellLink) -> None:
    """Whether the device has it. Raises NotSupported, LinkError."""
    program = serve_command(spec.args)[0]
    answer = await shell.run(["sh", "-c", 'command -v "$1"', "sh", program])
    if answer.returncode != 0:
        raise NotSupported(
            f"there is no {printable(program, 200)} on {spec.device}",
            remedy="install MLC-LLM there, or name its program with --runtime-arg binary=PATH",
        )
