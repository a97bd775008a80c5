from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widgets import Static

from melt_tui.ui.widgets.rooms import Column, Room, Row


class Rooms(App[None]):
    CSS = "Row { height: 2; } Room { width: 4; } Static { width: 3; height: 1; }"

    def compose(self) -> ComposeResult:
        yield Column(Row(Room(Static("abc")), Room(Static("xyz"))), Static("end"))


async def test_rooms_place_their_children_and_leave_the_rest_to_the_screen() -> None:
    app = Rooms()
    async with app.run_test(size=(10, 4)):
        drawn = [strip.text for strip in app.screen._compositor.render_strips()]
        assert drawn == ["abc xyz   ", "          ", "end       ", "          "]
        assert [len(room.render_lines(Region(0, 0, 4, 2))) for room in app.query(Room)] == [0, 0]
