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
    title: bool = False
    """It names those below it: its first text goes over all columns."""


def fitting(columns: Sequence[Column], width: int) -> list[int]:
    """Which columns have room, by their places."""
    kept = list(range(len(columns)))
    while kept and sum(columns[i].width + 1 for i in kept) + 1 > width:
        last = max(kept, key=lambda i: (columns[i].rank, i))
        if columns[last].rank == 0:
            break
        kept.remove(last)
    return kept


def sheets(columns: Sequence[Column], width: int) -> list[list[int]]:
    """First those that have room; then, each time beside the first column, those that had none, the weightiest first."""
    made = [fitting(columns, width)]
    left = sorted(set(range(len(columns))) - set(made[0]), key=lambda i: (columns[i].rank, i))
    while left:
        sheet, room = [0], width - columns[0].width - 2
        for place in left:
            if columns[place].width < room or place == left[0]:
                sheet.append(place)
                room -= columns[place].width + 1
        made.append(sorted(sheet))
        left = [place for place in left if place not in sheet]
    return made


def heading(columns: Sequence[Column], width: int, kept: Sequence[int] | None = None) -> Line:
    """The titles of the columns; of all that have room where it is not said which."""
    titles = TableRow(tuple(c.title for c in columns), Ink.DIM, Ink.DIM)
    return table_line(columns, titles, width, kept)


def table_line(
    columns: Sequence[Column],
    one: TableRow,
    width: int,
    kept: Sequence[int] | None = None,
    *,
    chosen: bool = False,
) -> Line:
    """One row in ``width`` cells."""
    if one.title:
        return row(width, [(f" {one.texts[0]}", one.head)])
    kept = fitting(columns, width) if kept is None else kept
    parts: list[Part] = [(" ", Ink.TEXT)]
    for place in kept:
        spec = columns[place]
        ink = one.head if place == 0 else one.ink
        parts.append((column(one.texts[place], spec.width, right=spec.right) + " ", ink))
    return row(width, parts, Ground.SELECTED if chosen else Ground.NONE)
