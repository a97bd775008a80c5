"""The ground of lists of lines: scrolled by wheel and keys, a line chosen by mouse or keys."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line


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

    def all_lines(self, width: int) -> Sequence[Line]:
        """Every line of the list, from its top."""
        raise NotImplementedError

    def moment(self, line: int) -> int | None:
        """The moment that a line of ``all_lines`` is of; None where it is of none."""
        raise NotImplementedError

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The part of the list that is in sight, filled up with blanks."""
        lines = self.all_lines(width)
        head, body = list(lines[: self._fixed]), lines[self._fixed :]
        room = max(0, height - len(head))
        self._top = self._place(len(body), room)
        seen = [*head, *body[self._top : self._top + room]][:height]
        return [*seen, *[((" " * width, 0),)] * (height - len(seen))]

    def scrolled(self, lines: int) -> None:
        """Scroll by so many lines, down when positive."""
        self._top = max(0, self._top + lines)
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Choose the line that was clicked."""
        place = event.get_content_offset(self)
        if place is None:
            return
        moment = self.moment(place.y if place.y < self._fixed else place.y + self._top)
        if moment is not None:
            self.post_message(self.Picked(self, moment))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self.scrolled(2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self.scrolled(-2)

    def _place(self, lines: int, room: int) -> int:
        """The first line in sight."""
        return max(0, min(self._top, lines - room))
