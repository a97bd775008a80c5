"""A chart in a frame: title and last values above, time below, braille lines of least to greatest within."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from melt_tui.ui.renderables import bands, braille, inset, legend
from melt_tui.ui.renderables.axes import LABEL_WIDTH, ValueAxis, fixed_axis, time_ticks, value_axis
from melt_tui.ui.renderables.braille import Raster
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.plot_model import Band, PlotMark, PlotModel
from melt_tui.ui.renderables.text import cell_count, plain

_LABEL_CELLS = 9
"""Cells kept for a label of the time axis and the space beside it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a chart of some size, in cells: the plot area and what is around it."""

    x: int
    y: int
    width: int
    height: int
    framed: bool
    titled: bool
    gutter: bool
    """Whether there is room for the labels of values, and for the devices' shapes at the right."""


@lru_cache(maxsize=64)
def layout(width: int, height: int) -> Layout:
    """The layout of a chart of that size: frame, labels and title go one after another as it shrinks."""
    framed = width >= 16 and height >= 4
    gutter = width >= 34
    titled = framed or (height >= 3 and width >= 8)
    edge = int(framed)
    left = edge + (LABEL_WIDTH + 1 if gutter else 0)
    top = int(titled)
    right = edge + int(gutter)
    return Layout(
        left, top, max(0, width - left - right), max(0, height - top - edge), framed, titled, gutter
    )


def plot_columns(width: int, height: int) -> int:
    """Dot columns of a chart of that size: how many columns its windows are worth asking for."""
    return 2 * layout(width, height).width


def raster_of(model: PlotModel, width: int, height: int) -> Raster:
    """How a chart of that size places this model's times: for what points at it. Values are not placed."""
    return braille.raster(model.t0_ns, model.t1_ns, max(2, plot_columns(width, height)), 0.0, 1.0, 4)


def line_plot(model: PlotModel, width: int, height: int) -> tuple[Line, ...]:
    """The chart as ``height`` lines of exactly ``width`` cells, at any size."""
    cells = Cells(width, height)
    area = layout(width, height)
    if area.width and area.height:
        _Chart(model, cells, area).draw()
    return cells.lines()


class _Chart:
    """One drawing of one model: layers from the back to the front."""

    def __init__(self, model: PlotModel, cells: Cells, area: Layout) -> None:
        self.model = model
        self.cells = cells
        self.area = area
        self.windows = tuple(braille.numeric(series.window) for series in model.series)
        self.extent = _union(map(braille.extent, self.windows))
        self.axis = _axis(model, self.extent, area.height)
        self.raster = braille.raster(
            model.t0_ns, model.t1_ns, 2 * area.width, self.axis.low, self.axis.high, 4 * area.height
        )

    def draw(self) -> None:
        """Everything, the more important over the less."""
        model, area = self.model, self.area
        shades = [self._shade(band) for band in model.bands if self._visible(band.t0_ns, band.t1_ns)]
        bands.lay(self.cells, area.x, area.y, (area.width, area.height), shades)
        self._grid()
        self._limits()
        for mark in model.marks:
            self._mark(mark)
        bands.feet(self.cells, area.x, area.y, (area.width, area.height), shades)
        self._lines()
        self._heads()
        self._cursor()
        self._limit_labels()
        bands.heads(self.cells, area.x, area.y, (area.width, area.height), shades)
        for mark in model.marks:
            self._mark_label(mark)
        self._frame()
        if self.extent is None:
            self._say("no samples here")

    def _shade(self, band: Band) -> bands.Shade:
        end = self.raster.columns if band.t1_ns is None else self.raster.column(band.t1_ns)
        return bands.shade(band, max(0, self.raster.column(band.t0_ns) // 2), (end + 1) // 2)

    def _visible(self, t0_ns: int, t1_ns: int | None) -> bool:
        ends = self.raster.columns if t1_ns is None else self.raster.column(t1_ns)
        return ends >= 0 and self.raster.column(t0_ns) < self.raster.columns

    def _cell(self, t_ns: int | None) -> int | None:
        """The cell of the sheet that a moment falls on; None outside the plot."""
        column = -1 if t_ns is None else self.raster.column(t_ns)
        return self.area.x + column // 2 if 0 <= column < self.raster.columns else None

    def _line_of(self, value: float) -> int:
        return self.area.y + self.area.height - 1 - self.raster.row(value) // 4

    def _grid(self) -> None:
        if self.area.height < 3 or self.extent is None:
            return
        for value, label in self.axis.ticks:
            y = self._line_of(value)
            self.cells.put(self.area.x, y, "┈" * self.area.width, Ink.GRID)
            if self.area.gutter:
                self.cells.put(self.area.x - LABEL_WIDTH - 1, y, f"{label:>{LABEL_WIDTH}}┤", Ink.AXIS)

    def _limits(self) -> None:
        for value, _ in self.model.limits:
            if self.axis.low <= value <= self.axis.high:
                self.cells.put(
                    self.area.x, self._line_of(value), "╌" * self.area.width, self._limit_ink(value)
                )

    def _limit_labels(self) -> None:
        """Each label on its line, at the rightmost place that is free; of a limit above the picture, at its head."""
        area = self.area
        for value, text in self.model.limits:
            label = plain(text if value <= self.axis.high else f"↑ {text}", area.width)
            y, size = self._line_of(value), cell_count(label)
            starts = range(area.x + area.width - size - 1, area.x, -1)
            x = next((x for x in starts if bands.free(self.cells, x - 1, x + size + 1, y)), None)
            if x is not None and size and value >= self.axis.low:
                self.cells.put(x - 1, y, f" {label} ", self._limit_ink(value))

    def _limit_ink(self, value: float) -> Ink:
        return Ink.WARNING if self.extent and self.extent[1] > value else Ink.LIMIT

    def _mark(self, mark: PlotMark) -> None:
        x = self._cell(mark.t_ns)
        if x is not None:
            ink = bands.mark_ink(mark)
            for y in range(self.area.y, self.area.y + self.area.height):
                self.cells.put(x, y, "╎", ink)

    def _heads(self) -> None:
        """What stands over the uprights: marks' glyphs, the letters of the a and b markers."""
        for mark in self.model.marks:
            x = self._cell(mark.t_ns)
            if x is not None and self.area.height > 1:
                self.cells.put(x, self.area.y, plain(mark.glyph, 1) or "▾", bands.mark_ink(mark))
        for letter, t_ns in (("a", self.model.a_ns), ("b", self.model.b_ns)):
            x = self._cell(t_ns)
            if x is not None:
                self._upright(x, "┊", Ink.MARKER)
                self.cells.put(x, self.area.y, letter, Ink.MARKER)

    def _mark_label(self, mark: PlotMark) -> None:
        x = self._cell(mark.t_ns)
        label = plain(mark.label, 24)
        if x is None or self.area.height < 2 or not label:
            return
        first, end = x + 1, x + 3 + cell_count(label)
        if end <= self.area.x + self.area.width and bands.free(self.cells, first, end, self.area.y):
            self.cells.put(x + 2, self.area.y, label, bands.mark_ink(mark))

    def _lines(self) -> None:
        layers = [
            (braille.trace(window, series.gap_ns, self.raster), _ink(series.colour, stale=False))
            for window, series in zip(self.windows, self.model.series, strict=True)
        ]
        braille.ink(self.cells, self.area.x, self.area.y, self.area.height, layers)
        if self.area.gutter:
            self._shapes()

    def _shapes(self) -> None:
        """Each device's shape beside the end of its line, so that lines can be told apart without colour."""
        taken: set[int] = set()
        x = self.area.x + self.area.width
        for window, series in zip(self.windows, self.model.series, strict=True):
            if window.means:
                y = _nearest_free(self._line_of(window.means[-1]), taken, self.area.y, self.area.height)
                taken.add(y)
                self.cells.put(x, y, legend.shape(series.colour), _ink(series.colour, stale=series.stale))

    def _frame(self) -> None:
        cells, area = self.cells, self.area
        if area.framed:
            cells.put(0, cells.height - 1, f"╰{'─' * (cells.width - 2)}╯", Ink.FRAME)
            for y in range(1, cells.height - 1):
                cells.put(0, y, "│", Ink.FRAME)
                cells.put(cells.width - 1, y, "│", Ink.FRAME)
            self._times()
        if area.titled:
            greatest = self.extent[1] if self.extent else None
            legend.write(cells, self.model, self.axis.prefix, greatest, framed=area.framed)

    def _times(self) -> None:
        raster, bottom = self.raster, self.cells.height - 1
        most = max(1, self.area.width // _LABEL_CELLS)
        end = self.area.x + self.area.width
        for t_ns, label in time_ticks(
            raster.time(0), raster.time(raster.columns), self.model.origin_ns, most
        ):
            x = self._cell(t_ns)
            if x is not None and x + len(label) < end and t_ns >= self.model.origin_ns:
                self.cells.put(x, bottom, f"┴{label}", Ink.AXIS)

    def _cursor(self) -> None:
        area, t_ns = self.area, self.model.cursor_ns
        x = self._cell(t_ns)
        if x is None or t_ns is None:
            return
        self._upright(x, "│", Ink.CURSOR)
        self.cells.ground(x, x + 1, area.y, area.y + area.height, Ground.CURSOR)
        roomy = area.width >= 56 and area.height >= 6
        rows = inset.readings(self.model, self.windows, self.axis.prefix, t_ns, labelled=roomy)
        inset.place(self.cells, (area.x, area.y, area.width, area.height), x, rows)

    def _upright(self, x: int, glyph: str, ink: Ink) -> None:
        for y in range(self.area.y, self.area.y + self.area.height):
            if bands.free(self.cells, x, x + 1, y):
                self.cells.put(x, y, glyph, ink)

    def _say(self, text: str) -> None:
        shown = plain(text, self.area.width)
        x, y = self.area.x + (self.area.width - len(shown)) // 2, self.area.y + self.area.height // 2
        if bands.free(self.cells, x, x + len(shown), y):
            self.cells.put(x, y, shown, Ink.DIM)


def _ink(colour: int, *, stale: bool) -> Ink:
    return Ink.DIM if stale else device_ink(colour)


def _axis(model: PlotModel, extent: tuple[float, float] | None, rows: int) -> ValueAxis:
    if model.y_range is not None:
        return fixed_axis(*model.y_range, model.unit, rows)
    if extent is None:
        return value_axis(None, model.unit, rows)
    low, high = extent
    near = [value for value, _ in model.limits if high < value <= high + max(high - low, 0.25 * abs(value))]
    return value_axis((low, max([high, *near])), model.unit, rows)


def _union(extents: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    known = [extent for extent in extents if extent is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _nearest_free(y: int, taken: set[int], top: int, rows: int) -> int:
    """The row next to ``y`` that no shape has yet; ``y`` itself where there is none."""
    free = [row for row in range(top, top + rows) if row not in taken]
    return min(free, key=lambda row: abs(row - y), default=y)
