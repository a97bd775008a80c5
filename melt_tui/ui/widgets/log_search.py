"""The line in which one types what to find in the log."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class LogSearch(Input):
    """Seen while it is typed in; Enter searches, Escape leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self) -> None:
        super().__init__(placeholder="find in the log", id="search", compact=True)
        self.display = False

    def open(self) -> None:
        """Ask for another text."""
        self.value = ""
        self.display = True
        self.focus()

    def action_leave(self) -> None:
        """Search for nothing: what was found before stays set off."""
        self.display = False
