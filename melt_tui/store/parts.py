"""A span of a recording as a session of its own: all of the span, and of the time before what it cannot be read without.

Samples and events of the span are the very same, at the very same times. Of what was before it comes first, dated at the
span's start: devices, channels, wiring, limits in force. What has its meaning by its moment keeps it: measurements of clocks,
and a run that was in progress, with what was said of it and its turn in progress; earlier runs and turns are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ClockMeasured, Event
from drivers.model import ChannelKey, Samples, code_struct
from melt_tui.events import Part, SessionEnded, SessionStarted
from melt_tui.store.before import Before, before
from melt_tui.store.recording import Recording
from melt_tui.store.series import Series
from melt_tui.timeline.blocks import blocks_of
from melt_tui.timeline.clockmap import ClockMap


class Span(NamedTuple):
    """Host time, both ends included."""

    from_ns: int
    to_ns: int


class Reduces(Protocol):
    """What becomes of items on the way; each may become several, or come later."""

    def take(self, item: Item) -> Iterable[Item]:
        """The next one."""
        ...

    def rest(self) -> Iterable[Item]:
        """What was kept back."""
        ...


class Unchanged:
    """Everything stays as it was measured."""

    def take(self, item: Item) -> Iterable[Item]:
        """The item."""
        return (item,)

    def rest(self) -> Iterable[Item]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a recording tells without its samples."""

    started: SessionStarted
    ended: SessionEnded | None
    events: Sequence[Event]
    begin_ns: int
    """Where it begins for who looks at it: the session's start; of a part its span's, also where a run keeps its own."""

    @property
    def begin_wall_ns(self) -> int:
        """The same, by the clock on the wall."""
        return self.started.wall_ns + self.begin_ns - self.started.t_ns


def told_of(recording: Recording) -> Told | None:
    """None of a recording without a beginning."""
    events = list(recording.told())
    started = next((event for event in events if isinstance(event, SessionStarted)), None)
    ended = next((event for event in reversed(events) if isinstance(event, SessionEnded)), None)
    if started is None:
        return None
    part = next((event for event in events if isinstance(event, Part)), None)
    return Told(started, ended, events, started.t_ns if part is None else part.from_ns)


def part_items(
    recording: Recording, told: Told, span: Span, part: Part, name: str, reduces: Reduces
) -> Iterator[Item]:
    """The items of a session of that name that is this span."""
    past = before(told.events, span.from_ns)
    yield _started(told.started, past, name)
    yield replace(part, t_ns=past.begin_ns, notes=(*part.notes, *past.notes))
    for event in past.events:
        yield from reduces.take(event)
    window = _Window(recording.clock, span)
    for item in recording.items_touching(window.touches):
        kept = window.cut(item) if isinstance(item, Samples) else _within(item, span)
        if kept is not None:
            yield from reduces.take(kept)
    yield from reduces.rest()
    yield from (e for e in told.events if isinstance(e, ClockMeasured) and e.t_ns > span.to_ns)
    yield _ended(told, span)


def _started(started: SessionStarted, past: Before, name: str) -> SessionStarted:
    wall_ns = started.wall_ns + past.begin_ns - started.t_ns
    return replace(started, t_ns=past.begin_ns, wall_ns=wall_ns, name=name)


def _within(event: Event, span: Span) -> Event | None:
    if isinstance(event, SessionStarted | SessionEnded | Part):
        return None
    return event if span.from_ns <= event.t_ns <= span.to_ns else None


def _ended(told: Told, span: Span) -> SessionEnded:
    if told.ended is not None and span.from_ns <= told.ended.t_ns <= span.to_ns:
        return told.ended
    wall_ns = told.started.wall_ns + span.to_ns - told.started.t_ns
    return SessionEnded(
        t_ns=span.to_ns, device=told.started.device, wall_ns=wall_ns, reason="the part ends here"
    )


class _Window:
    """Cuts blocks by host time."""

    def __init__(self, clock: ClockMap, span: Span) -> None:
        self._clock = clock
        self._span = span
        self._bounds: dict[ChannelKey, tuple[int, int]] = {}

    def touches(self, series: Series, t0_ns: int, t1_ns: int) -> bool:
        """Whether something of a series at these times of its own may lie in the span."""
        first, last = self._own(series.key)
        return t0_ns <= last and t1_ns >= first

    def cut(self, block: Samples) -> Samples | None:
        """What of a block lies in the span, each sample at its time; None when nothing does."""
        first, last = self._own(block.key)
        low, high = min(block.t0_ns, block.t1_ns), max(block.t0_ns, block.t1_ns)
        if block.times is None and first <= low and high <= last:
            return block
        if block.times is None and (high < first or low > last):
            return None
        times = blocks_of([block]).times
        inside = np.flatnonzero((times >= first) & (times <= last))
        if len(inside) == len(times):
            return block
        if not len(inside):
            return None
        size = code_struct(block.dtype).size
        codes = np.frombuffer(block.codes, np.uint8).reshape(-1, size)[inside].tobytes()
        kept = times[inside]
        ends = int(kept[0]), int(kept[-1])
        even = block._replace(t0_ns=ends[0], t1_ns=ends[1], codes=codes, times=None)
        if block.times is None and np.array_equal(blocks_of([even]).times, kept):
            return even
        return even._replace(times=kept.astype("<i8").tobytes())

    def _own(self, key: ChannelKey) -> tuple[int, int]:
        """The first and the last moment of the span, as the channel tells it."""
        if key not in self._bounds:
            first = self._clock.to_device(key, self._span.from_ns - 1) + 1
            self._bounds[key] = first, self._clock.to_device(key, self._span.to_ns)
        return self._bounds[key]


def seconds_of(told: Told, t_ns: int) -> float:
    """From its beginning on."""
    return (t_ns - told.begin_ns) / SECOND
