"""What a source of power had reached at moments long ago: a run may be net of what was used before it began."""

from bisect import bisect_right
from typing import Final

import numpy as np

from drivers.clock import SECOND
from drivers.model import Kind
from melt_tui.detectors.reached import NOTHING, Reached
from melt_tui.measures.integral import Trace

MOST: Final = 256
"""Moments that are kept: each second of the last two minutes at least, and the fewer the longer ago they are."""


class History:
    """Energies up to moments of the source's own time, about a second apart."""

    def __init__(self, moments: list[tuple[int, Reached]] | None = None) -> None:
        self._moments = moments or []

    def note(self, first_ns: int, t_ns: int, reached: Reached) -> None:
        """What was reached at a moment, of a source that began at ``first_ns``; of those in one second one is kept."""
        moments = self._moments
        if not moments:
            moments.append((first_ns, NOTHING))
        if t_ns - moments[-1][0] < SECOND:
            return
        moments.append((t_ns, reached))
        if len(moments) > MOST:
            moments[: MOST // 2] = moments[: MOST // 2 : 2]

    def kept(self) -> "History":
        """The same, whatever will be noted."""
        return History(list(self._moments))

    @property
    def newest_ns(self) -> int | None:
        """The last moment."""
        return self._moments[-1][0] if self._moments else None

    def at(self, t_ns: int) -> Reached:
        """Up to a moment: on a straight line between two; as much as is known where there are none on both sides."""
        place = bisect_right(self._moments, t_ns, key=_moment)
        if place in (0, len(self._moments)):
            return self._moments[-1][1] if place else NOTHING
        (t0_ns, before), (t1_ns, after) = self._moments[place - 1], self._moments[place]
        return before.plus(after.since(before).share((t_ns - t0_ns) / (t1_ns - t0_ns)))

    def trace(self, timing_ns: float, refresh_ns: float) -> Trace:
        """As means of the intervals between the moments."""
        times = np.array([t_ns for t_ns, _ in self._moments], np.int64)
        joules = np.array([reached.joules for _, reached in self._moments])
        lengths = np.diff(times)
        return Trace(
            kind=Kind.INTERVAL_MEAN,
            times_ns=times[1:],
            values=np.diff(joules) * SECOND / lengths,
            period_ns=float(np.max(lengths, initial=SECOND)),
            timing_ns=timing_ns,
            refresh_ns=refresh_ns,
        )


def _moment(one: tuple[int, Reached]) -> int:
    return one[0]
