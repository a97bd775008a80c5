"""A table of own lines: the turns of the runs, the figures of the channels."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.renderables.tables import Column, TableRow, heading, sheets, table_line
from melt_tui.ui.widgets.pane import Pane

_ASKED = "reckoning …"
"""Before it is known that there is nothing."""

__all__ = ["Table", "TableRow"]


class Table(Pane):
    """Rows under a heading that stays, and so does the title of the uppermost; a click on a row goes to its moment."""

    def __init__(self, place: str, columns: Sequence[Column], empty: str, key: str = "") -> None:
        """``key`` is the one that turns to other columns, as it is written on a keyboard."""
        super().__init__(place)
        self._key = key
        self._columns = columns
        self._empty = empty
        self._rows: Sequence[TableRow] = ()
        self._note = ""
        self._asked = False
        """Whether anything was shown, be it nothing."""
        self._fixed = 1
        self._sheet = 0

    def show(self, rows: Sequence[TableRow], note: str = "") -> None:
        """List these; ``note`` stands above them."""
        if rows != self._rows or note != self._note or not self._asked:
            self._rows, self._note, self._asked = rows, note, True
            self._fixed = 1 + bool(note)
            self._say_sheet()
            self.redraw()

    def turn(self) -> None:
        """Show the columns that had no room, and after them the first ones again."""
        self._sheet += 1
        self._say_sheet()
        self.redraw()

    def on_resize(self) -> None:
        """Other widths have room for other columns."""
        self._sheet = 0
        self._say_sheet()

    def all_lines(self, width: int) -> Sequence[Line]:
        """The note, the heading, a line for each row."""
        if not self._rows:
            return [row(width, [(f" {self._empty if self._asked else _ASKED}", Ink.DIM)])]
        made = sheets(self._columns, width)
        kept = made[self._sheet % len(made)]
        note = [row(width, [(f" {self._note}", Ink.STRONG)])] if self._note else []
        lines = [table_line(self._columns, one, width, kept) for one in self._rows]
        return [*note, heading(self._columns, width, kept), *lines]

    def moment(self, line: int) -> int | None:
        """The moment of the row."""
        place = line - self._fixed
        return self._rows[place].t_ns if 0 <= place < len(self._rows) else None

    def title_of(self, line: int) -> int | None:
        """The title that the row stands below."""
        place = next((i for i in range(line - self._fixed, -1, -1) if self._rows[i].title), None)
        return None if place is None else place + self._fixed

    def _say_sheet(self) -> None:
        """In the frame, where not all columns have room at once."""
        many = len(sheets(self._columns, self.size.width)) if self._rows and self.size.width else 1
        self._sheet %= many
        said = f"{self._key} more columns {self._sheet + 1}/{many}".strip() if many > 1 else ""
        if self.border_subtitle != said:
            self.border_subtitle = said
