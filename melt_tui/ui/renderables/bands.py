"""What lasts: shades behind a plot, a pattern along its foot for eyes and terminals without colour, and labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from melt_tui.ui.renderables.cells import Cells, Ground, Ink, ground_of
from melt_tui.ui.renderables.plot_model import Band, PlotMark
from melt_tui.ui.renderables.text import cell_count, plain

_THROTTLED = "▓"
_LOOKS = {
    "prefill": (Ground.PREFILL, "░", Ink.BAND),
    "load": (Ground.PREFILL, "░", Ink.BAND),
    "decode": (Ground.DECODE, "", Ink.BAND),
    "turn": (Ground.DECODE, "", Ink.BAND),
    "run": (Ground.DECODE, "", Ink.BAND),
    "limit": (Ground.WARNING, "▒", Ink.BAND_WARNING),
    "throttled": (Ground.WARNING, _THROTTLED, Ink.BAND_WARNING),
    "outage": (Ground.OUTAGE, "╱", Ink.DIM),
}
_MARK_INKS = {
    "event": Ink.EVENT,
    "mark": Ink.MARK,
    "warning": Ink.WARNING,
    "error": Ink.ERROR,
    "good": Ink.GOOD,
}
_UNDER = frozenset(" ┈╌╎┊")
"""Grid, limits, uprights of marks: labels may cover them."""
_DEPTHS = (Ground.DECODE, Ground.PREFILL, Ground.WARNING, Ground.OUTAGE)
"""From the one that everything covers to the one that covers everything."""


@dataclass(frozen=True, slots=True)
class Shade:
    """A band in cells of the plot: ``x0 ≤ x < x1``, at least one wide."""

    x0: int
    x1: int
    ground: Ground
    pattern: str
    ink: Ink
    label: str


def shade(band: Band, x0: int, x1: int) -> Shade:
    """How a band looks that takes these cells; a kind without a look of its own is shaded as decode is."""
    return _shade(band.style, band.label, x0, max(x1, x0 + 1))


def mark_ink(mark: PlotMark) -> Ink:
    """How a mark looks; a style without a look of its own is that of an event."""
    return _MARK_INKS.get(mark.style, Ink.EVENT)


def lay(cells: Cells, x: int, y: int, size: tuple[int, int], shades: Iterable[Shade]) -> None:
    """Shade the plot area at ``x``, ``y``; what matters more lies over what matters less."""
    width, height = size
    for one in sorted(shades, key=lambda shade: _DEPTHS.index(shade.ground)):
        cells.ground(x + max(0, one.x0), x + min(width, one.x1), y, y + height, one.ground)


def feet(cells: Cells, x: int, y: int, size: tuple[int, int], shades: Iterable[Shade]) -> None:
    """Write the pattern along the foot of each band; what is drawn later lies over it."""
    width, height = size
    for one in shades:
        first, last = max(0, one.x0), min(width, one.x1)
        if one.pattern and height > 2:
            cells.put(x + first, y + height - 1, one.pattern * (last - first), one.ink)


def heads(cells: Cells, x: int, y: int, size: tuple[int, int], shades: Iterable[Shade]) -> None:
    """Write each band's label at its beginning, on the highest row that is free for it; that it throttles goes first."""
    width, height = size
    for one in sorted(shades, key=lambda shade: shade.pattern != _THROTTLED):
        first = x + max(0, one.x0)
        label = plain(one.label, min(40, x + width - first - 1))
        end = first + cell_count(label) + 1
        rows = (row for row in range(y, y + height - 2) if free(cells, first, end, row))
        row = next(rows, None)
        if row is not None and cell_count(label) > 2:
            cells.put(first, row, label, Ink.WARNING if one.ink is Ink.BAND_WARNING else Ink.DIM)


def free(cells: Cells, x0: int, x1: int, y: int) -> bool:
    """Whether a label may stand in those cells: no line of a series, no box, no other label is drawn there."""
    under = _UNDER.issuperset(cells.texts[y][x0:x1])
    return under and not any(ground_of(style) is Ground.INSET for style in set(cells.styles[y][x0:x1]))


@lru_cache(maxsize=512)
def _shade(style: str, label: str, x0: int, x1: int) -> Shade:
    ground, pattern, ink = _LOOKS.get(style, _LOOKS["decode"])
    return Shade(x0, x1, ground, pattern, ink, label)
