"""What a chart of some size comes down to: where things stand, which dots are drawn, which axis they stand on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import isnan

from melt_tui.timeline import Window
from melt_tui.ui.renderables import braille, inset, legend
from melt_tui.ui.renderables.axes import LABEL_WIDTH, ValueAxis, fixed_axis, value_axis
from melt_tui.ui.renderables.bands import Shade, mark_ink, shade
from melt_tui.ui.renderables.braille import Raster, Tracer
from melt_tui.ui.renderables.cells import Ink, device_ink
from melt_tui.ui.renderables.plot_model import Band, PlotMark, PlotModel, Series
from melt_tui.ui.renderables.text import plain

_LABELLED_FROM = 24
"""Cells from which a chart has labels of its values."""


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
    gutter = width >= _LABELLED_FROM
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


@dataclass(frozen=True, slots=True)
class Curve:
    """A series as it is drawn: its dots, and the row where it ends."""

    masks: list[int]
    ink: Ink
    shape: str
    shape_ink: Ink
    last: int | None
    """Its dot row, from the bottom."""


@dataclass(frozen=True, slots=True)
class Head:
    """A mark in the picture: its cell, and what stands over its line."""

    cell: int
    glyph: str
    label: str
    ink: Ink


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the picture below the title depends on. Equal scenes look the same."""

    raster: Raster
    axis: ValueAxis
    curves: tuple[Curve, ...]
    shades: tuple[Shade, ...]
    marks: tuple[Head, ...]
    limits: tuple[tuple[float, str, Ink], ...]
    pointers: tuple[tuple[int, str], ...]
    """Cell and letter of the a and b markers that are in the picture."""
    cursor: int | None
    """Its cell, where it is in the picture."""
    readings: tuple[inset.Row, ...]
    origin_ns: int
    along: str
    empty: bool
    greatest: float | None = field(compare=False)


def scene_of(model: PlotModel, area: Layout, tracers: list[Tracer]) -> Scene:
    """The scene of a model; ``tracers``, one a series, are kept from picture to picture and added to as needed."""
    windows = tuple(braille.numeric(series.window) for series in model.series)
    extent = _union(map(braille.extent, windows))
    axis = _axis(model, extent or _told(model), area.height)
    raster = braille.raster(model.t0_ns, model.t1_ns, 2 * area.width, axis.low, axis.high, 4 * area.height)
    tracers += [Tracer() for _ in range(len(windows) - len(tracers))]
    greatest = extent[1] if extent else None
    return Scene(
        raster=raster,
        axis=axis,
        curves=tuple(map(partial(_curve, raster), model.series, windows, tracers)),
        shades=tuple(_shades(model.bands, raster)),
        marks=tuple(_heads(model.marks, raster)),
        limits=tuple(
            (value, label, _limit_ink(value, greatest)) for value, label in model.limits if not isnan(value)
        ),
        pointers=tuple(_pointers((("a", model.a_ns), ("b", model.b_ns)), raster)),
        cursor=None if model.cursor_ns is None else raster.cell(model.cursor_ns),
        readings=_readings(model, windows, axis, area),
        origin_ns=model.origin_ns,
        along=model.along,
        empty=extent is None,
        greatest=greatest,
    )


def _curve(raster: Raster, series: Series, window: Window, tracer: Tracer) -> Curve:
    return Curve(
        masks=tracer.trace(window, series.gap_ns, raster),
        ink=Ink.DIM if series.faint else device_ink(series.colour),
        shape=legend.shape(series.colour),
        shape_ink=Ink.DIM if series.stale else device_ink(series.colour),
        last=raster.row(window.means[-1]) if window.means and not series.faint else None,
    )


def _shades(bands: Iterable[Band], raster: Raster) -> Iterator[Shade]:
    """The bands in the picture, in cells."""
    for band in bands:
        first = raster.column(band.t0_ns)
        last = raster.columns if band.t1_ns is None else min(raster.columns, raster.column(band.t1_ns))
        if last >= 0 and first < raster.columns:
            yield shade(band, max(0, first // 2), (last + 1) // 2)


def _heads(marks: Iterable[PlotMark], raster: Raster) -> Iterator[Head]:
    for mark in marks:
        cell = raster.cell(mark.t_ns)
        if cell is not None:
            yield Head(cell, plain(mark.glyph, 1) or "▾", plain(mark.label, 24), mark_ink(mark))


def _pointers(pointers: Iterable[tuple[str, int | None]], raster: Raster) -> Iterator[tuple[int, str]]:
    for letter, t_ns in pointers:
        cell = None if t_ns is None else raster.cell(t_ns)
        if cell is not None:
            yield cell, letter


def _readings(
    model: PlotModel, windows: Sequence[Window], axis: ValueAxis, area: Layout
) -> tuple[inset.Row, ...]:
    if model.cursor_ns is None:
        return ()
    roomy = area.width >= 56 and area.height >= 6
    return inset.readings(model, windows, axis.prefix, model.cursor_ns, labelled=roomy)


def _limit_ink(value: float, greatest: float | None) -> Ink:
    return Ink.LIMIT if greatest is None or greatest <= value else Ink.WARNING


def _axis(model: PlotModel, extent: tuple[float, float] | None, rows: int) -> ValueAxis:
    if model.y_range is not None and not any(map(isnan, model.y_range)):
        return fixed_axis(*model.y_range, model.unit, rows)
    if extent is None:
        return value_axis(None, model.unit, rows)
    low, high = extent
    near = [value for value, _ in model.limits if high < value <= high + max(high - low, 0.25 * abs(value))]
    return value_axis((low, max([high, *near])), model.unit, rows)


def _told(model: PlotModel) -> tuple[float, float] | None:
    """Of the last values: what stands above a chart without a sample in sight has a prefix too."""
    lasts = [series.last for series in model.series if series.last is not None and not series.faint]
    return (min(lasts), max(lasts)) if lasts else None


def _union(extents: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    known = [extent for extent in extents if extent is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
