"""Back from the two tables that melt exports, samples and events, to a session whose figures are the same.

Times are those of the tables: device clocks are corrected already. What people added later (names, tags, corrections) is
not in the tables.
"""

import csv
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.base import Item
from drivers.events import ChannelsOpened, Event, FirstToken, TurnEnded
from drivers.model import IDENTITY, Channel, DType, Samples, uneven_block
from melt_tui.analysis.tables import EVENTS_HEAD, SAMPLES_HEAD, cell
from melt_tui.errors import BadImport
from melt_tui.events import SELF, Imported, SessionStarted
from melt_tui.importing.draft import MARK, START_NS, ticked
from melt_tui.importing.files import LINE_LIMIT, lines_of, shown, source
from melt_tui.store.eventcodec import UnknownEvent, event_of
from melt_tui.store.making import making

ORIGIN = "tables that melt exported"
BLOCK = 4_096
"""Samples that are put together at most."""

_TIME = re.compile(r"-?\d{1,9}\.\d{9}")
_FORMULA = re.compile(r"'[\s\0]*[=+\-@|＝＋－＠]")
_FLOATS = frozenset({DType.F64, DType.F32})


@dataclass(slots=True)
class _Losses:
    samples: int = 0
    events: int = 0

    def sample(self) -> None:
        self.samples += 1

    def event(self) -> None:
        self.events += 1

    @property
    def notes(self) -> tuple[str, ...]:
        counted = {"rows of samples": self.samples, "events": self.events}
        return tuple(f"{n} {what} could not be read" for what, n in counted.items() if n)


def started_in(events: Path) -> SessionStarted:
    """The beginning of the session that a table of events is of. Raises BadImport."""
    return next(event for event in _events(events, _Losses()) if isinstance(event, SessionStarted))


def write(path: Path, samples: Path, events: Path, name: str = "") -> Path:
    """The session of the two tables, as a recording at ``path``. Raises BadImport, CannotWrite; nothing is left then."""
    losses = _Losses()
    told = list(_events(events, losses))
    zero_ns = told[0].t_ns
    first = next(event for event in told if isinstance(event, SessionStarted))
    rest = [event for event in told if event is not first]
    first = replace(first, name=name or first.name, settings=(*first.settings, (MARK, ORIGIN)))
    _count(samples, told, losses)
    imported = Imported(
        t_ns=zero_ns,
        device=SELF,
        origin=ORIGIN,
        sources=(source(samples), source(events)),
        notes=("names, tags and corrections are not in the tables", *losses.notes),
    )
    with making(path) as maker:
        merged = _merged(deque([first, imported, *rest]), _blocks(samples, told, _Losses()))
        maker.take_all(ticked(merged, min(zero_ns, first.t_ns)))
    return path


def _merged(events: deque[Event], blocks: Iterator[Samples]) -> Iterator[Item]:
    """In the order of either table; a block after what happened up to its end, and after its channel was opened."""
    opened: set[tuple[str, str]] = set()
    for block in blocks:
        while events and (events[0].t_ns <= block.t1_ns or block.key not in opened):
            event = events.popleft()
            if isinstance(event, ChannelsOpened):
                opened.update(channel.key for channel in event.channels)
                event = replace(event, channels=tuple(map(_plain, event.channels)))
            yield event
        yield block
    for event in events:
        yield (
            replace(event, channels=tuple(map(_plain, event.channels)))
            if isinstance(event, ChannelsOpened)
            else event
        )


def _plain(channel: Channel) -> Channel:
    """As its samples stand in the table: values at the host's times."""
    exact = channel.decoding == IDENTITY
    dtype = channel.dtype if exact else DType.F64
    return replace(channel, own_clock=False, decoding=IDENTITY, dtype=dtype)


def _events(path: Path, losses: _Losses) -> Iterator[Event]:
    """All events, at the times that the other moments in them are of. Raises BadImport."""
    rows = [row for row in _rows(path, EVENTS_HEAD, losses.event) if row]
    found = [event for row in rows if (event := _event(row, losses)) is not None]
    if not any(isinstance(event, SessionStarted) for event in found):
        raise BadImport(f"{shown(path)} lacks the start of its session", "export its events again")
    by_ns = _zero_ns(found)
    yield from (replace(event, t_ns=event.t_ns + by_ns) for event in found)


def _event(row: Sequence[str], losses: _Losses) -> Event | None:
    t_ns = _time(row[0])
    try:
        event = None if t_ns is None else event_of(row[2], t_ns, _unquoted(row[1]), _unquoted(row[3]))
    except UnknownEvent:
        event = None
    losses.events += event is None
    return event


def _zero_ns(events: Sequence[Event]) -> int:
    """When the session started, by its own clock: a first token stands in the table twice, once by that clock."""
    firsts = {
        (event.device, event.run, event.turn): event.t_ns for event in events if isinstance(event, FirstToken)
    }
    offsets = Counter(
        event.first_token_ns - firsts[event.device, event.run, event.turn]
        for event in events
        if isinstance(event, TurnEnded)
        and event.first_token_ns is not None
        and (event.device, event.run, event.turn) in firsts
    )
    return offsets.most_common(1)[0][0] if offsets else START_NS


def _count(path: Path, events: Sequence[Event], losses: _Losses) -> None:
    """Go through all samples once: what is lost of them is told before they are."""
    for _ in _blocks(path, events, losses):
        pass


def _blocks(path: Path, events: Sequence[Event], losses: _Losses) -> Iterator[Samples]:
    """Rows that follow one another and are of one channel, in pieces; times of a piece do not fall."""
    zero_ns = next(event.t_ns for event in events if isinstance(event, SessionStarted))
    opened = (event for event in events if isinstance(event, ChannelsOpened))
    known = {(_cell(c.device), _cell(c.name)): _plain(c) for event in opened for c in event.channels}
    channel: Channel | None = None
    times: list[int] = []
    codes: list[float] = []
    for row in _rows(path, SAMPLES_HEAD, losses.sample):
        mine = known.get((row[1], row[2]))
        t_ns, code = _time(row[0]), _code(row[4], mine)
        if mine is None or t_ns is None or code is None:
            losses.samples += 1
            continue
        t_ns += zero_ns
        if channel is not None and (mine is not channel or len(times) == BLOCK or t_ns < times[-1]):
            yield uneven_block(channel, times, codes)
            times, codes = [], []
        channel = mine
        times.append(t_ns)
        codes.append(code)
    if channel is not None and times:
        yield uneven_block(channel, times, codes)


def _rows(path: Path, head: str, lost: Callable[[], None]) -> Iterator[list[str]]:
    """The rows of a table after its head. Raises BadImport for a file that is none."""
    csv.field_size_limit(LINE_LIMIT)
    columns = head.strip().split(",")
    rows = csv.reader(lines_of(path))
    if next(rows, None) != columns:
        raise BadImport(
            f"{shown(path)} does not begin with {head.strip()}", "is it the table that was meant?"
        )
    while (row := _next(rows)) is not None:
        if len(row) == len(columns):
            yield row
        else:
            lost()


def _next(rows: Iterator[list[str]]) -> list[str] | None:
    """The next row, one without cells where it cannot be read; None at the end."""
    try:
        return next(rows, None)
    except csv.Error:
        return []


def _cell(name: str) -> str:
    """A name as it is read out of the table."""
    return next(csv.reader([cell(name)]))[0]


def _time(text: str) -> int | None:
    if not _TIME.fullmatch(text):
        return None
    t_ns = int(text.replace(".", ""))
    return t_ns if abs(t_ns) < (1 << 60) else None


def _code(text: str, channel: Channel | None) -> float | None:
    if channel is None:
        return None
    try:
        code = float(text) if channel.dtype in _FLOATS else int(text)
    except ValueError:
        return None
    low, high = _RANGES[channel.dtype]
    return code if low <= code <= high or math.isnan(code) else None


_RANGES: Mapping[DType, tuple[float, float]] = {
    DType.F64: (-math.inf, math.inf),
    DType.F32: (-3.4e38, 3.4e38),
    DType.I64: (-(1 << 63), (1 << 63) - 1),
    DType.I32: (-(1 << 31), (1 << 31) - 1),
    DType.U32: (0, (1 << 32) - 1),
    DType.I16: (-(1 << 15), (1 << 15) - 1),
    DType.U16: (0, (1 << 16) - 1),
    DType.U8: (0, 255),
}


def _unquoted(text: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from reckoning."""
    return text[1:] if _FORMULA.match(text) else text
