"""All devices on one canvas: a card each, drawn anew only where something changed."""

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cards import (
    Card,
    CardMode,
    CardPicture,
    CardState,
    Fact,
    mode_for,
    stack,
)
from melt_tui.ui.renderables.cells import Line

__all__ = ["Card", "CardMode", "CardState", "DeviceCards", "Fact"]

_EMPTY = CardPicture((), ())


class DeviceCards(Canvas):
    """The cards one under another, scrolled where they do not fit; the selected one stays in sight.

    ``mode`` None: as much of each as the height allows.
    """

    class Selected(Message):
        """This device's card was clicked."""

        def __init__(self, cards: "DeviceCards", device: str) -> None:
            super().__init__()
            self.cards = cards
            self.device = device

    class Opened(Message):
        """This device's card was clicked twice."""

        def __init__(self, cards: "DeviceCards", device: str) -> None:
            super().__init__()
            self.cards = cards
            self.device = device

    def __init__(
        self,
        *,
        mode: CardMode | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._mode = mode
        self._cards: tuple[Card, ...] = ()
        self._selected = ""
        self._stack = _EMPTY
        self._stacked: tuple[Card, ...] = ()
        """The cards of ``_stack``: those that are drawn."""
        self._top = 0
        self._revealing = False

    def show(self, cards: tuple[Card, ...], selected: str) -> None:
        """Draw these from now on."""
        if cards == self._cards and selected == self._selected:
            return
        self._revealing = self._revealing or selected != self._selected
        self._cards, self._selected = cards, selected
        self.redraw()

    def picture(self, width: int, height: int) -> tuple[Line, ...]:
        """The part of the stack of cards that is in sight."""
        mode = self._mode or mode_for(self._cards, width, height)
        self._stacked, self._stack = self._cards, stack(self._cards, self._selected, width, height, mode)
        if self._revealing:
            self._reveal(height)
        self._top = max(0, min(self._top, len(self._stack.lines) - height))
        seen = self._stack.lines[self._top : self._top + height]
        return (*seen, *((((" " * width, 0),),) * (height - len(seen))))

    def device_at(self, y: int) -> str | None:
        """The device whose card is on that line of the widget."""
        line = self._top + y
        return self._stacked[self._stack.owners[line]].device if 0 <= line < len(self._stack.owners) else None

    def on_click(self, event: events.Click) -> None:
        """Select, or open with the second click."""
        device = self.device_at(event.y)
        if device is not None:
            self.post_message((self.Opened if event.chain == 2 else self.Selected)(self, device))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        self._scroll(event, 2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        self._scroll(event, -2)

    def _scroll(self, event: events.MouseEvent, lines: int) -> None:
        before = self._top
        self._top = max(0, min(before + lines, len(self._stack.lines) - self.size.height))
        if self._top != before:
            event.stop()
            self.redraw()

    def _reveal(self, height: int) -> None:
        """Put what is in sight so that the selected card is wholly in sight."""
        lines = [
            line
            for line, owner in enumerate(self._stack.owners)
            if self._stacked[owner].device == self._selected
        ]
        if lines:
            self._top = max(lines[-1] - height + 1, min(self._top, lines[0]))
        self._revealing = False
