"""A run of llama-bench on this computer or on a device."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, LinkError, NeedsSetup, NotSupported, RunFailed
from drivers.events import ChannelsOpened, ModelLoaded, TurnEnd
from drivers.foreign import printable
from drivers.links.base import Line, ShellLink
from drivers.model import RunSpec, Sampling, Workload
from drivers.modelfile import ModelFile
from drivers.runs.args import flag_words
from drivers.runs.fitting import Fitted, check_device, fit, help_of
from drivers.runs.hearing import Cut, Ear, Gone
from drivers.runs.living import Deadline, Living, keeping_objection
from drivers.runs.program import Launch, Program
from drivers.runs.sampling import UNASKED
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
    """One run of a workload ppN, tgM or ppN/tgM.

    With ``spec.on_link_loss`` keep, ``run`` may be called again after it raised LinkError, with the shell that the device
    has then: the tests went on meanwhile, and their rows are told at the times at which the device wrote them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._run: _Run | None = None

    @property
    def holding(self) -> bool:
        """Whether its tests may go on under their lease."""
        return self._run is not None and self._run.holding

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Workloads of text, watching, and flags that say what the workload says."""
        if spec.workload is None or spec.url:
            return NotSupported("llama-bench serves nobody", remedy="start a run with a workload")
        return keeping_objection(spec) or _workload_objection(spec.workload) or _flags_objection(spec)

    def sampling(self, spec: RunSpec) -> Sampling:
        """Its tokens are drawn at random."""
        return UNASKED

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Whether the program is there and the model fits into memory."""
        await check_device(spec, shell, [PROGRAM])

    async def perform(self, stage: Stage) -> None:
        """The whole run, or what is left of it."""
        spec = stage.spec
        objection = self.objection(spec)
        if objection is not None or spec.workload is None or spec.model is None:
            raise objection or NotSupported("llama-bench needs a model and a workload")
        if self._run is None:
            self._run = _Run(spec, spec.workload, spec.model)
        await self._run.perform(stage)


@dataclass(frozen=True, slots=True)
class _Batch:
    """One process: how it is started, and who reads its rows."""

    launch: Launch
    reader: RowReader


class _Run:
    def __init__(self, spec: RunSpec, workload: Workload, model: ModelFile) -> None:
        self._spec = spec
        self._workload = workload
        self._model = model
        self._arrivals = row_arrivals(spec.device)
        self._turns = schedule(workload)
        self._fitted: Fitted | None = None
        self._flags: list[str] = []
        self._batch: _Batch | None = None
        self._tokens = 0
        self._started_ns = 0
        self._loaded = False
        self._deadline = Deadline(workload.seconds)
        self._living = Living(spec, self._arrivals)

    @property
    def holding(self) -> bool:
        return self._living.holding

    async def perform(self, stage: Stage) -> None:
        with self._living.held(stage):
            await self._whole(stage)

    async def _whole(self, stage: Stage) -> None:
        fitted = self._fitted or await self._fit(stage)
        while (batch := self._batch or self._next(stage, fitted)) is not None:
            self._batch = batch
            await self._process(stage, batch)
            self._tokens, self._batch = batch.reader.tokens, None
            self._living.end()

    async def _fit(self, stage: Stage) -> Fitted:
        spec = stage.spec
        stage.emit(ChannelsOpened(t_ns=stage.clock.now(), device=spec.device, channels=(self._arrivals,)))
        stage.absent(
            "token times",
            "llama-bench tells of no token before its test has ended",
            "take the runtime llama_server to see tokens as they come",
        )
        fitted = await fit(stage, self._model, [PROGRAM])
        self._flags = await self._known_flags(stage, fitted)
        self._fitted = fitted
        return fitted

    async def _known_flags(self, stage: Stage, fitted: Fitted) -> list[str]:
        """Flags that every process gets. Raises NotSupported for a build that is too old."""
        told = await help_of(stage, fitted, ["--help"])
        missing = unknown_words(told, NEEDED_FLAGS)
        spec, device = stage.spec, stage.spec.device
        if missing:
            sentence = f"{printable(fitted.program.path, 200)} on {device} does not know {', '.join(missing)}"
            if spec.home:
                raise NeedsSetup(sentence, device=device, remedy="take a newer llama.cpp: melt setup {}")
            raise NotSupported(sentence, remedy="take a newer llama.cpp")
        found = [] if unknown_words(told, [NO_WARMUP]) else [NO_WARMUP]
        pause_s = math.ceil(self._workload.pause_s)
        return [*found, "--delay", str(pause_s)] if pause_s else found

    def _next(self, stage: Stage, fitted: Fitted) -> _Batch | None:
        """The tests of one more process; None when there are none."""
        spec, turns = self._spec, list(islice(self._turns, TESTS_LIMIT))
        if not turns:
            return None
        shape = shape_of(turns[0].prompt, self._workload.max_tokens)
        argv = (
            fitted.program.path,
            *("-m", fitted.model_path, "-t", str(fitted.threads), "-b", str(spec.batch)),
            *("-o", "jsonl", "-r", "1", "--progress", *self._flags, *tests_flags(shape, len(turns))),
            *flag_words(spec.args),
        )
        stage.preparing(f"loading {printable(self._model.name, 80)}")
        reader = RowReader(spec, self._arrivals, iter(turns), self._tokens)
        return _Batch(Launch(argv, fitted.env, self._living.begin(stage, PROGRAM)), reader)

    async def _process(self, stage: Stage, batch: _Batch) -> None:
        reader = batch.reader
        async with self._living.program(stage, batch.launch, PROGRAM) as program:
            self._started_ns = self._started_ns or program.started_ns
            await self._living.listen(stage, program, self._deadline)
            try:
                await self._follow(stage, program, reader)
            except Cut as cut:
                self._tell(stage, reader.cut(self._deadline.end_ns(stage.clock.now()), cut.end))
                raise
            except LinkError as lost:
                if not self._living.leased:
                    self._tell(stage, reader.cut(stage.clock.now(), TurnEnd.FAILED, str(lost)))
                raise
            except DriverError as error:
                self._tell(stage, reader.cut(stage.clock.now(), TurnEnd.FAILED, str(error)))
                raise

    async def _follow(self, stage: Stage, program: Program, reader: RowReader) -> None:
        ear = Ear(stage.inbox, None)
        while True:
            heard = await ear.hear()
            if isinstance(heard, Line):
                self._deadline.check(heard.t_ns)
                program.note(heard)
                self._read(stage, heard, program, reader)
            elif isinstance(heard, Gone):
                if heard.returncode != 0:
                    raise program.post_mortem(heard.returncode)
                if not reader.finished:
                    raise RunFailed("llama-bench ended before its last test")
                return

    def _read(self, stage: Stage, line: Line, program: Program, reader: RowReader) -> None:
        step = read_step(line.text)
        if step is not None:
            self._tell(stage, reader.begun(line.t_ns, step))
        row = read_row(line.text) if line.stream == "out" else None
        if row is None:
            return
        if not self._loaded:
            self._loaded = True
            self._ready(stage, line.t_ns, row, reader)
        self._tell(stage, reader.ended(line.t_ns, row))

    def _ready(self, stage: Stage, t_ns: int, row: Row, reader: RowReader) -> None:
        loaded_ns = reader.loaded_ns
        stage.emit(
            ModelLoaded(
                t_ns=t_ns,
                device=stage.spec.device,
                run=stage.spec.run,
                load_s=None if loaded_ns is None else (loaded_ns - self._started_ns) / SECOND,
                build=row.build,
                backend=row.backend,
                threads=row.threads,
                batch=row.batch,
                model=row.model,
            )
        )
        self._deadline.begin(stage, t_ns)

    def _tell(self, stage: Stage, items: Iterator[Item]) -> None:
        for item in items:
            self._living.tell(stage, item)


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
