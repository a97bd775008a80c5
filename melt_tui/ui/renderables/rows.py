"""Rows of text: spans of outside and own text put into exactly so many cells."""

from collections.abc import Iterable, Sequence

from melt_tui.ui.renderables.cells import Ground, Ink, Line, Span, style_of
from melt_tui.ui.renderables.text import cell_count, fit, plain

Part = tuple[str, Ink]
"""Text, and what it stands for."""


def row(width: int, parts: Iterable[Part], ground: Ground = Ground.NONE) -> Line:
    """The parts one after the other, cut or filled to ``width`` cells; their text is made harmless."""
    spans: list[Span] = []
    room = width
    for text, ink in parts:
        if room <= 0:
            break
        shown = plain(text, room)
        if shown:
            spans.append((shown, style_of(ink, ground)))
            room -= cell_count(shown)
    if room > 0:
        spans.append((" " * room, style_of(Ink.TEXT, ground)))
    return tuple(spans)


def justified(width: int, left: Sequence[Part], right: Sequence[Part], ground: Ground = Ground.NONE) -> Line:
    """``right`` at the right edge, ``left`` before it; where both have no room, ``left`` is cut, then ``right``."""
    tail = sum(cell_count(plain(text)) for text, _ in right)
    head = max(0, width - tail)
    return (*row(head, left, ground), *row(width - head, right, ground))


def length(parts: Iterable[Part]) -> int:
    """Cells that the parts take."""
    return sum(cell_count(plain(text)) for text, _ in parts)


def wrapped(text: str, width: int) -> list[str]:
    """Harmless text in lines of at most ``width`` cells, broken at spaces where there are any."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines.extend(_wrap(plain(paragraph), max(1, width)))
    return lines


def column(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in a column of a table."""
    shown = plain(text, width)
    return " " * (width - cell_count(shown)) + shown if right else fit(text, width)


def _wrap(clean: str, width: int) -> Iterable[str]:
    line = ""
    for word in clean.split(" "):
        candidate = f"{line} {word}" if line else word
        if cell_count(candidate) <= width:
            line = candidate
            continue
        if line:
            yield line
        line = word
        while cell_count(line) > width:
            head = _head(line, width)
            yield head
            line = line[len(head) :]
    yield line


def _head(clean: str, width: int) -> str:
    """As much of the beginning as fits, at least one character."""
    kept, cells = 0, 0
    for character in clean:
        cells += cell_count(character)
        if cells > width:
            break
        kept += 1
    return clean[: max(1, kept)]
