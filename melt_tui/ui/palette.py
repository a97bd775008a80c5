"""The command palette."""

from contextlib import suppress

from textual.command import CommandPalette


class Palette(CommandPalette):
    """Textual's own; there a page key that comes before the list was drawn ends the program."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):
            super()._action_command_list(action)
