"""How a temperature goes on: towards where it levels off, as a body that gives its heat away. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean, stdev

from melt_tui.measures.conditions import Comparison

LEAST_S = 15.0
"""From less than that nothing is foretold."""
_NOISE = 3.0
"""A third differs from the next by so many sigmas of what it scatters, or nothing is told of it."""
_LEAST_SCATTER = 0.02
_FAR_S = 4 * 3600.0
_NEVER = 0.02
"""A bound that lies so much of the way beyond where it levels off may still be met: the fit is no truth."""

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

    def seconds_to(self, one: Comparison) -> float | None:
        """Until that comparison holds; None where it never will, or not within hours. 0: it does now."""
        now = self.level + self.distance if one.span_s is None else self._slope(one.span_s)
        if one.holds(now):
            return 0.0
        target = one.bound - self.level if one.span_s is None else one.bound
        start = self.distance if one.span_s is None else now
        share = target / start if start else 0.0
        if (not one.upper and one.span_s is not None) or not 0 < share < 1:
            return None
        wait_s = self.tau_s * log(1 / share)
        return wait_s if wait_s < _FAR_S else None

    def misses(self, one: Comparison) -> bool:
        """Whether it levels off on the wrong side of the bound, clearly."""
        if one.span_s is not None or one.holds(self.level):
            return False
        return abs(self.level - one.bound) > _NEVER * abs(self.distance)

    def _slope(self, span_s: float) -> float:
        """How much it will have changed in so many seconds, without a sign."""
        return abs(self.distance) * (1 - exp(-span_s / self.tau_s))


def course(points: Sequence[Point]) -> Course | None:
    """From its last minutes: by the means of three equal parts of the time. None where they tell nothing.

    Of y0, y1, y2 at equal distances on such a curve, (y2 - y1) / (y1 - y0) is the decay from one to the next.
    """
    if len(points) < 9 or points[-1][0] - points[0][0] < LEAST_S:
        return None
    start_s, third_s = points[0][0], (points[-1][0] - points[0][0]) / 3
    parts = [[v for s, v in points if int((s - start_s) / third_s) == part] for part in range(3)]
    if min(map(len, parts)) < 3:
        return None
    y0, y1, y2 = map(fmean, parts)
    if abs(y0 - y2) < _NOISE * _scatter(points) / sqrt(len(points) / 3):
        return None
    decay = (y2 - y1) / (y1 - y0) if y1 != y0 else 1.0
    if not 0 < decay < 1:
        return None
    tau_s = -third_s / log(decay)
    level = y2 - (y2 - y1) * decay / (decay - 1)
    # y2 is the mean over the last third: from it to now it has decayed further.
    x = third_s / tau_s
    distance = (y2 - level) * x / (exp(x) - 1)
    return Course(level, distance, tau_s)


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
