"""What every series says at one instant: found in the windows, shown in a small box beside the cursor."""

from bisect import bisect_right
from collections.abc import Sequence

from melt_tui.format import number, stamp
from melt_tui.timeline import Window
from melt_tui.ui.renderables import bands
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.plot_model import PlotModel
from melt_tui.ui.renderables.text import cell_count, plain

_MOST = 0.4
"""Share of the plot that the box may cover."""
Row = tuple[str, str, Ink]
"""Left and right text of a row of the box, and its ink."""


def value_at(window: Window, t_ns: int, gap_ns: int) -> float | None:
    """The mean of the column that holds ``t_ns``, or of the last one before it unless a gap lies between."""
    index = bisect_right(window.starts_ns, t_ns) - 1
    if index < 0 or t_ns - (window.starts_ns[index] + window.width_ns) > gap_ns:
        return None
    return window.means[index]


def readings(
    model: PlotModel, windows: Sequence[Window], prefix: Prefix, t_ns: int, *, labelled: bool
) -> tuple[Row, ...]:
    """The box's rows: the moment, then each series' value there, named by its shape alone unless ``labelled``."""
    rows: list[Row] = [(_place_told(model, t_ns), "", Ink.STRONG)]
    for series, window in zip(model.series, windows, strict=True):
        if series.faint:
            continue
        read = series.at_cursor
        value = read.value if read is not None else value_at(window, t_ns, series.gap_ns)
        shown = number(None if value is None else value / prefix.factor)
        label = f"{shape(series.colour)} {plain(series.label, 14)}" if labelled else shape(series.colour)
        rows.append((label, shown, device_ink(series.colour)))
    return tuple(rows)


def _place_told(model: PlotModel, t_ns: int) -> str:
    at = (t_ns - model.origin_ns) / 1e9
    return stamp(at) if model.along in {"time", "s"} else f"{number(at, 4)} {model.along}"


def place(cells: Cells, area: tuple[int, int, int, int], cursor: int, rows: Sequence[Row]) -> None:
    """Draw the box in the plot ``area`` (x, y, width, height) where it covers least: beside the cursor, high or low.

    What does not fit is left out, from the last row up; in an area too small for it there is none.
    """
    x, y, width, height = area
    shown = rows[:height]
    inner = max(cell_count(left) + cell_count(right) + bool(right) for left, right, _ in shown)
    size = inner + 2
    firsts = [first for first in (cursor + 1, cursor - size) if x <= first <= x + width - size]
    places = [(first, line) for line in (y, y + height - len(shown)) for first in firsts]
    if not places or size * len(shown) > _MOST * width * height:
        return
    first, top = min(places, key=lambda place: _covered(cells, place, size, len(shown)))
    for line, (left, right, ink) in enumerate(shown, start=top):
        blanks = inner - cell_count(left) - cell_count(right)
        cells.put(first, line, f" {left}{' ' * blanks}{right} ", ink)
        cells.ground(first, first + size, line, line + 1, Ground.INSET)


def _covered(cells: Cells, place: tuple[int, int], width: int, height: int) -> int:
    """How many cells with lines of series or labels a box there would cover."""
    x, y = place
    return sum(
        not bands.free(cells, cell, cell + 1, row)
        for row in range(y, y + height)
        for cell in range(x, x + width)
    )
