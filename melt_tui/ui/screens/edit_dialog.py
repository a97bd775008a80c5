"""What was wrongly set in a recording is corrected, or that is taken back; what was measured stays."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label

from melt_tui.analysis.edit_request import EditRequest
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog, Sheets
from melt_tui.ui.widgets.button_row import ButtonRow

SHOWN = 4
"""The last corrections."""
_CELLS = 58


class EditDialog(Dialog[EditRequest]):
    """Answers with one correction, or nothing."""

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "edit_dialog.tcss"]

    def __init__(self, path: Path, name: str, made: Sequence[str]) -> None:
        super().__init__()
        self._path = path
        self._name = name
        self._made = made

    def compose(self) -> ComposeResult:
        """What was corrected so far; a meter's setting, or a turn; the reason."""
        with Vertical(classes="box") as box:
            box.border_title = plain(f"Correct {self._name}", _CELLS)
            for line in self._made[-SHOWN:] or ["Nothing was corrected in it yet."]:
                yield Label(Content(plain(line, _CELLS)), classes="made")
            yield Label("A meter: what it fed, where it measured, its voltage", classes="second")
            yield _row(("meter", "meter"), ("feeds", "feeds"))
            yield _row(("point", "point, as usb-input"), ("volts", "volts, such as 3.85"))
            yield Label("Or a turn to leave out", classes="second")
            yield _row(("turn", "turn"), ("run", "run, if there are several"))
            yield Input(placeholder="why; a turn is not left out without", id="reason", compact=True)
            yield Label("What was measured stays; figures are reckoned again.", id="verdict", classes="hint")
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Take back the last", id="undo", compact=True, disabled=not self._made),
                Button("Correct", id="correct", variant="primary", compact=True),
            )

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "correct":
            self._correct()
        elif event.button.id == "undo":
            self.dismiss(EditRequest(path=self._path, undo=0))
        else:
            self.action_cancel()

    @on(Input.Submitted)
    def _correct(self) -> None:
        told = {one.id or "": one.value.strip() for one in self.query(Input)}
        volts, turn = _number(told["volts"]), _number(told["turn"])
        problem = _objection(told, volts, turn)
        if problem:
            verdict = self.query_one("#verdict", Label)
            verdict.update(problem)
            verdict.set_classes(["problem"])
            return
        self.dismiss(
            EditRequest(
                path=self._path,
                meter=told["meter"],
                feeds=told["feeds"],
                point=told["point"],
                volts=volts,
                turn=None if turn is None else int(turn),
                run=told["run"],
                reason=told["reason"],
            )
        )


def _row(*fields: tuple[str, str]) -> Horizontal:
    inputs = (Input(placeholder=text, id=place, compact=True) for place, text in fields)
    return Horizontal(*inputs, classes="fields")


def _objection(told: dict[str, str], volts: float | None, turn: float | None) -> str:
    """Why that is no correction; empty where it is one."""
    if told["volts"] and volts is None:
        return "A voltage is a number of volts, such as 3.85"
    if told["turn"] and (turn is None or turn != int(turn) or turn < 1):
        return "A turn is its number: 1, 2, 3 …"
    if bool(told["meter"]) == bool(told["turn"]):
        return "Name a meter, or a turn: one thing at a time"
    return ""


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None
