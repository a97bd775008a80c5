"""A run of llama-bench on this computer or on a device."""

import math
from collections.abc import Iterator
from itertools import islice

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import DriverError, NotSupported, RunFailed
from drivers.events import ChannelsOpened, ModelLoaded, TurnEnd
from drivers.foreign import printable
from drivers.links.base import Line
from drivers.model import ModelFile, OnLinkLoss, RunSpec, Workload
from drivers.runs.args import flag_words
from drivers.runs.fitting import Fitted, fit, help_of
from drivers.runs.hearing import Cut, Ear, Gone
from drivers.runs.program import Launch, Program
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runtimes.llama_bench.channels import row_arrivals
from drivers.runtimes.llama_bench.protocol import (
    NEEDED_FLAGS,
    NO_WARMUP,
    OURS,
    PROGRAM,
    Row,
    Shape,
    read_row,
    read_step,
    shape_of,
    tests_flags,
    unknown_words,
)
from drivers.runtimes.llama_bench.reader import RowReader
from drivers.schedule import schedule

TESTS_LIMIT = 1000
"""Tests of one process; a longer workload loads its model again."""


class LlamaBench(StagedRuntime):
    """One run of a workload ppN, tgM or ppN/tgM."""

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Workloads of text, watching, keeping, and flags that say what the workload says."""
        if spec.workload is None or spec.url:
            return NotSupported("llama-bench serves nobody", remedy="start a run with a workload")
        if spec.on_link_loss is OnLinkLoss.KEEP:
            return NotSupported("a run of llama-bench ends with its link", remedy="take --on-link-loss stop")
        return _workload_objection(spec.workload) or _flags_objection(spec)

    async def perform(self, stage: Stage) -> None:
        """The whole run."""
        spec = stage.spec
        objection = self.objection(spec)
        if objection is not None or spec.workload is None or spec.model is None:
            raise objection or NotSupported("llama-bench needs a model and a workload")
        await _Run(stage, spec.workload, spec.model).whole()


class _Run:
    def __init__(self, stage: Stage, workload: Workload, model: ModelFile) -> None:
        self._stage = stage
        self._workload = workload
        self._model = model
        self._loaded = False

    async def whole(self) -> None:
        stage = self._stage
        arrivals = row_arrivals(stage.spec.device)
        stage.emit(ChannelsOpened(t_ns=stage.clock.now(), device=stage.spec.device, channels=(arrivals,)))
        stage.absent(
            "token times",
            "llama-bench tells of no token before its test has ended",
            "take the runtime llama_server to see tokens as they come",
        )
        fitted = await fit(stage, self._model, [PROGRAM])
        flags = await self._flags(fitted)
        turns = schedule(self._workload)
        tokens = 0
        while batch := list(islice(turns, TESTS_LIMIT)):
            reader = RowReader(stage.spec, arrivals, iter(batch), tokens)
            shape = shape_of(batch[0].prompt, self._workload.max_tokens)
            await self._process(fitted, [*flags, *tests_flags(shape, len(batch))], reader)
            tokens = reader.tokens

    async def _flags(self, fitted: Fitted) -> list[str]:
        """Flags that every process gets. Raises NotSupported for a build that is too old."""
        told = await help_of(self._stage, fitted, ["--help"])
        missing = unknown_words(told, NEEDED_FLAGS)
        device = self._stage.spec.device
        if missing:
            raise NotSupported(
                f"{printable(fitted.program.path, 200)} on {device} does not know {', '.join(missing)}",
                remedy=f"take a newer llama.cpp: melt setup {device}",
            )
        found = [] if unknown_words(told, [NO_WARMUP]) else [NO_WARMUP]
        pause_s = math.ceil(self._workload.pause_s)
        return [*found, "--delay", str(pause_s)] if pause_s else found

    async def _process(self, fitted: Fitted, flags: list[str], reader: RowReader) -> None:
        stage, spec = self._stage, self._stage.spec
        argv = (
            fitted.program.path,
            *("-m", fitted.model_path, "-t", str(fitted.threads), "-b", str(spec.batch)),
            *("-o", "jsonl", "-r", "1", "--progress", *flags, *flag_words(spec.args)),
        )
        launch = Launch(argv, fitted.env)
        stage.preparing(f"loading {printable(self._model.name, 80)}")
        async with Program(spec, launch, PROGRAM, stage.shell, stage.clock, stage.emit) as program:
            stage.inbox.listen("program", program.listen(stage.inbox))
            try:
                await self._follow(program, reader)
            except Cut as cut:
                self._tell(reader.cut(stage.clock.now(), cut.end))
                raise
            except DriverError as error:
                self._tell(reader.cut(stage.clock.now(), TurnEnd.FAILED, str(error)))
                raise

    async def _follow(self, program: Program, reader: RowReader) -> None:
        ear = Ear(self._stage.inbox, None)
        while True:
            heard = await ear.hear()
            if isinstance(heard, Line):
                program.note(heard)
                self._read(heard, program, reader)
            elif isinstance(heard, Gone):
                if heard.returncode != 0:
                    raise program.post_mortem(heard.returncode)
                if not reader.finished:
                    raise RunFailed("llama-bench ended before its last test")
                return

    def _read(self, line: Line, program: Program, reader: RowReader) -> None:
        step = read_step(line.text)
        if step is not None:
            self._tell(reader.begun(line.t_ns, step))
        row = read_row(line.text) if line.stream == "out" else None
        if row is None:
            return
        if not self._loaded:
            self._loaded = True
            self._ready(row, program, reader)
        self._tell(reader.ended(line.t_ns, row))

    def _ready(self, row: Row, program: Program, reader: RowReader) -> None:
        stage = self._stage
        loaded_ns = reader.loaded_ns
        stage.emit(
            ModelLoaded(
                t_ns=stage.clock.now(),
                device=stage.spec.device,
                run=stage.spec.run,
                load_s=None if loaded_ns is None else (loaded_ns - program.started_ns) / SECOND,
                build=row.build,
                backend=row.backend,
                threads=row.threads,
                batch=row.batch,
                model=row.model,
            )
        )
        stage.limit_time(self._workload.seconds)

    def _tell(self, items: Iterator[Item]) -> None:
        for item in items:
            self._stage.emit(item)


def _workload_objection(workload: Workload) -> DriverError | None:
    prompts = {prompt for talk in workload.conversations for prompt in talk}
    remedy = "take ppN, tgM or ppN/tgM, such as pp512/tg128"
    if any(prompt.text for prompt in prompts):
        return NotSupported(
            f"llama-bench makes up its own prompts, and {workload.name} is text", remedy=remedy
        )
    shapes: set[Shape] = {shape_of(prompt, workload.max_tokens) for prompt in prompts}
    if len(shapes) > 1:
        return NotSupported(f"llama-bench cannot mix the prompts of {workload.name}", remedy=remedy)
    return None


def _flags_objection(spec: RunSpec) -> DriverError | None:
    taken = next((word for word in flag_words(spec.args) if word in OURS), None)
    if taken is None:
        return None
    return NotSupported(f"{taken} is not for --runtime-arg", remedy=f"{OURS[taken]} says it")
