"""Handing recordings on: what of them, in which form, to which file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select

from melt_tui.analysis.export_request import ExportRequest, Format, ReportRequest, Table
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import Dialog, Sheets
from melt_tui.ui.widgets.button_row import ButtonRow


@dataclass(frozen=True, slots=True)
class What:
    """One thing that can be written."""

    title: str
    hint: str
    table: Table = Table.SAMPLES
    wide: bool = False
    form: Format | None = None
    """The only form that it has; None: CSV or Parquet."""
    report: bool = False


WHATS: dict[str, What] = {
    "report": What("report", "One page: figures, plots, set-up, caveats. Opens anywhere.", report=True),
    "samples": What("samples", "A row for each. Events are written beside them."),
    "wide": What("samples, wide", "A row for each moment, a column for each channel.", wide=True),
    "runs": What("runs", "A row for each run: its means, energy, heat and set-up.", Table.RUNS),
    "turns": What("turns", "A row for each prompt and its answer.", Table.TURNS),
    "energy": What("energy", "A row for each part of each run at each point.", Table.ENERGY),
    "per-token": What(
        "energy per token", "A row for each turn and definition at each point.", Table.PER_TOKEN
    ),
    "throttling": What("throttling", "A row for each run: onset, reason, what it cost.", Table.THROTTLING),
    "events": What("events", "A row for each thing that happened.", Table.EVENTS),
    "trace": What("Perfetto trace", "Everything; opens at ui.perfetto.dev.", form=Format.PERFETTO),
}
_SUFFIXES = {Format.CSV: ".csv", Format.PARQUET: ".parquet", Format.PERFETTO: ".pftrace"}
_FORMS = {Format.CSV: "CSV", Format.PARQUET: "Parquet"}


class ExportDialog(Dialog[ExportRequest | ReportRequest]):
    """Answers with what is to be written."""

    CSS_PATH: ClassVar[Sheets] = ["dialogs.tcss", "export_dialog.tcss"]

    def __init__(self, paths: Sequence[Path], what: str = "samples") -> None:
        super().__init__()
        self._paths = tuple(paths)
        self._what = what
        self._proposed = ""

    def compose(self) -> ComposeResult:
        """Three lines, what they mean, the buttons."""
        with Vertical(classes="box") as box:
            many = f"{len(self._paths)} recordings" if len(self._paths) > 1 else self._paths[0].stem
            box.border_title = plain(f"Export {many}", 60)
            whats = [(Content(what.title), name) for name, what in WHATS.items()]
            forms = [(Content(title), str(form)) for form, title in _FORMS.items()]
            yield _line("what", Select(whats, value=self._what, allow_blank=False, id="what", compact=True))
            yield _line(
                "as", Select(forms, value=str(Format.CSV), allow_blank=False, id="form", compact=True)
            )
            yield _line("to", Input("", id="to", compact=True))
            yield Label("", id="about", classes="hint")
            yield ButtonRow(
                Button("Cancel", id="cancel", compact=True),
                Button("Write", id="write", variant="primary", compact=True),
            )

    def arrive(self) -> None:
        """The usual choice is one key away."""
        self._propose()
        self.query_one("#write").focus()

    @on(Select.Changed)
    def _propose(self) -> None:
        """A file for what is chosen, unless somebody has named one."""
        what, to = self._chosen, self.query_one("#to", Input)
        self.query_one("#about", Label).update(Content(what.hint))
        self.query_one("#line-as").display = not what.report and what.form is None
        first = self._paths[0]
        stem = first.stem if len(self._paths) == 1 else f"{first.stem}-and-{len(self._paths) - 1}-more"
        table = (
            f"-{self.query_one('#what', Select).value}"
            if what.table is not Table.SAMPLES or what.wide
            else ""
        )
        proposed = str(first.with_name(f"{stem}{table}{self._suffix}"))
        if to.value in {"", self._proposed}:
            to.value = proposed
        self._proposed = proposed

    @property
    def _chosen(self) -> What:
        return WHATS[str(self.query_one("#what", Select).value)]

    @property
    def _form(self) -> Format:
        return self._chosen.form or Format(str(self.query_one("#form", Select).value))

    @property
    def _suffix(self) -> str:
        return ".html" if self._chosen.report else _SUFFIXES[self._form]

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()

    @on(Input.Submitted)
    @on(Button.Pressed, "#write")
    def _write(self) -> None:
        named = self.query_one("#to", Input).value.strip()
        if not named:
            self.query_one("#to").focus()
            return
        out, what = Path(named).expanduser(), self._chosen
        if what.report:
            self.dismiss(ReportRequest(files=self._paths, out=out))
        else:
            self.dismiss(
                ExportRequest(files=self._paths, table=what.table, format=self._form, out=out, wide=what.wide)
            )


def _line(name: str, part: Widget) -> Widget:
    return Horizontal(Label(name, classes="name"), part, classes="line", id=f"line-{name}")
