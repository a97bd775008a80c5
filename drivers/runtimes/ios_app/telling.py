"""From what an app says to what a run tells: its turns, its tokens, its heat. No I/O, no clock."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import TypedDict

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import (
    ChannelsOpened,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    TurnEnd,
    TurnPurpose,
)
from drivers.model import Channel, Prompt, RunSpec, reading
from drivers.runs.enginetime import EngineTimes
from drivers.runs.turn import Figures, TurnTeller
from drivers.runtimes.ios_app import channels
from drivers.runtimes.ios_app.protocol import (
    Begin,
    End,
    Load,
    Said,
    Thermal,
    ThermalState,
    Timing,
    Token,
    read_line,
)
from drivers.runtimes.ios_app.protocol import Timings as TimingLines
from drivers.schedule import ScheduledTurn

LIMIT = "thermal state"


class _Who(TypedDict):
    device: str
    run: str


class AppTeller:
    """Tells a run from the lines of an app."""

    def __init__(self, spec: RunSpec, started_ns: int, build: str) -> None:
        self.turns = 0
        """Whole ones."""
        self._spec = spec
        self._who: _Who = {"device": spec.device, "run": spec.run}
        self._started_ns = started_ns
        self._build = build
        self._arrivals = channels.arrivals(spec.device)
        self._tokens = channels.tokens(spec.device)
        self._thermal = channels.thermal_state(spec.device)
        self._open = {self._arrivals.name}
        self._numbers = count(1)
        self._turn: TurnTeller | None = None
        self._times = EngineTimes()
        self._first_s: float | None = None
        self._total = 0
        self._loaded = False
        self._state = ThermalState.NOMINAL
        self._lines = TimingLines()

    def opened(self, t_ns: int) -> Item:
        """The channel that every run has."""
        return ChannelsOpened(t_ns=t_ns, device=self._spec.device, channels=(self._arrivals,))

    def read(self, t_ns: int, line: str) -> Iterator[Item]:
        """What follows from a line."""
        said = read_line(line) or self._lines.read(line)
        if said is not None:
            yield from self._take(t_ns, said)

    def close(self, t_ns: int, end: TurnEnd) -> Iterator[Item]:
        """The app is over: so is a turn in progress, and nobody tells its heat any more."""
        if self._turn is not None:
            yield from self._ended(t_ns, end, None)
        if self._state is not ThermalState.NOMINAL:
            self._state = ThermalState.NOMINAL
            yield LimitReleased(t_ns=t_ns, device=self._spec.device, limit=LIMIT, detail="told no longer")

    def _take(self, t_ns: int, said: Said) -> Iterator[Item]:
        if isinstance(said, Token):
            yield from self._token(t_ns, said)
        elif isinstance(said, Thermal):
            yield from self._heat(t_ns, said.state)
        elif isinstance(said, Load):
            yield self._load(t_ns, said)
        elif isinstance(said, Begin):
            yield from self._begin(t_ns, t_ns, said.text)
        elif isinstance(said, End) and self._turn is not None:
            yield from self._ended(t_ns, said.end, said.figures)
        elif isinstance(said, Timing):
            yield from self._whole(t_ns, said.figures)

    def _load(self, t_ns: int, said: Load) -> Item:
        self._loaded = True
        took_s = said.load_s if said.load_s is not None else (t_ns - self._started_ns) / SECOND
        return ModelLoaded(
            t_ns=t_ns,
            load_s=took_s,
            build=f"{self._build} {said.build}".rstrip(),
            backend=said.backend,
            context=said.context,
            model=said.model,
            **self._who,
        )

    def _begin(self, t_ns: int, sent_ns: int, text: str, *, sent: bool = True) -> Iterator[Item]:
        if self._turn is not None:
            yield from self._ended(t_ns, TurnEnd.FAILED, None)
        if not self._loaded:
            self._loaded = True
            yield ModelLoaded(t_ns=sent_ns, load_s=None, build=self._build, **self._who)
        number = next(self._numbers)
        turn = ScheduledTurn(number, 0, number - 1, 0, Prompt(text), TurnPurpose.MEASURED, fresh=False)
        self._times, self._first_s = EngineTimes(), None
        self._turn = TurnTeller(
            self._spec, turn, self._arrivals, sent_ns=sent_ns, tokens_before=self._total, sent=sent
        )
        yield self._turn.started()

    def _token(self, t_ns: int, said: Token) -> Iterator[Item]:
        if self._turn is None:
            yield from self._begin(t_ns, t_ns, "", sent=False)
        turn = self._turn
        if turn is None:
            return
        new = 1 if said.n is None else said.n - turn.count
        if new < 0:
            return
        yield from turn.wrote(t_ns, said.text, new)
        if said.t is not None and new:
            yield from self._timed(t_ns, said.t, turn.total)

    def _timed(self, t_ns: int, told_s: float, total: int) -> Iterator[Item]:
        yield from self._opened(t_ns, self._tokens)
        if self._first_s is None:
            self._first_s = told_s
        (placed_ns,) = self._times.place([(t_ns, (told_s - self._first_s) * 1000)])
        yield reading(self._tokens, placed_ns, total)

    def _heat(self, t_ns: int, state: ThermalState) -> Iterator[Item]:
        yield from self._opened(t_ns, self._thermal)
        yield reading(self._thermal, t_ns, state)
        if state is self._state:
            return
        self._state, device, detail = state, self._spec.device, state.name.lower()
        if state is ThermalState.NOMINAL:
            yield LimitReleased(t_ns=t_ns, device=device, limit=LIMIT, detail=detail)
        else:
            yield LimitEngaged(t_ns=t_ns, device=device, limit=LIMIT, reason="thermal", detail=detail)

    def _whole(self, t_ns: int, figures: Figures) -> Iterator[Item]:
        """Figures after the fact: of the turn in progress, or of one that is laid back by as long as they say it took."""
        if self._turn is None:
            took_s = (figures.prompt_s or 0.0) + (figures.decode_s or 0.0)
            yield from self._begin(t_ns, max(self._started_ns, t_ns - round(took_s * SECOND)), "")
        yield from self._ended(t_ns, TurnEnd.EOS, figures, approximate=True)

    def _ended(
        self, t_ns: int, end: TurnEnd, figures: Figures | None, *, approximate: bool = False
    ) -> Iterator[Item]:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        self.turns += 1
        told = figures or Figures(output_tokens=turn.count or None)
        if told.output_tokens is None:
            told = replace(told, output_tokens=turn.count or None)
        yield from turn.ended(t_ns, end, told, approximate=approximate, whole=end is TurnEnd.EOS)
        self._total = turn.total

    def _opened(self, t_ns: int, channel: Channel) -> Iterator[Item]:
        if channel.name not in self._open:
            self._open.add(channel.name)
            yield ChannelsOpened(t_ns=t_ns, device=self._spec.device, channels=(channel,))
