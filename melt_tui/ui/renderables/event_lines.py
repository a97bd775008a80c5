"""A list of happenings: time, device and sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ground, Ink, Line
from melt_tui.ui.renderables.rows import Part, column, length, row, wrapped

NAME_CELLS = 12
LINES_AT_MOST = 3
"""Lines that one happening is wrapped into."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One happening: its moment, and texts as they came."""

    t_ns: int
    stamp: str
    """``01:12.4``."""
    device: str
    device_ink: Ink
    text: str
    ink: Ink


def event_lines(line: EventLine, width: int, *, chosen: bool) -> Iterator[Line]:
    """In lines of ``width`` cells, long text wrapped under its beginning: why something happened stands at the end of it. Where
    there is little room the device's name is left out."""
    ground = Ground.SELECTED if chosen else Ground.NONE
    head: list[Part] = [(f" {line.stamp} ", Ink.DIM)]
    if width >= 44:
        head.append((column(line.device, NAME_CELLS) + " ", line.device_ink))
    indent = length(head)
    for i, text in enumerate(wrapped(line.text, max(8, width - indent))[:LINES_AT_MOST]):
        lead = head if i == 0 else [(" " * indent, Ink.DIM)]
        yield row(width, [*lead, (text, line.ink)], ground)
