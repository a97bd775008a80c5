"""Plain tables: columns that keep their places, the less important left out where there is no room."""

from collections.abc import Sequence
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ground, Ink, Line
from melt_tui.ui.renderables.rows import Part, column, row


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Those of the highest ``rank`` are left out first."""

    title: str
    width: int
    right: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class TableRow:
    """Texts in the order of the columns; the first column in its own ink."""

    texts: tuple[str, ...]
    head: Ink = Ink.TEXT
    ink: Ink = Ink.TEXT
    t_ns: int | None = None
    """The moment that the row is of; a click goes there."""


def fitting(columns: Sequence[Column], width: int) -> list[int]:
    """Which columns have room, by their places."""
    kept = list(range(len(columns)))
    while kept and sum(columns[i].width + 1 for i in kept) + 1 > width:
        last = max(kept, key=lambda i: (columns[i].rank, i))
        if columns[last].rank == 0:
            break
        kept.remove(last)
    return kept


def heading(columns: Sequence[Column], width: int) -> Line:
    """The titles of the columns."""
    return _row(columns, TableRow(tuple(c.title for c in columns), Ink.DIM, Ink.DIM), width, chosen=False)


def table_line(columns: Sequence[Column], one: TableRow, width: int, *, chosen: bool = False) -> Line:
    """One row in ``width`` cells."""
    return _row(columns, one, width, chosen=chosen)


def _row(columns: Sequence[Column], one: TableRow, width: int, *, chosen: bool) -> Line:
    kept = fitting(columns, width)
    parts: list[Part] = [(" ", Ink.TEXT)]
    for place in kept:
        spec = columns[place]
        ink = one.head if place == 0 else one.ink
        parts.append((column(one.texts[place], spec.width, right=spec.right) + " ", ink))
    return row(width, parts, Ground.SELECTED if chosen else Ground.NONE)
