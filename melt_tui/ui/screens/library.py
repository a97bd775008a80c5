"""The library: the saved recordings, and what can be done with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import DataTable, Label

from melt_tui.analysis.compare_request import MOST_DRAWN
from melt_tui.analysis.export_request import ReportRequest
from melt_tui.ui.answers import answer
from melt_tui.ui.commands import BY_NAME, LIBRARY, LIBRARY_KEYS, bindings
from melt_tui.ui.entries import COLUMNS, cell_text, column_widths, entry_line, entry_texts
from melt_tui.ui.key_groups import key_groups
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.screens.dialogs import ConfirmDialog, TextDialog
from melt_tui.ui.screens.edit_dialog import EditDialog
from melt_tui.ui.screens.export_dialog import ExportDialog
from melt_tui.ui.screens.room import Room
from melt_tui.ui.settings import ScreenSettings
from melt_tui.ui.widgets.key_line import KeyLine
from melt_tui.workbench import Bench, RecordingInfo, RecordingState

if TYPE_CHECKING:
    from concurrent.futures import Future

_SCROLL_BAR = 2


class LibraryScreen(Room[Path | tuple[str, ...]]):
    """Answers with the recording to replay, with those to compare, or nothing."""

    SLOW = True
    CSS_PATH = "library.tcss"
    BINDINGS = bindings(LIBRARY)

    def __init__(self, bench: Bench, settings: ScreenSettings) -> None:
        super().__init__()
        self._bench = bench
        self._settings = settings
        self._entries: Sequence[RecordingInfo] = ()
        self._picked: list[Path] = []
        """For comparing, in the order in which they were picked."""
        self._reckoned: set[Path] = set()
        self._handlers: Mapping[str, Callable[[RecordingInfo], object]] = {
            "replay_entry": self._replay,
            "pick": self._pick,
            "compare_picked": self._compare,
            "rename": self._rename,
            "tags": self._tags,
            "edit": self._edit,
            "export": partial(self._hand_on, "samples"),
            "report": partial(self._hand_on, "report"),
            "delete": self._delete,
        }

    def compose(self) -> ComposeResult:
        """The table, a line about the chosen one, the keys."""
        yield Label("library", id="title")
        table: DataTable[Any] = DataTable(cursor_type="row", zebra_stripes=False, id="recordings")
        yield table
        yield Label("Reading the recordings …", id="detail")
        yield KeyLine(key_groups(LIBRARY_KEYS, self._settings.keys, live=True))

    def arrive(self) -> None:
        """Read the list."""
        self.query_one(DataTable).focus()
        self.load()

    def on_resize(self) -> None:
        """Other widths have room for other columns."""
        if self.present:
            self._fill()

    def command(self, name: str) -> None:
        """Do what a key, a click or the palette asks for."""
        if name in {"reload", "import"}:
            self.load() if name == "reload" else self._import()
            return
        entry = self.chosen
        if entry is not None and BY_NAME[name].where == LIBRARY:
            self._handlers[name](entry)

    @property
    def chosen(self) -> RecordingInfo | None:
        """The recording under the table's cursor."""
        row = self.query_one(DataTable).cursor_row
        return self._entries[row] if 0 <= row < len(self._entries) else None

    @work(exclusive=True, group="load")
    async def load(self) -> None:
        """Read the list again; the cursor stays where it was."""
        got = await answer(self._bench.library())
        if not self.present:
            return
        self._entries = got.value or ()
        self._fill()
        self._tell(got.problem or self._summary())
        self.settle()

    def _fill(self) -> None:
        table = self.query_one(DataTable)
        row = table.cursor_row
        rows = [entry_texts(entry, self._settings.zone, self._letter(entry.path)) for entry in self._entries]
        columns = column_widths(rows, self.size.width - _SCROLL_BAR)
        table.clear(columns=True)
        for place, cells in columns:
            table.add_column(_cell(COLUMNS[place].title, place, cells), width=cells)
        for texts in rows:
            table.add_row(*(_cell(texts[place], place, cells) for place, cells in columns))
        table.move_cursor(row=min(row, max(0, len(rows) - 1)))

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.action_command("replay_entry")

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._tell(self._summary())

    @on(KeyLine.Pressed)
    async def _pressed(self, event: KeyLine.Pressed) -> None:
        await self.app.run_action(f"app.give('{event.command}')")

    def _summary(self) -> str:
        entry = self.chosen
        if entry is None:
            return "Nothing has been recorded yet."
        return entry_line(entry)

    def _tell(self, text: str) -> None:
        self.query_one("#detail", Label).update(Content(plain(text)))

    def _replay(self, entry: RecordingInfo) -> None:
        if entry.state is RecordingState.UNREADABLE:
            self.notify(f"Cannot be read: {entry.detail}", severity="error", markup=False)
        else:
            self.dismiss(entry.path)

    def _letter(self, path: Path) -> str:
        """What it would be called when compared; empty where it is not picked."""
        return ascii_uppercase[self._picked.index(path)] if path in self._picked else ""

    def _pick(self, entry: RecordingInfo) -> None:
        if entry.path in self._picked:
            self._picked.remove(entry.path)
        elif entry.state is RecordingState.UNREADABLE:
            self.notify(f"Cannot be read: {entry.detail}", severity="error", markup=False)
        elif not entry.runs:
            self.notify("Nothing was run in this recording: there is nothing to compare.", markup=False)
        elif len(self._picked) == MOST_DRAWN:
            self.notify(f"{MOST_DRAWN} are picked: more cannot be compared at once.", markup=False)
        else:
            self._picked.append(entry.path)
            if entry.path not in self._reckoned:
                self._reckoned.add(entry.path)
                self._reckon(entry.path)
        self._fill()
        table = self.query_one(DataTable)
        table.move_cursor(row=min(table.cursor_row + 1, len(self._entries) - 1))

    @work(group="reckon")
    async def _reckon(self, path: Path) -> None:
        """Its figures are there when it is compared; what hinders that is said then."""
        await answer(self._bench.read_figures(path))

    def _compare(self, entry: RecordingInfo) -> None:
        """Those that are picked; without any the one under the cursor, if several runs are in it."""
        picked = self._picked or ([entry.path] if entry.runs > 1 else [])
        runs = sum(one.runs for one in self._entries if one.path in picked)
        if runs > 1:
            self.dismiss(tuple(map(str, picked)))
        else:
            self.notify("space picks 2 to 8 recordings for comparing, c compares their runs.", markup=False)

    def _rename(self, entry: RecordingInfo) -> None:
        dialog = TextDialog(
            "Rename", "Name of the recording", entry.name, "What was measured stays as it was."
        )
        self._ask(dialog, partial(self._bench.rename_recording, entry.path))

    def _tags(self, entry: RecordingInfo) -> None:
        dialog = TextDialog("Tags", "Tags, separated by commas", ", ".join(entry.tags))
        self._ask(dialog, lambda text: self._bench.tag_recording(entry.path, split_tags(text)))

    @work(exclusive=True, group="ask")
    async def _hand_on(self, what: str, entry: RecordingInfo) -> None:
        """Those that are picked; without any the one under the cursor."""
        dialog = ExportDialog(self._picked or [entry.path], what)
        request = await self.app.push_screen_wait(dialog)
        if request is None or request.out is None:
            return
        if request.out.exists():
            question = ConfirmDialog(f"{request.out} exists already. Replace it?", "Replace")
            if not await self.app.push_screen_wait(question):
                return
            request = replace(request, force=True)
        self.notify(f"Writing {request.out} …", markup=False)
        if isinstance(request, ReportRequest):
            await self._settle(self._bench.write_report(request), "Written to {[0]}.")
        else:
            await self._settle(self._bench.export(request), "Written to {[0]}.")

    @work(exclusive=True, group="ask")
    async def _delete(self, entry: RecordingInfo) -> None:
        question = f"Delete {entry.name} for good? {entry.path}"
        if await self.app.push_screen_wait(ConfirmDialog(question, "Delete")):
            await self._settle(self._bench.delete_recording(entry.path))

    @work(exclusive=True, group="ask")
    async def _import(self) -> None:
        dialog = TextDialog(
            "Import",
            "A file or folder: llama-bench, MLC, LLMFarmEval or MELT",
            "",
            "Captures of meters, tables of melt's own, logs of operators: melt import.",
        )
        text = await self.app.push_screen_wait(dialog)
        if text:
            await self._settle(self._bench.import_files(Path(text)), "Imported: {[0].name}")

    @work(exclusive=True, group="ask")
    async def _edit(self, entry: RecordingInfo) -> None:
        made = await answer(self._bench.edits(entry.path))
        if made.value is None:
            self.notify(made.problem, severity="error", markup=False)
            return
        request = await self.ask(EditDialog(entry.path, entry.name, made.value))
        if request is not None:
            await self._settle(self._bench.edit(request), "Corrected; its figures are reckoned again.")

    @work(exclusive=True, group="ask")
    async def _ask(self, dialog: TextDialog, order: "Callable[[str], Future[Any]]", done: str = "") -> None:
        text = await self.app.push_screen_wait(dialog)
        if text is not None:
            await self._settle(order(text), done)

    async def _settle(self, future: "Future[Any]", done: str = "") -> None:
        got = await answer(future)
        if got.problem:
            self.notify(got.problem, severity="error", markup=False)
        elif done:
            self.notify(done.format(got.value), markup=False)
        self.load()


def split_tags(text: str) -> list[str]:
    """Tags as they were typed: separated by commas, each once, none empty."""
    return list(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def _cell(text: str, place: int, cells: int) -> Text:
    return Text(
        cell_text(text, place, cells), justify="right" if COLUMNS[place].right else "left", no_wrap=True
    )
