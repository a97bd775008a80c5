"""Setting a device up: which engine, from where, which model; then how far it has come."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select

from melt_tui.format import percent, seconds
from melt_tui.ui.answers import answer
from melt_tui.ui.renderables.meter import meter
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog, Sheets
from melt_tui.ui.widgets.button_row import ButtonRow
from melt_tui.workbench import Bench, Choice, SetupRequest

PUSHED = ("llama_server", "llama_cli", "llama_bench")
"""Engines that can be put on another device."""
_NONE = "\x00none"
_OTHER = "\x00other"
_BAR = 40


class SetupDialog(Dialog[bool]):
    """Answers with True when it is done. Closing it before gives the setup up; what is there stays for the next."""

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "run_dialog.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, bench: Bench, device: str, address: str, preset: SetupRequest | None = None) -> None:
        super().__init__()
        self._bench = bench
        self._device = device
        self._preset = preset or SetupRequest(address=address)
        self._going: Future[None] | None = None

    def compose(self) -> ComposeResult:
        """The form; below it what happens, and the buttons."""
        with Vertical(classes="box") as box:
            box.border_title = plain(f"Set up {self._device}")
            yield Vertical(*self._form(), id="setup-form")
            yield Label("", id="progress")
            yield Label("What is on the device already is not sent again.", id="verdict", classes="hint")
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Set up", id="start", variant="primary", compact=True),
            )

    def arrive(self) -> None:
        """The usual choice is one key away."""
        self.query_one("#progress").display = False
        self.query_one("#start").focus()

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._going is not None:
            self._going.cancel()

    def _form(self) -> Iterator[Widget]:
        preset = self._preset
        engines = [(Content(name), name) for name in dict.fromkeys((preset.runtime, *PUSHED))]
        yield _line(
            "engine", Select(engines, value=preset.runtime, allow_blank=False, id="engine", compact=True)
        )
        source = Input(
            preset.source, placeholder="the release that goes with this melt", id="source", compact=True
        )
        yield _line("from", source)
        yield _line("sha256", Input(preset.sha256, placeholder="of the archive", id="sha256", compact=True))
        models = [
            Choice(value=_NONE, title="none"),
            *self._bench.models(),
            Choice(value=_OTHER, title="a file or an address …"),
        ]
        offered = [(Content(plain(f"{one.title}  {one.remark}".rstrip())), one.value) for one in models]
        known = {one.value for one in models}
        chosen = (preset.model if preset.model in known else _OTHER) if preset.model else _NONE
        path = Input(
            "" if chosen != _OTHER else preset.model,
            placeholder="path, or https://…",
            id="model-path",
            compact=True,
        )
        path.display = chosen == _OTHER
        yield _line("model", Select(offered, value=chosen, allow_blank=False, id="model", compact=True), path)
        pinned = Input(preset.model_sha256, placeholder="of the model", id="model-sha256", compact=True)
        line = _line("sha256", pinned)
        line.id, line.display = "model-sum", path.display
        yield line

    @on(Select.Changed, "#model")
    def _chosen(self, event: Select.Changed) -> None:
        for part in ("#model-path", "#model-sum"):
            self.query_one(part).display = event.value == _OTHER

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @on(Input.Submitted)
    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        if self.present and (self._going is None or self._going.done()):
            self._install()

    @work(exclusive=True, group="setup")
    async def _install(self) -> None:
        self._busy(going=True)
        self._say("Set-up begins …", "hint")
        self._going = self._bench.setup(self._request(), self._progress)
        done = await answer(self._going)
        if not self.present:
            return
        self._busy(going=False)
        if done.problem:
            self._say(done.problem, "problem")
        else:
            self.dismiss(result=True)

    def _request(self) -> SetupRequest:
        engine: Any = self.query_one("#engine", Select).value
        model: Any = self.query_one("#model", Select).value
        path = self.query_one("#model-path", Input).value.strip()
        return SetupRequest(
            address=self._preset.address,
            runtime=engine,
            source=self.query_one("#source", Input).value.strip(),
            sha256=self.query_one("#sha256", Input).value.strip(),
            model={_NONE: "", _OTHER: path}.get(model, model),
            model_sha256=self.query_one("#model-sha256", Input).value.strip() if model == _OTHER else "",
        )

    def _progress(self, step: str, done: float, eta_s: float | None) -> None:
        """Told from any thread; dropped when the dialog is gone."""
        if self.present:
            self.call_later(self._show, step, done, eta_s)

    def _show(self, step: str, done: float, eta_s: float | None) -> None:
        if not self.present:
            return
        filled, empty = meter(done, _BAR)
        left = f"  {seconds(eta_s)} left" if eta_s else ""
        bar = f"{plain(step, 70)}\n{filled}{empty.replace(' ', '·')} {percent(100 * done)}{left}"
        self.query_one("#progress", Label).update(Content(bar))

    def _busy(self, *, going: bool) -> None:
        self.query_one("#setup-form").disabled = going
        self.query_one("#start").disabled = going
        self.query_one("#progress").display = going

    def _say(self, text: str, kind: str) -> None:
        verdict = self.query_one("#verdict", Label)
        verdict.update(Content(plain(text)))
        verdict.set_classes([kind])


def _line(name: str, *parts: Widget) -> Widget:
    return Horizontal(Label(name, classes="name"), *parts, classes="line")
