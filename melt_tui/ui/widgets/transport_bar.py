"""The strip that a recording has more: its name, start ← now → end, buttons and speed."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.transport import TransportModel, command_at, transport_line

__all__ = ["TransportBar", "TransportModel"]


class TransportBar(Canvas):
    """Buttons for what the keys do as well."""

    class Pressed(Message):
        """A button was clicked."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(self) -> None:
        super().__init__(id="transport")
        self._model: TransportModel | None = None

    def show(self, model: TransportModel) -> None:
        """Draw this from now on."""
        if model != self._model:
            self._model = model
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """One line, or nothing before the first ``show``."""
        return () if self._model is None else [transport_line(self._model, width)][:height]

    def on_click(self, event: events.Click) -> None:
        """Give the command of the button that was clicked."""
        command = command_at(self._model, event.x) if self._model is not None else None
        if command is not None:
            self.post_message(self.Pressed(command))
