"""Adding a device: what a scan found, what it could not use and why, or an address typed."""

from collections.abc import Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from drivers.model import Found
from melt_tui.ui.answers import answer
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog
from melt_tui.workbench import Bench, Place


class DeviceDialog(Dialog[Place]):
    """Answers with the device to open, or nothing."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench
        self._found: Sequence[Found] = ()

    def compose(self) -> ComposeResult:
        """What was found, and a line to type an address."""
        with Vertical(classes="box") as box:
            box.border_title = "Add a device"
            yield Label("Looking on every link …", id="state")
            yield OptionList(id="found", compact=True)
            yield Input(placeholder="address, and a name after a blank: sim:phone my-phone", compact=True)

    def on_mount(self) -> None:
        """Look at once."""
        self.query_one(OptionList).display = False
        self._scan()

    @work(exclusive=True)
    async def _scan(self) -> None:
        got = await answer(self._bench.scan())
        self._found = got.value or ()
        state = self.query_one("#state", Label)
        if got.problem:
            state.update(Content(plain(got.problem)))
            return
        state.update("Enter opens a device:" if self._found else "Nothing was found. Type an address:")
        found = self.query_one(OptionList)
        found.display = bool(self._found)
        found.add_options([Option(_line(one), disabled=not one.ready) for one in self._found])
        if any(one.ready for one in self._found):
            found.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Place(address=self._found[event.option_index].address))

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        address, _, name = event.value.strip().partition(" ")
        if address:
            self.dismiss(Place(address=address, name=name.strip()))


def _line(one: Found) -> Content:
    said = f"{plain(one.title)}  {plain(one.address)}"
    if one.ready:
        return Content(said)
    return Content(f"{said}\n  {plain(one.reason)}: {plain(one.next_step)}")
