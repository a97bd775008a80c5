"""The password of a board: asked for when nothing else lets us in, shown nowhere, kept by nobody."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label

from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog
from melt_tui.workbench import PasswordWanted

_HINT = (
    "It stays in memory until melt is left, and is stored nowhere. "
    "ssh-copy-id gives the board a key: then no password is needed."
)


class PasswordDialog(Dialog[str]):
    """Answers with the password, or nothing."""

    def __init__(self, wanted: PasswordWanted) -> None:
        super().__init__()
        self._wanted = wanted

    def compose(self) -> ComposeResult:
        """Whose it is, and whether the last one was wrong."""
        account = plain(self._wanted.account)
        with Vertical(classes="box") as box:
            box.border_title = "Password"
            if self._wanted.tries:
                yield Label(Content(f"{account} does not accept that password."), classes="problem")
            else:
                yield Label(Content(f"{account} accepts none of our keys."), classes="question")
            yield Label("Its password", classes="second")
            yield Input(password=True, id="password", compact=True)
            yield Label(_HINT, classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value:
            self.dismiss(event.value)
