"""A run of a terminal program that outlives its link: the device takes all turns by itself, under one lease."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from drivers.errors import DriverError, Garbled, LinkError, NotSupported
from drivers.events import ChannelsOpened, TurnEnd
from drivers.foreign import printable
from drivers.links.base import Line, PieceProcess
from drivers.model import RunSpec, Workload
from drivers.modelfile import ModelFile
from drivers.runs.hearing import Cut, Ear, Gone
from drivers.runs.living import Deadline, Living
from drivers.runs.program import Launch, Program
from drivers.runs.stage import Stage
from drivers.runs.turn import TurnTeller
from drivers.runtimes.llama_cli.answer import OutputReader, Settings
from drivers.runtimes.llama_cli.channels import piece_arrivals
from drivers.runtimes.llama_cli.engine import Engine, loaded_event, prepare
from drivers.runtimes.llama_cli.sequence import TEXT_LIMIT, Mark, MarkSplitter, Word, sequence_argv
from drivers.schedule import ScheduledTurn, schedule

LAST_WORDS_S = 0.5
"""How long a program that was interrupted may take to print its timings."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of what one stream printed, of which turn."""

    turn: int
    line: Line
    mark: Mark | None = None


@dataclass(slots=True)
class _Turn:
    """The turn in progress."""

    number: int
    started_ns: int
    reader: OutputReader
    returncode: int = 0
    ended: int = 0
    """In how many streams it has."""


class KeptRun:
    """From looking at the device to the end of its last turn, over all links."""

    def __init__(self, spec: RunSpec, workload: Workload, model: ModelFile) -> None:
        self._spec = spec
        self._workload = workload
        self._model = model
        self._arrivals = piece_arrivals(spec.device)
        self._living = Living(spec, self._arrivals)
        self._deadline = Deadline(workload.seconds)
        self._schedule = schedule(workload)
        self._engine: Engine | None = None
        self._launch: Launch | None = None
        self._mark = secrets.token_hex(8)
        self._splitters = {"out": MarkSplitter(self._mark), "err": MarkSplitter(self._mark)}
        self._at = {"out": 0, "err": 0}
        """Which turn each stream tells of."""
        self._ahead: list[_Part] = []
        """Of turns that begin while the other stream still tells of the one before."""
        self._turn: _Turn | None = None
        self._next = 1
        self._pid: int | None = None
        self._streamed = True
        self._cutting = False
        self._loaded = False
        self._tokens = 0

    @property
    def holding(self) -> bool:
        """Whether turns may be taken under their lease, although the link was lost."""
        return self._living.holding

    async def perform(self, stage: Stage) -> None:
        """The whole run, or what is left of it."""
        with self._living.held(stage):
            if self._engine is None:
                channels = (self._arrivals,)
                stage.emit(
                    ChannelsOpened(t_ns=stage.clock.now(), device=self._spec.device, channels=channels)
                )
                self._engine = await prepare(stage, self._model, self._workload)
            if self._launch is None:
                self._launch = self._launched(stage, self._engine)
            await self._run(stage, self._engine, self._launch)
            self._living.end()

    def _launched(self, stage: Stage, engine: Engine) -> Launch:
        talks = self._workload.conversations
        shared = self._workload.share_context and any(len(talk) > 1 for talk in talks)
        if engine.speaker.echoes and shared:
            raise NotSupported(
                f"{printable(engine.name, 80)} prints its prompts: a conversation cannot go on without us",
                remedy="take --on-link-loss stop, or put a newer llama-completion there",
            )
        argv = sequence_argv(self._workload, engine.argv(stage, self._workload, None), self._mark)
        if sum(map(len, map(str.encode, argv))) > TEXT_LIMIT:
            raise NotSupported(
                f"the prompts of {self._workload.name} are too long to be left on the device",
                remedy="take --on-link-loss stop, or a workload of fewer prompts",
            )
        stage.preparing(f"loading {printable(self._model.name, 80)}")
        return Launch(argv, engine.fitted.env, self._living.begin(stage, engine.name))

    async def _run(self, stage: Stage, engine: Engine, launch: Launch) -> None:
        async with self._living.program(stage, launch, engine.name) as program:
            self._streamed = isinstance(program.process, PieceProcess)
            await self._living.listen(stage, program, self._deadline, pieces=True)
            try:
                await self._follow(stage, engine, program)
            except Cut as cut:
                end_ns = self._deadline.end_ns(stage.clock.now())
                if not self._living.late(end_ns):
                    await self._interrupt(stage, engine, program)
                self._end(stage, cut.end, t_ns=end_ns)
                raise
            except LinkError:
                raise
            except DriverError as error:
                self._end(stage, TurnEnd.FAILED, str(error))
                raise

    async def _follow(self, stage: Stage, engine: Engine, program: Program) -> None:
        ear = Ear(stage.inbox, None)
        while True:
            heard = await ear.hear()
            if isinstance(heard, Line):
                self._deadline.check(heard.t_ns)
                self._hear(stage, engine, program, heard)
            elif isinstance(heard, Gone):
                if heard.returncode != 0:
                    raise program.post_mortem(heard.returncode)
                return

    async def _interrupt(self, stage: Stage, engine: Engine, program: Program) -> None:
        """Ask the engine for its timings, and read them: a program that is killed prints none."""
        if self._turn is None or self._pid is None:
            return
        self._cutting = True
        with suppress(LinkError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await stage.shell.run(["kill", "-INT", str(self._pid)])
                await self._hear_out(stage, engine, program, self._turn)

    async def _hear_out(self, stage: Stage, engine: Engine, program: Program, turn: _Turn) -> None:
        while turn.ended < len(self._splitters) and not isinstance(heard := await stage.inbox.take(), Gone):
            if isinstance(heard, Line):
                self._hear(stage, engine, program, heard)

    # --- what is printed

    def _hear(self, stage: Stage, engine: Engine, program: Program, piece: Line) -> None:
        """All that belongs to the turn in progress is taken, then to the next one."""
        self._ahead += self._parts(piece)
        turn = 0
        while turn != self._next:
            turn = self._next
            due = [part for part in self._ahead if part.turn <= turn]
            self._ahead = [part for part in self._ahead if part.turn > turn]
            for part in due:
                self._take(stage, engine, program, part)

    def _parts(self, piece: Line) -> Iterator[_Part]:
        stream = piece.stream
        line = piece if self._streamed else replace(piece, text=piece.text + "\n")
        for part in self._splitters[stream].feed(line.text):
            mark = part if isinstance(part, Mark) else None
            if mark is not None and mark.word is Word.BEGIN:
                self._at[stream] = mark.turn
            yield _Part(self._at[stream], replace(line, text=part if isinstance(part, str) else ""), mark)

    def _take(self, stage: Stage, engine: Engine, program: Program, part: _Part) -> None:
        if part.mark is None:
            self._print(stage, engine, program, part.line)
        elif part.mark.word is Word.PID:
            self._pid = part.mark.number
        elif part.mark.word is Word.BEGIN:
            self._begin(part)
        elif self._turn is not None:
            self._turn.ended += 1
            self._turn.returncode = part.mark.number
            whole = self._turn.ended == len(self._splitters) and part.mark.number == 0
            if whole and not self._cutting:
                self._note(program, part.line.t_ns, self._turn.reader.last_err(part.line.t_ns))
                self._end(stage, None, t_ns=part.line.t_ns)

    def _begin(self, part: _Part) -> None:
        if self._turn is not None:
            return
        scheduled = next(self._schedule, None)
        if scheduled is None or scheduled.turn != part.turn:
            raise Garbled(f"{self._spec.device} took a turn that was not asked for: {part.turn}")
        self._turn = _Turn(part.turn, part.line.t_ns, self._reader(scheduled, part.line.t_ns))

    def _reader(self, scheduled: ScheduledTurn, t_ns: int) -> OutputReader:
        assert self._engine is not None
        teller = TurnTeller(
            self._spec,
            scheduled,
            self._arrivals,
            sent_ns=t_ns,
            tokens_before=self._tokens,
            context_tokens=0,
        )
        settings = Settings(
            self._engine.speaker,
            scheduled.prompt.text,
            self._workload.max_tokens,
            self._workload.ignore_eos,
            self._streamed,
            self._living.late,
        )
        return OutputReader(teller, settings)

    def _print(self, stage: Stage, engine: Engine, program: Program, line: Line) -> None:
        turn = self._turn
        if turn is None:
            self._note(program, line.t_ns, line.text.splitlines())
            return
        if line.stream == "out":
            items = [*turn.reader.read_out(line)]
        else:
            self._note(program, line.t_ns, turn.reader.read_err(line))
            items = [*turn.reader.started(line.t_ns)]
        self._tell_loaded(stage, engine, program, turn)
        for item in items:
            self._living.tell(stage, item)

    def _note(self, program: Program, t_ns: int, lines: "tuple[str, ...] | list[str]") -> None:
        for line in lines:
            program.note(Line(t_ns, "err", line))

    def _tell_loaded(self, stage: Stage, engine: Engine, program: Program, turn: _Turn) -> None:
        if self._loaded:
            return
        loaded = loaded_event(stage, engine, turn.reader, program, started_ns=turn.started_ns)
        if loaded is not None and turn.reader.ready_ns is not None:
            self._loaded = True
            stage.emit(loaded)
            self._deadline.begin(stage, turn.reader.ready_ns)

    def _end(self, stage: Stage, cut: TurnEnd | None, detail: str = "", *, t_ns: int | None = None) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        end_ns = self._deadline.end_ns(stage.clock.now()) if t_ns is None else t_ns
        for item in turn.reader.ended(end_ns, cut, detail):
            self._living.tell(stage, item)
        self._tokens = turn.reader.total
        self._next = turn.number + 1
