"""A session that is still being written: what memory holds from memory, what is older from its recording."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from drivers.clock import SECOND
from drivers.events import Event
from drivers.model import Channel, ChannelKey
from melt_tui.timeline.filled import Announcing
from melt_tui.timeline.model import EVER, Interval, Timeline, View, Window

SETTLED_NS = SECOND // 2
"""Two commits: what lies so far before the last commit is wholly in the recording."""

REMEMBERED = 64
"""So many past stretches are kept, so that a chart that follows now asks the recording once in a while."""


class Changed(NamedTuple):
    """How often memory learned of times that it no longer held, or that were moved."""

    number: int
    known_ns: int
    """A recording committed after this moment knows of the last of them."""


UNCHANGED = Changed(0, EVER)


class Held(Announcing, Protocol):
    """A Timeline over the newest stretch, that knows how far back it reaches. Times are host times."""

    def view_from(self) -> int:
        """Earliest moment from which ``view`` knows everything."""
        ...

    def held_from(self, key: ChannelKey, width_ns: int) -> int:
        """Start of the first column of this width that is wholly held; ``EVER`` when all are."""
        ...

    def column_at(self, key: ChannelKey, t_ns: int, width_ns: int) -> int:
        """Start of the column of this width that holds ``t_ns``."""
        ...

    def events_from(self, kinds: Sequence[type[Event]]) -> int:
        """Earliest moment from which all events of these kinds, or of any, are held."""
        ...

    def changed(self, key: ChannelKey) -> Changed:
        """What came of times before ``held_from``, or moved them."""
        ...


@dataclass(frozen=True, slots=True)
class _Past:
    """Columns of the recording from ``a_ns`` to ``b_ns``, that know of so many changes."""

    a_ns: int
    b_ns: int
    changes: int
    window: Window


class Spliced:
    """The Timeline of a session in progress.

    Whatever ``live`` holds is answered by it alone, without the recording being touched: every look near now, every
    interval, every event but the oldest of the plentiful kinds. Older columns come from the recording, up to the first
    column that ``live`` holds whole; none is doubled or lost. Of what the recording has not yet committed and ``live``
    no longer holds, nothing is said.
    """

    def __init__(self, live: Held, recording: Timeline | None, committed_ns: Callable[[], int]) -> None:
        """``committed_ns`` tells up to which host time everything is in the recording."""
        self._live = live
        self._recording = recording
        self._committed_ns = committed_ns
        self._past: dict[tuple[ChannelKey, int], _Past] = {}

    def span(self) -> tuple[int, int]:
        """As ``Timeline.span``."""
        return self._live.span()

    def announced(self) -> Mapping[ChannelKey, Channel]:
        """As ``timeline.filled.Announcing.announced``."""
        return self._live.announced()

    def view(self, t_ns: int) -> View:
        """As ``Timeline.view``."""
        if self._recording is None or t_ns >= self._live.view_from() or t_ns > self._settled_ns():
            return self._live.view(t_ns)
        return self._recording.view(t_ns)

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """As ``Timeline.window``."""
        recent = self._live.window(key, t0_ns, t1_ns, columns)
        held = self._live.held_from(key, recent.width_ns)  # asked afterwards: a look lets memory go of some
        if self._recording is None or t0_ns >= held:
            return recent
        if t1_ns <= held:
            return self._settled(self._recording.window(key, t0_ns, t1_ns, columns))
        width = recent.width_ns
        past = self._older(self._recording, key, width, t0_ns, held)
        moved = width // 2 if self._live.changed(key).known_ns >= self._committed_ns() else 0
        first, edge = self._live.column_at(key, t0_ns, width) - moved, held - moved
        return _joined(_between(past, first, edge), _between(recent, edge, -EVER))

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """As ``Timeline.intervals``."""
        return self._live.intervals(t0_ns, t1_ns)

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """As ``Timeline.events``."""
        edge = self._live.events_from(kinds)
        recent = self._live.events(max(t0_ns, edge), t1_ns, kinds=kinds, limit=limit)
        if self._recording is None or t0_ns >= edge or len(recent) >= limit:
            return recent
        older = self._recording.events(t0_ns, min(t1_ns, edge - 1), kinds=kinds, limit=limit - len(recent))
        return (*older, *recent)

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``."""
        edge = self._live.events_from(kinds)
        if self._recording is not None and t_ns < edge - 1:
            older = self._recording.event_after(t_ns, kinds)
            if older is not None and older.t_ns < edge:
                return older
        return self._live.event_after(max(t_ns, edge - 1), kinds)

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``."""
        edge = self._live.events_from(kinds)
        recent = self._live.event_before(t_ns, kinds)
        if self._recording is None or edge == EVER or (recent is not None and recent.t_ns >= edge):
            return recent
        return self._recording.event_before(min(t_ns, edge), kinds)

    def _older(self, recording: Timeline, key: ChannelKey, width: int, t0_ns: int, held: int) -> Window:
        """At least the recorded columns from the one that holds ``t0_ns`` up to ``held``, a column's start."""
        columns = -(-(held - t0_ns) // width)
        a_ns, changed = held - columns * width, self._live.changed(key)
        known = self._past.get((key, width))
        if known and known.a_ns <= a_ns and known.b_ns == held and known.changes == changed.number:
            return known.window
        committed_ns = self._committed_ns()
        window = self._settled(recording.window(key, a_ns, held, columns))
        if max(held + SETTLED_NS, changed.known_ns + 1) <= committed_ns:
            if len(self._past) >= REMEMBERED:
                self._past.clear()
            self._past[key, width] = _Past(a_ns, held, changed.number, window)
        return window

    def _settled(self, window: Window) -> Window:
        """Without the columns that the recording may not have whole yet."""
        return _between(window, EVER, self._settled_ns() - window.width_ns + 1)

    def _settled_ns(self) -> int:
        return self._committed_ns() - SETTLED_NS


def _between(window: Window, first_ns: int, stop_ns: int) -> Window:
    """Its columns that start at ``first_ns <= t < stop_ns``."""
    low = bisect_left(window.starts_ns, first_ns)
    high = max(low, bisect_left(window.starts_ns, stop_ns))
    if low == 0 and high == len(window.starts_ns):
        return window
    return replace(
        window,
        starts_ns=window.starts_ns[low:high],
        counts=window.counts[low:high],
        minima=window.minima[low:high],
        maxima=window.maxima[low:high],
        means=window.means[low:high],
    )


def _joined(past: Window, recent: Window) -> Window:
    return replace(
        recent,
        starts_ns=past.starts_ns + recent.starts_ns,
        counts=past.counts + recent.counts,
        minima=past.minima + recent.minima,
        maxima=past.maxima + recent.maxima,
        means=past.means + recent.means,
    )
