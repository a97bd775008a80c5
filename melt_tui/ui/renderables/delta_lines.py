"""Lines of a table of differences: rows in columns, and sentences between them that are wrapped."""

from collections.abc import Iterator, Sequence
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


Text = Said | Delta


def delta_lines(texts: Sequence[Text], width: int) -> list[Line]:
    """All of them, one under another."""
    return [line for text in texts for line in _lines(text, width)]


def _lines(text: Text, width: int) -> Iterator[Line]:
    if isinstance(text, Delta):
        yield table_line(text.columns, text.row, width)
        return
    for line in wrapped(text.text, max(8, width - text.indent - 1)):
        yield row(width, [(" " * text.indent, Ink.TEXT), (line, text.ink)])
