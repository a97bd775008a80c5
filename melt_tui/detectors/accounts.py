"""What one source of power tells of a run and of its turns, as far as its samples have come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Final

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnEnded
from drivers.model import Channel, Kind, Quantity, Unit
from melt_tui.detectors.idle import Idle
from melt_tui.detectors.marks import Mark, Off, Source
from melt_tui.detectors.parts import Figure, Load, Pair, Told, Used, above_idle, divided, energies, used
from melt_tui.measures import points, rates
from melt_tui.measures.energy import Amount, PerToken, Scope

EVERY_NS: Final = SECOND
"""So often figures of what goes on are told."""
WAIT_NS: Final = 15 * SECOND
"""A source that has not told the end of a run or turn so long after it will not tell it any more."""
_COUNTED: Final = frozenset({TurnEnd.LIMIT, TurnEnd.EOS})


NOT_OFF: Final = Off()
_NONE: Final = Figure(nan, nan)


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
    idle_ns: int | None = None
    """Since when its device was idle before it; None where it was not."""
    process_ns: int | None = None
    """When the last process was seen to start."""
    loaded: tuple[int, int] | None = None
    """Runtime start and ready."""
    tokens: float = 0.0
    """So far."""
    turns: list[Turn] = field(default_factory=list)
    """The last few."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The channels on which a source's figures of a device are told."""

    energy: Channel
    ours: Channel
    stated: Channel
    coverage: Channel
    so_far_off: Channel
    whole_off: Channel
    so_far: Channel
    decode: Channel
    whole: Channel
    parts: Mapping[Scope, Pair]
    each: Mapping[PerToken, Pair]
    above: Mapping[Scope | PerToken, Pair]
    """What is told net of idle."""


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

    def each_token(name: str, provenance: str) -> Channel:
        quantity, unit = Quantity.ENERGY_PER_TOKEN, Unit.JOULES_PER_TOKEN
        return channel(name, quantity, unit, provenance, Kind.INTERVAL_MEAN)

    def off(name: str, unit: Unit, provenance: str) -> Channel:
        return channel(name, Quantity.OTHER, unit, f"± {provenance}", Kind.INSTANT)

    return Figures(
        ours=off(points.OURS, Unit.JOULE, "95 % of the energy: between samples, at its ends, a gauge's refresh"),
        stated=off(points.STATED, Unit.JOULE, "of the energy that the meter's maker states"),
        so_far_off=off(points.PER_TOKEN_OFF, Unit.JOULES_PER_TOKEN, "95 % of the energy per decode token, all of it"),
        whole_off=off(points.WHOLE_OFF, Unit.JOULES_PER_TOKEN, "95 % of the energy per output token, all of it"),
        energy=channel(
            points.ENERGY, Quantity.ENERGY, Unit.JOULE, "energy since the run's start, holes left out", Kind.COUNTER
        ),
        coverage=channel(
            points.COVERAGE, Quantity.OTHER, Unit.PERCENT, "share of the run that was measured", Kind.INSTANT
        ),
        so_far=each_token(points.PER_TOKEN, "energy since the turn's first token / tokens since"),
        decode=each_token(points.PER_TOKEN_DECODE, "energy from first to last token / (output tokens - 1)"),
        whole=each_token(points.PER_TOKEN_WHOLE, "energy from prompt sent to last token / output tokens"),
        parts=energies(channel),
        each=divided(channel),
        above=above_idle(channel),
    )  # fmt: skip


@dataclass(slots=True)
class _Marks:
    """What had been used at the beginning of a turn and at its first token; the next token to be told of."""

    sent: Mark | None = None
    first: Mark | None = None
    next_ns: int = 0
    next_count: float = 0.0
    due_ns: int = 0
    told: bool = False
    """Its figures, at its end."""
    settled: bool = False
    """And how far they may be off: nothing will follow."""


class Account:
    """What one source tells of one run."""

    def __init__(self, source: Source, told: Figures) -> None:
        self.over = False
        """The run's end has been told, and how far it may be off."""
        self._source = source
        self._told = told
        self._off = Off()
        self._start: Mark | None = None
        self._due_ns = 0
        self._ended = False
        self._coverage = 100.0
        """Told only where it is less, and again when it changes."""
        self._marks: dict[int, _Marks] = {}
        self._load = Load()
        self._idle = Idle(source)
        self._idle_power: Amount | None = None
        self._net_told: set[Pair] = set()

    def tell(
        self, run: Run, now_ns: int, *, tokens: bool, off: Off = NOT_OFF, idle_ns: int | None = None
    ) -> Iterator[Told]:
        """What can be told now that could not before; per token only where that may be told.

        ``idle_ns``: since when its device was idle before the run; None where it was not, or nobody knows.
        """
        newest_ns, self._off = self._source.newest_ns, off
        if newest_ns is None or newest_ns < run.t0_ns:
            self.over = run.ended_ns is not None and now_ns - run.ended_ns > WAIT_NS
            return
        self._start = self._marked(self._start, run.t0_ns)
        yield from self._know_idle(run, idle_ns, now_ns)
        if self._start is not None:
            yield from self._tell_run(run, self._start, newest_ns, now_ns)
        if len(self._marks) > 2 * len(run.turns):
            self._marks = {t.number: m for t in run.turns if (m := self._marks.get(t.number)) is not None}
        if tokens:
            yield from self._tell_load(run, now_ns)
        for turn in run.turns if tokens else ():
            yield from self._tell_turn(turn, newest_ns, now_ns)

    def _marked(self, known: Mark | None, t_ns: int) -> Mark | None:
        """Of a moment that was reached: anew as long as samples come that tell something of it."""
        return known if known is not None and known.final else self._source.mark(t_ns, self._off) or known

    def _know_idle(self, run: Run, since_ns: int | None, now_ns: int) -> Iterator[Told]:
        """Net figures that were told are none any more when it shows that the time before was another."""
        self._idle_power = None
        if since_ns is not None:
            self._idle_power = self._idle.mean(since_ns, run.t0_ns, self._start, self._off)
        elif not self.over:
            for pair in self._net_told:
                yield from (*pair.said(now_ns, _NONE), *pair.within(now_ns, _NONE))
            self._net_told.clear()

    def _net(self, found: Used | None) -> Used | None:
        return None if found is None else found.net(self._idle_power)

    def _above(self, of: Scope | PerToken, figure: Figure | None) -> tuple[Pair, Figure | None]:
        pair = self._told.above[of]
        if figure is not None:
            self._net_told.add(pair)
        return pair, figure

    def _tell_run(self, run: Run, start: Mark, newest_ns: int, now_ns: int) -> Iterator[Told]:
        ended_ns = run.ended_ns
        late = ended_ns is not None and now_ns - ended_ns > WAIT_NS
        ended = ended_ns is not None and (late or newest_ns >= ended_ns)
        if self.over or (now_ns < self._due_ns and not ended):
            return
        self._due_ns = now_ns + EVERY_NS
        end_ns = newest_ns if ended_ns is None else min(newest_ns, ended_ns)
        end = self._source.mark(end_ns, self._off)
        self.over = ended and (late or end is None or end.final)
        if end is None or end_ns <= run.t0_ns or (self._ended and not self.over):
            return
        energy, reached = self._source.amount(start, end), self._source.between(start, end)
        net = self._net(Used(reached.joules, 1.0, energy, reached.covered_ns))
        pair, above = self._above(Scope.RUN, None if net is None else net.whole)
        if not self._ended:
            yield Told(self._told.energy, end_ns, reached.joules)
            yield from self._cover(run, end_ns, reached.covered_ns)
            yield from pair.said(end_ns, above)
        self._ended = ended
        yield from pair.within(newest_ns, above)
        if energy is not None:
            yield Told(self._told.ours, newest_ns, energy.integration)
            if energy.accuracy is not None:
                yield Told(self._told.stated, newest_ns, energy.accuracy)

    def _cover(self, run: Run, end_ns: int, covered_ns: float) -> Iterator[Told]:
        coverage = round(100 * min(1.0, covered_ns / (end_ns - run.t0_ns)), 1)
        if coverage != self._coverage:
            self._coverage = coverage
            yield Told(self._told.coverage, end_ns, coverage)

    def _tell_load(self, run: Run, now_ns: int) -> Iterator[Told]:
        if run.loaded is None:
            self._load.watch(self._source, run.process_ns, self._off)
        else:
            late = now_ns - run.loaded[1] > WAIT_NS
            pair = self._told.parts[Scope.LOAD]
            yield from self._load.tell(self._source, pair, run.loaded, self._off, late=late)

    def _tell_turn(self, turn: Turn, newest_ns: int, now_ns: int) -> Iterator[Told]:
        marks = self._marks.setdefault(turn.number, _Marks())
        if marks.settled:
            return
        if turn.sent_ns is not None and newest_ns >= turn.sent_ns:
            marks.sent = self._marked(marks.sent, turn.sent_ns)
        if turn.first_ns is not None and newest_ns >= turn.first_ns:
            marks.first = self._marked(marks.first, turn.first_ns)
        if turn.ended is None:
            yield from self._tell_so_far(turn, marks, newest_ns, now_ns)
        else:
            yield from self._tell_end(turn, turn.ended, marks, newest_ns, now_ns)

    def _tell_so_far(self, turn: Turn, marks: _Marks, newest_ns: int, now_ns: int) -> Iterator[Told]:
        if not marks.next_ns and now_ns >= marks.due_ns:
            marks.next_ns, marks.next_count = turn.last_ns, turn.last_count
        if not turn.measured or not marks.next_ns or newest_ns < marks.next_ns or turn.first_ns is None:
            return
        tokens, end_ns = round(marks.next_count - turn.first_count), marks.next_ns
        end = self._source.mark(end_ns, self._off)
        found = self._used(marks.first, end, end_ns - turn.first_ns)
        so_far = Pair(self._told.so_far, self._told.so_far_off), _each(found, tokens)
        for pair, each in (so_far, self._above(PerToken.DECODE, _each(self._net(found), tokens))):
            yield from pair.said(end_ns, each)
            yield from pair.within(end_ns, each)
        marks.next_ns, marks.due_ns = 0, now_ns + EVERY_NS

    def _tell_end(
        self, turn: Turn, ended: TurnEnded, marks: _Marks, newest_ns: int, now_ns: int
    ) -> Iterator[Told]:
        last_ns, first_ns, late = ended.last_token_ns, ended.first_token_ns, now_ns - ended.t_ns > WAIT_NS
        counts = turn.measured and ended.end in _COUNTED and not _flagged(ended)
        if not counts or last_ns is None or first_ns is None or (late and not marks.told):
            marks.settled = True
            return
        if newest_ns < last_ns:
            return
        last = self._source.mark(last_ns, self._off)
        marks.settled = last is None or last.final or late
        if marks.told and not marks.settled:
            return
        first = marks.first if turn.first_ns == first_ns else self._source.mark(first_ns, self._off)
        parts = {
            Scope.TURN: self._used(marks.sent, last, last_ns - (turn.sent_ns or 0)),
            Scope.PREFILL: self._used(marks.sent, first, first_ns - (turn.sent_ns or 0)),
            Scope.DECODE: self._used(first, last, last_ns - first_ns),
        }
        told = list(self._figures(parts, ended))
        if not marks.told:
            decode = _each(parts[Scope.DECODE], PerToken.DECODE.tokens(None, ended.output_tokens))
            yield from Pair(self._told.decode, self._told.so_far_off).said(last_ns, decode)
            for pair, figure in told:
                yield from pair.said(last_ns, figure)
        marks.told = True
        for pair, figure in told:
            yield from pair.within(newest_ns, figure)

    def _figures(
        self, parts: Mapping[Scope, Used | None], ended: TurnEnded
    ) -> Iterator[tuple[Pair, Figure | None]]:
        """All that is told of a turn, with how far it may be off."""
        told = self._told
        per_token = {
            PerToken.DECODE: Pair(told.so_far, told.so_far_off),
            PerToken.WHOLE: Pair(told.whole, told.whole_off),
            **told.each,
        }
        for each, pair in per_token.items():
            found, tokens = parts[each.scope], each.tokens(ended.prompt_tokens, ended.output_tokens)
            yield pair, _each(found, tokens)
            yield self._above(each, _each(self._net(found), tokens))
        net = self._net(parts[Scope.TURN])
        yield self._above(Scope.TURN, None if net is None else net.whole)
        for scope, found in parts.items():
            yield told.parts[scope], None if found is None else found.whole

    def _used(self, start: Mark | None, end: Mark | None, span_ns: int) -> Used | None:
        return used(self._source, self._told.energy.point, start, end, span_ns)


def _each(found: Used | None, tokens: int | None) -> Figure | None:
    return None if found is None or not tokens else found.each(tokens)


def _flagged(ended: TurnEnded) -> bool:
    """Whether observed and reported decode rates are further apart than they should be."""
    observed = rates.decode_rate(ended.output_tokens, ended.first_token_ns, ended.last_token_ns)
    reported = rates.reported_decode_rate(ended.output_tokens, ended.decode_s)
    return rates.differ(observed, reported) is True
