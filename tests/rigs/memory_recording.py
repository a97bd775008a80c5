"""A recording in memory, made of items: what analysis asks of one, without a file."""

from collections.abc import Iterable, Iterator, Sequence

from drivers.base import Item
from drivers.events import Event
from drivers.model import ChannelKey, Samples
from melt_tui.events import SessionStarted, Tick
from melt_tui.live import LiveState
from melt_tui.store.recording import Meta
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.edits import UNEDITED, Edits


class MemoryRecording(LiveState):
    """Every item that was taken, beside what live state makes of it."""

    def __init__(self, items: Iterable[Item]) -> None:
        super().__init__()
        self._items = list(items)
        for item in self._items:
            self.take(item)

    @property
    def meta(self) -> Meta:
        name = next((item.name for item in self._items if isinstance(item, SessionStarted)), "")
        return Meta(name=name, tags=("one",), version="", state="ended", lost="")

    @property
    def clock(self) -> ClockMap:
        return self._clock

    @property
    def edits(self) -> Edits:
        return UNEDITED

    def items(self) -> Iterator[Item]:
        return iter(self._items)

    def told(self) -> Iterator[Event]:
        return (item for item in self._items if isinstance(item, Event) and not isinstance(item, Tick))

    def samples(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        return (
            item
            for item in self._items
            if isinstance(item, Samples) and item.key == key and item.t1_ns >= t0_ns and item.t0_ns <= t1_ns
        )

    def events(
        self,
        t0_ns: int,
        t1_ns: int,
        *,
        kinds: Sequence[type[Event]] = (),
        limit: int = 1000,
    ) -> list[Event]:
        wanted = tuple(kinds) or (Event,)
        found = [item for item in self._items if isinstance(item, wanted) and t0_ns <= item.t_ns <= t1_ns]
        return sorted(found, key=lambda event: event.t_ns)[-limit:]
