"""The ground of lists from which something is chosen: by mouse and keys, scrolled, the chosen one kept in sight."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line


class ChoiceList(Canvas):
    """A list longer than its room, under ``head`` lines that stay. What is chosen is known by its key."""

    class Selected(Message):
        """This one was clicked."""

        def __init__(self, choices: "ChoiceList", key: str) -> None:
            super().__init__()
            self.choices = choices
            self.key = key

    class Opened(Message):
        """This one was clicked twice."""

        def __init__(self, choices: "ChoiceList", key: str) -> None:
            super().__init__()
            self.choices = choices
            self.key = key

    head = 0
    """Lines at the top that do not scroll."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._selected = ""
        self._owners: Sequence[str] = ()
        """For each line below the head the key that it belongs to; empty where it is nobody's."""
        self._top = 0
        self._revealing = False

    @property
    def sight(self) -> tuple[int, int]:
        """The first line in sight and the one after the last."""
        return self._top, min(len(self._owners), self._top + max(0, self.size.height - self.head))

    @property
    def page(self) -> int:
        """How many lines are in sight at once."""
        return max(1, self.size.height - self.head)

    def key_at(self, y: int) -> str:
        """Whose line that is, counted from the widget's top; empty for nobody's."""
        line = self._top + y - self.head
        return self._owners[line] if y >= self.head and 0 <= line < len(self._owners) else ""

    def choose(self, key: str) -> bool:
        """Set off this one from now on and bring it into sight; whether that was another."""
        other = key != self._selected
        self._selected = key
        self._revealing = self._revealing or other
        return other

    def reveal(self) -> None:
        """Bring the chosen one into sight with the next picture."""
        self._revealing = True

    def seen(self, owners: Sequence[str], height: int) -> range:
        """Which lines of a list of these owners are in sight in so many lines, the head among them."""
        self._owners = owners
        room = max(0, height - self.head)
        if self._revealing:
            self._reveal(room)
        self._top = max(0, min(self._top, len(owners) - room))
        return range(self._top, min(len(owners), self._top + room))

    def filled(self, lines: list[Line], width: int, height: int) -> list[Line]:
        """As many lines as there is room for, with blanks at the end."""
        return [*lines[:height], *[((" " * width, 0),)] * (height - len(lines))]

    def on_click(self, event: events.Click) -> None:
        """Choose, or open with the second click."""
        place = event.get_content_offset(self)
        key = self.key_at(place.y) if place is not None else ""
        if key:
            self.post_message((self.Opened if event.chain == 2 else self.Selected)(self, key))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        self._scroll(event, 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        self._scroll(event, -3)

    def _scroll(self, event: events.MouseEvent, lines: int) -> None:
        event.stop()
        self._top = max(0, self._top + lines)
        self.redraw()

    def _reveal(self, room: int) -> None:
        """Every line of the chosen one; a heading just above it too."""
        own = [line for line, owner in enumerate(self._owners) if owner == self._selected]
        if own:
            first = own[0] - (own[0] > 0 and not self._owners[own[0] - 1])
            self._top = max(own[-1] - room + 1, min(self._top, first))
        self._revealing = False
