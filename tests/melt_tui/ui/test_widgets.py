from collections.abc import Sequence
from typing import Any

from textual.app import App, ComposeResult

from melt_tui.ui.renderables.cells import Ink, Line, text_of
from melt_tui.ui.renderables.delta_lines import Delta, Said
from melt_tui.ui.renderables.header import HeaderModel
from melt_tui.ui.renderables.key_row import KeyGroup
from melt_tui.ui.renderables.log_lines import LogRow
from melt_tui.ui.renderables.rows import row
from melt_tui.ui.renderables.tables import Column, TableRow
from melt_tui.ui.widgets.delta_table import DeltaTable
from melt_tui.ui.widgets.event_log import EventLine, EventLog
from melt_tui.ui.widgets.header_line import HeaderLine
from melt_tui.ui.widgets.key_line import Caption, KeyLine
from melt_tui.ui.widgets.log_pane import LogPane
from melt_tui.ui.widgets.pane import Pane
from melt_tui.ui.widgets.run_panel import RunModel, RunPanel
from melt_tui.ui.widgets.table import Table


class Numbers(Pane):
    """Thirty numbered lines."""

    def all_lines(self, width: int) -> Sequence[Line]:
        return [row(width, [(str(i), Ink.TEXT)]) for i in range(30)]

    def moment(self, line: int) -> int | None:
        return line if line < 30 else None


class One(App[None]):
    """One widget, and what it says."""

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self.widget = widget
        self.said: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_pane_picked(self, message: Pane.Picked) -> None:
        self.said.append(message.t_ns)

    def on_key_line_pressed(self, message: KeyLine.Pressed) -> None:
        self.said.append(message.command)

    @property
    def text(self) -> list[str]:
        return [line.rstrip() for line in text_of(self.widget._lines).split("\n")]


async def test_a_pane_scrolls_within_its_lines_and_tells_which_was_chosen() -> None:
    app = One(Numbers("numbers"))
    async with app.run_test(size=(20, 8)) as pilot:
        app.widget.redraw()
        assert app.text == [str(i) for i in range(8)]
        app.widget.scrolled(100)
        assert app.text == [str(i) for i in range(22, 30)]
        await pilot.click(app.widget, offset=(2, 3))
        await pilot.pause()
        assert app.said == [25]
        app.widget.scrolled(-100)
        assert app.text[0] == "0"


async def test_a_bordered_pane_finds_the_line_under_the_mouse() -> None:
    app = One(Numbers("numbers"))
    async with app.run_test(size=(20, 8)) as pilot:
        app.widget.styles.border = ("round", "white")
        await pilot.pause()
        await pilot.click(app.widget, offset=(2, 3))
        await pilot.click(app.widget, offset=(2, 0))
        await pilot.pause()
        assert app.said == [2]


async def test_the_log_follows_the_newest_until_it_is_scrolled_or_a_cursor_is_set() -> None:
    rows = [LogRow(i, "d", "s", f"line {i}") for i in range(40)]
    app = One(LogPane())
    async with app.run_test(size=(40, 6)):
        app.widget.show(rows, None, {}, str)
        assert app.text[-1].endswith("line 39")
        app.widget.scrolled(-10)
        app.widget.show([*rows, LogRow(40, "d", "s", "line 40")], None, {}, str)
        assert app.text[-1].endswith("line 29")
        app.widget.show(rows, 7, {}, str)
        assert any(line.endswith("line 7") for line in app.text)
        assert not any(line.endswith("line 39") for line in app.text)


async def test_the_event_list_shows_newest_first_and_is_redrawn_only_when_it_changed() -> None:
    lines = [EventLine(i, f"00:0{i}.0", "d", Ink.DEVICE_0, f"event {i}", Ink.TEXT) for i in (3, 2, 1)]
    app = One(EventLog())
    async with app.run_test(size=(50, 5)):
        app.widget.show(lines, None)
        assert [line.split()[-1] for line in app.text[:3]] == ["3", "2", "1"]
        drawn: list[int] = []
        app.widget.redraw = lambda: drawn.append(1)
        app.widget.show(list(lines), None)
        assert drawn == []
        app.widget.show(lines, 2)
        assert drawn == [1]


async def test_a_click_on_any_line_of_an_event_picks_it() -> None:
    said = [EventLine(i, f"00:0{i}.0", "d", Ink.DEVICE_0, "some words " * 4, Ink.TEXT) for i in (3, 2)]
    app = One(EventLog())
    async with app.run_test(size=(50, 6)):
        app.widget.show(said, None)
        assert len(app.text[0].split()) > len(app.text[1].split()) > 0
        assert [app.widget.moment(line) for line in range(5)] == [3, 3, 2, 2, None]


async def test_a_table_keeps_its_heading_and_its_note() -> None:
    rows = [TableRow((str(i),), t_ns=i) for i in range(20)]
    app = One(Table("turns", (Column("turn", 5),), "no turn yet"))
    async with app.run_test(size=(20, 6)) as pilot:
        app.widget.redraw()
        assert app.text[0].strip() == "reckoning …"
        app.widget.show([], "")
        assert app.text[0].strip() == "no turn yet"
        app.widget.show(rows, "a–b 3 s")
        app.widget.scrolled(50)
        assert [line.strip() for line in app.text] == ["a–b 3 s", "turn", "16", "17", "18", "19"]
        await pilot.click(app.widget, offset=(3, 2))
        await pilot.click(app.widget, offset=(3, 1))
        await pilot.pause()
        assert app.said == [16]


async def test_a_table_keeps_the_title_that_its_uppermost_row_stands_below() -> None:
    rows = [
        TableRow((name,), t_ns=None if name.isupper() else i, title=name.isupper())
        for i, name in enumerate("AabcdeBfghi")
    ]
    app = One(Table("figures", (Column("channel", 8, right=False),), "no channel yet"))
    async with app.run_test(size=(20, 5)) as pilot:
        app.widget.show(rows)
        seen = []
        for _ in range(4):
            seen.append("".join(line.strip() for line in app.text[1:]))
            app.widget.scrolled(2)
        assert seen == ["Aabc", "Acde", "AeBf", "Bfgh"]
        assert app.text[0].strip() == "channel"
        await pilot.click(app.widget, offset=(3, 1))
        await pilot.click(app.widget, offset=(3, 2))
        await pilot.pause()
        assert app.said == [8], "a title is of no moment"


async def test_with_little_room_no_row_gives_way_to_a_title() -> None:
    rows = [TableRow((name,), title=name == "A") for name in "Aabcd"]
    app = One(Table("figures", (Column("channel", 8, right=False),), "no channel yet"))
    async with app.run_test(size=(20, 3)):
        app.widget.show(rows)
        app.widget.scrolled(2)
        assert [line.strip() for line in app.text] == ["channel", "b", "c"]


async def test_a_comparison_keeps_the_heading_of_its_columns() -> None:
    columns = (Column("", 8, right=False), Column("A", 4))
    heading = Delta(columns, TableRow(("", "A")), heading=True)
    rows = [Delta(columns, TableRow((f"row {i}", str(i)))) for i in range(9)]
    app = One(DeltaTable("table"))
    async with app.run_test(size=(30, 5)):
        app.widget.show((Said("a sentence that takes more lines than one", Ink.WARNING), heading, *rows))
        app.widget.scrolled(1)
        assert app.text[1].split() == ["A"], "the sentence goes first"
        app.widget.scrolled(3)
        assert app.text[0].split() == ["A"]
        app.widget.scrolled(100)
        assert [line.split()[-1] for line in app.text] == ["A", "5", "6", "7", "8"]


async def test_one_line_widgets() -> None:
    app = One(KeyLine((KeyGroup("Run", (("r", "run"),)),)))
    async with app.run_test(size=(20, 1)) as pilot:
        await pilot.click(app.widget, offset=(2, 0))
        await pilot.click(app.widget, offset=(15, 0))
        await pilot.pause()
        assert app.said == ["run"]
        app.widget.show((KeyGroup("Stop", (("s", "stop"),)),))
        assert app.text == [" s Stop"]
    header = One(HeaderLine())
    async with header.run_test(size=(40, 1)):
        header.widget.show(HeaderModel(session="night-run", clock="12:00:00"))
        assert header.text[0].split() == ["melt", "night-run", "12:00:00"]
    caption = One(Caption())
    async with caption.run_test(size=(40, 1)) as pilot:
        assert not caption.widget.display
        caption.widget.show("what happens")
        await pilot.pause()
        assert caption.text == [" ▸ what happens"]
        caption.widget.show("")
        assert not caption.widget.display
    panel = One(RunPanel())
    async with panel.run_test(size=(20, 3)):
        panel.widget.show(RunModel(hint="no run yet"))
        assert panel.text[0] == " no run yet"
