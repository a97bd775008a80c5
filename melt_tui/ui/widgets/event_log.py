"""What happened, newest first."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.event_lines import EventLine, event_lines
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.widgets.pane import Pane

__all__ = ["EventLine", "EventLog"]


class EventLog(Pane):
    """The events up to the moment shown; the one at the cursor is set off."""

    def __init__(self) -> None:
        super().__init__("events")
        self._events: Sequence[EventLine] = ()
        self._cursor_ns: int | None = None
        self._moments: Sequence[int] = ()
        """Of each line."""

    def show(self, events: Sequence[EventLine], cursor_ns: int | None) -> None:
        """List these, newest first."""
        if events != self._events or cursor_ns != self._cursor_ns:
            self._events, self._cursor_ns = events, cursor_ns
            self.redraw()

    def all_lines(self, width: int) -> Sequence[Line]:
        """A line or a few for each event."""
        if not self._events:
            self._moments = ()
            return [row(width, [(" nothing has happened yet", Ink.DIM)])]
        told = [
            (one.t_ns, line)
            for one in self._events
            for line in event_lines(one, width, chosen=one.t_ns == self._cursor_ns)
        ]
        self._moments = [t_ns for t_ns, _ in told]
        return [line for _, line in told]

    def moment(self, line: int) -> int | None:
        """When it happened."""
        return self._moments[line] if 0 <= line < len(self._moments) else None
