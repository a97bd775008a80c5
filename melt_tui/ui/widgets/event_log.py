"""What happened, newest first."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.event_lines import EventLine, event_line
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.widgets.pane import Pane

__all__ = ["EventLine", "EventLog"]


class EventLog(Pane):
    """The events up to the moment shown; the one at the cursor is set off."""

    def __init__(self) -> None:
        super().__init__("events")
        self._events: Sequence[EventLine] = ()
        self._cursor_ns: int | None = None

    def show(self, events: Sequence[EventLine], cursor_ns: int | None) -> None:
        """List these, newest first."""
        if events != self._events or cursor_ns != self._cursor_ns:
            self._events, self._cursor_ns = events, cursor_ns
            self.redraw()

    def all_lines(self, width: int) -> Sequence[Line]:
        """A line for each event."""
        if not self._events:
            return [row(width, [(" nothing has happened yet", Ink.DIM)])]
        return [event_line(one, width, chosen=one.t_ns == self._cursor_ns) for one in self._events]

    def moment(self, line: int) -> int | None:
        """When it happened."""
        return self._events[line].t_ns if 0 <= line < len(self._events) else None
