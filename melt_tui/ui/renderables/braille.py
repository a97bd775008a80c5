"""Lines of braille dots: two dots across and four down in a cell, a column of dots as one whole number.

A column's *mask* has bit 0 for its lowest dot. Drawing a least-to-greatest line is one shift, joining series one or.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import isfinite, isnan
from operator import or_

import numpy as np

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

    def alike(self, other: "Raster") -> bool:
        """Whether they differ in nothing but where they begin."""
        return (self.dot_ns, self.columns, self.rows, self.low, self.high) == (
            other.dot_ns, other.columns, other.rows, other.low, other.high,
        )  # fmt: skip

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
    """Traces one series picture after picture: what was traced before is moved along, only what is new is traced."""

    __slots__ = ("_ends", "_gap_ns", "_masks", "_raster", "_settled", "_window")

    def __init__(self) -> None:
        self._window: Window | None = None
        self._raster: Raster | None = None
        self._gap_ns = 0
        self._masks: list[int] = []
        self._ends: list[_End] = []
        self._settled = _START

    def trace(self, window: Window, gap_ns: int, to: Raster) -> list[int]:
        """A mask for each dot column: least to greatest of what falls on it, joined to what came before.

        Each column of a ``numeric`` window that lies in the picture is on at least one of its dot columns. Columns
        with more than ``gap_ns`` of nothing between them are not joined.
        """
        known = self._moved(window, to) if gap_ns == self._gap_ns else 0
        if not known:
            self._masks, self._ends, self._settled = [0] * to.columns, [], _START
        last = len(window.starts_ns) - 1
        if known < last:
            placed = _placed(window, slice(known, last), to)
            self._settled = _draw(self._masks, self._ends, self._settled, placed, window.width_ns, gap_ns, to)
        self._window, self._raster, self._gap_ns = window, to, gap_ns
        masks = self._masks.copy()
        newest = _placed(window, slice(max(0, last), None), to)
        _draw(masks, [], self._settled, newest, window.width_ns, gap_ns, to)
        return masks

    def _moved(self, window: Window, to: Raster) -> int:
        """Move what was traced before to where ``to`` has it; how many columns of the window that are, 0: none."""
        before, old = self._window, self._raster
        if before is None or old is None or before.width_ns != window.width_ns or not window.starts_ns:
            return 0
        dropped, moved = bisect_left(before.starts_ns, window.starts_ns[0]), to.first - old.first
        known = _alike(before, window, dropped) if to.alike(old) and moved >= 0 else 0
        if known and (moved or dropped) and not self._shift(window, to, dropped, moved, known):
            return 0
        return known

    def _shift(self, window: Window, to: Raster, dropped: int, moved: int, known: int) -> bool:
        """Move the masks to the left and trace their beginning anew; False where that would not meet the rest."""
        places = list(_placed(window, slice(0, min(_LEAD, known)), to))
        lead, ends = [0] * to.columns, list[_End]()
        _draw(lead, ends, _START, places, window.width_ns, self._gap_ns, to)
        for i in range(len(ends) - 1, 0, -1):
            (_, _, before_x1, *_), (_, x0, *_) = places[i - 1 : i + 1]
            edge = max(0, x0)
            if ends[i - 1] == self._ends[dropped + i - 1] and before_x1 < x0:
                break
        else:
            return False
        if self._settled.column >= to.columns:
            return False
        self._masks = lead[:edge] + self._masks[edge + moved :] + [0] * moved
        self._ends = ends[:i] + self._ends[dropped + i :]
        self._settled = replace(self._settled, column=self._settled.column - moved)
        return True


def _alike(before: Window, window: Window, dropped: int) -> int:
    """How many columns a window begins with that one before had from number ``dropped`` on, its last left out."""
    known = max(0, len(before.starts_ns) - 1 - dropped)
    same = all(
        new[:known].tobytes() == old[dropped : dropped + known].tobytes()
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


class Inker:
    """Draws masks picture after picture: a column of cells that was drawn in the last ones is remembered."""

    __slots__ = ("_known", "_rows")

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[_Spot, ...]] = {}
        self._rows: tuple[object, ...] = ()

    def ink(self, cells: Cells, x: int, y: int, rows: int, layers: Sequence[tuple[list[int], Ink]]) -> None:
        """Draw masks into the ``rows`` cells below ``x``, ``y``: dots join, earlier layers give the ink.

        Two masks make a column of cells; every layer has the same, even number of masks.
        """
        inks = tuple(colour for _, colour in layers)
        left = zip(*(masks[::2] for masks, _ in layers), strict=True)
        right = zip(*(masks[1::2] for masks, _ in layers), strict=True)
        keys = list(zip(left, right, strict=True))
        self._remember(keys, (rows, inks))
        texts, styles = cells.texts, cells.styles
        for column, key in enumerate(keys, start=x):
            spots = self._known.get(key)
            if spots is None:
                spots = self._known[key] = tuple(_spots(*key, rows, inks))
            for row, glyph, colour in spots:
                texts[y + row][column] = glyph
                styles[y + row][column] = styles[y + row][column] & _GROUND | colour

    def _remember(self, keys: "list[_Key]", rows: tuple[object, ...]) -> None:
        """Forget what cannot come again, and when it is much, what is not in this picture."""
        if rows != self._rows:
            self._rows, self._known = rows, {}
        elif len(self._known) > _REMEMBERED * len(keys):
            self._known = {key: self._known[key] for key in keys if key in self._known}


_REMEMBERED = 3
"""Columns of cells for each that is drawn: a picture that moves on by an odd number of dots pairs them otherwise, and what
has left it need not be sorted out at every dot."""
_Key = tuple[tuple[int, ...], tuple[int, ...]]
"""The masks of all layers at the left and at the right of a column of cells."""
_Spot = tuple[int, str, Ink]
"""Row, glyph and ink of a cell that is drawn on."""


def ink(cells: Cells, x: int, y: int, rows: int, layers: Sequence[tuple[list[int], Ink]]) -> None:
    """What a new ``Inker`` draws."""
    Inker().ink(cells, x, y, rows, layers)


def _spots(left: Sequence[int], right: Sequence[int], rows: int, inks: Sequence[Ink]) -> Iterator[_Spot]:
    lefts, rights, both = reduce(or_, left), reduce(or_, right), list(map(or_, left, right))
    for row in range(rows):
        shift = 4 * (rows - 1 - row)
        dots = lefts >> shift & 15, rights >> shift & 15
        if any(dots):
            colour = next(colour for mask, colour in zip(both, inks, strict=True) if mask >> shift & 15)
            yield row, _GLYPHS[dots[0]][dots[1]], colour


@dataclass(frozen=True, slots=True)
class _Pen:
    """Where the line stands after a column: its end in time, its last dot column, the dots drawn there, its mean."""

    end_ns: int
    column: int
    bottom: int
    top: int
    mean: float


_START = _Pen(-1, 0, 0, 0, 0.0)
_Placed = tuple[int, int, int, int, int, float]
"""A column: its start, first and last dot column, the dot rows of least and greatest, the mean."""
_End = tuple[int, int]
"""Lowest and highest dot where a column ends: what the next one is joined to."""
_MANY = 40
"""From so many columns on it pays to place them by numpy."""
_LEAD = 16
"""So many columns at the left edge are traced anew when a picture moves: there nothing is joined to what has gone."""


def _draw(
    masks: list[int],
    ends: list[_End],
    pen: _Pen,
    placed: Iterable[_Placed],
    width: int,
    gap_ns: int,
    to: Raster,
) -> _Pen:
    """Draw placed columns of that width, joined to where the pen stands; where it stands then, and where each ended."""
    end, column, bottom, top, mean = pen.end_ns, pen.column, pen.bottom, pen.top, pen.mean
    columns = to.columns
    for start, x0, x1, low, high, mean_here in placed:
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
        ends.append((bottom, top))
    return _Pen(end, column, bottom, top, mean)


def _placed(window: Window, part: slice, to: Raster) -> Iterator[_Placed]:
    """Column by column."""
    if len(window.starts_ns[part]) >= _MANY:
        return _placed_at_once(window, part, to)
    dot, half, first = to.dot_ns, to.dot_ns // 2, to.first
    starts, width = window.starts_ns[part], window.width_ns
    if width < dot:
        x0 = x1 = [(start + width // 2) // dot - first for start in starts]
    else:
        x0 = [(start - half - 1) // dot + 1 - first for start in starts]
        x1 = [(start - half - 1 + width) // dot - first for start in starts]
    low, high = _levels(window.minima[part], to), _levels(window.maxima[part], to)
    return zip(starts, x0, x1, low, high, window.means[part], strict=True)


def _placed_at_once(window: Window, part: slice, to: Raster) -> Iterator[_Placed]:
    """The same of many columns."""
    dot, half, first = to.dot_ns, to.dot_ns // 2, to.first
    starts, width = np.array(window.starts_ns[part], np.int64), window.width_ns
    if width < dot:
        x0 = x1 = ((starts + width // 2) // dot - first).tolist()
    else:
        ends = starts - (half + 1)
        x0, x1 = (ends // dot + (1 - first)).tolist(), ((ends + width) // dot - first).tolist()
    low, high = _levels_at_once(window.minima[part], to), _levels_at_once(window.maxima[part], to)
    return zip(window.starts_ns[part], x0, x1, low, high, window.means[part], strict=True)


def _levels_at_once(values: Sequence[float], to: Raster) -> list[int]:
    top, scale = to.rows - 1, to.rows / (to.high - to.low)
    edge = to.low + top / scale
    given = np.array(values, np.float64)
    with np.errstate(all="ignore"):
        levels = ((np.clip(given, to.low, edge) - to.low) * scale).astype(np.int64)
    levels[given >= edge] = top
    levels[given <= to.low] = 0
    found: list[int] = levels.tolist()
    return found


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
