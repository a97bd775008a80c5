"""Dialogs that wait for an answer of the bench before they open: never above what the user has opened meanwhile."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
from textual.screen import Screen

from melt_tui.ui.app import MeltApp
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.device_dialogs import KeyDialog
from melt_tui.ui.screens.devices import DevicesScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog
from melt_tui.ui.screens.edit_dialog import EditDialog
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.screens.supply_dialog import SupplyConfirm, SupplyDialog
from tests.rigs.fake_bench import FakeBench
from tests.rigs.night_run import PHONE
from tests.rigs.pilots import bench_of, press, settle, until

SIZE = (120, 36)


@dataclass(frozen=True)
class Late:
    """One of them: what leads to it, which call it waits for, what that answers."""

    keys: tuple[str, ...]
    call: str
    below: tuple[type[Screen[Any]], ...]
    dialog: type[Screen[Any]]

    def answer(self, bench: FakeBench) -> object:
        return {"check_supply": bench.supply, "host_key": bench.key, "edits": []}[self.call]


LATE = {
    "supply": Late(("u",), "check_supply", (BenchScreen,), SupplyDialog),
    "supply-confirm": Late((*"4.2", "enter"), "check_supply", (BenchScreen,), SupplyConfirm),
    "host-key": Late(("t",), "host_key", (BenchScreen, DevicesScreen), KeyDialog),
    "edit": Late(("e",), "edits", (BenchScreen, LibraryScreen), EditDialog),
}


def stack(app: MeltApp) -> tuple[type, ...]:
    """What lies above the first frame, from below."""
    return tuple(type(screen) for screen in app.screen_stack[1:])


async def begin(pilot: Any, bench: FakeBench, name: str) -> "Future[Any]":
    """Go where it is asked for, ask, and keep the bench from answering."""
    late = LATE[name]
    await settle(pilot)
    bench_of(pilot.app).viewer.selected = PHONE
    if DevicesScreen in late.below:
        await press(pilot, "d")
        await until(pilot, lambda: pilot.app.screen._entries)
        pilot.app.screen._selected = f"kept {bench.key.address}"
    elif LibraryScreen in late.below:
        await press(pilot, "l")
    elif late.dialog is SupplyConfirm:
        await press(pilot, "u")
        await until(pilot, lambda: isinstance(pilot.app.screen, SupplyDialog))
    await settle(pilot)
    answered: Future[Any] = Future()
    setattr(bench, late.call, lambda *_: answered)
    await press(pilot, *late.keys)
    await settle(pilot)
    assert stack(pilot.app) == late.below
    return answered


@pytest.mark.parametrize("name", LATE)
async def test_the_question_whether_to_leave_stays_on_top(desk: Any, make_app: Any, name: str) -> None:
    late, bench = LATE[name], desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        answered = await begin(pilot, bench, name)
        await press(pilot, "q")
        answered.set_result(late.answer(bench))
        await settle(pilot)
        assert stack(app) == (*late.below, ConfirmDialog)
        await press(pilot, "escape")
        await until(pilot, lambda: stack(app) == (*late.below, late.dialog))


@pytest.mark.parametrize("name", LATE)
async def test_it_comes_behind_the_key_that_is_under_way(desk: Any, make_app: Any, name: str) -> None:
    late, bench = LATE[name], desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        answered = await begin(pilot, bench, name)
        answered.set_result(late.answer(bench))
        await press(pilot, "q", "y")
        await until(pilot, lambda: app.return_value == 0)


@pytest.mark.parametrize("name", LATE)
async def test_a_click_that_closes_the_question_lets_it_come(desk: Any, make_app: Any, name: str) -> None:
    late, bench = LATE[name], desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        answered = await begin(pilot, bench, name)
        await press(pilot, "q")
        answered.set_result(late.answer(bench))
        await settle(pilot)
        await pilot.click("#no")
        await until(pilot, lambda: stack(app) == (*late.below, late.dialog))


@pytest.mark.parametrize("name", ["host-key", "edit"])
async def test_it_does_not_come_when_the_screen_was_left(desk: Any, make_app: Any, name: str) -> None:
    late, bench = LATE[name], desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        answered = await begin(pilot, bench, name)
        await press(pilot, "q")
        answered.set_result(late.answer(bench))
        await settle(pilot)
        await press(pilot, "escape")
        app.screen_stack[-1].dismiss()
        await settle(pilot)
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: stack(app) == (BenchScreen,))
        await settle(pilot)
        assert stack(app) == (BenchScreen,)
        assert not app._turnstile._turns


async def test_a_recording_that_is_long_in_opening_comes_when_nothing_is_asked(
    desk: Any, make_app: Any
) -> None:
    bench = desk()
    opening: Future[Any] = Future()
    bench.open_recording = lambda _: opening
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "l", "enter")
        await until(pilot, lambda: stack(app) == (BenchScreen,))
        await press(pilot, "q")
        opening.set_result(bench.made)
        await settle(pilot)
        assert stack(app) == (BenchScreen, ConfirmDialog)
        await press(pilot, "n")
        await until(pilot, lambda: stack(app) == (BenchScreen, BenchScreen))
