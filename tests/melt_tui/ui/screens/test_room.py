"""Screens that are asked for something before their widgets stand, and after they were left."""

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
from textual.widgets import Label

from melt_tui.ui.app import MeltApp
from melt_tui.ui.offers import able
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog, TextDialog
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.screens.run_dialog import RunDialog
from melt_tui.ui.settings import ScreenSettings
from melt_tui.workbench import RunRequest
from tests.rigs.pilots import press, settle, until


def top(app: MeltApp) -> type:
    """The screen on top."""
    return type(app.screen)


async def test_what_is_asked_before_the_widgets_stand_is_done_when_they_do(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test() as pilot:
        await settle(pilot)
        answers: list[Any] = []
        dialog = ConfirmDialog("Really?", "Yes")
        app.push_screen(dialog, answers.append)
        dialog.action_yes()
        dialog.action_cancel()
        await settle(pilot)
        assert answers == [True]
        library = LibraryScreen(bench, ScreenSettings())
        app.push_screen(library)
        library.action_command("import")
        await settle(pilot)
        assert top(app) is TextDialog
        assert app.screen_stack[-2] is library


async def test_a_screen_is_closed_once_and_only_from_the_top(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test() as pilot:
        await settle(pilot)
        answers: list[Any] = []
        library = LibraryScreen(bench, ScreenSettings())
        app.push_screen(library, answers.append)
        await settle(pilot)
        await press(pilot, "n")
        library.dismiss(None)
        assert top(app) is TextDialog, "what lies on top stays"
        await press(pilot, "escape")
        library.dismiss(("a", "b"))
        library.dismiss(None)
        await settle(pilot)
        assert answers == [("a", "b")]
        assert top(app) is BenchScreen


async def test_a_list_that_comes_after_its_screen_has_gone_is_not_shown(desk: Any, make_app: Any) -> None:
    bench = desk()
    late: Future[Any] = Future()
    bench.library = lambda: late
    app = make_app(bench)
    async with app.run_test() as pilot:
        await settle(pilot)
        await press(pilot, "l")
        library = app.screen
        assert isinstance(library, LibraryScreen)
        app._back()
        late.set_result([])
        await settle(pilot)
        library.action_command("reload")
        library.action_command("rename")
        library.on_resize()
        assert top(app) is BenchScreen


async def test_a_check_that_ends_after_its_dialog_has_gone_says_nothing(desk: Any, make_app: Any) -> None:
    bench = desk()
    late: Future[Any] = Future()
    late.cancel = bool  # type: ignore[method-assign]
    bench.check_run = lambda _: late
    app = make_app(bench)
    async with app.run_test() as pilot:
        await settle(pilot)
        await press(pilot, "r")
        dialog = app.screen
        assert isinstance(dialog, RunDialog)
        verdict = dialog.query_one("#verdict", Label)
        dialog.action_cancel()
        late.set_result([])
        await settle(pilot)
        assert str(verdict.render()) != "Ready to start."
        assert top(app) is BenchScreen


async def test_the_app_can_be_left_while_a_screen_opens(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test() as pilot:
        await settle(pilot)
        app.push_screen(ConfirmDialog("Really?", "Yes"))
        app.push_screen(LibraryScreen(desk(), ScreenSettings()))
        app.action_interrupt()
        await until(pilot, lambda: app.return_value == 130)


async def test_what_a_script_says_waits_for_the_bench(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test() as pilot:
        await settle(pilot)
        again = app._stage.live()
        again.say("hello")
        app.push_screen(again)
        await until(pilot, lambda: again.query("#caption") and again.query_one("#caption").display)


@pytest.mark.parametrize("turns", [0, 3, 4, 5])
async def test_ctrl_c_leaves_in_order_while_a_dialog_opens(desk: Any, make_app: Any, turns: int) -> None:
    app = make_app(desk())
    async with app.run_test() as pilot:
        await settle(pilot)
        app.push_screen(RunDialog(desk(), able(desk().timeline.view(desk().now())), RunRequest(devices=())))
        for _ in range(turns):
            await asyncio.sleep(0)
        app.action_interrupt()
        await until(pilot, lambda: app.return_value == 130)
