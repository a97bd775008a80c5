"""The parts of a run as one source tells them live: the load, and the turn, prefill and decode of the last turn that counts.

The windows are those of the summary of a recording; each figure is told once, with all that it may be off in one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from drivers.clock import SECOND
from drivers.model import Channel, Kind, Quantity, Unit
from melt_tui.detectors.marks import Mark, Off, Source
from melt_tui.measures import points
from melt_tui.measures.energy import LEAST_COVERAGE, Amount, PerToken, Scope, less_idle, per_token

_BEFORE_NS: Final = SECOND
_AFTER_NS: Final = SECOND // 2
"""So far from where its process was seen to start a load may begin: starting it takes a while, and so does saying so."""

_WINDOWS: Final = {
    Scope.LOAD: "runtime start to ready",
    Scope.TURN: "prompt sent to last token",
    Scope.PREFILL: "prompt sent to first token",
    Scope.DECODE: "first to last token",
}
_DIVIDED: Final = {
    PerToken.MELT: "energy from prompt sent to last token / (output tokens - 1)",
    PerToken.PREFILL: "energy from prompt sent to first token / new prompt tokens",
}
"""Beside those by decode and output tokens."""


_ABOVE: Final = (
    (Scope.RUN, points.ENERGY, Unit.JOULE),
    (Scope.TURN, points.part(Scope.TURN), Unit.JOULE),
    (PerToken.DECODE, points.PER_TOKEN, Unit.JOULES_PER_TOKEN),
    (PerToken.WHOLE, points.PER_TOKEN_WHOLE, Unit.JOULES_PER_TOKEN),
    (PerToken.MELT, points.each(PerToken.MELT), Unit.JOULES_PER_TOKEN),
    (PerToken.PREFILL, points.each(PerToken.PREFILL), Unit.JOULES_PER_TOKEN),
)


class Told(NamedTuple):
    """A figure and the moment up to which it holds, in host time."""

    channel: Channel
    t_ns: int
    value: float


class Pair(NamedTuple):
    """The channel of a figure, and that of how far it may be off."""

    figure: Channel
    off: Channel

    def said(self, t_ns: int, figure: "Figure | None") -> Iterator[Told]:
        """The figure, where there is one."""
        if figure is not None:
            yield Told(self.figure, t_ns, figure.value)

    def within(self, t_ns: int, figure: "Figure | None") -> Iterator[Told]:
        """How far it may be off, where that is known."""
        if figure is not None and figure.off is not None:
            yield Told(self.off, t_ns, figure.off)


class Figure(NamedTuple):
    """A figure, and ± 95 % of it where that is known."""

    value: float
    off: float | None


class Used(NamedTuple):
    """What was used between two moments."""

    joules: float
    coverage: float
    amount: Amount | None
    """None where nobody can tell any more how far it may be off."""
    covered_ns: float = 0.0

    def net(self, idle: Amount | None) -> "Used | None":
        """Above idle power, where that is known; its own uncertainty enters."""
        if idle is None or self.amount is None:
            return None
        above = less_idle(self.amount, idle, self.covered_ns)
        return Used(above.value, self.coverage, above, self.covered_ns)

    @property
    def whole(self) -> Figure:
        """Of what was measured of it, as summaries have it."""
        return Figure(self.joules, None if self.amount is None else self.amount.uncertainty)

    def each(self, tokens: int) -> Figure:
        """For each of so many tokens."""
        known = None if self.amount is None else per_token(self.amount, self.coverage, tokens)
        return Figure(self.joules / tokens, None if known is None else known.uncertainty)


def used(source: Source, point: str, start: Mark | None, end: Mark | None, span_ns: int) -> Used | None:
    """None where too little of the span was measured, or the source is too slow for it."""
    period_ns = source.integral.period_ns
    if start is None or end is None or period_ns is None or span_ns <= 0:
        return None
    slow = span_ns < points.least_span_ns(point, period_ns)
    reached = source.between(start, end)
    coverage = min(1.0, reached.covered_ns / span_ns)
    if slow or coverage < LEAST_COVERAGE:
        return None
    return Used(reached.joules, coverage, source.amount(start, end), reached.covered_ns)


def energies(channel: Callable[..., Channel]) -> Mapping[Scope, Pair]:
    """The channels of the parts' joules: amounts of a span that is over, so no counters of energy."""
    return {
        scope: _pair(channel, points.part(scope), Unit.JOULE, f"energy from {window}, at least 95 % measured")
        for scope, window in _WINDOWS.items()
    }


def divided(channel: Callable[..., Channel]) -> Mapping[PerToken, Pair]:
    """Those of J/token; charts have that by decode and output tokens, and keep it."""
    return {
        each: _pair(channel, points.each(each), Unit.JOULES_PER_TOKEN, window)
        for each, window in _DIVIDED.items()
    }


def above_idle(channel: Callable[..., Channel]) -> Mapping[Scope | PerToken, Pair]:
    """What is told of the run, of the last turn and of its tokens less the mean power of the time before the run."""
    return {
        of: _pair(channel, points.net(name), unit, f"{name}, less idle power by the measured time")
        for of, name, unit in _ABOVE
    }


def _pair(channel: Callable[..., Channel], name: str, unit: Unit, provenance: str) -> Pair:
    return Pair(
        channel(name, Quantity.OTHER, unit, provenance, Kind.INSTANT),
        channel(points.off(name), Quantity.OTHER, unit, f"± 95 % of the {provenance}", Kind.INSTANT),
    )


@dataclass(slots=True)
class Load:
    """What one source tells of a load: it may have begun long before it is known when."""

    _process_ns: int | None = None
    _start: Source | None = None
    """What had been measured about the start of the process."""
    _known: bool = False
    """All of that has come."""
    _window: tuple[int, int] | None = None
    _told: bool = False
    _settled: bool = False

    def watch(self, source: Source, process_ns: int | None, off: Off) -> None:
        """Keep what is known of the start of a process, until all has come that tells something of it."""
        if process_ns != self._process_ns:
            self._process_ns, self._start, self._known = process_ns, None, False
        newest_ns = source.newest_ns
        if process_ns is None or self._known or newest_ns is None or newest_ns < process_ns:
            return
        self._start = source.excerpt(process_ns - _BEFORE_NS)
        last = self._start.mark(process_ns + _AFTER_NS, off) if newest_ns > process_ns + _AFTER_NS else None
        self._known = last is not None and last.final

    def tell(
        self, source: Source, pair: Pair, window: tuple[int, int], off: Off, *, late: bool
    ) -> Iterator[Told]:
        """Once its end was reached, and again how far it may be off when all has come; nothing of what is ``late``."""
        if window != self._window:
            self._window, self._told, self._settled = window, False, False
        newest_ns, (t0_ns, t1_ns) = source.newest_ns, window
        if self._settled or newest_ns is None:
            return
        if newest_ns < t1_ns or (late and not self._told):
            self._settled = late
            return
        end = source.mark(t1_ns, off)
        self._settled = end is None or end.final or late
        if self._told and not self._settled:
            return
        found = used(source, pair.figure.point, self._begun(source, t0_ns, off), end, t1_ns - t0_ns)
        figure = None if found is None else found.whole
        if not self._told:
            yield from pair.said(t1_ns, figure)
        self._told = True
        yield from pair.within(newest_ns, figure)

    def _begun(self, source: Source, t0_ns: int, off: Off) -> Mark | None:
        start, process_ns = self._start, self._process_ns
        near = process_ns is not None and process_ns - _BEFORE_NS <= t0_ns <= process_ns + _AFTER_NS
        return (start.mark(t0_ns, off) if start and near and self._known else None) or source.mark(t0_ns, off)
