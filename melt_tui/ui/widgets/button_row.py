"""The buttons at the foot of a dialog."""

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button

__all__ = ["ButtonRow"]


class ButtonRow(Horizontal):
    """Buttons side by side: the arrow keys go from one to the next as long as one of them has the focus."""

    DEFAULT_CLASSES = "buttons"
    BINDINGS: ClassVar[list[BindingType]] = [("left", "step(-1)", "Before"), ("right", "step(1)", "Next")]

    def action_step(self, step: int) -> None:
        """Give the focus to the next button that can be pressed; the last ones keep it."""
        buttons = [button for button in self.query(Button) if button.focusable and button.display]
        place = next((i for i, button in enumerate(buttons) if button.has_focus), None)
        if place is not None and 0 <= place + step < len(buttons):
            buttons[place + step].focus()
