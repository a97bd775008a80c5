"""What was published, in the order in which it was."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeVar

from drivers.base import Item
from drivers.events import ChannelsOpened, Event
from drivers.model import Samples
from melt_tui.events import DerivedEvent, Tick
from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks
from melt_tui.store.codec import Damaged
from melt_tui.store.eventcodec import UnknownEvent, event_of
from melt_tui.store.journal import EVENT, Tail, decode_order
from melt_tui.store.series import Series
from melt_tui.timeline.blocks import Blocks

_EVENTS = 200
"""Events that are fetched at a time."""

T = TypeVar("T")

Touches = Callable[[Series, int, int], bool]
"""Whether what lies at these times of a series, in its own time, is wanted."""

Look = Callable[[], AbstractContextManager[object]]
"""A short read transaction."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of what was published: a minute, or at last what is not compacted yet."""

    order: Iterable[int]
    chunks: dict[int, list[int]]
    """By series, in order of publication."""
    event_to: int
    chunk_to: int
    tail: Tail | None


class Published:
    """Walks through a recording from the first item on; holds one chunk of each series at a time."""

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog, chunks: Chunks, look: Look) -> None:
        self._connection = connection
        self._catalog = catalog
        self._chunks = chunks
        self._look = look

    def items(self, *, derived: bool, touches: Touches | None = None) -> Iterator[Item]:
        """All items, or all but derived channels and their samples. Raises Damaged, sqlite3.Error.

        With ``touches`` half a minute in which nothing lies that is wanted is passed over, but for its events.
        """
        events = self._events()
        for stretch in self._stretches():
            order: Iterable[int] = stretch.order
            if touches is not None and not self._touched(stretch, touches):
                order = [number for number in order if number == EVENT]
            blocks: dict[int, Iterator[Samples]] = {}
            found = (self._item(number, stretch, events, blocks, derived=derived) for number in order)
            yield from (item for item in found if item is not None)

    def samples(self, series: Series, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """Blocks of one series that touch a span of its own time, in order of publication."""
        with self._look():
            numbers = self._chunks.overlapping(series, t0_ns, t1_ns + 1)
            tail = self._catalog.tail.of(series.id)
        for number in numbers:
            with self._look():
                blocks = self._chunks.blocks(series, number)
            yield from (block for block in blocks.samples(series.key) if _touches(block, t0_ns, t1_ns))
        if tail is not None:
            yield from (block for block in tail.samples(series.key) if _touches(block, t0_ns, t1_ns))

    def blocks(self, series: Series, t0_ns: int, t1_ns: int) -> Iterator[Blocks]:
        """Chunks of one series that touch a span of its own time, whole, in order of publication."""
        with self._look():
            numbers = self._chunks.overlapping(series, t0_ns, t1_ns + 1)
            tail = self._catalog.tail.of(series.id)
        for number in numbers:
            with self._look():
                blocks = self._chunks.blocks(series, number)
            yield blocks
        if tail is not None:
            yield tail

    def events(self) -> Iterator[Event]:
        """All events but Ticks, in order of publication; those that we cannot read are left out."""
        return (event for event in self._events() if event is not None)

    def _item(
        self,
        number: int,
        stretch: _Stretch,
        events: Iterator[Event | None],
        blocks: dict[int, Iterator[Samples]],
        *,
        derived: bool,
    ) -> Item | None:
        """The item that stands next in the order; None when it is left out."""
        if number == EVENT:
            event = _next(events)
            return event if derived or event is None else _measured(event)
        series = self._series(abs(number))
        if series.id not in blocks:
            blocks[series.id] = self._blocks(series, stretch, in_tail=number > 0)
        block = _next(blocks[series.id])
        if series.ticks:
            return Tick(t_ns=block.t0_ns, device=block.device)
        return block if derived or not series.channel.derived else None

    def _touched(self, stretch: _Stretch, touches: Touches) -> bool:
        if stretch.tail is not None:
            return True
        for number, held in stretch.chunks.items():
            with self._look():
                t0_ns, t1_ns = self._connection.execute(_BOUNDS, (number, held[0], held[-1])).fetchone()
            if touches(self._series(number), t0_ns, t1_ns):
                return True
        return False

    def _stretches(self) -> Iterator[_Stretch]:
        number = event_to = chunk_to = 0
        while True:
            with self._look():
                row = self._connection.execute(_NEXT_ORDER, (number,)).fetchone()
                stretch = self._minute(row, chunk_to) if row else self._rest(event_to, chunk_to)
            yield stretch
            if row is None:
                return
            number, event_to, chunk_to = row[0], stretch.event_to, stretch.chunk_to

    def _minute(self, row: tuple[int, int, int, bytes], chunks_from: int) -> _Stretch:
        _, event_to, chunk_to, blob = row
        order = decode_order(blob).tolist()
        return _Stretch(order, self._rows(chunks_from, chunk_to), event_to, chunk_to, None)

    def _rest(self, event_to: int, chunks_from: int) -> _Stretch:
        tail = self._catalog.tail
        return _Stretch(tail.order.tolist(), self._rows(chunks_from, 1 << 62), event_to, chunks_from, tail)

    def _rows(self, after: int, upto: int) -> dict[int, list[int]]:
        rows: dict[int, list[int]] = {}
        for number, series in self._connection.execute(_CHUNKS, (after, upto)):
            rows.setdefault(series, []).append(number)
        return rows

    def _blocks(self, series: Series, stretch: _Stretch, *, in_tail: bool) -> Iterator[Samples]:
        if stretch.tail is not None and in_tail:
            blocks = stretch.tail.of(series.id)
            assert blocks is not None, "the order names what the tail holds"
            yield from blocks.samples(series.key)
        else:
            for number in stretch.chunks.get(series.id, ()):
                with self._look():
                    held = self._chunks.blocks(series, number)
                yield from held.samples(series.key)

    def _events(self) -> Iterator[Event | None]:
        """Events in order; None for one that we cannot read."""
        after = 0
        while True:
            with self._look():
                rows = self._connection.execute(_SOME_EVENTS, (after, _EVENTS)).fetchall()
            if not rows:
                return
            for number, t_ns, kind, device, detail in rows:
                after = number
                yield _known(kind, t_ns, device, detail)

    def _series(self, number: int) -> Series:
        series = self._catalog.by_id.get(number)
        if series is None:
            raise Damaged(f"series {number} is missing")
        return series


def _next(of: Iterator[T]) -> T:
    for each in of:
        return each
    raise Damaged("something that was published is missing")


def _known(kind: str, t_ns: int, device: str, detail: str) -> Event | None:
    try:
        return event_of(kind, t_ns, device, detail)
    except UnknownEvent:
        return None


def _measured(event: Event) -> Event | None:
    """The event without derived channels; None when nothing of it is left, or when it was derived itself."""
    if isinstance(event, DerivedEvent):
        return None
    if not isinstance(event, ChannelsOpened):
        return event
    channels = tuple(channel for channel in event.channels if not channel.derived)
    if len(channels) == len(event.channels):
        return event
    return replace(event, channels=channels) if channels else None


def _touches(block: Samples, t0_ns: int, t1_ns: int) -> bool:
    return block.t0_ns <= t1_ns and block.t1_ns >= t0_ns


_NEXT_ORDER = "SELECT id, event_to, chunk_to, data FROM orders WHERE id > ? ORDER BY id LIMIT 1"
_BOUNDS = "SELECT min(t0_ns), max(t1_ns) FROM chunks WHERE series = ? AND id BETWEEN ? AND ?"
_CHUNKS = "SELECT id, series FROM chunks WHERE id > ? AND id <= ? ORDER BY id"
_SOME_EVENTS = "SELECT id, t_ns, kind, device, detail FROM events WHERE id > ? ORDER BY id LIMIT ?"
