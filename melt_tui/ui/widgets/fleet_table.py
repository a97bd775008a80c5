"""All devices in a table, one row each, drawn anew only where something changed."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.fleet import (
    Figure,
    FleetColumn,
    FleetRow,
    column_at,
    columns,
    fleet_line,
    heading,
)
from melt_tui.ui.widgets.choice_list import ChoiceList

__all__ = ["Figure", "FleetColumn", "FleetRow", "FleetTable"]


class FleetTable(ChoiceList):
    """The rows in the order that they are given in, under a heading whose titles can be clicked."""

    class Sorted(Message):
        """A title was clicked."""

        def __init__(self, table: "FleetTable", column: FleetColumn) -> None:
            super().__init__()
            self.table = table
            self.column = column

    head = 1

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: Sequence[FleetRow] = ()
        self._sort = FleetColumn.DEVICE
        self._falling = False
        self._drawn: dict[str, tuple[FleetRow, bool, int, Line]] = {}
        """By device what its line was drawn from, and the line."""

    @property
    def sortable(self) -> list[FleetColumn]:
        """The columns that have room and can be sorted by."""
        return columns(self.size.width)

    def show(self, rows: Sequence[FleetRow], selected: str, sort: FleetColumn, *, falling: bool) -> None:
        """Draw these from now on."""
        same = rows == self._rows and (sort, falling) == (self._sort, self._falling)
        if self.choose(selected) or not same:
            self._rows, self._sort, self._falling = rows, sort, falling
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The heading and the rows in sight."""
        rows = self._rows
        sight = self.seen([one.device for one in rows], height)
        lines = [heading(width, self._sort, falling=self._falling)]
        lines += [self._line(rows[place], width) for place in sight]
        return self.filled(lines, width, height)

    def on_click(self, event: events.Click) -> None:
        """A title sorts."""
        place = event.get_content_offset(self)
        column = column_at(self.size.width, place.x) if place is not None and place.y == 0 else None
        if column is not None:
            self.post_message(self.Sorted(self, column))

    def _line(self, one: FleetRow, width: int) -> Line:
        selected = one.device == self._selected
        known = self._drawn.get(one.device)
        if known is not None and known[:3] == (one, selected, width):
            return known[3]
        line = fleet_line(one, width, selected=selected)
        self._drawn[one.device] = (one, selected, width, line)
        return line
