"""Every interval of a session, in memory."""

from bisect import bisect_right

from drivers.events import Event
from melt_tui.timeline.fold import IntervalFold, IntervalRow, Track, by_start, touches
from melt_tui.timeline.model import Interval


class IntervalLog:
    """Intervals by track: those of one track follow each other, so that a look walks back over few."""

    def __init__(self) -> None:
        self._fold = IntervalFold()
        self._tracks: dict[Track, list[IntervalRow]] = {}

    def take(self, event: Event) -> None:
        """Take the next event off the bus."""
        for row in self._fold.take(event):
            rows = self._tracks.setdefault(row.track, [])
            if rows and rows[-1].number == row.number:
                rows[-1] = row
            else:
                rows.append(row)

    def touching(self, t0_ns: int, t1_ns: int) -> tuple[Interval, ...]:
        """As ``Timeline.intervals``."""
        found: list[IntervalRow] = []
        for rows in self._tracks.values():
            at = bisect_right(rows, t1_ns, key=_start) - 1
            while at >= 0 and touches(rows[at].interval, t0_ns, t1_ns):
                found.append(rows[at])
                at -= 1
        return by_start(found)


def _start(row: IntervalRow) -> int:
    return row.interval.t0_ns
