"""Small questions: yes or no, a line of text, which run to stop."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import ScreenResume
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, OptionList
from textual.widgets.option_list import Option

from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.room import Room
from melt_tui.ui.widgets.button_row import ButtonRow

T = TypeVar("T")
_CROSS = {True: "x", False: " "}
Sheets = str | PurePath | list[str | PurePath] | None


class Dialog(ModalScreen[T | None], Room[T | None], Generic[T]):
    """A box over the screen; escape or a click beside it closes it without an answer."""

    CSS_PATH: ClassVar[Sheets] = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]
    _shown_before = False

    def on_compose(self) -> None:
        """Bear the classes of the app's size before there is anything inside: else all of it is styled twice."""
        app = self.app
        for extent, steps in zip(
            app.size, (app.HORIZONTAL_BREAKPOINTS, app.VERTICAL_BREAKPOINTS), strict=True
        ):
            reached = [name for least, name in sorted(steps or ()) if extent >= least]
            self.update_classes(dict.fromkeys(reached[-1:], True), update=False)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """All that is in it was styled a moment before, when it was composed: the first paint waits for the screen alone."""
        if not self._shown_before:
            self._shown_before, event.refresh_styles = True, False
            self.app.stylesheet.apply(self)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Tick(Checkbox):
    """A checkbox that says without colour whether it is on."""

    def __init__(self, label: Content, *, on: bool, place: str) -> None:
        super().__init__(label, on, id=place, compact=True)
        self.BUTTON_INNER = _CROSS[on]

    def watch_value(self) -> None:
        """Show the cross only when on."""
        self.BUTTON_INNER = _CROSS[self.value]
        super().watch_value()


class ConfirmDialog(Dialog[bool]):
    """Yes or no; no is what Enter means at first."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "yes", "Yes"), ("n", "cancel", "No")]
    AUTO_FOCUS = "#no"
    """The harmless answer first."""

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical(classes="box"):
            yield Label(Content(plain(self._question)), classes="question")
            yield self.buttons()

    def buttons(self) -> ButtonRow:
        """No and yes."""
        return ButtonRow(
            Button("Cancel", id="no", compact=True),
            Button(self._yes, id="yes", variant="warning", compact=True),
        )

    def action_yes(self) -> None:
        """Go ahead."""
        self.dismiss(result=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class TextDialog(Dialog[str]):
    """One line of text."""

    def __init__(self, title: str, label: str, value: str, hint: str = "") -> None:
        super().__init__()
        self._title = title
        self._label = label
        self._value = value
        self._hint = hint

    def compose(self) -> ComposeResult:
        """A label, the line, a hint."""
        with Vertical(classes="box") as box:
            box.border_title = self._title
            yield Label(self._label)
            yield Input(self._value, id="text", compact=True)
            yield Label(Content(self._hint), classes="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class StopDialog(Dialog[list[str]]):
    """Which of several runs to stop."""

    ALL = "all of them"

    def __init__(self, devices: Sequence[str]) -> None:
        super().__init__()
        self._devices = list(devices)

    def compose(self) -> ComposeResult:
        """The devices that run, and all of them."""
        with Vertical(classes="box") as box:
            box.border_title = "Stop"
            yield Label("Which run?")
            choices = [Option(Content(plain(name))) for name in [*self._devices, self.ALL]]
            yield OptionList(*choices, compact=True)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        index = event.option_index
        self.dismiss(self._devices if index == len(self._devices) else [self._devices[index]])
