"""Correcting and importing from the library: what is typed is what the workbench is told."""

from pathlib import Path
from typing import Any

from textual.widgets import Button, Input, Label

from melt_tui.analysis.edit_request import EditRequest
from melt_tui.ui.screens.edit_dialog import EditDialog
from tests.rigs.pilots import press, settle, until

SIZE = (120, 36)
NIGHT = Path("/r/2026-09-21 night-run.melt")


async def opened(app: Any, pilot: Any) -> EditDialog:
    await settle(pilot)
    await press(pilot, "l")
    await settle(pilot)
    await press(pilot, "e")
    await until(pilot, lambda: isinstance(app.screen, EditDialog))
    dialog = app.screen
    assert isinstance(dialog, EditDialog)
    return dialog


async def test_a_meter_is_corrected_as_it_was_typed(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    bench.edited = ["1  2026-11-21  hvpm: at usb-input (typed wrongly)"]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        dialog = await opened(app, pilot)
        assert "typed wrongly" in str(dialog.query(".made").first(Label).render())
        for place, text in (
            ("meter", "hvpm"),
            ("feeds", "pixel-8"),
            ("point", "usb-input"),
            ("reason", "swapped"),
        ):
            dialog.query_one(f"#{place}", Input).value = text
        await pilot.click("#correct")
        await settle(pilot)
    asked = EditRequest(path=NIGHT, meter="hvpm", feeds="pixel-8", point="usb-input", reason="swapped")
    assert ("edit", asked) in bench.calls


async def test_what_is_no_correction_is_said_and_the_last_can_be_taken_back(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    bench.edited = ["1  2026-11-21  turn 2 of run r1 does not count"]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        dialog = await opened(app, pilot)
        for fields, said in (
            ({}, "one thing at a time"),
            ({"meter": "hvpm", "turn": "2"}, "one thing at a time"),
            ({"turn": "two"}, "A turn is its number"),
            ({"turn": "", "volts": "much"}, "A voltage is a number"),
        ):
            for place, text in fields.items():
                dialog.query_one(f"#{place}", Input).value = text
            dialog.query_one("#correct", Button).press()
            await settle(pilot)
            assert said in str(dialog.query_one("#verdict", Label).render())
        await pilot.click("#undo")
        await settle(pilot)
    assert [call for call in bench.calls if call[0] == "edit"] == [("edit", EditRequest(path=NIGHT, undo=0))]


async def test_files_are_imported_from_the_library(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "l")
        for text in ("", "/m/melt_runs", "/m/none"):
            await press(pilot, "i")
            app.screen.query_one("#text", Input).value = text
            await press(pilot, "enter")
            await settle(pilot)
        said = [notice.message for notice in app._notifications]
    assert [call for call in bench.calls if call[0] == "import_files"] == [
        ("import_files", Path("/m/melt_runs"))
    ]
    assert said == ["Imported: imported.melt", "there is nothing at none: check its name"]
