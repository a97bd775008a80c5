"""One of several on one line: opened and chosen by keys and by mouse, left without a choice."""

from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList

from melt_tui.ui.widgets.choice_box import ChoiceBox

OPTIONS = (("first  of all", "1"), ("second", "2"), ("third", "3"))


class Form(App[None]):
    """A box between two lines of text."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        """The box second."""
        yield Input(id="above")
        yield ChoiceBox(OPTIONS, "2", id="box")
        yield Input(id="below")

    def on_choice_box_changed(self, event: ChoiceBox.Changed) -> None:
        """Remember what was told."""
        self.chosen.append(event.value)


async def test_keys_open_the_list_at_what_is_chosen_and_choose() -> None:
    app = Form()
    async with app.run_test(size=(30, 12)) as pilot:
        box = app.query_one(ChoiceBox)
        assert str(box.render()) == f"{'second':<27} ▼ "
        assert not app.query(OptionList), "a closed one costs no list"
        await pilot.press("tab", "enter", "down", "enter")
        await pilot.pause()
        assert (box.value, app.chosen) == ("3", ["3"])
        assert app.focused is box
        assert not app.query(OptionList)


async def test_what_is_left_open_is_closed_and_nothing_is_chosen() -> None:
    app = Form()
    async with app.run_test(size=(30, 12)) as pilot:
        box = app.query_one(ChoiceBox)
        await pilot.press("tab", "space", "down", "escape")
        await pilot.pause()
        assert (box.value, app.focused, len(app.query(OptionList))) == ("2", box, 0)
        await pilot.press("down", "tab")
        await pilot.pause()
        assert (box.value, len(app.query(OptionList))) == ("2", 0)
        assert app.focused is app.query_one("#below")
        assert app.chosen == []


async def test_the_mouse_opens_and_chooses() -> None:
    app = Form()
    async with app.run_test(size=(30, 12)) as pilot:
        box = app.query_one(ChoiceBox)
        await pilot.click("#box")
        await pilot.pause()
        await pilot.click(OptionList, offset=(4, 1))
        await pilot.pause()
        assert (box.value, len(app.query(OptionList))) == ("1", 0)


async def test_other_options_are_offered_without_a_word() -> None:
    app = Form()
    async with app.run_test(size=(30, 12)) as pilot:
        box = app.query_one(ChoiceBox)
        box.offer([("other", "9")], "9")
        await pilot.pause()
        assert str(box.render()).startswith("other ")
        assert (box.value, app.chosen) == ("9", [])
