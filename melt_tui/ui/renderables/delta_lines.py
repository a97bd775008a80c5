"""Lines of a table of differences: rows in columns, and sentences between them that are wrapped."""

from collections.abc import Sequence
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.rows import row, wrapped
from melt_tui.ui.renderables.tables import Column, TableRow, table_line


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence."""

    text: str
    ink: Ink
    indent: int = 1


@dataclass(frozen=True, slots=True)
class Delta:
    """A row."""

    columns: Sequence[Column]
    row: TableRow
    heading: bool = False
    """It says what stands in the columns below it."""


Text = Said | Delta


def delta_lines(text: Text, width: int) -> list[Line]:
    """One of them, in as many lines as it needs."""
    if isinstance(text, Delta):
        return [table_line(text.columns, text.row, width)]
    return [
        row(width, [(" " * text.indent, Ink.TEXT), (line, text.ink)])
        for line in wrapped(text.text, max(8, width - text.indent - 1))
    ]
