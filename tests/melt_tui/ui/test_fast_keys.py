"""Keys that come faster than screens open and close: each does what it does when it is typed slowly."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from melt_tui.ui.app import MeltApp
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.device_dialogs import AddressDialog
from melt_tui.ui.screens.devices import DevicesScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog, TextDialog
from melt_tui.ui.screens.edit_dialog import EditDialog
from melt_tui.ui.screens.export_dialog import ExportDialog
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.screens.password_dialog import PasswordDialog
from melt_tui.ui.screens.run_dialog import RunDialog
from melt_tui.workbench import PasswordWanted
from tests.rigs.pilots import bench_of, settle, until

SIZE = (80, 24)
SIGNS = {"escape": None, "enter": "\r", "slash": "/", "colon": ":"}


def burst(app: MeltApp, *keys: str) -> None:
    """All of them in one write: none waits for what the one before does."""
    for key in keys:
        sign = key if len(key) == 1 else SIGNS.get(key)
        app.post_message(events.Key(key, sign))


async def answered(pilot: Any) -> None:
    """Wait until every key has been let through and has done what it does."""
    stile = pilot.app._turnstile
    await settle(pilot)
    await until(pilot, lambda: not stile._held and stile._way is None)
    await settle(pilot)


def stack(app: MeltApp) -> list[type]:
    """What lies above the first frame, from below."""
    return [type(screen) for screen in app.screen_stack[1:]]


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (("q", "escape"), [BenchScreen]),
        (("q", "escape", "escape"), [BenchScreen]),
        (("l", "r"), [BenchScreen, LibraryScreen, ExportDialog]),
        (("l", "e"), [BenchScreen, LibraryScreen, EditDialog]),
        (("l", "r", "escape"), [BenchScreen, LibraryScreen]),
        (("l", "r", "escape", "escape", "escape"), [BenchScreen]),
        (("l", "escape") * 3, [BenchScreen]),
        (("l", "n", *"old", "enter", "t"), [BenchScreen, LibraryScreen, TextDialog]),
        (("r", "escape") * 3, [BenchScreen]),
        (("r", "escape", "escape", "escape"), [BenchScreen]),
        (("d", "a", "enter", "enter", "escape"), [BenchScreen, DevicesScreen]),
        (("d", "a"), [BenchScreen, DevicesScreen, AddressDialog]),
        (("d", "escape", "f", "escape", "question_mark", "escape"), [BenchScreen]),
        (("f", "enter", "r"), [BenchScreen, RunDialog]),
        (("colon", "escape", "q"), [BenchScreen, ConfirmDialog]),
    ],
)
async def test_keys_in_one_write_lead_where_they_lead_one_by_one(
    desk: Any, make_app: Any, keys: tuple[str, ...], left: list[type]
) -> None:
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        burst(app, *keys)
        await answered(pilot)
        assert stack(app) == left


async def test_text_typed_behind_the_key_that_asks_for_it_is_text(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        burst(app, "m", *"ab", "enter", "slash", *"ba")
        await answered(pilot)
        assert bench.told("mark") == ["ab"]
        assert bench_of(app).viewer.playhead.marked is None
        assert app.screen.query_one("#search", Input).value == "ba"


async def test_a_list_that_is_long_in_coming_can_be_left(desk: Any, make_app: Any) -> None:
    bench = desk()
    late: Future[Any] = Future()
    bench.library = lambda: late
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        burst(app, "l", "r", "escape")
        await until(pilot, lambda: stack(app) == [BenchScreen, LibraryScreen])
        await until(pilot, lambda: stack(app) == [BenchScreen])
        burst(app, "l", "r")
        await until(pilot, lambda: stack(app) == [BenchScreen, LibraryScreen])
        late.set_result(bench.recordings)
        await until(pilot, lambda: stack(app) == [BenchScreen, LibraryScreen, ExportDialog])
        await settle(pilot)


async def test_a_held_key_does_not_keep_one_from_leaving(desk: Any, make_app: Any) -> None:
    bench = desk()
    bench.library = Future
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        burst(app, "l", "r", "ctrl+c")
        await until(pilot, lambda: app.return_value == 130)


def after(turns: int, do: Callable[[], object]) -> None:
    """So many turns of the loop later."""
    if turns:
        asyncio.get_running_loop().call_soon(after, turns - 1, do)
    else:
        do()


@pytest.mark.parametrize("turns", range(1, 6))
async def test_a_password_is_not_asked_for_above_the_question_whether_to_leave(
    desk: Any, make_app: Any, turns: int
) -> None:
    bench = desk()
    bench.passwords_wanted = lambda: [PasswordWanted(account="lab@orin", devices=("orin",))]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        burst(app, "q", "y")
        after(turns, app.ask_password)
        await until(pilot, lambda: app.return_value == 0)


@pytest.mark.parametrize("turns", range(3))
async def test_keys_wait_for_a_dialog_that_opens_by_itself(desk: Any, make_app: Any, turns: int) -> None:
    bench = desk()
    bench.passwords_wanted = lambda: [PasswordWanted(account="lab@orin", devices=("orin",))]
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.ask_password()
        after(turns, lambda: burst(app, "q", "y"))
        await answered(pilot)
        assert stack(app) == [BenchScreen, PasswordDialog]
        assert app.screen.query_one(Input).value == "qy"


KEYS = [
    *"lldffqrsmuDeigtnxcvpaaobt",
    *(
        "slash",
        "question_mark",
        "colon",
        "enter",
        "enter",
        "up",
        "down",
        "left",
        "right",
        "space",
        "home",
        "end",
        "delete",
        "backspace",
    ),
    *("escape",) * 12,
]
"""Neither y nor tab: to the question whether to leave they would lead to yes."""


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_typed_fast_ends_nothing(desk: Any, make_app: Any, seed: int) -> None:
    dice = random.Random(seed)
    app = make_app(desk(), frames_per_s=20)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for _ in range(12):
            burst(app, *(dice.choice(KEYS) for _ in range(dice.randint(2, 12))))
            await pilot.pause(dice.choice((0, 0.01, 0.1)))
        burst(app, *("escape",) * 6)
        await answered(pilot)
        assert app.is_running
        assert app.return_value is None
