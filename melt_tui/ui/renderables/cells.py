"""A sheet of cells to draw on, and the lines that it becomes.

A style is one number: an ``Ink`` on a ``Ground``. Their names are component classes of the stylesheet.
"""

import re
from collections.abc import Sequence
from enum import IntEnum

from melt_tui.ui.renderables.text import cells_of

Span = tuple[str, int]
"""A run of text in one style."""
Line = tuple[Span, ...]
"""Runs from left to right; their cells add up to the width of the sheet."""

DEVICE_COLOURS = 8
"""How many device colours there are: ``Ink.DEVICE_0`` and the seven after it."""
_INKS = 32


class Ink(IntEnum):
    """What a cell's character is: who or what it stands for, never a colour."""

    TEXT = 0
    DIM = 1
    FRAME = 2
    TITLE = 3
    AXIS = 4
    GRID = 5
    LIMIT = 6
    STRONG = 7
    DEVICE_0 = 8
    DEVICE_1 = 9
    DEVICE_2 = 10
    DEVICE_3 = 11
    DEVICE_4 = 12
    DEVICE_5 = 13
    DEVICE_6 = 14
    DEVICE_7 = 15
    WARNING = 16
    ERROR = 17
    GOOD = 18
    MARK = 19
    EVENT = 20
    CURSOR = 21
    MARKER = 22
    BAND = 23
    BAND_WARNING = 24
    LEVEL = 25
    NOW = 26


class Ground(IntEnum):
    """What lies behind a cell."""

    NONE = 0
    PREFILL = 1
    DECODE = 2
    WARNING = 3
    OUTAGE = 4
    CURSOR = 5
    INSET = 6
    SELECTED = 7


_TO_INK = [bytes(style - style % _INKS + ink for style in range(256)) for ink in range(_INKS)]
_TO_GROUND = [bytes(style % _INKS + ground * _INKS for style in range(256)) for ground in range(256 // _INKS)]
_RUN = re.compile(rb"(.)\1*", re.DOTALL)


def style_of(ink: Ink | int, ground: Ground | int = Ground.NONE) -> int:
    """The style number of an ink on a ground."""
    return ground * _INKS + ink


def ink_of(style: int) -> Ink:
    """The ink of a style."""
    return Ink(style % _INKS)


def ground_of(style: int) -> Ground:
    """The ground of a style."""
    return Ground(style // _INKS)


def device_ink(colour: int) -> Ink:
    """The ink of a device colour index; indices past the last begin again."""
    return Ink(Ink.DEVICE_0 + colour % DEVICE_COLOURS)


class Cells:
    """``height`` rows of ``width`` cells, at first blank. Whatever falls outside is not drawn."""

    __slots__ = ("_wide", "height", "made", "styles", "texts", "width")

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.texts = [[" "] * width for _ in range(height)]
        self.styles = [bytearray(width) for _ in range(height)]
        self._wide = False
        self.made: tuple[Line, ...] = ()
        """As ``lines`` gave them last."""

    def put(self, x: int, y: int, clean: str, ink: Ink) -> int:
        """Write ``plain`` text from cell ``x`` on, its ground left as it is; the cell after it."""
        cells = cells_of(clean)
        end = x + len(cells)
        first, last = max(0, x), min(self.width, end)
        if 0 <= y < self.height and first < last:
            row, styles = self.texts[y], self.styles[y]
            wide = not clean.isascii() and "" in cells
            self._wide = self._wide or wide
            if self._wide:
                _mend(row, first, last)
            row[first:last] = cells[first - x : last - x]
            if wide:
                _mend_edges(row, first, last)
            styles[first:last] = styles[first:last].translate(_TO_INK[ink])
        return end

    def ground(self, x0: int, x1: int, y0: int, y1: int, ground: Ground) -> None:
        """Lay a ground behind the cells ``x0 ≤ x < x1``, ``y0 ≤ y < y1``, their ink left as it is."""
        first, last = max(0, x0), min(self.width, x1)
        for y in range(max(0, y0), min(self.height, y1)):
            styles = self.styles[y]
            styles[first:last] = styles[first:last].translate(_TO_GROUND[ground])

    def upright(self, x: int, y0: int, y1: int, glyph: str, ink: Ink) -> None:
        """Write a ``plain`` character of one cell down the rows ``y0 ≤ y < y1``, their ground left as it is."""
        if self._wide:
            for y in range(y0, y1):
                self.put(x, y, glyph, ink)
        elif 0 <= x < self.width:
            to_ink = _TO_INK[ink]
            for y in range(max(0, y0), min(self.height, y1)):
                self.texts[y][x] = glyph
                self.styles[y][x] = to_ink[self.styles[y][x]]

    def lines(self, before: "Cells | None" = None) -> tuple[Line, ...]:
        """The sheet as lines; a row that is as it was on the sheet ``before`` is the line that it became there."""
        known = before.made if before is not None else ()
        if before is None or len(known) != self.height:
            self.made = tuple(map(_line, self.texts, self.styles))
        else:
            rows = zip(self.texts, self.styles, before.texts, before.styles, known, strict=True)
            self.made = tuple(
                line if texts == old_texts and styles == old_styles else _line(texts, styles)
                for texts, styles, old_texts, old_styles, line in rows
            )
        return self.made


def text_of(lines: Sequence[Line]) -> str:
    """The characters of a picture alone, one row a line."""
    return "\n".join("".join(text for text, _ in line) for line in lines)


def _line(texts: list[str], styles: bytearray) -> Line:
    if "" in texts:
        return tuple(
            ("".join(texts[run.start() : run.end()]), styles[run.start()]) for run in _RUN.finditer(styles)
        )
    whole = "".join(texts)
    return tuple((whole[run.start() : run.end()], styles[run.start()]) for run in _RUN.finditer(styles))


def _mend(row: list[str], first: int, last: int) -> None:
    """Blank the half of a wide character that overwriting ``first … last`` would leave behind."""
    if row[first] == "":
        row[first - 1] = " "
    if last < len(row) and row[last] == "":
        row[last] = " "


def _mend_edges(row: list[str], first: int, last: int) -> None:
    """Blank the half of a wide character that was cut off by the sheet's own edges."""
    if row[first] == "":
        row[first] = " "
    if last == len(row) and len(cells_of(row[last - 1])) == 2:
        row[last - 1] = " "
