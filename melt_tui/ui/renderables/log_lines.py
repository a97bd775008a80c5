"""What was said: the runtime's output, the device's log and the model's own text, as lines with their moments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drivers.events import Event, LogLine, OutputText
from melt_tui.ui.renderables.cells import Ground, Ink, Line
from melt_tui.ui.renderables.rows import Part, column, length, row, wrapped
from melt_tui.ui.renderables.text import plain

MODEL = "model"
LINES_AT_MOST = 12
"""Lines that one row of the log is wrapped into; the rest of it is left to an export."""
_NAME_CELLS = 12
_SOURCE_CELLS = 18


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line: its moment, whose it is, where it comes from, and what it says."""

    t_ns: int
    device: str
    source: str
    text: str
    spoken: bool = False
    """The model's own text; the source is then the note that goes with it."""


def log_rows(events: Iterable[Event], notes: Mapping[str, str]) -> Sequence[LogRow]:
    """Log lines as they came; pieces of a model's text joined up to its own line breaks, each turn for itself.

    ``notes`` says by run what stands before its text: ``toy model``.
    """
    rows: list[LogRow] = []
    texts: dict[tuple[str, str, int], _Text] = {}
    for event in events:
        if isinstance(event, LogLine):
            rows.append(LogRow(event.t_ns, event.device, event.source, event.text))
        elif isinstance(event, OutputText):
            key = (event.device, event.run, event.turn)
            text = texts.setdefault(key, _Text(event.device, notes.get(event.run) or MODEL))
            rows.extend(text.take(event))
    for text in texts.values():
        rows.extend(text.rest())
    return sorted(rows, key=lambda line: line.t_ns)


def next_place(rows: Sequence[LogRow], text: str, after_ns: int) -> int | None:
    """The moment of the next row that holds ``text``, in whatever case: after ``after_ns``, then from the start."""
    places = [one.t_ns for one in rows if text.lower() in one.text.lower()] if text else []
    return next((t_ns for t_ns in places if t_ns > after_ns), places[0] if places else None)


def log_lines(
    line: LogRow, width: int, stamp: str, device_ink: Ink, *, chosen: bool, found: str
) -> Iterator[Line]:
    """In lines of ``width`` cells, long text wrapped under its beginning, places where ``found`` occurs set off."""
    ground = Ground.SELECTED if chosen else Ground.NONE
    head: list[Part] = [(f" {stamp} ", Ink.DIM)]
    if width >= 56:
        head.append((column(line.device, _NAME_CELLS) + " ", device_ink))
    indent = length(head)
    source = f"{plain(line.source, _SOURCE_CELLS)}: "
    ink = Ink.STRONG if line.spoken else Ink.TEXT
    texts = wrapped(source + plain(line.text), max(8, width - indent))[:LINES_AT_MOST]
    for i, text in enumerate(texts):
        lead = [*head, (text[: len(source)], Ink.DIM)] if i == 0 else [(" " * indent, Ink.DIM)]
        said = text[len(source) :] if i == 0 else text
        yield row(width, [*lead, *_highlighted(said, found, ink)], ground)


class _Text:
    """What a model writes in one turn; a line stands at the time of its first piece."""

    def __init__(self, device: str, source: str) -> None:
        self._device = device
        self._source = source
        self._line = ""
        self._t_ns = 0

    def take(self, event: OutputText) -> Iterator[LogRow]:
        """The lines that this piece completes."""
        *heads, tail = event.text.split("\n")
        for head in heads:
            self._add(head, event.t_ns)
            yield from self.rest()
        self._add(tail, event.t_ns)

    def rest(self) -> Iterator[LogRow]:
        """The line begun, if anything stands in it."""
        if self._line.strip():
            yield LogRow(self._t_ns, self._device, self._source, self._line, spoken=True)
        self._line = ""

    def _add(self, text: str, t_ns: int) -> None:
        if not self._line:
            self._t_ns = t_ns
        self._line += text


def _highlighted(text: str, found: str, ink: Ink) -> Iterator[Part]:
    if not found:
        yield text, ink
        return
    lowered, wanted, start = text.lower(), found.lower(), 0
    while (at := lowered.find(wanted, start)) >= 0:
        yield text[start:at], ink
        yield text[at : at + len(wanted)], Ink.MARK
        start = at + len(wanted)
    yield text[start:], ink
