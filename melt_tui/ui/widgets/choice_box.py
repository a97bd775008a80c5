"""One of several to choose, on one line: the list is there only while it is open, so that a form of many opens at once."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import RenderResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from melt_tui.ui.renderables.text import cell_count, plain

Options = Sequence[tuple[str, str]]
"""What is read, and the value that it stands for."""
_ARROW = " ▼ "


class _Open(OptionList):
    """The list, until something is chosen or it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Leave")]

    def action_leave(self) -> None:
        """Close without a choice."""
        if self.parent is not None:
            self.screen.set_focus(self.query_ancestor(ChoiceBox))

    def on_blur(self) -> None:
        """Nothing is open that the keys do not go to."""
        self.remove()


class ChoiceBox(Widget, can_focus=True):
    """Shows the chosen option; Enter or a click opens the list. ``value`` is always that of an option."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter,space,down,up", "open", "Choose")]
    DEFAULT_CSS = """
    ChoiceBox {
        height: 1;
        pointer: pointer;
        &:focus { background: $foreground 10%; }
        &:nocolor:focus { text-style: reverse; }
        & > OptionList {
            width: 1fr;
            height: auto;
            max-height: 12;
            offset: 0 1;
            margin: 0;
            overlay: screen;
            constrain: none inside;
            border: tall $border;
        }
    }
    """

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, box: "ChoiceBox", value: str) -> None:
            super().__init__()
            self.box = box
            self.value = value

    def __init__(self, options: Options, value: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._options = options
        self._value = value

    @property
    def options(self) -> Options:
        """What can be chosen, in order."""
        return self._options

    @property
    def value(self) -> str:
        """Of the option that is chosen."""
        return self._value

    @value.setter
    def value(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self.refresh()
            self.post_message(self.Changed(self, value))

    def offer(self, options: Options, value: str) -> None:
        """Other options, and one of them chosen, without a message."""
        self._options, self._value = options, value
        self.refresh()

    def render(self) -> RenderResult:
        """The chosen option, cut where it has no room, and that there are others."""
        room = max(0, self.size.width - cell_count(_ARROW))
        shown = next((text for text, value in self._options if value == self._value), "")
        text = plain(shown, room)
        return Content(text + " " * (room - cell_count(text)) + _ARROW)

    def on_click(self, event: events.Click) -> None:
        """Open; a click on the list is the list's."""
        if event.widget is self:
            self.action_open()

    def action_open(self) -> None:
        """Show the list, at the chosen option."""
        if self.query(_Open):
            return
        listed = _Open(*(Option(Content(plain(text))) for text, _ in self._options))
        listed.highlighted = next((i for i, (_, v) in enumerate(self._options) if v == self._value), 0)
        self.mount(listed)
        listed.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.focus()
        self.value = self._options[event.option_index][1]

    @on(OptionList.OptionHighlighted)
    def _passed(self, event: OptionList.OptionHighlighted) -> None:
        """Nothing is chosen by going past it."""
        event.stop()
