"""Events on shelves, in the order of views."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from drivers.events import Event
from melt_tui.timeline.model import EVER

Told = tuple[int, int, Event]
"""``(t_ns, number of publication, event)``: events in the order of views."""


class Shelf:
    """Events in order of ``(t_ns, publication)``; with a limit the oldest are dropped."""

    __slots__ = ("_events", "_limit", "_numbers", "_times", "held_ns")

    def __init__(self, limit: int | None = None) -> None:
        self._times = array("q")
        self._numbers = array("q")
        self._events: list[Event] = []
        self._limit = limit
        self.held_ns = EVER
        """Everything from this moment on is here."""

    def put(self, number: int, event: Event) -> Sequence[Told]:
        """Take an event published after all others; what is dropped for it, or itself where it comes too late."""
        at = len(self._times)
        if at and event.t_ns < self._times[-1]:
            at = bisect_right(self._times, event.t_ns)
        if event.t_ns < self.held_ns:
            return ((event.t_ns, number, event),)
        self._times.insert(at, event.t_ns)
        self._numbers.insert(at, number)
        self._events.insert(at, event)
        if self._limit is not None and len(self._times) > self._limit + self._limit // 8:
            return self._trim(self._limit)
        return ()

    def upto(self, t_ns: int) -> int:
        """How many happened at or before ``t_ns``."""
        return bisect_right(self._times, t_ns)

    def before(self, t_ns: int) -> int:
        """How many happened before ``t_ns``."""
        return bisect_left(self._times, t_ns)

    def told(self, low: int, high: int) -> Iterable[Told]:
        """Numbers ``low … high - 1`` on this shelf."""
        return zip(self._times[low:high], self._numbers[low:high], self._events[low:high], strict=True)

    def last(self, t_ns: int) -> Told | None:
        """The last at or before ``t_ns``."""
        return self.at(self.upto(t_ns) - 1)

    def at(self, i: int) -> Told | None:
        """Number ``i`` on this shelf, if there is one."""
        if 0 <= i < len(self._times):
            return self._times[i], self._numbers[i], self._events[i]
        return None

    def _trim(self, limit: int) -> Sequence[Told]:
        old = len(self._times) - limit
        self.held_ns = self._times[old - 1] + 1
        old = min(bisect_right(self._times, self._times[old - 1]), len(self._times))
        dropped = tuple(self.told(0, old))
        del self._times[:old]
        del self._numbers[:old]
        del self._events[:old]
        return dropped


class Shelves:
    """Events of one device or one run: a shelf for each kind."""

    __slots__ = ("_shelves",)

    def __init__(self) -> None:
        self._shelves: dict[type[Event], Shelf] = {}

    def put(self, number: int, event: Event) -> None:
        """Take an event published after all others."""
        self._shelves.setdefault(type(event), Shelf()).put(number, event)

    def last(self, kind: type[Event], t_ns: int) -> Told | None:
        """The last of this kind at or before ``t_ns``."""
        shelf = self._shelves.get(kind)
        return shelf.last(t_ns) if shelf else None

    def latest(self, kinds: Sequence[type[Event]], t_ns: int) -> list[Event]:
        """The last of each of these kinds at or before ``t_ns``, in order."""
        found = [told for kind in kinds if (told := self.last(kind, t_ns))]
        return [event for _, _, event in sorted(found, key=moment)]

    def since(self, kinds: Sequence[type[Event]], after: tuple[int, int], t_ns: int) -> list[Event]:
        """All of these kinds up to ``t_ns`` that come after that ``(t_ns, publication)``, in order."""
        found: list[Told] = []
        for shelf in (self._shelves[kind] for kind in kinds if kind in self._shelves):
            found.extend(
                told for told in shelf.told(shelf.before(after[0]), shelf.upto(t_ns)) if told[:2] > after
            )
        return [event for _, _, event in sorted(found, key=moment)]

    def shelf(self, kind: type[Event]) -> Shelf | None:
        """Of one kind, if any came."""
        return self._shelves.get(kind)


def moment(told: Told) -> tuple[int, int]:
    """What events are ordered by."""
    return told[:2]
