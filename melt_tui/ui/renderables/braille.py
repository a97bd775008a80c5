"""Lines of braille dots: two dots across and four down in a cell, a column of dots as one whole number.

A column's *mask* has bit 0 for its lowest dot. Drawing a least-to-greatest line is one shift, joining series one or.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from operator import or_

from melt_tui.timeline import Window
from melt_tui.ui.renderables.cells import Cells, Ink

_EMPTY = 0x2800
_GROUND = 0xE0
"""The bits of a style that are its ground."""
_LEFT = tuple(sum(bit for i, bit in enumerate((0x40, 0x04, 0x02, 0x01)) if n >> i & 1) for n in range(16))
_RIGHT = tuple(sum(bit for i, bit in enumerate((0x80, 0x20, 0x10, 0x08)) if n >> i & 1) for n in range(16))
_GLYPHS = tuple(tuple(chr(_EMPTY + left + right) for right in _RIGHT) for left in _LEFT)


@dataclass(frozen=True, slots=True)
class Raster:
    """From times and values to dots.

    Dot columns lie on whole multiples of ``dot_ns`` of absolute time, ``first`` being the number of the leftmost:
    so a picture that moves on shifts and never shimmers.
    """

    first: int
    dot_ns: int
    columns: int
    low: float
    high: float
    rows: int
    """Dots from bottom to top."""

    def column(self, t_ns: int) -> int:
        """The dot column that holds a moment; outside the picture it is negative or ≥ ``columns``."""
        return t_ns // self.dot_ns - self.first

    def cell(self, t_ns: int) -> int | None:
        """The cell, two dot columns wide, that holds a moment; None outside the picture."""
        column = self.column(t_ns)
        return column // 2 if 0 <= column < self.columns else None

    def time(self, column: int) -> int:
        """The middle of a dot column, in ns."""
        return (self.first + column) * self.dot_ns + self.dot_ns // 2

    def row(self, value: float) -> int:
        """The dot row of a number, from the bottom; beyond the axis it stays at its edge."""
        return _levels((value,), self)[0]


def raster(t0_ns: int, t1_ns: int, columns: int, low: float, high: float, rows: int) -> Raster:
    """The raster that shows ``t0_ns`` … ``t1_ns`` in so many dot columns, the newest moment in the last one."""
    dot_ns = max(1, -(-max(1, t1_ns - t0_ns) // max(1, columns)))
    return Raster(t1_ns // dot_ns - columns + 1, dot_ns, columns, low, high, rows)


def numeric(window: Window) -> Window:
    """The window without columns that are not a number; infinite ones stay and are drawn at the axis' edge."""
    total = sum(window.minima) + sum(window.maxima) + sum(window.means)
    if not isnan(total):
        return window
    rows = zip(window.starts_ns, window.counts, window.minima, window.maxima, window.means, strict=True)
    kept = [row for row in rows if not any(map(isnan, row[2:]))]
    starts, counts, minima, maxima, means = zip(*kept, strict=True) if kept else ((),) * 5
    return Window(
        key=window.key,
        width_ns=window.width_ns,
        starts_ns=array("q", starts),
        counts=array("q", counts),
        minima=array("d", minima),
        maxima=array("d", maxima),
        means=array("d", means),
    )


def extent(window: Window) -> tuple[float, float] | None:
    """Least and greatest finite value of a ``numeric`` window; None when there is none."""
    if not window.minima:
        return None
    low, high = min(window.minima), max(window.maxima)
    if isfinite(low) and isfinite(high):
        return low, high
    values = [value for value in (*window.minima, *window.maxima) if isfinite(value)]
    return (min(values), max(values)) if values else None


class Tracer:
    """Traces one series picture after picture: as long as only its last column grows, only that is traced."""

    __slots__ = ("_gap_ns", "_masks", "_raster", "_settled", "_window")

    def __init__(self) -> None:
        self._window: Window | None = None
        self._raster: Raster | None = None
        self._gap_ns = 0
        self._masks: list[int] = []
        self._settled = _START

    def trace(self, window: Window, gap_ns: int, to: Raster) -> list[int]:
        """A mask for each dot column: least to greatest of what falls on it, joined to what came before.

        Each column of a ``numeric`` window that lies in the picture is on at least one of its dot columns. Columns
        with more than ``gap_ns`` of nothing between them are not joined.
        """
        known = self._known(window) if to == self._raster and gap_ns == self._gap_ns else 0
        if not known:
            self._masks, self._settled = [0] * to.columns, _START
        last = len(window.starts_ns) - 1
        self._settled = _draw(self._masks, self._settled, window, slice(known, last), gap_ns, to)
        self._window, self._raster, self._gap_ns = window, to, gap_ns
        masks = self._masks.copy()
        _draw(masks, self._settled, window, slice(max(0, last), None), gap_ns, to)
        return masks

    def _known(self, window: Window) -> int:
        """How many columns at the beginning are those of the window before, its last one left out."""
        before = self._window
        if before is None or before.width_ns != window.width_ns:
            return 0
        known = max(0, len(before.starts_ns) - 1)
        same = all(
            new[:known] == old[:known]
            for new, old in (
                (window.starts_ns, before.starts_ns),
                (window.minima, before.minima),
                (window.maxima, before.maxima),
                (window.means, before.means),
            )
        )
        return known if same and len(window.starts_ns) > known else 0


def trace(window: Window, gap_ns: int, to: Raster) -> list[int]:
    """What a new ``Tracer`` traces."""
    return Tracer().trace(window, gap_ns, to)


def ink(cells: Cells, x: int, y: int, rows: int, layers: Sequence[tuple[list[int], Ink]]) -> None:
    """Draw masks into the ``rows`` cells below ``x``, ``y``: dots join, earlier layers give the ink.

    Two masks make a column of cells; every layer has the same, even number of masks.
    """
    if not layers:
        return
    joined = layers[0][0]
    for masks, _ in layers[1:]:
        joined = list(map(or_, joined, masks))
    _glyphs(cells, x, y + rows - 1, joined, layers[-1][1])
    for masks, colour in reversed(layers[:-1]):
        _tint(cells, x, y + rows - 1, masks, colour)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Where the line stands after a column: its end in time, its last dot column, the dots drawn there, its mean."""

    end_ns: int
    column: int
    bottom: int
    top: int
    mean: float


_START = _Pen(-1, 0, 0, 0, 0.0)


def _draw(masks: list[int], pen: _Pen, window: Window, part: slice, gap_ns: int, to: Raster) -> _Pen:
    """Draw those columns of the window, joined to where the pen stands; where it stands then."""
    end, column, bottom, top, mean = pen.end_ns, pen.column, pen.bottom, pen.top, pen.mean
    columns, width = to.columns, window.width_ns
    for start, x0, x1, low, high, mean_here in _placed(window, part, to):
        if end >= 0 and start - end <= gap_ns:
            if x0 - column > 1:
                bottom, top = _bridge(masks, column, to.row(mean), x0, to.row(mean_here))
            bottom, top = low if low <= top else top + 1, high if high >= bottom else bottom - 1
        else:
            bottom, top = low, high
        if 0 <= x0 < columns:
            masks[x0] |= (2 << top) - (1 << bottom)
        if x1 > x0:
            bottom, top = low, high
            _widen(masks, x0 + 1, x1, (2 << high) - (1 << low))
        end, column, mean = start + width, x1, mean_here
    return _Pen(end, column, bottom, top, mean)


def _placed(window: Window, part: slice, to: Raster) -> Iterator[tuple[int, int, int, int, int, float]]:
    """Column by column: start, first and last dot column, the dot rows of least and greatest, the mean."""
    dot, half, first = to.dot_ns, to.dot_ns // 2, to.first
    starts, width = window.starts_ns[part], window.width_ns
    if width < dot:
        x0 = x1 = [(start + width // 2) // dot - first for start in starts]
    else:
        x0 = [(start - half - 1) // dot + 1 - first for start in starts]
        x1 = [(start - half - 1 + width) // dot - first for start in starts]
    low, high = _levels(window.minima[part], to), _levels(window.maxima[part], to)
    return zip(starts, x0, x1, low, high, window.means[part], strict=True)


def _levels(values: Sequence[float], to: Raster) -> list[int]:
    """The dot rows of values, as ``Raster.row`` gives them."""
    low, top = to.low, to.rows - 1
    scale = to.rows / (to.high - low)
    edge = low + top / scale
    return [0 if value <= low else top if value >= edge else int((value - low) * scale) for value in values]


def _widen(masks: list[int], x0: int, x1: int, mask: int) -> None:
    for x in range(max(0, x0), min(len(masks), x1 + 1)):
        masks[x] |= mask


def _bridge(masks: list[int], x0: int, y0: int, x1: int, y1: int) -> tuple[int, int]:
    """Join two dots by a straight line over the dot columns between them; lowest and highest dot of the last one."""
    for x in range(max(0, x0 + 1), min(len(masks), x1)):
        low, high = _stretch(x, x0, y0, x1, y1)
        masks[x] |= (2 << high) - (1 << low)
    return _stretch(x1 - 1, x0, y0, x1, y1)


def _stretch(x: int, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int]:
    """Lowest and highest dot in column ``x`` of the straight line, joined to the column before."""
    here, before = (y0 + (y1 - y0) * (column - x0) // (x1 - x0) for column in (x, x - 1))
    return min(here, before + 1), max(here, before - 1)


def _glyphs(cells: Cells, x: int, bottom: int, masks: list[int], colour: Ink) -> None:
    texts, styles = cells.texts, cells.styles
    for column, (left, right) in enumerate(zip(masks[::2], masks[1::2], strict=True), start=x):
        both = left | right
        y = bottom - _empty_cells(both)
        both >>= 4 * (bottom - y)
        while both:
            if both & 15:
                shift = 4 * (bottom - y)
                texts[y][column] = _GLYPHS[left >> shift & 15][right >> shift & 15]
                styles[y][column] = styles[y][column] & _GROUND | colour
            both >>= 4
            y -= 1


def _tint(cells: Cells, x: int, bottom: int, masks: list[int], colour: Ink) -> None:
    styles = cells.styles
    for column, (left, right) in enumerate(zip(masks[::2], masks[1::2], strict=True), start=x):
        both = left | right
        y = bottom - _empty_cells(both)
        both >>= 4 * (bottom - y)
        while both:
            if both & 15:
                styles[y][column] = styles[y][column] & _GROUND | colour
            both >>= 4
            y -= 1


def _empty_cells(mask: int) -> int:
    """How many whole cells below its lowest dot a column of dots leaves empty."""
    return (mask & -mask).bit_length() - 1 >> 2 if mask else 0
