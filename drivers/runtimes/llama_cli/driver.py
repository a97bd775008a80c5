"""A run on llama.cpp's terminal programs, here or on a device: one process for each turn, each with an empty context.

A conversation's later turns are told what was said before; the chat front end cannot be told that, and has one turn.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from drivers.base import Item
from drivers.clock import Clock, pause
from drivers.errors import DriverError, LinkError, NotSupported
from drivers.events import ChannelsOpened, TurnEnd
from drivers.foreign import printable
from drivers.inbox import Inbox
from drivers.links.base import Line, PieceProcess, ShellLink
from drivers.model import OnLinkLoss, RunSpec, Sampling, Workload
from drivers.modelfile import ModelFile
from drivers.runs.args import flag_words
from drivers.runs.fitting import check_device
from drivers.runs.hearing import Cut, Ear, Gone
from drivers.runs.living import keeping_objection
from drivers.runs.program import Launch, Program
from drivers.runs.sampling import overruled_by_flags
from drivers.runs.stage import Stage, StagedRuntime
from drivers.runs.turn import TurnTeller
from drivers.runtimes.llama_cli.answer import OutputReader, Settings
from drivers.runtimes.llama_cli.channels import piece_arrivals
from drivers.runtimes.llama_cli.engine import Engine, loaded_event, prepare
from drivers.runtimes.llama_cli.keeping import KeptRun
from drivers.runtimes.llama_cli.protocol import OURS, PROGRAMS
from drivers.schedule import ScheduledTurn, schedule

LAST_WORDS_S = 0.5
"""How long a program that was interrupted may take to print its timings."""


class LlamaCli(StagedRuntime):
    """One run. Its times of tokens are read off a text stream; counts and rates are the engine's.

    With ``spec.on_link_loss`` keep, ``run`` may be called again after it raised LinkError, with the shell that the device
    has then: the device took its turns meanwhile, and they are told at the times at which it wrote them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: KeptRun | None = None

    @property
    def holding(self) -> bool:
        """Whether its turns may go on under their lease."""
        return self._kept is not None and self._kept.holding

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Token ids, watching, and flags that say what the run says, are not for a program on a terminal."""
        if spec.workload is None or spec.url:
            return NotSupported("llama-cli serves nobody", remedy="start a run with a workload")
        if any(prompt.tokens for talk in spec.workload.conversations for prompt in talk):
            return NotSupported(
                f"llama-cli takes text, and {spec.workload.name} is made of token ids",
                remedy="take a workload of text, or the runtime llama_server or llama_bench",
            )
        return keeping_objection(spec) or _flags_objection(spec)

    def sampling(self, spec: RunSpec) -> Sampling:
        """Flags that were given come last, and stand."""
        return overruled_by_flags(spec.sampling, spec.args)

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Whether one of the programs is there and the model fits into memory."""
        await check_device(spec, shell, PROGRAMS)

    async def perform(self, stage: Stage) -> None:
        """The whole run, or what is left of it."""
        spec = stage.spec
        objection = self.objection(spec)
        if objection is not None or spec.workload is None or spec.model is None:
            raise objection or NotSupported("llama-cli needs a model and a workload")
        if spec.on_link_loss is OnLinkLoss.KEEP:
            self._kept = self._kept or KeptRun(spec, spec.workload, spec.model)
            await self._kept.perform(stage)
        else:
            await _Run(stage, spec.workload, spec.model).whole()


class _Run:
    def __init__(self, stage: Stage, workload: Workload, model: ModelFile) -> None:
        self._stage = stage
        self._workload = workload
        self._model = model
        self._arrivals = piece_arrivals(stage.spec.device)
        self._loaded = False
        self._tokens = 0
        self._said = ""

    async def whole(self) -> None:
        stage = self._stage
        stage.emit(
            ChannelsOpened(t_ns=stage.clock.now(), device=stage.spec.device, channels=(self._arrivals,))
        )
        engine = await prepare(stage, self._model, self._workload)
        ear = Ear(stage.inbox, None)
        for scheduled in schedule(self._workload):
            if scheduled.turn > 1 and self._workload.pause_s > 0:
                await ear.attend("pause", pause(stage.clock, self._workload.pause_s))
            await self._turn(engine, scheduled)

    async def _turn(self, engine: Engine, scheduled: ScheduledTurn) -> None:
        stage = self._stage
        self._said = scheduled.prompt.text if scheduled.fresh else self._said + scheduled.prompt.text
        if not self._loaded:
            stage.preparing(f"loading {printable(self._model.name, 80)}")
        launch = Launch(engine.argv(stage, self._workload, self._said), engine.fitted.env)
        async with Program(stage.spec, launch, engine.name, stage.shell, stage.clock, stage.emit) as program:
            streamed = isinstance(program.process, PieceProcess)
            stage.inbox.listen("program", _listen(program, stage.inbox))
            teller = TurnTeller(
                stage.spec,
                scheduled,
                self._arrivals,
                sent_ns=program.started_ns,
                tokens_before=self._tokens,
                context_tokens=0,
            )
            work = self._workload
            settings = Settings(engine.speaker, self._said, work.max_tokens, work.ignore_eos, streamed)
            await self._followed(engine, program, OutputReader(teller, settings))

    async def _followed(self, engine: Engine, program: Program, reader: OutputReader) -> None:
        try:
            await self._follow(engine, program, reader)
        except Cut as cut:
            await self._interrupt(program, reader)
            self._end(reader, cut.end)
            raise
        except DriverError as error:
            self._end(reader, TurnEnd.FAILED, str(error))
            raise
        self._end(reader)
        self._said += reader.reply

    async def _follow(self, engine: Engine, program: Program, reader: OutputReader) -> None:
        ear = Ear(self._stage.inbox, None)
        while True:
            heard = await ear.hear()
            if isinstance(heard, Line):
                items = self._read((heard, *ear.inbox.more(Line)), program, reader)
                self._tell_loaded(engine, program, reader)
                self._tell(items)
            elif isinstance(heard, Gone):
                self._note(self._stage.clock.now(), reader.last_err(self._stage.clock.now()), program)
                if heard.returncode != 0:
                    raise program.post_mortem(heard.returncode)
                return

    async def _interrupt(self, program: Program, reader: OutputReader) -> None:
        """Ask it for its timings, and read them: a program that is killed prints none."""
        with suppress(LinkError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._stage.shell.run(["kill", "-INT", str(program.process.pid)])
                await self._hear_out(program, reader)

    async def _hear_out(self, program: Program, reader: OutputReader) -> None:
        while not isinstance(heard := await self._stage.inbox.take(), Gone):
            if isinstance(heard, Line):
                self._tell(self._read((heard,), program, reader))

    def _read(self, pieces: Sequence[Line], program: Program, reader: OutputReader) -> list[Item]:
        """What follows from pieces that came together: what was said beside the answer is read first."""
        items: list[Item] = []
        for piece in sorted(pieces, key=lambda piece: piece.stream):
            if piece.stream == "out":
                items += reader.read_out(piece)
                continue
            self._note(piece.t_ns, reader.read_err(piece), program)
            items += reader.started(piece.t_ns)
        return items

    def _note(self, t_ns: int, lines: Iterable[str], program: Program) -> None:
        for line in lines:
            program.note(Line(t_ns, "err", line))

    def _tell_loaded(self, engine: Engine, program: Program, reader: OutputReader) -> None:
        if self._loaded or reader.ready_ns is None:
            return
        self._loaded = True
        stage = self._stage
        loaded = loaded_event(stage, engine, reader, program, started_ns=program.started_ns)
        if loaded is not None:
            stage.emit(loaded)
        stage.limit_time(self._workload.seconds)

    def _end(self, reader: OutputReader, cut: TurnEnd | None = None, detail: str = "") -> None:
        self._tell(reader.ended(self._stage.clock.now(), cut, detail))
        self._tokens = reader.total

    def _tell(self, items: Iterable[Item]) -> None:
        for item in items:
            self._stage.emit(item)


async def _listen(program: Program, inbox: Inbox) -> None:
    """Put its output into the inbox as pieces, then ``Gone``; lines get their ends again where the link cuts them."""
    process = program.process
    if isinstance(process, PieceProcess):
        await program.listen(inbox, process.pieces())
        return
    await program.listen(
        inbox, (Line(line.t_ns, line.stream, line.text + "\n") async for line in process.lines())
    )


def _flags_objection(spec: RunSpec) -> DriverError | None:
    taken = next((word for word in flag_words(spec.args) if word in OURS), None)
    if taken is None:
        return None
    return NotSupported(f"{taken} is not for --runtime-arg", remedy=f"{OURS[taken]} says it")
