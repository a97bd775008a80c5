"""The command palette."""

from contextlib import suppress
from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette


class Palette(CommandPalette):
    """Textual's own; there a page key that comes before the list was drawn ends the program, and closing it twice does."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):
            super()._action_command_list(action)

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close, once; not before its widgets stand."""
        if not self.is_mounted:
            self.call_later(self._close, result)
        elif self.is_active:
            return super().dismiss(result)
        return AwaitComplete()

    def _close(self, result: Any) -> None:
        self.dismiss(result)
