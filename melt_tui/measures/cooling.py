"""How a temperature goes on: towards where it levels off, as a body that gives its heat away. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log, sqrt
from statistics import fmean, stdev

from melt_tui.measures.conditions import Comparison

LEAST_S = 15.0
"""From less than that nothing is foretold."""
_NOISE = 3.0
"""A third differs from the next by so many sigmas of what it scatters, or nothing is told of it."""
_LEAST_SCATTER = 0.02
_UNEVEN = 0.1
"""Thirds may lie so much further apart from one another than from the next, as a part of that."""
_FAR_S = 4 * 3600.0
_NEVER = 0.5
"""A bound that lies less far beyond where it levels off, as a part of the way to there, may still be met."""

Point = tuple[float, float]
"""Seconds, and the value then."""


@dataclass(frozen=True, slots=True)
class Course:
    """``value(s) = level + distance · exp(-s / tau_s)``, ``s`` seconds from now; without ``tau_s`` it stands still."""

    level: float
    """Where it levels off."""
    distance: float
    """How far from there it is now."""
    tau_s: float

    def at(self, seconds: float) -> float:
        """The value so many seconds from now."""
        return self.level + self.distance * exp(-seconds / self.tau_s)

    def misses(self, one: Comparison) -> bool:
        """Whether it levels off on the wrong side of the bound, clearly: bodies have slower parts that come later."""
        if one.span_s is not None or one.holds(self.level):
            return False
        return abs(self.level - one.bound) > _NEVER * abs(self.distance)


def seconds_to(one: Comparison, points: Sequence[Point], known: Course | None) -> float | None:
    """Until that comparison holds, as it goes on now; None where it never will, or not within hours. Without a course it
    is taken to stand still."""
    if not points:
        return None
    way = known or Course(points[-1][1], 0.0, LEAST_S)
    if one.span_s is not None:
        return _of_slope(one, one.span_s, points, way)
    if one.holds(way.at(0.0)):
        return 0.0
    share = (one.bound - way.level) / way.distance if way.distance else 0.0
    wait_s = way.tau_s * log(1 / share) if 0 < share < 1 else _FAR_S
    return wait_s if wait_s < _FAR_S else None


def _of_slope(one: Comparison, span_s: float, points: Sequence[Point], way: Course) -> float | None:
    """By what the straight line will be, through what was and what comes."""
    stride = max(1, round(span_s / 60))
    now_s, ahead_s = points[-1][0], 0.0
    while ahead_s < _FAR_S:
        from_s = now_s + ahead_s - span_s
        past = [point for point in points[::stride] if point[0] >= from_s]
        first = max(stride, ceil(from_s - now_s))
        future = [(now_s + k, way.at(k)) for k in range(first, int(ahead_s) + 1, stride)]
        change = line([*past, *future], span_s)
        if change is not None and one.holds(change):
            return ahead_s
        ahead_s += max(1.0, 0.1 * ahead_s)
    return None


def since_turn(points: Sequence[Point], seconds: float, *, falling: bool) -> Sequence[Point]:
    """Of the last so many seconds those from the highest on, of what shall fall; from the lowest on, of what shall rise;
    all of them where it has only just turned, or not at all."""
    last = [point for point in points if point[0] > points[-1][0] - seconds]
    turn = (max if falling else min)(range(len(last)), key=lambda i: last[i][1], default=0)
    return last[turn:] if last and last[-1][0] - last[turn][0] >= LEAST_S else last


def course(points: Sequence[Point]) -> Course | None:
    """From its last minutes: by the means of three equal parts of the time. None where they tell nothing, or it is not
    there now where they say.

    Of y0, y1, y2 at equal distances on such a curve, (y2 - y1) / (y1 - y0) is the decay from one to the next.
    """
    if len(points) < 9 or points[-1][0] - points[0][0] < LEAST_S:
        return None
    third = len(points) // 3
    parts = [points[at : at + third] for at in range(len(points) - 3 * third, len(points), third)]
    (t0, y0), (t1, y1), (t2, y2) = ((fmean(s for s, _ in one), fmean(v for _, v in one)) for one in parts)
    third_s = (t2 - t0) / 2
    if abs(t1 - t0 - third_s) > _UNEVEN * third_s:
        return None
    scatter = _scatter(points)
    if abs(y0 - y2) < _NOISE * scatter / sqrt(len(points) / 3):
        return None
    decay = (y2 - y1) / (y1 - y0) if y1 != y0 else 1.0
    if not 0 < decay < 1:
        return None
    tau_s = -third_s / log(decay)
    level = y2 - (y2 - y1) * decay / (decay - 1)
    # y2 is the mean over the last third: from it to now it has decayed further.
    x = third_s / tau_s
    distance = (y2 - level) * x / (exp(x) - 1)
    off = abs(level + distance - points[-1][1])
    return Course(level, distance, tau_s) if off < 4 * scatter + 0.1 * abs(y0 - y2) else None


def line(points: Sequence[Point], span_s: float) -> float | None:
    """How much it changes in ``span_s``, without a sign, by a straight line through the last ``span_s``; None where less
    than nine tenths of that time is known."""
    if not points:
        return None
    last = [(s, v) for s, v in points if s >= points[-1][0] - span_s]
    if len(last) < 3 or last[-1][0] - last[0][0] < 0.9 * span_s - 1:
        return None
    middle = fmean(s for s, _ in last)
    spread = sum((s - middle) ** 2 for s, _ in last)
    return abs(sum((s - middle) * v for s, v in last) / spread * span_s) if spread > 0 else None


def _scatter(points: Sequence[Point]) -> float:
    """One sigma of a value about its neighbours."""
    steps = [b - a for (_, a), (_, b) in pairwise(points)]
    return max(_LEAST_SCATTER, stdev(steps) / sqrt(2)) if len(steps) > 1 else _LEAST_SCATTER
