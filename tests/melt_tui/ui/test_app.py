from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color, ColorSystem
from textual.screen import Screen

from melt_tui.errors import UsageError
from melt_tui.ui.app import INTERRUPTED, MeltApp
from melt_tui.ui.demo import Cue
from melt_tui.ui.opening import Opening
from melt_tui.ui.palette import Palette
from melt_tui.ui.playhead import Mode
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.dialogs import ConfirmDialog
from melt_tui.ui.screens.help import HelpScreen
from melt_tui.ui.screens.library import LibraryScreen
from melt_tui.ui.widgets.key_line import Caption
from tests.rigs.fake_bench import FakeBench
from tests.rigs.night_run import PHONE, T0, S, at
from tests.rigs.pilots import bench_of, press, settle

SIZE = (120, 36)


def top(app: MeltApp) -> type[Screen[Any]]:
    """What lies uppermost."""
    return type(app.screen)


async def test_the_bench_is_made_after_the_first_frame(desk: Any, make_app: Any) -> None:
    made: list[FakeBench] = []

    def make() -> FakeBench:
        made.append(desk())
        return made[-1]

    app = make_app(make)
    assert made == []
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, BenchScreen)
    assert len(made) == 1


async def test_what_keeps_the_bench_from_being_made_ends_the_app() -> None:
    def fail() -> Opening:
        raise UsageError("no device was named")

    app = MeltApp(fail)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
    assert isinstance(app.failure, UsageError)
    assert app.return_value == 1


async def test_a_session_that_cannot_begin_ends_the_app(desk: Any) -> None:
    failed: Future[None] = Future()
    app = MeltApp(Opening(bench=desk(), failed=failed))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, BenchScreen)
        failed.set_exception(UsageError("nothing can be recorded there"))
        await settle(pilot)
    assert isinstance(app.failure, UsageError)
    assert app.return_value == 1


async def test_every_palette_command_can_be_given(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Run", "Freeze", "First onset", "Library", "Theme", "Remove the device"} <= offered
        assert "Rename" not in offered
        await press(pilot, "colon", *"first onset", "enter")
        await settle(pilot)
        playhead = bench_of(app).viewer.playhead
        assert (playhead.mode, playhead.at(at(180), bench_of(app).viewer.reach(at(180)))) == (
            Mode.PLAYING,
            at(67.9),
        )
        assert bench_of(app).viewer.selected == PHONE


async def test_a_page_key_where_the_palette_has_no_room_does_no_harm(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=(5, 3)) as pilot:
        await settle(pilot)
        await press(pilot, "colon", "pagedown", "pageup")
        await settle(pilot)
        assert isinstance(app.screen, Palette)
        await press(pilot, "escape", "question_mark")
        assert isinstance(app.screen, HelpScreen)


async def test_quit_asks_while_a_run_is_in_progress(desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "q")
        assert top(app) is ConfirmDialog
        await press(pilot, "n")
        assert top(app) is BenchScreen
        await press(pilot, "q", "y")
    assert app.return_value == 0


async def test_quit_leaves_at_once_when_nothing_runs(desk: Any, make_app: Any) -> None:
    app = make_app(desk(until_s=20.0, runs=False))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "q")
    assert app.return_value == 0


@pytest.mark.parametrize("keys", [(), ("r",), ("l",), ("colon",), ("slash",)])
async def test_ctrl_c_leaves_from_anywhere(keys: tuple[str, ...], desk: Any, make_app: Any) -> None:
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys, "ctrl+c")
    assert (app.return_value, app.return_code) == (INTERRUPTED, INTERRUPTED)


@pytest.mark.parametrize("late", [False, True])
async def test_ctrl_c_while_the_bench_is_being_opened_leaves_in_order(
    late: bool, desk: Any, make_app: Any
) -> None:
    apps: list[MeltApp] = []

    def opened() -> FakeBench:
        leave = apps[0].action_interrupt
        apps[0].call_later(leave) if late else leave()
        made: FakeBench = desk()
        return made

    apps.append(make_app(opened))
    async with apps[0].run_test(size=SIZE) as pilot:
        await pilot.pause()
    assert (apps[0].return_value, apps[0].return_code) == (INTERRUPTED, INTERRUPTED)


async def test_keys_are_remapped_everywhere(desk: Any, make_app: Any) -> None:
    note = "config.toml, line 3: there is no command “fre[z]e”: did you mean freeze?"
    app = make_app(desk(), keys={"freeze": "z", "help": "f2", "fre[z]e": "y"}, notes=[note])
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert [notice.message for notice in app._notifications] == [note]
        await press(pilot, "space")
        assert bench_of(app).viewer.playhead.mode is Mode.PINNED
        await press(pilot, "z")
        assert bench_of(app).viewer.playhead.mode is Mode.FROZEN
        helps = {c.title: c.help for c in app.get_system_commands(app.screen)}
        assert helps["Freeze"].endswith("(z)")
        await press(pilot, "f2")
        assert isinstance(app.screen, HelpScreen)


async def test_a_recording_is_replayed_from_the_library_and_escape_comes_back(
    desk: Any, make_app: Any
) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        live = bench_of(app)
        await press(pilot, "l")
        assert top(app) is LibraryScreen
        await press(pilot, "enter")
        await settle(pilot)
        saved = bench_of(app)
        assert bench.told("open_recording") == [Path("/r/2026-09-21 night-run.melt")]
        assert saved is not live
        assert (saved.viewer.scene.live, saved.viewer.playhead.mode) == (False, Mode.PLAYING)
        await press(pilot, "r")
        assert bench_of(app) is saved
        assert len(app.screen_stack) == 3
        await press(pilot, "escape")
        assert bench_of(app) is live
        await press(pilot, "escape")
        assert bench_of(app) is live


async def test_a_recording_that_cannot_be_opened_is_said_and_the_library_shown(
    desk: Any, make_app: Any
) -> None:
    app = make_app(desk(), replay=Path("/r/none.melt"))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        said = [notice.message for notice in app._notifications]
        assert said == ["none.melt: There is no such recording: melt sessions lists them"]
        assert isinstance(app.screen, LibraryScreen)


SCRIPT = (Cue(0, "first words"), Cue(30, "the rewind", "first_onset"), Cue(60, "later"), Cue(90, ""))


async def test_the_script_speaks_and_acts_along_the_session(desk: Any, make_app: Any) -> None:
    bench = desk()
    bench.now_ns = T0 + 10 * S
    app = make_app(bench, script=SCRIPT)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app._follow_script()
        caption = app.screen.query_one(Caption)
        assert (caption._text, caption.display) == ("first words", True)
        bench.now_ns = at(180)
        app._follow_script()
        await settle(pilot)
        assert bench_of(app).viewer.playhead.mode is Mode.PLAYING
        assert not caption.display
        assert app._script is None


async def test_any_key_takes_over_from_the_script(desk: Any, make_app: Any) -> None:
    bench = desk()
    bench.now_ns = T0 + 10 * S
    app = make_app(bench, script=SCRIPT)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app._follow_script()
        await press(pilot, "z")
        assert not app.screen.query_one(Caption).display
        bench.now_ns = at(180)
        app._follow_script()
        await settle(pilot)
        assert bench_of(app).viewer.playhead.mode is Mode.PINNED


async def test_a_theme_that_does_not_exist_is_named(desk: Any, make_app: Any) -> None:
    app = make_app(desk(), theme="no-such")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert any("There is no theme no-such" in notice.message for notice in app._notifications)


async def test_seconds_end_the_app(desk: Any, make_app: Any) -> None:
    app = make_app(desk(), seconds=0.01)
    async with app.run_test(size=SIZE) as pilot:
        while app._exit is False:
            await pilot.pause()
    assert app.return_code == 0


@pytest.mark.parametrize(
    ("wanted", "system", "shown"),
    [
        ("textual-light", ColorSystem.STANDARD, "ansi-light"),
        ("textual-dark", ColorSystem.STANDARD, "ansi-dark"),
        ("nord", ColorSystem.EIGHT_BIT, "nord"),
    ],
)
async def test_sixteen_colours_are_the_terminals_own(
    wanted: str, system: ColorSystem, shown: str, desk: Any, make_app: Any
) -> None:
    app = make_app(desk(until_s=0.05, runs=False), theme=wanted)
    app.console._color_system = system
    async with app.run_test(size=(40, 12)) as pilot:
        await settle(pilot)
        assert app.theme == shown


async def test_without_colour_there_is_none_and_no_text_is_lost(
    desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(desk())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for strip in app.screen._compositor.render_strips():
            styles = [s.style for s in strip.apply_filter(*app._filters[-1:], app.screen.styles.background)]
            colours = {c for style in styles if style for c in (style.color, style.bgcolor) if c}
            assert colours <= {Color.default()}
