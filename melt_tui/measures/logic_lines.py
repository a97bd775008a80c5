"""A meter's clock against the device's that it feeds, by a line of the device's that the meter reads: pure.

A program on the device moves the line as it works: away from where it rests at one moment of each turn, and back at a
later one, or, of a pulse, as soon as it likes. Which moments these are is found, or told. Each way to read the line is
tried at every shift: its cost is what it leaves over, moments without an edge and edges without a moment. The cheapest
is believed if no other one is nearly as cheap, and if as many edges would hardly have fallen into place by chance.

What lies between a moment and the edge that marks it is no matter of clocks and enters all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray

from melt_tui.measures.alignment import MILLISECOND, REACH_NS, SURE, Alignment, Values, nothing

Times = NDArray[np.int64]

NEAR_NS = 25 * MILLISECOND
"""An edge this far from where its moment should be belongs to it."""

PULSE_NS = 4 * NEAR_NS
"""What takes longer is hardly a pulse."""

MOST_OVER = 0.25
"""So many moments without an edge, or edges without a moment, for each moment: then the line does not follow the turns."""

MOST_EDGES = 8
"""So many edges for each turn: it is moved by something else."""


class Moment(StrEnum):
    """Of a turn."""

    PROMPT = "prompt"
    """Sent."""
    FIRST = "first-token"
    LAST = "last-token"


Turns = Mapping[Moment, Sequence[int]]
"""When each moment was, turn by turn, by the device's clock; those that are known."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Changes of a line, in order, by the meter's clock: each lies within ``widths_ns`` before its time."""

    times_ns: Times
    rising: NDArray[np.bool_]
    widths_ns: Values

    def __len__(self) -> int:
        return len(self.times_ns)

    def between(self, t0_ns: int, t1_ns: int) -> "Edges":
        """Those of this span."""
        inside = slice(*np.searchsorted(self.times_ns, [t0_ns, t1_ns]).tolist())
        return Edges(self.times_ns[inside], self.rising[inside], self.widths_ns[inside])


def edges_of(times_ns: Times, levels: Values, every_ns: float | None) -> Edges:
    """The changes of a line that was read at these times: each between a reading and the one before it.

    ``every_ns``: the line was looked at so often, and only what changed was told.
    """
    known = np.isfinite(levels)
    times_ns, high = times_ns[known], levels[known] >= 0.5
    places = np.flatnonzero(high[1:] != high[:-1]) + 1
    times = times_ns[places]
    # lines that came in one piece bear one time: what is before all of them counts
    before = times_ns[np.maximum(np.searchsorted(times_ns, times) - 1, 0)]
    widths = (times - before).astype(np.float64)
    return Edges(times, high[places], widths if every_ns is None else np.minimum(widths, every_ns))


def align_line(edges: Edges, turns: Turns, name: str, leaving: Moment | None = None) -> Alignment:
    """Where the turns lie among the edges of the line ``name``; ``leaving``: where the line is told to leave its rest."""
    if not len(edges):
        return nothing(f"{name} does not change beside the run")
    prompts = turns.get(Moment.PROMPT, ())
    if len(edges) > MOST_EDGES * (len(prompts) + 1):
        return _stranger(edges, prompts, name)
    look = _Look(edges, turns)
    ways = [way for way in _WAYS if leaving in {None, way[0]}]
    found = [one for way in ways for one in look.explanations(way) if one.fits]
    if not found:
        return _stranger(edges, prompts, name)
    best = min(found, key=lambda one: (one.over, one.within_ns))
    rivals = [one for one in found if abs(one.offset_ns - best.offset_ns) > one.within_ns + best.within_ns]
    odds = sum(_MISS ** (best.over - one.over) for one in rivals)
    confidence = 1 / (1 + odds + look.chance(best))
    if confidence < SURE:
        return nothing(_unsure(name, best, rivals), confidence)
    return Alignment(
        offset_ns=round(best.offset_ns),
        uncertainty_ns=max(1, round(best.within_ns)),
        confidence=confidence,
        edges=best.edges,
        evidence=f"line {name} {best.words}",
    )


def _stranger(edges: Edges, prompts: Sequence[int], name: str) -> Alignment:
    times = "once" if len(edges) == 1 else f"{len(edges)} times"
    turns = "the turn" if len(prompts) == 1 else f"the {len(prompts)} turns"
    return nothing(f"{name} changes {times} beside the run, and not in step with {turns}")


def _unsure(name: str, best: "_Explanation", rivals: Sequence["_Explanation"]) -> str:
    others = {one.way[0] for one in rivals} - {best.way[0]}
    if not others:
        return f"{name} changes too seldom, or too evenly, to say which edge belongs to which turn"
    moments = " or ".join(moment for moment in Moment if moment in {best.way[0], *others})
    return f"{name} may mark {moments}: tell which, as --line {name}={best.way[0]}"


_Way = tuple[Moment, Moment | None]
"""At which moment the line leaves its rest, and at which it comes back; None: after a time of its own."""

_WAYS: Sequence[_Way] = (
    (Moment.PROMPT, Moment.LAST),
    (Moment.PROMPT, Moment.FIRST),
    (Moment.FIRST, Moment.LAST),
    (Moment.PROMPT, None),
    (Moment.FIRST, None),
    (Moment.LAST, None),
)

_MISS = 20.0
"""How much less likely each thing makes a way that it leaves over."""

_LONG_PULSE = 2
"""A pulse that is as long as some work costs as much as so many."""

_SHIFTS = 4
"""So many are looked at of each way, those first into which most edges fall."""


@dataclass(frozen=True, slots=True)
class _Explanation:
    """One way to read the line, at one shift."""

    way: _Way
    offset_ns: float
    within_ns: float
    edges: int
    """That have their moments."""
    moments: int
    over: int

    @property
    def fits(self) -> bool:
        """Whether hardly anything is left over."""
        return self.edges > 1 and self.over <= MOST_OVER * self.moments

    @property
    def words(self) -> str:
        """At which moments the line changes."""
        return f"from {self.way[0]} to {self.way[1]}" if self.way[1] else f"at {self.way[0]}"


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Moments and their edges: how far each moment is after its edge."""

    off: Values
    widths: Values
    places: NDArray[np.intp]
    """Of the edges."""


class _Look:
    """Edges that leave rest and that return to it, beside the moments; all counted from the first prompt."""

    def __init__(self, edges: Edges, turns: Turns) -> None:
        zero_ns = min(turns[Moment.PROMPT])
        middles = edges.times_ns - zero_ns - edges.widths_ns / 2
        leaving = edges.rising == edges.rising[0]
        self._leaving, self._leaving_widths = middles[leaving], edges.widths_ns[leaving]
        self._back, self._back_widths = middles[~leaving], edges.widths_ns[~leaving]
        self._moments = {
            kind: (np.array(turns.get(kind, ()), np.int64) - zero_ns).astype(np.float64) for kind in Moment
        }

    def explanations(self, way: _Way) -> Iterator[_Explanation]:
        """The likeliest shifts of one way to read the line."""
        away, back = self._moments[way[0]], self._returns(way)
        apart = np.concatenate([_apart(away, self._leaving), _apart(back, self._back)])
        apart = np.sort(apart[np.abs(apart) <= REACH_NS])
        for _ in range(_SHIFTS):
            if not len(apart):
                return
            ends = np.searchsorted(apart, apart + 2 * NEAR_NS, "right")
            first = int(np.argmax(ends - np.arange(len(apart))))
            shift = float(np.median(apart[first : ends[first]]))
            found = self._explained(way, shift)
            if found is not None:
                yield found
            apart = apart[np.abs(apart - shift) > 2 * NEAR_NS]

    def chance(self, one: _Explanation) -> float:
        """How many shifts would bring as many edges into place if the line had nothing to do with the turns."""
        every = np.concatenate(list(self._moments.values()))
        n = len(self._leaving) + len(self._back)
        near = min(1.0, n * 2 * NEAR_NS / (float(np.ptp(every)) + 2 * REACH_NS))
        return float(n * one.moments * comb(one.moments - 1, one.edges - 1) * near ** (one.edges - 1))

    def _returns(self, way: _Way) -> Values:
        return self._moments[way[1]] if way[1] else np.empty(0)

    def _explained(self, way: _Way, shift: float) -> _Explanation | None:
        away = _paired(self._moments[way[0]], self._leaving, self._leaving_widths, shift)
        back = _paired(self._returns(way), self._back, self._back_widths, shift)
        off = np.concatenate([away.off, back.off])
        if not len(off):
            return None
        n, moments = len(off), len(self._moments[way[0]]) + len(self._returns(way))
        spare = len(self._leaving) - len(away.off)
        spare += len(self._back) - len(back.off) if way[1] else self._pulses(away)
        within = _spread(off) + float(np.mean(np.concatenate([away.widths, back.widths]))) / 2
        if len(away.off) and len(back.off):
            within = max(within, abs(float(away.off.mean() - back.off.mean())) / 2)
        return _Explanation(way, float(off.mean()), within, n, moments, moments - n + spare)

    def _pulses(self, away: _Pairs) -> int:
        """What is left over of edges back to rest if these begin pulses: nothing of short ones that are alike."""
        starts = self._leaving[away.places]
        following = np.searchsorted(self._back, starts, "right")
        known = following < len(self._back)
        if not known.any():
            return 0
        lengths = self._back[following[known]] - starts[known]
        middle = float(np.median(lengths))
        if (np.abs(lengths - middle) > NEAR_NS).any():
            return len(lengths)
        return 0 if middle <= PULSE_NS else _LONG_PULSE


def _apart(moments: Values, edges: Values) -> Values:
    return np.asarray((moments[:, None] - edges[None, :]).ravel())


def _paired(moments: Values, edges: Values, widths: Values, shift: float) -> _Pairs:
    """Each moment with the edge that is nearest to where it should be, if it is near; no edge twice."""
    if not len(edges) or not len(moments):
        return _Pairs(np.empty(0), np.empty(0), np.empty(0, np.intp))
    nearest = np.abs(_apart(moments, edges).reshape(len(moments), -1) - shift).argmin(axis=1)
    off = moments - edges[nearest]
    near = np.abs(off - shift) <= NEAR_NS
    near[1:] &= nearest[1:] != nearest[:-1]
    return _Pairs(off[near], widths[nearest[near]], nearest[near])


def _spread(off: Values) -> float:
    """± 95 % of the mean of so many."""
    n = len(off)
    return _student(n - 1) * float(np.std(off, ddof=1)) / sqrt(n) if n > 1 else 0.0


def _student(freedom: int) -> float:
    """Between which ± quantile 95 % of Student's distribution lie."""
    if freedom <= len(_FEW):
        return _FEW[freedom - 1]
    return 1.96 + 2.4 / freedom + 3 / freedom**2


_FEW = (12.71, 4.30, 3.18, 2.78, 2.57)
