"""The help page: every command with its key, from the one table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label, Static

from melt_tui.ui.commands import (
    BENCH,
    BY_NAME,
    COMPARE,
    DEVICES,
    EVERYWHERE,
    FLEET,
    LIBRARY,
    Command,
    available,
    keys_of,
)
from melt_tui.ui.screens.dialogs import Dialog, Sheets

_TITLES = {
    BENCH: "On the bench",
    FLEET: "In the fleet",
    DEVICES: "Among the devices",
    LIBRARY: "In the library",
    COMPARE: "Comparing",
    EVERYWHERE: "Everywhere",
}
_KEY_CELLS = 12
_TITLE_CELLS = 18
_MOUSE = (
    ("move", "the cursor: every value at that instant"),
    ("drag a chart", "pan; the wheel zooms where the mouse is"),
    ("click the strip", "go to that moment; drag to look around"),
    ("click a card", "choose a device; twice: its charts alone"),
    ("click a line", "of events, log or turns: go there"),
)


class HelpScreen(Dialog[None]):
    """Begins with the place that it was asked for in; closed by escape, q or ?.

    Of a recording, in which no session is in progress, it leaves out what can be done in one alone.
    """

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "help.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [("q,question_mark", "cancel", "Close")]

    def __init__(self, remapped: Mapping[str, str], where: str = BENCH, *, live: bool = True) -> None:
        super().__init__()
        self._places = list(dict.fromkeys((where, EVERYWHERE, *_TITLES)))
        self._remapped = remapped
        self._live = live

    def compose(self) -> ComposeResult:
        """A section for each place."""
        with VerticalScroll(classes="box") as box:
            box.border_title = "Help"
            box.border_subtitle = "Esc closes"
            for where in self._places:
                yield Label(_TITLES[where], classes="section")
                yield Static(_columns(self._lines(where), (_KEY_CELLS, _TITLE_CELLS)))
            yield Label("The mouse", classes="section")
            yield Static(_columns(_MOUSE, (_KEY_CELLS + 6,)))

    def _lines(self, where: str) -> Iterable[Sequence[str]]:
        given = (one for one in available(where, live=self._live) if one.where == where)
        return (help_row(command, self._remapped) for command in given)


def _columns(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Table:
    """Columns of these widths and a last one for the rest: what is long goes on below its own beginning."""
    table = Table.grid(expand=True)
    for width in widths:
        table.add_column(width=width)
    table.add_column(ratio=1)
    for texts in rows:
        table.add_row(*map(Text, texts))
    return table


def help_row(command: Command, remapped: Mapping[str, str]) -> tuple[str, str, str]:
    """``r``, ``Run``, ``Start a run: …``; one without a key is found in the palette: ``: Theme``."""
    keys = " ".join(keys_of(command, remapped)) or f"{_palette_key(remapped)} {command.title}"
    return keys, command.title, command.help


def _palette_key(remapped: Mapping[str, str]) -> str:
    return next(iter(keys_of(BY_NAME["command_palette"], remapped)), "")
