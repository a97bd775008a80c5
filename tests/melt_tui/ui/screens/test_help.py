from typing import Any

import pytest
from textual.widgets import Label

from melt_tui.ui.commands import BENCH, BY_NAME, COMMANDS, LIBRARY
from melt_tui.ui.screens.help import HelpScreen, help_line
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


def test_every_line_says_what_to_press() -> None:
    assert help_line(BY_NAME["first_onset"], {}).split()[0] == "L"
    assert help_line(BY_NAME["first_onset"], {"first_onset": "f6"}).split()[0] == "f6"
    assert help_line(BY_NAME["theme"], {}).startswith(": Theme     Theme")
    assert help_line(BY_NAME["theme"], {"command_palette": "f8"}).startswith("f8 Theme ")
    keyless = [command.name for command in COMMANDS if not command.keys and command.where in {BENCH, LIBRARY}]
    assert keyless == []
