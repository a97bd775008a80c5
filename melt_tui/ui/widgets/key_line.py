"""The line of keys at the bottom; while there is something to say, a line above it says it."""

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.key_row import KeyGroup, command_at, key_row
from melt_tui.ui.renderables.rows import row, wrapped

__all__ = ["Caption", "KeyGroup", "KeyLine"]

_INDENT = 4


class KeyLine(Canvas):
    """What can be done here, by key or by mouse."""

    class Pressed(Message):
        """A key's place was clicked."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(self, groups: Sequence[KeyGroup] = ()) -> None:
        super().__init__(id="keys")
        self._groups = tuple(groups)

    def show(self, groups: Sequence[KeyGroup]) -> None:
        """Offer these from now on."""
        self._groups = tuple(groups)
        self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """One line."""
        return [key_row(self._groups, width)][:height]

    def on_click(self, event: events.Click) -> None:
        """Give the command that was clicked."""
        command = command_at(self._groups, self.size.width, event.x)
        if command is not None:
            self.post_message(self.Pressed(command))


class Caption(Canvas):
    """Says what is happening, in as many lines as it needs; hidden when there is nothing to say."""

    def __init__(self) -> None:
        super().__init__(id="caption")
        self._text = ""
        self.display = False

    def show(self, text: str) -> None:
        """Say this from now on; nothing hides the line."""
        if text != self._text:
            self._text = text
            self.display = bool(text)
            self.refresh(layout=True)
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The text, wrapped."""
        leads = [" ▸ ", *["   "] * height]
        texts = wrapped(self._text, max(8, width - _INDENT))
        lines = [
            row(width, [(lead, Ink.MARK), (text, Ink.STRONG)])
            for lead, text in zip(leads, texts, strict=False)
        ]
        return [*lines, *[row(width, [])] * height][:height]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the text takes."""
        return len(wrapped(self._text, max(8, width - _INDENT)))
