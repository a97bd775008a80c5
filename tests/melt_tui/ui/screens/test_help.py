from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Label, Static

from melt_tui.ui.commands import BENCH, BY_NAME, COMMANDS, LIBRARY
from melt_tui.ui.screens.help import HelpScreen, help_row
from tests.rigs.pilots import press, settle


@pytest.mark.parametrize(("keys", "first"), [((), "On the bench"), (("l",), "In the library")])
async def test_help_begins_with_the_keys_of_the_screen_one_came_from(
    keys: tuple[str, ...], first: str, desk: Any, make_app: Any
) -> None:
    app = make_app(desk(until_s=20.0, runs=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        await settle(pilot)
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        titles = [str(label.render()) for label in app.screen.query(Label)]
        assert titles[:2] == [first, "Everywhere"]
        assert len(titles) == 7


async def test_what_is_long_goes_on_in_its_own_column(desk: Any, make_app: Any) -> None:
    app = make_app(desk(until_s=20.0, runs=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark")
        await settle(pilot)
        said = next(one for one in app.screen.query(Static) if not isinstance(one, Label))
        lines = [said.render_line(y).text for y in range(said.size.height)]
        titles = {command.title for command in COMMANDS}
        more = [line for line in lines if line[12:30].strip() not in titles]
        assert more, "some are long"
        assert all(not line[:30].strip() and line[30:].strip() for line in more)


@pytest.mark.parametrize(("replay", "told"), [(None, True), (Path("/r/a.melt"), False)])
async def test_what_needs_a_session_is_not_told_of_in_a_recording(
    replay: Path | None, told: bool, desk: Any, make_app: Any
) -> None:
    app = make_app(desk(until_s=20.0, runs=False), replay=replay)
    async with app.run_test(size=(120, 80)) as pilot:
        await settle(pilot)
        await press(pilot, "question_mark")
        await settle(pilot)
        bench = next(one for one in app.screen.query(Static) if not isinstance(one, Label))
        text = "".join(bench.render_line(y).text for y in range(bench.size.height))
        assert ("Start a run" in text) is told
        assert "Stop the view, or go on" in text


def test_every_line_says_what_to_press() -> None:
    assert help_row(BY_NAME["first_onset"], {})[0] == "L"
    assert help_row(BY_NAME["first_onset"], {"first_onset": "f6"})[0] == "f6"
    assert help_row(BY_NAME["theme"], {})[:2] == (": Theme", "Theme")
    assert help_row(BY_NAME["theme"], {"command_palette": "f8"})[0] == "f8 Theme"
    keyless = [command.name for command in COMMANDS if not command.keys and command.where in {BENCH, LIBRARY}]
    assert keyless == []
