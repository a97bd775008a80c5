"""What is asked about a device: its address, whether its key is trusted, its colour."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from melt_tui.config import DeviceConfig
from melt_tui.config.rules import name_refused
from melt_tui.ui.renderables.cells import Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import ConfirmDialog, Dialog
from melt_tui.ui.series import SERIES
from melt_tui.ui.widgets.button_row import ButtonRow
from melt_tui.ui.widgets.choice_list import ChoiceList
from melt_tui.workbench import HostKey

_COMPARE = (
    "Accept it only if the board itself says the same: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there. "
    "It is kept, and not asked for again."
)
_EXAMPLES = "ssh://user@host · adb:SERIAL · adb:host:port · ios:UDID"


class AddressDialog(Dialog[DeviceConfig]):
    """Answers with the device to add, or nothing."""

    def compose(self) -> ComposeResult:
        """A line for the address, one for the name."""
        with Vertical(classes="box") as box:
            box.border_title = "Add a device"
            yield Label("Address")
            yield Input(placeholder=_EXAMPLES, id="address", compact=True)
            yield Label("Name, if it is to have one of its own", classes="second")
            yield Input(placeholder="the device's own", id="name", compact=True)
            yield Label(
                "It is kept in the config file: every session opens it.", id="verdict", classes="hint"
            )

    @on(Input.Submitted)
    def _submitted(self) -> None:
        address = self.query_one("#address", Input).value.strip()
        name = self.query_one("#name", Input).value.strip()
        refused = name_refused(name)
        if address and refused:
            verdict = self.query_one("#verdict", Label)
            verdict.update(Content(plain(refused)))
            verdict.set_classes(["problem"])
        elif address:
            self.dismiss(DeviceConfig(address=address, name=name))
        else:
            self.query_one("#address", Input).focus()


class KeyDialog(ConfirmDialog):
    """Shows the key of a board that nobody has accepted yet; a plain Enter does not."""

    def __init__(self, key: HostKey) -> None:
        super().__init__(f"{key.address} shows this key, which nobody has accepted here yet:", "Accept")
        self._key = key

    def compose(self) -> ComposeResult:
        """The fingerprint, how to compare it, two buttons."""
        with Vertical(classes="box") as box:
            box.border_title = "Host key"
            yield Label(Content(plain(self._question)), classes="question")
            yield Label(Content(plain(self._key.fingerprint)), classes="second fingerprint")
            yield Label(_COMPARE, classes="second")
            yield self.buttons()


class RefusedKeyDialog(Dialog[None]):
    """Says loudly that a board shows another key than before, or one that was revoked. There is no way to accept it here."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "cancel", "Close")]

    def __init__(self, key: HostKey) -> None:
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        """What happened, what it may mean, what to do."""
        with Vertical(classes="box alarm") as box:
            box.border_title = "THE HOST KEY IS REFUSED"
            yield Label(Content(plain(self._key.objection)), classes="question")
            yield Label(
                f"Nothing was sent to {plain(self._key.address)}, and nothing is stored.",
                markup=False,
                classes="second",
            )
            with ButtonRow():
                yield Button("Close", id="close", compact=True)

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.action_cancel()


class Swatches(ChoiceList, can_focus=True):
    """The theme's series, each with its shape, in its colour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "step(-1)", "Up"),
        ("down", "step(1)", "Down"),
        ("enter", "take", "Take"),
    ]

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """A line for each."""
        sight = self.seen(SERIES, height)
        return self.filled([self._line(place, width) for place in sight], width, height)

    def action_step(self, step: int) -> None:
        """Choose the one above or below."""
        place = SERIES.index(self._selected) + step
        self.choose(SERIES[max(0, min(len(SERIES) - 1, place))])
        self.redraw()

    def action_take(self) -> None:
        """Take what is chosen."""
        self.post_message(self.Selected(self, self._selected))

    def _line(self, place: int, width: int) -> Line:
        chosen = SERIES[place] == self._selected
        ground = Ground.SELECTED if chosen else Ground.NONE
        sign = "▸" if chosen else " "
        return row(width, [(f"{sign}{shape(place)} ", device_ink(place)), ("━━━━ ", device_ink(place)),
                           (SERIES[place], Ink.TEXT)], ground)  # fmt: skip


class ColourDialog(Dialog[str]):
    """Answers with the name of a series, or nothing."""

    def __init__(self, device: str, series: int) -> None:
        super().__init__()
        self._device = device
        self._series = series

    def compose(self) -> ComposeResult:
        """The series."""
        with Vertical(classes="box") as box:
            box.border_title = "Colour"
            yield Label(Content(plain(f"Of {self._device}; who has it now takes the other's.")))
            yield Swatches(id="swatches")

    def arrive(self) -> None:
        """The one that the device has is chosen."""
        swatches = self.query_one(Swatches)
        swatches.choose(SERIES[self._series % len(SERIES)])
        swatches.focus()
        self.call_after_refresh(swatches.redraw)

    @on(ChoiceList.Selected)
    def _chosen(self, event: ChoiceList.Selected) -> None:
        self.dismiss(event.key)
