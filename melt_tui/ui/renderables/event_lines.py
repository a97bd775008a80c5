"""A list of happenings: time, device and sentence, one line each."""

from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ground, Ink, Line
from melt_tui.ui.renderables.rows import column, row

NAME_CELLS = 12


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


def event_line(line: EventLine, width: int, *, chosen: bool) -> Line:
    """In ``width`` cells; where there is little room the device's name is left out."""
    ground = Ground.SELECTED if chosen else Ground.NONE
    parts = [(f" {line.stamp} ", Ink.DIM)]
    if width >= 44:
        parts.append((column(line.device, NAME_CELLS) + " ", line.device_ink))
    parts.append((line.text, line.ink))
    return row(width, parts, ground)
