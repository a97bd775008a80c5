"""The arrow keys go from button to button, and are an input's own in an input."""

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Button, Input

from melt_tui.ui.widgets.button_row import ButtonRow
from tests.rigs.pilots import press, settle


class Form(App[None]):
    """A line of text above the buttons; of these one is off and one is hidden."""

    def compose(self) -> ComposeResult:
        """The buttons below."""
        yield Input("text", id="text", select_on_focus=False)
        hidden = Button("Hidden", id="hidden")
        hidden.display = False
        yield ButtonRow(
            Button("No", id="no"), Button("Off", id="off", disabled=True), hidden, Button("Yes", id="yes")
        )


def focused(app: App[Any]) -> str | None:
    return app.focused.id if app.focused else None


async def test_arrows_go_to_the_next_button_that_can_be_pressed_and_no_farther() -> None:
    app = Form()
    async with app.run_test(size=(60, 10)) as pilot:
        app.query_one("#no").focus()
        seen = []
        for key in ("right", "right", "left", "left"):
            await press(pilot, key)
            seen.append(focused(app))
        assert seen == ["yes", "yes", "no", "no"]


async def test_arrows_in_a_line_of_text_move_its_cursor() -> None:
    app = Form()
    async with app.run_test(size=(60, 10)) as pilot:
        box = app.query_one(Input)
        box.focus()
        box.cursor_position = 2
        await press(pilot, "right", "right", "right")
        assert (focused(app), box.cursor_position) == ("text", 4)
        await press(pilot, "left")
        assert (focused(app), box.cursor_position) == ("text", 3)


@pytest.mark.parametrize(("key", "first", "then"), [("q", "no", "yes"), ("r", "cancel", "start")])
async def test_a_dialog_above_the_bench_has_them_and_not_the_bench(
    desk: Any, make_app: Any, key: str, first: str, then: str
) -> None:
    app = make_app(desk())
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        cursor = app.screen.viewer.playhead.cursor_ns
        await press(pilot, key)
        await settle(pilot)
        app.screen.query_one(f"#{first}").focus()
        await press(pilot, "right")
        assert focused(app) == then
        await press(pilot, "left")
        assert focused(app) == first
        assert app.screen_stack[-2].viewer.playhead.cursor_ns == cursor
