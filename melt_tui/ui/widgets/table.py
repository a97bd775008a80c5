"""A table of own lines: the turns of the runs, the figures of the channels."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.renderables.tables import Column, TableRow, heading, table_line
from melt_tui.ui.widgets.pane import Pane

__all__ = ["Table", "TableRow"]


class Table(Pane):
    """Rows under a heading that stays; a click on a row goes to its moment."""

    def __init__(self, place: str, columns: Sequence[Column], empty: str) -> None:
        super().__init__(place)
        self._columns = columns
        self._empty = empty
        self._rows: Sequence[TableRow] = ()
        self._note = ""
        self._fixed = 1

    def show(self, rows: Sequence[TableRow], note: str = "") -> None:
        """List these; ``note`` stands above them."""
        if rows != self._rows or note != self._note:
            self._rows, self._note = rows, note
            self._fixed = 1 + bool(note)
            self.redraw()

    def all_lines(self, width: int) -> Sequence[Line]:
        """The note, the heading, a line for each row."""
        if not self._rows:
            return [row(width, [(f" {self._empty}", Ink.DIM)])]
        note = [row(width, [(f" {self._note}", Ink.STRONG)])] if self._note else []
        lines = [table_line(self._columns, one, width) for one in self._rows]
        return [*note, heading(self._columns, width), *lines]

    def moment(self, line: int) -> int | None:
        """The moment of the row."""
        place = line - self._fixed
        return self._rows[place].t_ns if 0 <= place < len(self._rows) else None
