"""Text from outside made harmless and measured: the one place where it becomes cells.

Names and lines of devices may hold escapes, line breaks, bidirectional controls, marks that join or combine, and
wide characters. What comes out of here moves no cursor, reorders nothing and takes exactly the cells it says.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from sys import intern

from rich.cells import get_character_cell_size

ELLIPSIS = "…"
UNSHOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that a terminal cannot be trusted with."""

_CONTROL_PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 9: " ", 127: "\N{SYMBOL FOR DELETE}"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_LINE_ENDS = "\u2028\u2029"


def plain(text: str, width: int | None = None) -> str:
    """``text`` made harmless, on one line, cut to ``width`` cells with an ellipsis where it is longer.

    Controls become their pictures, tabs and odd spaces a space, combining marks melt into their letter or go,
    and what is unassigned, private or written right to left becomes U+FFFD.
    """
    clean = _clean(text) if len(text) <= 512 else _clean(text[:512] + ELLIPSIS)
    return clean if width is None else _cut(clean, width)


def fit(text: str, width: int) -> str:
    """``plain`` text in exactly ``width`` cells: cut or filled with spaces on the right."""
    cut = plain(text, width)
    return cut + " " * (width - cell_count(cut))


def cell_count(clean: str) -> int:
    """Cells that ``plain`` text takes."""
    return len(clean) if clean.isascii() else sum(map(get_character_cell_size, clean))


def cells_of(clean: str) -> Sequence[str]:
    """``plain`` text cell by cell; the second cell of a wide character is the empty string."""
    return clean if clean.isascii() else _cells_of(clean)


@lru_cache(maxsize=1024)
def _cells_of(clean: str) -> Sequence[str]:
    if cell_count(clean) == len(clean):
        return clean  # a character a cell: no second copy of it, cell by cell, to remember
    out: list[str] = []
    for character in map(intern, clean):  # else each is a string of its own
        out.append(character)
        if get_character_cell_size(character) == 2:
            out.append("")
    return tuple(out)


@lru_cache(maxsize=1024)
def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown = map(_shown, unicodedata.normalize("NFC", text))
    return "".join(shown)


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    code = ord(character)
    if code in _CONTROL_PICTURES:
        return _CONTROL_PICTURES[code]
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf"}:
        return ""
    if category == "Zs" or character in _LINE_ENDS:
        return " "
    if category in {"Cc", "Cs", "Co", "Cn"} or unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        return UNSHOWN
    return character if get_character_cell_size(character) in {1, 2} else UNSHOWN


def _cut(clean: str, width: int) -> str:
    if cell_count(clean) <= width:
        return clean
    if width <= 0:
        return ""
    ends = accumulate(map(get_character_cell_size, clean))
    return clean[: sum(end < width for end in ends)] + ELLIPSIS
