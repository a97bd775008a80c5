"""What was said: runtime output, device log, the model's text; follows the cursor, can be searched."""

from collections.abc import Callable, Mapping, Sequence

from melt_tui.ui.renderables.cells import Ink, Line, device_ink
from melt_tui.ui.renderables.log_lines import LogRow, log_lines
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.widgets.pane import Pane

__all__ = ["LogPane", "LogRow"]

_DRAWN_AT_MOST = 400


class LogPane(Pane):
    """The lines around the cursor, oldest first; without a cursor the newest stay in sight."""

    def __init__(self) -> None:
        super().__init__("log")
        self._rows: Sequence[LogRow] = ()
        self._colours: Mapping[str, int] = {}
        self._stamp: Callable[[int], str] = str
        self._cursor_ns: int | None = None
        self._found = ""
        self._owners: list[int] = []
        self._follow = True

    def show(
        self,
        rows: Sequence[LogRow],
        cursor_ns: int | None,
        colours: Mapping[str, int],
        stamp: Callable[[int], str],
    ) -> None:
        """List these rows; ``stamp`` writes a moment."""
        if rows == self._rows and cursor_ns == self._cursor_ns and colours == self._colours:
            return
        if cursor_ns != self._cursor_ns:
            self._follow = True
        self._rows, self._cursor_ns = rows, cursor_ns
        self._colours, self._stamp = colours, stamp
        self.redraw()

    def search(self, text: str) -> None:
        """Set off every place where ``text`` occurs; nothing ends the search."""
        self._found = text
        self.redraw()

    @property
    def searched(self) -> str:
        """The text that is set off; empty when there is none."""
        return self._found

    def all_lines(self, width: int) -> Sequence[Line]:
        """Each row in as many lines as it needs."""
        lines: list[Line] = []
        self._owners = []
        chosen = self._chosen()
        first = max(0, (len(self._rows) if chosen is None else chosen + 1) - _DRAWN_AT_MOST)
        for i, one in enumerate(self._rows[first : first + _DRAWN_AT_MOST], start=first):
            ink = device_ink(self._colours.get(one.device, 0))
            drawn = log_lines(one, width, self._stamp(one.t_ns), ink, chosen=i == chosen, found=self._found)
            before = len(lines)
            lines.extend(drawn)
            self._owners += [i] * (len(lines) - before)
        if lines:
            return lines
        return [row(width, [(" nothing has been said yet", Ink.DIM)])]

    def moment(self, line: int) -> int | None:
        """When it was said."""
        return self._rows[self._owners[line]].t_ns if 0 <= line < len(self._owners) else None

    def scrolled(self, lines: int) -> None:
        """Scroll; following goes on at the end."""
        self._follow = False
        super().scrolled(lines)

    def _chosen(self) -> int | None:
        """The row at the cursor: the last one said by then."""
        if self._cursor_ns is None:
            return None
        said = [i for i, one in enumerate(self._rows) if one.t_ns <= self._cursor_ns]
        return said[-1] if said else None

    def _place(self, lines: int, room: int) -> int:
        chosen = self._chosen()
        if not self._follow:
            self._follow = self._top >= lines - room
        elif chosen is None:
            return max(0, lines - room)
        elif chosen in self._owners:
            at = self._owners.index(chosen)
            return max(0, min(at - room // 2, lines - room))
        return super()._place(lines, room)
