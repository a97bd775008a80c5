"""A chart in a frame: title and last values above, time below, braille lines of least to greatest within."""

from collections.abc import Iterator

from melt_tui.ui.renderables import bands, inset, legend
from melt_tui.ui.renderables.axes import LABEL_WIDTH, place_ticks, time_ticks
from melt_tui.ui.renderables.braille import Inker, Tracer
from melt_tui.ui.renderables.cells import Cells, Ground, Ink, Line
from melt_tui.ui.renderables.legend import Edges, Legend, Parts
from melt_tui.ui.renderables.plot_model import PlotModel
from melt_tui.ui.renderables.plot_scene import Head, Layout, Scene, layout, plot_columns, scene_of
from melt_tui.ui.renderables.text import cell_count, plain

__all__ = ["Plotter", "line_plot", "plot_columns"]

_LABEL_CELLS = 9
"""Cells kept for a label of the time axis and the space beside it."""


class Plotter:
    """Draws one chart picture after picture; what is as it was is not drawn again."""

    __slots__ = ("_body", "_cells", "_edges", "_edges_key", "_head", "_inker", "_key", "_tracers")

    def __init__(self) -> None:
        self._tracers: list[Tracer] = []
        self._inker = Inker()
        self._key: tuple[object, ...] = ()
        self._cells: Cells | None = None
        self._body: tuple[Line, ...] = ()
        self._edges_key: tuple[int, bool, Legend] | None = None
        self._edges = Edges("", "", ())
        self._head: Line = ()

    def plot(self, model: PlotModel, width: int, height: int) -> tuple[Line, ...]:
        """The chart as ``height`` lines of exactly ``width`` cells, at any size."""
        area = layout(width, height)
        if not area.width or not area.height:
            return Cells(width, height).lines()
        scene = scene_of(model, area, self._tracers)
        if area.titled:
            self._tell(legend.legend(model, scene.axis.prefix, scene.greatest), width, area)
        foot = self._edges.foot if area.framed else ()
        key = (width, height, scene, foot)
        if key != self._key:
            before, self._cells = self._cells, Cells(width, height)
            _Chart(scene, self._cells, area, self._inker, foot).draw()
            self._key, self._body = key, self._cells.lines(before)
        return (self._head, *self._body[1:]) if area.titled else self._body

    def _tell(self, said: Legend, width: int, area: Layout) -> None:
        key = (width, area.framed, said)
        if key != self._edges_key:
            self._edges = legend.edges(said, width, framed=area.framed)
            cells = Cells(width, 1)
            legend.write(cells, self._edges, framed=area.framed)
            self._edges_key, self._head = key, cells.lines()[0]


def line_plot(model: PlotModel, width: int, height: int) -> tuple[Line, ...]:
    """What a new ``Plotter`` draws."""
    return Plotter().plot(model, width, height)


class _Chart:
    """One drawing of one scene: layers from the back to the front."""

    def __init__(self, scene: Scene, cells: Cells, area: Layout, inker: Inker, foot: Parts) -> None:
        self.inker = inker
        self.foot = foot
        self.scene = scene
        self.cells = cells
        self.area = area
        self.axis = scene.axis
        self.raster = scene.raster

    def draw(self) -> None:
        """Everything, the more important over the less; the first line without its title."""
        scene, area = self.scene, self.area
        bands.lay(self.cells, area.x, area.y, (area.width, area.height), scene.shades)
        self._grid()
        self._limits()
        for mark in scene.marks:
            self._mark(mark)
        bands.feet(self.cells, area.x, area.y, (area.width, area.height), scene.shades)
        self._curves()
        self._heads()
        self._cursor()
        self._limit_labels()
        bands.heads(self.cells, area.x, area.y, (area.width, area.height), scene.shades)
        for mark in scene.marks:
            self._mark_label(mark)
        if area.framed:
            self._frame()
        if scene.empty:
            self._say("no samples here")

    def _line_of(self, value: float) -> int:
        return self.area.y + self.area.height - 1 - self.raster.row(value) // 4

    def _grid(self) -> None:
        if self.area.height < 3 or self.scene.empty:
            return
        for value, label in self.axis.ticks:
            y = self._line_of(value)
            self.cells.put(self.area.x, y, "┈" * self.area.width, Ink.GRID)
            if self.area.gutter:
                self.cells.put(self.area.x - LABEL_WIDTH - 1, y, f"{label:>{LABEL_WIDTH}}┤", Ink.AXIS)

    def _limits(self) -> None:
        for value, _, ink in self.scene.limits:
            if self.axis.low <= value <= self.axis.high:
                self.cells.put(self.area.x, self._line_of(value), "╌" * self.area.width, ink)

    def _limit_labels(self) -> None:
        """Each label on its line, at the rightmost place that is free; of a limit above the picture, at its head."""
        area = self.area
        for value, text, ink in self.scene.limits:
            label = plain(text if value <= self.axis.high else f"↑ {text}", area.width)
            y, size = self._line_of(value), cell_count(label)
            starts = range(area.x + area.width - size - 1, area.x, -1)
            x = next((x for x in starts if bands.free(self.cells, x - 1, x + size + 1, y)), None)
            if x is not None and size and value >= self.axis.low:
                self.cells.put(x - 1, y, f" {label} ", ink)

    def _mark(self, mark: Head) -> None:
        self.cells.upright(
            self.area.x + mark.cell, self.area.y, self.area.y + self.area.height, "╎", mark.ink
        )

    def _heads(self) -> None:
        """What stands over the uprights: marks' glyphs, the letters of the a and b markers."""
        area = self.area
        for mark in self.scene.marks:
            if area.height > 1:
                self.cells.put(area.x + mark.cell, area.y, mark.glyph, mark.ink)
        for cell, letter in self.scene.pointers:
            self._upright(area.x + cell, "┊", Ink.MARKER)
            self.cells.put(area.x + cell, area.y, letter, Ink.MARKER)

    def _mark_label(self, mark: Head) -> None:
        if self.area.height < 2 or not mark.label:
            return
        first = self.area.x + mark.cell + 1
        end = first + 2 + cell_count(mark.label)
        if end <= self.area.x + self.area.width and bands.free(self.cells, first, end, self.area.y):
            self.cells.put(first + 1, self.area.y, mark.label, mark.ink)

    def _curves(self) -> None:
        layers = [(curve.masks, curve.ink) for curve in self.scene.curves]
        self.inker.ink(self.cells, self.area.x, self.area.y, self.area.height, layers)
        if self.area.gutter:
            self._shapes()

    def _shapes(self) -> None:
        """Each device's shape beside the end of its line, so that lines can be told apart without colour."""
        taken: set[int] = set()
        x, bottom = self.area.x + self.area.width, self.area.y + self.area.height - 1
        for curve in self.scene.curves:
            if curve.last is not None:
                y = _nearest_free(bottom - curve.last // 4, taken, self.area.y, self.area.height)
                taken.add(y)
                self.cells.put(x, y, curve.shape, curve.shape_ink)

    def _frame(self) -> None:
        cells = self.cells
        cells.put(0, cells.height - 1, f"╰{'─' * (cells.width - 2)}╯", Ink.FRAME)
        for x in (0, cells.width - 1):
            cells.upright(x, 1, cells.height - 1, "│", Ink.FRAME)
        self._times(legend.write_foot(cells, self.foot))

    def _times(self, first: int) -> None:
        """Those that have room from the cell ``first`` on."""
        raster, bottom = self.raster, self.cells.height - 1
        most = max(1, self.area.width // _LABEL_CELLS)
        end = self.area.x + self.area.width
        ticks: Iterator[tuple[int, str]]
        span, origin = (raster.time(0), raster.time(raster.columns)), self.scene.origin_ns
        if self.scene.along == "time":
            ticks = filter(lambda tick: tick[0] >= origin, time_ticks(*span, origin, most))
        else:
            ticks = place_ticks(*span, origin, most, self.scene.along)
        for t_ns, label in ticks:
            cell = raster.cell(t_ns)
            x = self.area.x + (cell or 0)
            if cell is not None and first <= x < end - len(label):
                self.cells.put(x, bottom, f"┴{label}", Ink.AXIS)

    def _cursor(self) -> None:
        area = self.area
        if self.scene.cursor is not None:
            x = area.x + self.scene.cursor
            self._upright(x, "│", Ink.CURSOR)
            self.cells.ground(x, x + 1, area.y, area.y + area.height, Ground.CURSOR)
            inset.place(self.cells, (area.x, area.y, area.width, area.height), x, self.scene.readings)

    def _upright(self, x: int, glyph: str, ink: Ink) -> None:
        for y in range(self.area.y, self.area.y + self.area.height):
            if bands.free(self.cells, x, x + 1, y):
                self.cells.put(x, y, glyph, ink)

    def _say(self, text: str) -> None:
        shown = plain(text, self.area.width)
        x, y = self.area.x + (self.area.width - len(shown)) // 2, self.area.y + self.area.height // 2
        if bands.free(self.cells, x, x + len(shown), y):
            self.cells.put(x, y, shown, Ink.DIM)


def _nearest_free(y: int, taken: set[int], top: int, rows: int) -> int:
    """The row next to ``y`` that no shape has yet; ``y`` itself where there is none."""
    free = [row for row in range(top, top + rows) if row not in taken]
    return min(free, key=lambda row: abs(row - y), default=y)
