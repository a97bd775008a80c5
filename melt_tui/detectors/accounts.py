"""What one source of power tells of a run and of its turns, as far as its samples have come."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnEnded
from drivers.model import Channel, Kind, Quantity, Unit
from melt_tui.detectors.integral import Integral, Reached
from melt_tui.measures import points, rates
from melt_tui.measures.energy import LEAST_COVERAGE, PerToken
from melt_tui.timeline.clockmap import ClockMap

EVERY_NS: Final = SECOND
"""So often figures of what goes on are told."""
WAIT_NS: Final = 15 * SECOND
"""A source that has not told the end of a run or turn so long after it will not tell it any more."""
_COUNTED: Final = frozenset({TurnEnd.LIMIT, TurnEnd.EOS})


class Told(NamedTuple):
    """A figure and the moment up to which it holds, in host time."""

    channel: Channel
    t_ns: int
    value: float


@dataclass(slots=True)
class Turn:
    """A turn as tokens and events tell it, in host time; counts are the run's."""

    number: int
    sent_ns: int | None
    """None where nobody told it."""
    measured: bool
    first_ns: int | None = None
    first_count: float = 0.0
    last_ns: int = 0
    last_count: float = 0.0
    ended: TurnEnded | None = None


@dataclass(slots=True)
class Run:
    """A run in progress, or one whose last figures are waited for."""

    t0_ns: int
    ended_ns: int | None = None
    tokens: float = 0.0
    """So far."""
    turns: list[Turn] = field(default_factory=list)
    """The last few."""


class Source:
    """The energy of one channel, asked in host time."""

    def __init__(self, channel: Channel, clock: ClockMap) -> None:
        self.channel = channel
        self.integral = Integral(channel)
        self._clock = clock

    @property
    def newest_ns(self) -> int | None:
        """How far its samples have come."""
        newest_ns = self.integral.newest_ns
        return None if newest_ns is None else self._clock.to_host(self.channel.key, newest_ns)

    def at(self, t_ns: int) -> Reached | None:
        """As ``Integral.at``."""
        own_ns = self._clock.to_device(self.channel.key, t_ns)
        newest_ns = self.integral.newest_ns
        return self.integral.at(own_ns if newest_ns is None else min(own_ns, newest_ns))


@dataclass(frozen=True, slots=True)
class Figures:
    """The channels on which a source's figures of a device are told."""

    energy: Channel
    coverage: Channel
    so_far: Channel
    decode: Channel
    whole: Channel


def figures(device: str, point: str, source: Channel, apart: str = "") -> Figures:
    """``apart`` distinguishes the names of a second source at the same point."""
    what = f"{source.device} {source.name}"

    def channel(name: str, quantity: Quantity, unit: Unit, provenance: str, kind: Kind) -> Channel:
        return Channel(
            device=device,
            name=f"{name} {point}{apart}",
            quantity=quantity,
            unit=unit,
            kind=kind,
            point=point,
            provenance=f"{provenance}, from {what}",
            derived=True,
        )

    def per_token(name: str, provenance: str) -> Channel:
        quantity, unit = Quantity.ENERGY_PER_TOKEN, Unit.JOULES_PER_TOKEN
        return channel(name, quantity, unit, provenance, Kind.INTERVAL_MEAN)

    return Figures(
        energy=channel(
            points.ENERGY, Quantity.ENERGY, Unit.JOULE, "energy since the run's start, holes left out", Kind.COUNTER
        ),
        coverage=channel(
            points.COVERAGE, Quantity.OTHER, Unit.PERCENT, "share of the run that was measured", Kind.INSTANT
        ),
        so_far=per_token(points.PER_TOKEN, "energy since the turn's first token / tokens since"),
        decode=per_token(points.PER_TOKEN_DECODE, "energy from first to last token / (output tokens - 1)"),
        whole=per_token(points.PER_TOKEN_WHOLE, "energy from prompt sent to last token / output tokens"),
    )  # fmt: skip


@dataclass(slots=True)
class _Marks:
    """What had been used at the beginning of a turn and at its first token; the next token to be told of."""

    sent: Reached | None = None
    first: Reached | None = None
    next_ns: int = 0
    next_count: float = 0.0
    due_ns: int = 0
    settled: bool = False


class Account:
    """What one source tells of one run."""

    def __init__(self, source: Source, told: Figures) -> None:
        self.over = False
        """The run's end has been told."""
        self._source = source
        self._told = told
        self._start: Reached | None = None
        self._due_ns = 0
        self._coverage = 100.0
        """Told only where it is less, and again when it changes."""
        self._marks: dict[int, _Marks] = {}

    def tell(self, run: Run, now_ns: int, *, tokens: bool) -> Iterator[Told]:
        """What can be told now that could not before; per token only where that may be told."""
        newest_ns = self._source.newest_ns
        if newest_ns is None or newest_ns < run.t0_ns:
            self.over = run.ended_ns is not None and now_ns - run.ended_ns > WAIT_NS
            return
        if self._start is None:
            self._start = self._source.at(run.t0_ns)
        if self._start is not None:
            yield from self._tell_run(run, self._start, newest_ns, now_ns)
        if len(self._marks) > 2 * len(run.turns):
            self._marks = {t.number: m for t in run.turns if (m := self._marks.get(t.number)) is not None}
        for turn in run.turns if tokens else ():
            yield from self._tell_turn(turn, newest_ns, now_ns)

    def _tell_run(self, run: Run, start: Reached, newest_ns: int, now_ns: int) -> Iterator[Told]:
        ended_ns = run.ended_ns
        over = ended_ns is not None and (newest_ns >= ended_ns or now_ns - ended_ns > WAIT_NS)
        if self.over or (now_ns < self._due_ns and not over):
            return
        self._due_ns, self.over = now_ns + EVERY_NS, over
        end_ns = newest_ns if ended_ns is None else min(newest_ns, ended_ns)
        reached = self._source.at(end_ns)
        if reached is None or end_ns <= run.t0_ns:
            return
        yield Told(self._told.energy, end_ns, reached.joules - start.joules)
        share = (reached.covered_ns - start.covered_ns) / (end_ns - run.t0_ns)
        coverage = round(100 * min(1.0, share), 1)
        if coverage != self._coverage:
            self._coverage = coverage
            yield Told(self._told.coverage, end_ns, coverage)

    def _tell_turn(self, turn: Turn, newest_ns: int, now_ns: int) -> Iterator[Told]:
        marks = self._marks.setdefault(turn.number, _Marks())
        if marks.settled:
            return
        if marks.sent is None and turn.sent_ns is not None and newest_ns >= turn.sent_ns:
            marks.sent = self._source.at(turn.sent_ns)
        if marks.first is None and turn.first_ns is not None and newest_ns >= turn.first_ns:
            marks.first = self._source.at(turn.first_ns)
        if turn.ended is None:
            yield from self._tell_so_far(turn, marks, newest_ns, now_ns)
        else:
            yield from self._tell_end(turn, turn.ended, marks, newest_ns, now_ns)

    def _tell_so_far(self, turn: Turn, marks: _Marks, newest_ns: int, now_ns: int) -> Iterator[Told]:
        if not marks.next_ns and now_ns >= marks.due_ns:
            marks.next_ns, marks.next_count = turn.last_ns, turn.last_count
        if not turn.measured or not marks.next_ns or newest_ns < marks.next_ns or turn.first_ns is None:
            return
        tokens = round(marks.next_count - turn.first_count)
        value = self._per_token(marks.first, turn.first_ns, marks.next_ns, tokens)
        if value is not None:
            yield Told(self._told.so_far, marks.next_ns, value)
        marks.next_ns, marks.due_ns = 0, now_ns + EVERY_NS

    def _tell_end(
        self, turn: Turn, ended: TurnEnded, marks: _Marks, newest_ns: int, now_ns: int
    ) -> Iterator[Told]:
        last_ns, first_ns = ended.last_token_ns, ended.first_token_ns
        counts = turn.measured and ended.end in _COUNTED and not _flagged(ended)
        if not counts or last_ns is None or first_ns is None or now_ns - ended.t_ns > WAIT_NS:
            marks.settled = True
            return
        if newest_ns < last_ns:
            return
        marks.settled = True
        first = marks.first if turn.first_ns == first_ns else self._source.at(first_ns)
        output = ended.output_tokens
        decode = self._per_token(first, first_ns, last_ns, PerToken.DECODE.tokens(None, output))
        whole = self._per_token(marks.sent, turn.sent_ns or 0, last_ns, PerToken.WHOLE.tokens(None, output))
        for channel, value in (
            (self._told.decode, decode),
            (self._told.so_far, decode),
            (self._told.whole, whole),
        ):
            if value is not None:
                yield Told(channel, last_ns, value)

    def _per_token(self, start: Reached | None, t0_ns: int, t1_ns: int, tokens: int | None) -> float | None:
        """J for each token; None where too little of the span was measured, or the source is too slow for it."""
        period_ns, span_ns = self._source.integral.period_ns, t1_ns - t0_ns
        end = self._source.at(t1_ns)
        if start is None or end is None or period_ns is None or not tokens or span_ns <= 0:
            return None
        slow = span_ns < points.least_span_ns(self._told.energy.point, period_ns)
        if slow or end.covered_ns - start.covered_ns < LEAST_COVERAGE * span_ns:
            return None
        return (end.joules - start.joules) / tokens


def _flagged(ended: TurnEnded) -> bool:
    """Whether observed and reported decode rates are further apart than they should be."""
    observed = rates.decode_rate(ended.output_tokens, ended.first_token_ns, ended.last_token_ns)
    reported = rates.reported_decode_rate(ended.output_tokens, ended.decode_s)
    return rates.differ(observed, reported) is True
