"""The whole session in a line: its trend, what happened, and the part that the charts show."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from melt_tui.timeline import Window
from melt_tui.ui.renderables import bands
from melt_tui.ui.renderables.axes import clock
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, Line
from melt_tui.ui.renderables.plot_model import Band, PlotMark
from melt_tui.ui.renderables.spark import bar, fold
from melt_tui.ui.renderables.text import plain

_NOW = "│now"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripModel:
    """What the strip shows: a session from ``t0_ns`` to ``t1_ns`` and the view within it."""

    t0_ns: int
    t1_ns: int
    values: tuple[float | None, ...] | Window = ()
    """The trend: evenly over the span, or cut from a channel."""
    bands: tuple[Band, ...] = ()
    marks: tuple[PlotMark, ...] = ()
    view_t0: int
    view_t1: int
    now_ns: int
    """The playhead."""
    pinned: bool
    """The playhead is at the newest moment and stays there."""
    origin_ns: int = 0


@dataclass(frozen=True, slots=True)
class StripLayout:
    """Which cells of the strip stand for time: ``x ≤ cell < x + width``, from ``t0_ns`` to ``t1_ns``."""

    x: int
    width: int
    t0_ns: int
    t1_ns: int

    def time(self, cell: int) -> int:
        """The moment in the middle of a cell; cells beside the line stand for its ends."""
        inside = min(max(cell - self.x, 0), max(0, self.width - 1))
        return self.t0_ns + (2 * inside + 1) * (self.t1_ns - self.t0_ns) // (2 * max(1, self.width))

    def cell(self, t_ns: int) -> int:
        """The cell of a moment, kept within the line."""
        span = max(1, self.t1_ns - self.t0_ns)
        return self.x + min(max((t_ns - self.t0_ns) * self.width // span, 0), max(0, self.width - 1))


def strip_layout(model: StripModel, width: int) -> StripLayout:
    """Where the line stands between its two labels; narrow strips have none."""
    start, end = _labels(model)
    if width < len(start) + len(end) + 12:
        return StripLayout(0, width, model.t0_ns, max(model.t1_ns, model.t0_ns + 1))
    return StripLayout(
        len(start) + 2, width - len(start) - len(end) - 3, model.t0_ns, max(model.t1_ns, model.t0_ns + 1)
    )


def time_line(model: StripModel, width: int, height: int) -> tuple[Line, ...]:
    """The strip in ``height`` lines: trend and view in the lowest, marks and bands in the one above it."""
    cells = Cells(width, height)
    if width < 1 or height < 1:
        return cells.lines()
    where, row = strip_layout(model, width), height - 1
    _trend(cells, model, where, row)
    _happenings(cells, model, where, row)
    _view(cells, model, where, row)
    if where.x:
        start, end = _labels(model)
        cells.put(1, row, start, Ink.DIM)
        cells.put(where.x + where.width, row, end, Ink.NOW if model.pinned else Ink.DIM)
    return cells.lines()


def _labels(model: StripModel) -> tuple[str, str]:
    end = _NOW if model.pinned else "│" + clock(model.t1_ns - model.origin_ns)
    return clock(model.t0_ns - model.origin_ns), end


def _trend(cells: Cells, model: StripModel, where: StripLayout, row: int) -> None:
    values = _columns(model.values, where)
    known = [value for value in values if value is not None]
    low, high = (min(0.0, *known), max(known)) if known else (0.0, 1.0)
    cells.put(
        where.x, row, "".join("·" if value is None else bar(value, low, high) for value in values), Ink.LEVEL
    )


def _columns(values: Sequence[float | None] | Window, where: StripLayout) -> list[float | None]:
    """A value for each cell: the greatest that falls on it."""
    if not isinstance(values, Window):
        return _stretched(values, where.width)
    cells: list[float | None] = [None] * where.width
    t0_ns, span_ns, wide_ns = where.t0_ns, max(1, where.t1_ns - where.t0_ns), values.width_ns - 1
    for start_ns, greatest in zip(values.starts_ns, values.maxima, strict=True):
        first = (start_ns - t0_ns) * where.width // span_ns
        last = (start_ns + wide_ns - t0_ns) * where.width // span_ns
        if isfinite(greatest):
            _raise(cells, first, last, greatest)
    return cells


def _raise(cells: list[float | None], first: int, last: int, value: float) -> None:
    """Let these cells be at least that; those beside the line stand for its ends."""
    most = len(cells) - 1
    for cell in range(max(0, min(first, most)), min(max(last, 0), most) + 1):
        before = cells[cell]
        if before is None or before < value:
            cells[cell] = value


def _stretched(values: Sequence[float | None], width: int) -> list[float | None]:
    if len(values) >= width or not values:
        return fold(values, width)
    known = fold(values, len(values))
    return [known[index * len(known) // width] for index in range(width)]


def _happenings(cells: Cells, model: StripModel, where: StripLayout, row: int) -> None:
    above = row - 1 if row else None
    for band in model.bands:
        end = model.t1_ns if band.t1_ns is None else band.t1_ns
        one = bands.shade(band, where.cell(band.t0_ns), where.cell(end) + 1)
        cells.ground(one.x0, one.x1, row, row + 1, one.ground)
        if above is not None and one.pattern:
            cells.put(one.x0, above, one.pattern * (one.x1 - one.x0), one.ink)
    for mark in model.marks:
        cells.put(
            where.cell(mark.t_ns), row if above is None else above, plain(mark.glyph, 1), bands.mark_ink(mark)
        )


def _view(cells: Cells, model: StripModel, where: StripLayout, row: int) -> None:
    first, last = where.cell(model.view_t0), where.cell(model.view_t1)
    cells.ground(first, last + 1, row, row + 1, Ground.SELECTED)
    cells.put(first, row, "[", Ink.CURSOR)
    cells.put(last, row, "]", Ink.CURSOR)
    if not model.pinned:
        cells.put(where.cell(model.now_ns), row, "┃", Ink.CURSOR)
