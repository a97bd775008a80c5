"""What a meter supplies: asked for, checked by the workbench, confirmed with the device and the voltage, carried out."""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from melt_tui.ui.answers import answer
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import ConfirmDialog, Dialog, Sheets
from melt_tui.ui.screens.room import Room
from melt_tui.ui.widgets.button_row import ButtonRow
from melt_tui.workbench import Bench, SupplyCheck, SupplyRequest

_MOST_V = 100.0


class SupplyDialog(Dialog[SupplyRequest]):
    """Answers with what the meter is to do, or nothing. Nothing is done before it was confirmed."""

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "run_dialog.tcss"]

    def __init__(self, meter: str, fed: str, supplied: str, volts: str = "", problem: str = "") -> None:
        super().__init__()
        self._meter = meter
        self._fed = fed
        self._supplied = supplied
        self._volts = volts
        self._problem = problem

    def compose(self) -> ComposeResult:
        """A voltage; the switch."""
        with Vertical(classes="box") as box:
            box.border_title = plain(f"Supply of {self._meter}")
            yield Label(Content(plain(f"It feeds {self._fed or 'a device that nobody has named'}.")))
            yield Label(Content(plain(self._supplied, 300)))
            yield Input(self._volts, placeholder="volts, such as 3.85", id="volts", compact=True)
            yield Label(
                Content(plain(self._problem or "Enter sets the voltage. You are asked once more.", 300)),
                id="verdict",
                classes="problem" if self._problem else "hint",
            )
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Cut", id="off", variant="warning", compact=True),
                Button("Switch on", id="on", compact=True),
                Button("Set", id="set", variant="primary", compact=True),
            )

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        pressed = event.button.id
        if pressed in {"on", "off"}:
            self.dismiss(SupplyRequest(meter=self._meter, on=pressed == "on"))
        elif pressed == "set":
            self._set()
        else:
            self.action_cancel()

    @on(Input.Submitted)
    def _set(self) -> None:
        millivolts = _millivolts(self.query_one("#volts", Input).value)
        if millivolts is None:
            verdict = self.query_one("#verdict", Label)
            verdict.update("A voltage is a number of volts, such as 3.85")
            verdict.set_classes(["problem"])
        else:
            self.dismiss(SupplyRequest(meter=self._meter, millivolts=millivolts))


class SupplyConfirm(ConfirmDialog):
    """Names the device and the voltage, and what speaks against it; a plain Enter does nothing."""

    def __init__(self, check: SupplyCheck) -> None:
        super().__init__(check.question, "Cut" if check.cuts else "Supply")
        self._check = check

    def compose(self) -> ComposeResult:
        """The question, the warnings, two buttons."""
        with Vertical(classes="box alarm" if self._check.warnings else "box") as box:
            box.border_title = "Supply"
            yield Label(Content(plain(self._question, 300)), classes="question")
            for warning in self._check.warnings:
                yield Label(Content(plain(f"! {warning}", 300)), classes="second")
            yield self.buttons()


async def order_supply(screen: Room[Any], bench: Bench, meter: str) -> str:
    """Ask, confirm, carry out; what came of it in a sentence, empty when it was given up. What cannot supply is not asked."""
    possible = await answer(bench.check_supply(SupplyRequest(meter=meter, on=False)))
    if possible.value is None:
        return possible.problem
    view = bench.timeline.view(bench.now()).devices.get(meter)
    told = (meter, view.feeds if view else "", possible.value.supplied)
    wanted = await screen.ask(SupplyDialog(*told))
    while wanted is not None:
        checked = await answer(bench.check_supply(wanted))
        if checked.value is not None:
            break
        wanted = await screen.ask(SupplyDialog(*told, _typed(wanted), checked.problem))
    if wanted is None or checked.value is None or not await screen.ask(SupplyConfirm(checked.value)):
        return ""
    done = await answer(bench.set_supply(wanted))
    return done.problem or f"{meter}: {_done(wanted)}."


def _done(request: SupplyRequest) -> str:
    if request.on is False:
        return "its output is cut"
    return "it is switched on" if request.on else f"it supplies {(request.millivolts or 0) / 1000:g} V"


def _typed(request: SupplyRequest) -> str:
    return "" if request.millivolts is None else f"{request.millivolts / 1000:g}"


def _millivolts(text: str) -> int | None:
    try:
        volts = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return round(volts * 1000) if 0 < volts <= _MOST_V else None
