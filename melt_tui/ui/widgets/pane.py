"""The ground of lists of lines: scrolled by wheel and keys, a line chosen by mouse or keys."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line

_STEP = 2
"""Lines of one notch of the wheel."""


class Pane(Canvas, can_focus=True):
    """A list longer than its room. A subclass says its lines and which moment each is of."""

    class Picked(Message):
        """A line was chosen: the cursor is to go to its moment."""

        def __init__(self, pane: "Pane", t_ns: int) -> None:
            super().__init__()
            self.pane = pane
            self.t_ns = t_ns

    def __init__(self, place: str) -> None:
        super().__init__(id=place)
        self._top = 0
        self._fixed = 0
        """Lines at the head that do not scroll."""
        self._seen: Sequence[int] = ()
        """The line of ``all_lines`` in each line of the widget."""

    def all_lines(self, width: int) -> Sequence[Line]:
        """Every line of the list, from its top."""
        raise NotImplementedError

    def moment(self, line: int) -> int | None:
        """The moment that a line of ``all_lines`` is of; None where it is of none."""
        raise NotImplementedError

    def title_of(self, line: int) -> int | None:
        """The line that names a line of ``all_lines``, and stays in sight with it; None where there is none."""
        return None

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The part of the list that is in sight, filled up with blanks."""
        lines = self.all_lines(width)
        self._seen = self._in_sight(len(lines), height)
        return [*(lines[i] for i in self._seen), *[((" " * width, 0),)] * (height - len(self._seen))]

    def scrolled(self, lines: int) -> None:
        """Scroll by so many lines, down when positive."""
        self._top = max(0, self._top + lines)
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Choose the line that was clicked."""
        place = event.get_content_offset(self)
        if place is None:
            return
        moment = self.moment(self._seen[place.y]) if 0 <= place.y < len(self._seen) else None
        if moment is not None:
            self.post_message(self.Picked(self, moment))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self.scrolled(_STEP)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self.scrolled(-_STEP)

    def _in_sight(self, lines: int, height: int) -> list[int]:
        """Which lines are: of those that scroll, the first gives way to what names it."""
        fixed = min(self._fixed, lines)
        room = max(0, height - fixed)
        self._top = self._place(lines - fixed, room)
        body = list(range(fixed + self._top, min(lines, fixed + self._top + room)))
        title = self.title_of(body[0]) if len(body) > _STEP else None
        return [*range(fixed), *(body if title is None else [title, *body[1:]])][:height]

    def _place(self, lines: int, room: int) -> int:
        """The first line in sight."""
        return max(0, min(self._top, lines - room))
