"""What opening the run dialog costs, and what of it is in sight."""

from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet

from melt_tui.ui.screens.run_dialog import RunDialog
from melt_tui.ui.screens.run_form import FIELDS
from tests.rigs.pilots import press, settle

SIZE = (120, 36)


async def test_the_run_dialog_is_light(desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Styling widgets is what opening costs: about 0.5 ms each time, on a quick machine."""
    app, style, styled, painted = make_app(desk()), Stylesheet.apply, [], []

    def apply(*given: Any, **named: Any) -> None:
        styled.append(given)
        style(*given, **named)

    monkeypatch.setattr(Stylesheet, "apply", apply)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        styled.clear()
        show = app._display

        def display(*given: Any) -> None:
            painted.append((app.screen, len(styled)))
            show(*given)

        monkeypatch.setattr(app, "_display", display)
        await press(pilot, "r")
        await settle(pilot)
        first = next(count for screen, count in painted if isinstance(screen, RunDialog))
        assert first < 200, (
            "the frame, what is asked first, and once the bench below: the sheets of dialogs come with the first"
        )
        assert len(styled) < 380, "all of it"
        assert len(app.screen.query("#figures Input")) == len(FIELDS)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 18), (40, 11)])
async def test_the_buttons_of_the_run_dialog_are_in_sight(
    desk: Any, make_app: Any, size: tuple[int, int]
) -> None:
    app = make_app(desk(refusal="a long reason why it cannot be, " * 12))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "r")
        await settle(pilot)
        dialog = app.screen
        for name in ("#start", "#cancel", "#verdict"):
            assert dialog.find_widget(dialog.query_one(name)).visible_region.height, name
        form, hint = dialog.query_one("#form"), str(dialog.query_one(".box").border_subtitle)
        assert form.show_vertical_scrollbar == bool(form.max_scroll_y)
        assert hint == (f"↓ {form.max_scroll_y} more lines" if form.max_scroll_y else "")
        form.scroll_end(animate=False)
        await settle(pilot)
        assert not dialog.query_one(".box").border_subtitle
