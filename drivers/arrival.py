"""When samples were taken, from when their blocks arrived: a line fitted below the arrivals. Pure.

A meter with a crystal takes sample ``k`` at ``t + k · period``; we learn of it later, never earlier. So of all lines the
true one lies below every point (samples so far, arrival), and touches those that were least delayed. The line that does
this with the least total delay is an edge of the points' lower hull, the one above their middle (skew estimation by
linear programming: Moon, Skelly, Towsley, INFOCOM 1999). Points are thinned to the least delayed of each second, and
those of the last two minutes count, so that a crystal may drift.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from drivers.clock import MILLISECOND, SECOND

BIN_NS = SECOND
BINS = 120
JUMP_NS = SECOND
"""A block this far off the line is no delay: samples are missing, or the meter's clock has jumped."""

SHIFT_NS = 5 * MILLISECOND
"""Where every block of ``STAYING`` whole seconds is later than this, and by the same, samples are missing. What waits for
a reader that is too slow is late too, but catches up or falls behind: by the same it is not for long."""

STAYING = 3
SAME_NS = 2 * MILLISECOND
"""How much the least delays of these seconds may differ."""

UNFITTED_NS = 20 * MILLISECOND
"""How late a block may have come, before there are others to compare it with: a wake-up of the reader."""

PAUSE = 5
PAUSED_NS = 100 * MILLISECOND
"""So many periods of silence, and at least that long, are a pause of a meter that is not exact, not a slower rate, nor a
reader that came late. A shorter pause is seen as a lag that stays."""

_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a block stands: the times of its first and last sample, and how many samples the clock misses before it,
    beyond those that were known to be lost."""

    t0_ns: int
    t1_ns: int
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """What is known of the meter's clock."""

    rate_hz: float
    rate_uncertainty_hz: float
    uncertainty_ns: int
    """Of the times: samples were taken at their times ± this."""
    measured: bool
    """Whether the rate was measured; otherwise it is the nominal one."""


Point = tuple[int, int]
"""Samples so far, and when the last of them arrived."""


class Arrivals:
    """Places the blocks of one meter. Times never fall, and blocks of an unbroken stream join without a seam.

    ``tolerance`` is how far the nominal rate may be off, as a fraction; ``latency_ns`` how late the least delayed block
    may have come, which no fit can tell. With ``exact`` a lag that stays means missing samples; without, that the meter
    paused: so it is taken at once after a silence of ``pause_ns``.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        tolerance: float = 1e-3,
        latency_ns: int = MILLISECOND,
        exact: bool = True,
        pause_ns: int = PAUSED_NS,
    ) -> None:
        self._nominal_ns = SECOND / rate_hz
        self._tolerance = tolerance
        self._latency_ns = latency_ns
        self._exact = exact
        self._pause_ns = pause_ns
        self._count = 0
        self._last_ns: int | None = None
        self._arrived_ns = 0
        self._late_ns: list[float] = []
        self._best: Point | None = None
        self._best_delay_ns = 0.0
        self._anchor: Point = (0, 0)
        self._restart(0, 0)

    @property
    def fit(self) -> Fit:
        """What is known now."""
        rate_hz = SECOND / self._period_ns
        return Fit(
            rate_hz,
            rate_hz * (self._slope_error if self._measured else self._tolerance),
            round(self._spread_ns) + self._latency_ns,
            self._measured,
        )

    def place(self, arrival_ns: int, n: int, skipped: int = 0) -> Placed:
        """Where ``n`` ≥ 1 samples stand that came until ``arrival_ns``, after ``skipped`` ones that are known to be lost.

        Arrivals do not fall.
        """
        self._count += skipped + n
        missing, begins = 0, self._last_ns is None or self._paused(arrival_ns, n)
        if begins:
            self._restart(self._count, arrival_ns)
        else:
            missing = self._settle(arrival_ns)
        self._arrived_ns = arrival_ns
        t0_ns, t1_ns = self._joined(n, seamless=not (begins or skipped or missing))
        return Placed(t0_ns, t1_ns, missing)

    def _paused(self, arrival_ns: int, n: int) -> bool:
        """Whether a meter that is not exact has written nothing for a while."""
        silence_ns = arrival_ns - self._arrived_ns - n * self._period_ns
        return not self._exact and silence_ns > max(PAUSE * self._period_ns, self._pause_ns)

    def _settle(self, arrival_ns: int) -> int:
        """Take a block into the fit; how many samples are missing before it."""
        delay_ns = arrival_ns - self._at(self._count)
        if delay_ns < -JUMP_NS:
            self._restart(self._count, arrival_ns)
        elif delay_ns > JUMP_NS and self._exact:
            return self._missed(delay_ns)
        return self._collect(arrival_ns)

    def _collect(self, arrival_ns: int) -> int:
        """Add the point to its second, and close seconds that are over."""
        missing = 0
        if arrival_ns >= self._bin_end_ns:
            missing = self._close_bin(arrival_ns)
        delay_ns = arrival_ns - self._at(self._count)
        if self._best is None or delay_ns < self._best_delay_ns:
            self._best, self._best_delay_ns = (self._count, arrival_ns), delay_ns
        if delay_ns < 0:
            self._anchor = (self._count, arrival_ns)
        return missing

    def _close_bin(self, arrival_ns: int) -> int:
        self._bin_end_ns = arrival_ns + BIN_NS
        known = self._best is not None and (self._exact or self._measured)
        late = known and self._best_delay_ns > SHIFT_NS + self._spread_ns
        self._late_ns = [*self._late_ns[1 - STAYING :], self._best_delay_ns] if late else []
        best, self._best = self._best, None
        if len(self._late_ns) == STAYING and self._stays():
            return self._stays_late(best)
        if best is not None and not late:
            self._points.append(best)
            self._refit()
        return 0

    def _stays(self) -> bool:
        """Whether the lag of these seconds is no backlog. One that grows is the fit's own fault where the rate is not known
        well: it was taken for a faster one."""
        same = max(self._late_ns) - min(self._late_ns) <= SAME_NS + self._spread_ns
        return same or (not self._exact and self._late_ns == sorted(self._late_ns))

    def _stays_late(self, best: Point | None) -> int:
        """Samples are missing; or a meter that is not exact has paused, and from its best point on all begins anew."""
        if self._exact or best is None:
            return self._missed(min(self._late_ns))
        self._late_ns = []
        self._restart(*best)
        return 0

    def _missed(self, delay_ns: float) -> int:
        """A lag that stays, in samples."""
        self._late_ns, self._best = [], None
        missing = max(1, int(delay_ns / self._period_ns))
        self._count += missing
        return missing

    def _joined(self, n: int, *, seamless: bool) -> tuple[int, int]:
        """The block's times: its end by the line, its beginning one sample after the last block, or by the line too."""
        last_ns = self._last_ns
        t1_ns = round(self._at(self._count))
        if last_ns is None:
            self._last_ns = t1_ns
            return t1_ns - round((n - 1) * self._period_ns), t1_ns
        t1_ns = max(t1_ns, last_ns + n)
        t0_ns = last_ns + (t1_ns - last_ns) // n if seamless else t1_ns - round((n - 1) * self._period_ns)
        self._last_ns = t1_ns
        return min(t1_ns, max(t0_ns, last_ns + 1)), t1_ns

    def _at(self, count: int) -> float:
        """When the line says that sample number ``count`` was taken."""
        return self._anchor[1] + (count - self._anchor[0]) * self._period_ns

    def _restart(self, count: int, t_ns: int) -> None:
        self._points: deque[Point] = deque(maxlen=BINS)
        self._anchor = (count, t_ns)
        self._period_ns = self._nominal_ns
        self._spread_ns: float = UNFITTED_NS
        self._slope_error = self._tolerance
        self._measured = False
        self._bin_end_ns = t_ns + BIN_NS
        self._best, self._best_delay_ns = (count, t_ns), 0.0

    def _refit(self) -> None:
        points = self._points
        if len(points) < _ENOUGH:
            return
        line = lower_line(points)
        span_ns = points[-1][1] - points[0][1]
        spread_ns = _spread(points, line)
        slope_error = 2 * max(spread_ns, self._latency_ns / 2) / span_ns
        self._measured = slope_error <= self._tolerance and self._plausible(line[1])
        if not self._measured:
            line = _below(points, self._nominal_ns)
            spread_ns = _spread(points, line)
        self._anchor, self._period_ns = line
        self._spread_ns, self._slope_error = spread_ns, slope_error

    def _plausible(self, period_ns: float) -> bool:
        return abs(period_ns / self._nominal_ns - 1) <= 2 * self._tolerance


Line = tuple[Point, float]
"""A point that the line touches, and its slope in ns per sample."""


def lower_line(points: Sequence[Point]) -> Line:
    """The line below all of at least two points with the least total distance to them. Counts rise."""
    hull: list[Point] = []
    for point in points:
        while len(hull) > 1 and not _turns_up(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    middle = sum(count for count, _ in points) / len(points)
    i = next((i for i in range(1, len(hull)) if hull[i][0] >= middle), len(hull) - 1)
    (n0, t0), (n1, t1) = hull[i - 1], hull[i]
    return hull[i], (t1 - t0) / (n1 - n0)


def _turns_up(a: Point, b: Point, c: Point) -> bool:
    return (b[1] - a[1]) * (c[0] - b[0]) < (c[1] - b[1]) * (b[0] - a[0])


def _below(points: Sequence[Point], period_ns: float) -> Line:
    """The highest line of this slope below all points."""
    origin = points[0][0]
    touched = min(points, key=lambda point: point[1] - (point[0] - origin) * period_ns)
    return touched, period_ns


def _spread(points: Sequence[Point], line: Line) -> float:
    (n, t), period_ns = line
    return median(point_t - t - (count - n) * period_ns for count, point_t in points)
