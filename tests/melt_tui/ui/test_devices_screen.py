"""The devices by keys and mouse: what is asked, what the workbench is told."""

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Select

from drivers.errors import LinkLost
from drivers.events import Absent
from drivers.model import DeviceKind, Found
from melt_tui.config import DeviceConfig
from melt_tui.errors import ConfigError
from melt_tui.events import DeviceFailed
from melt_tui.ui.app import MeltApp
from melt_tui.ui.screens.bench import BenchScreen
from melt_tui.ui.screens.device_dialogs import ColourDialog, KeyDialog, RefusedKeyDialog
from melt_tui.ui.screens.devices import DevicesScreen
from melt_tui.ui.screens.password_dialog import PasswordDialog
from melt_tui.ui.screens.setup_dialog import SetupDialog
from melt_tui.ui.widgets.device_list import DeviceList
from melt_tui.workbench import PasswordWanted, SetupRequest
from tests.rigs.brute import Brute
from tests.rigs.fake_bench import FakeBench, done, failed
from tests.rigs.night_run import HOST, METER, PHONE, Story, at, items
from tests.rigs.pilots import bench_of, press, settle, until

SIZE = (120, 36)
BOARD_AT = "ssh://nvidia@orin.local"
ADB = Found(address="adb:X1", kind=DeviceKind.PHONE, title="Galaxy S24")


def text(app: MeltApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def notices(app: MeltApp) -> list[str]:
    return [notice.message for notice in app._notifications]


async def walk(pilot: Any, *keys: str) -> None:
    await press(pilot, *keys)
    await settle(pilot)


async def choose(pilot: Any, key: str) -> None:
    """Choose the device of that key."""
    await until(pilot, lambda: key in {one.key for one in pilot.app.screen._entries})
    pilot.app.screen._selected = key
    pilot.app.screen.look_now()
    await settle(pilot)


def devices_of(app: MeltApp) -> DevicesScreen:
    """The devices, which lie uppermost."""
    assert isinstance(app.screen, DevicesScreen)
    return app.screen


def top(app: MeltApp) -> type[Screen[Any]]:
    return type(app.screen)


async def test_a_device_that_is_open_says_what_it_lacks(
    desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = Absent(
        t_ns=at(1), device=HOST, what="tegrastats", reason="it is not installed", remedy="sudo apt install it"
    )
    monkeypatch.setattr(FakeBench, "timeline", Brute([*items(Story()), lacks]))
    async with make_app(desk()).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        await until(
            pilot, lambda: "no tegrastats: it is not installed: sudo apt install it" in text(pilot.app)
        )


async def test_one_that_was_given_up_is_opened_again(
    desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its own remedy asks for where another program had its port; what it feeds is said anew."""
    gone = DeviceFailed(t_ns=at(95), device=METER, reason="the port is in use", remedy="close that program")
    monkeypatch.setattr(FakeBench, "timeline", Brute([*items(Story()), gone]))
    bench = desk()
    (entry,) = (one for one in bench.timeline.view(at(96)).devices.values() if one.device == METER)
    assert entry.info is not None
    address = entry.info.address
    bench.saved = [DeviceConfig(address=address, name=METER, feeds=PHONE, point="battery-terminals")]
    async with make_app(bench).run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        await choose(pilot, f"name {METER}")
        await walk(pilot, "enter")
        assert top(pilot.app) is DevicesScreen
    assert bench.told("remove_device") == [METER]
    assert bench.told("add_device") == [(address, METER, PHONE, "battery-terminals")]


async def test_what_is_found_and_what_is_not_each_with_the_next_step(desk: Any, make_app: Any) -> None:
    bench = desk()
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        shown = text(app)
        assert "phone says unauthorised: accept the prompt on its screen" in shown
        assert "orin-nano" in shown
        assert f"{BOARD_AT} kept" in shown
        entry = devices_of(app).entry
        assert entry is not None
        assert entry.device == HOST
        await walk(pilot, "end", "up")
        kept = devices_of(app)._selected
        bench.scan = lambda: done([ADB, replace(ADB, address="adb:X2")])
        await walk(pilot, "f5")
        assert devices_of(app)._selected == kept
        assert "adb:X2" in text(app)
        bench.scan = lambda: failed(LinkLost("adb does not answer"))
        await walk(pilot, "f5")
        assert "adb does not answer" in text(app)
        assert "adb:X2" in text(app)
        await walk(pilot, "d", "home", "enter")
        await until(pilot, lambda: bench_of(app).viewer.selected)
        assert top(app) is BenchScreen
        assert (bench_of(app).viewer.selected, bench_of(app).viewer.alone) == (HOST, True)


async def test_a_board_is_added_once_its_key_was_accepted(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    bench.saved = []
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d", "a", "enter", *BOARD_AT, "tab", *"lab", "enter")
        assert top(app) is KeyDialog
        assert bench.key.fingerprint in text(app)
        await walk(pilot, "enter")
        assert (bench.told("trust_host"), bench.told("add_device")) == ([], [])
        await walk(pilot, "a", *BOARD_AT, "enter", "y")
        assert bench.told("trust_host") == [bench.key]
        assert bench.told("save_device") == [(DeviceConfig(address=BOARD_AT), "")]
        assert bench.told("add_device") == [(BOARD_AT, "")]
        assert notices(app) == [f"{BOARD_AT} is kept in the config file: every session opens it."]
        bench.key = replace(bench.key, known=True)
        await choose(pilot, f"kept {BOARD_AT}")
        await walk(pilot, "enter")
        assert bench.told("add_device")[1:] == [(BOARD_AT, "")]
        await walk(pilot, "t")
        assert len(bench.told("trust_host")) == 1
        assert notices(app)[-1] == f"The key of {BOARD_AT} is accepted."
        await choose(pilot, f"name {HOST}")
        await walk(pilot, "t")
        assert notices(app)[-1] == f"{HOST} shows no host key: only boards over SSH do."


async def test_what_is_open_is_kept_and_not_opened_again_and_what_the_file_refuses_is_not_opened(
    desk: Any, make_app: Any
) -> None:
    bench = desk(until_s=20.0, runs=False)
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d", "a", *"host", "tab", *"lab", "enter")
        assert bench.told("save_device") == [(DeviceConfig(address="host", name="lab"), "")]
        assert bench.told("add_device") == []
        assert notices(app) == ["lab is kept in the config file: every session opens it."]
        await walk(pilot, "a", *"sim:phone", "enter")
        assert bench.told("add_device") == [("sim:phone", "")], "of simulated ones there may be many"
        bench.save_device = lambda *_: failed(ConfigError("no blanks", "give another"))
        await walk(pilot, "a", *"adb:X9", "enter")
        assert notices(app)[-1] == "no blanks: give another"
        assert len(bench.told("add_device")) == 1


async def test_a_board_that_is_away_can_be_added_all_the_same(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    bench.saved = []
    bench.host_key = lambda _: failed(LinkLost("orin does not answer"))
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d", "a", *BOARD_AT, "tab", *"lab", "enter")
        assert "orin does not answer" in text(app)
        await walk(pilot, "n")
        assert bench.told("add_device") == []
        await walk(pilot, "a", *BOARD_AT, "tab", *"lab", "enter", "y")
        assert bench.told("save_device") == [(DeviceConfig(address=BOARD_AT, name="lab"), "")]
        assert bench.told("add_device") == [(BOARD_AT, "lab")]
        await choose(pilot, f"kept {BOARD_AT}")
        await walk(pilot, "t")
        assert notices(app)[-1] == "orin does not answer"


async def test_a_changed_key_is_refused_loudly_and_cannot_be_accepted(desk: Any, make_app: Any) -> None:
    bench = desk(until_s=20.0, runs=False)
    why = "THE HOST KEY OF orin HAS CHANGED: this may be another board at its address, so forget the old one with `ssh-keygen -R '[o]:1' -f '/k'`"
    bench.key = replace(bench.key, objection=why)
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d", "a", *BOARD_AT, "enter")
        assert top(app) is RefusedKeyDialog
        assert "THE HOST KEY IS REFUSED" in text(app)
        assert all(word in text(app) for word in why.split())
        assert "Nothing was sent to" in text(app)
        assert len(app.screen.query(Button)) == 1
        await walk(pilot, "enter")
        assert top(app) is DevicesScreen
        told = [bench.told(name) for name in ("trust_host", "save_device", "add_device")]
        assert told == [[], [], []]


async def test_naming_colouring_closing_forgetting_and_moving(desk: Any, make_app: Any) -> None:
    bench = desk()
    bench.saved.append(DeviceConfig(address="sim:phone", name=PHONE, colour="green"))
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert bench_of(app).viewer.colours == {"sim:phone": 2, PHONE: 2}
        await walk(pilot, "d")
        await choose(pilot, f"name {PHONE}")
        await walk(pilot, "n", "ctrl+u", *"my-phone", "enter")
        await walk(pilot, "c")
        assert top(app) is ColourDialog
        await walk(pilot, "down", "enter")
        assert bench.told("save_device") == [
            (DeviceConfig(address="sim:phone", name="my-phone", colour="green"), PHONE),
            (DeviceConfig(address="sim:phone", name="my-phone", colour="blue"), "my-phone"),
        ]
        await choose(pilot, f"name {HOST}")
        await walk(pilot, "c")
        await pilot.click("Swatches", offset=(3, 7))
        await settle(pilot)
        assert bench.told("save_device")[2:] == [
            (DeviceConfig(address="host", name=HOST, colour="silver"), "")
        ]
        await walk(pilot, "w")
        assert notices(app)[-1] == "Only a phone over adb that is open can be moved to Wi-Fi."
        await walk(pilot, "delete", "y", "x", "y")
        assert bench.told("forget_device") == [HOST]
        assert bench.told("remove_device") == [HOST]
        await choose(pilot, "at adb:X1")
        await walk(pilot, "delete")
        await walk(pilot, "x")
        assert notices(app)[-2:] == ["Galaxy S24 is not kept in the config file.", "Galaxy S24 is not open."]


async def test_a_phone_on_wifi_is_kept_at_its_new_address(
    desk: Any, make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = desk()
    bench.saved = [DeviceConfig(address="adb:X1", name="s24")]
    view = bench.made.view(bench.now_ns)
    device = view.devices[HOST]
    phone = replace(device, info=replace(device.info, address="adb:X1"))
    seen = replace(view, devices={**view.devices, HOST: phone})
    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        monkeypatch.setattr(bench.made, "view", lambda _: seen)
        await walk(pilot, "d")
        await choose(pilot, f"name {HOST}")
        await walk(pilot, "w")
        assert bench.told("to_wifi") == [HOST]
        moved = DeviceConfig(address="adb:192.168.1.23:5555", name="s24")
        assert bench.told("save_device") == [(moved, "s24")]
        assert notices(app)[-1] == f"{HOST} is at adb:192.168.1.23:5555 now: its cable can go."


async def test_a_device_is_set_up_with_its_progress_in_sight(desk: Any, make_app: Any) -> None:
    bench = desk()
    going: Future[None] = Future()
    asked: list[SetupRequest] = []

    def setup(request: SetupRequest, progress: Any) -> "Future[None]":
        asked.append(request)
        progress("sending llama-server", 0.25, 12.0)
        return going

    app = make_app(bench)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await walk(pilot, "d")
        await choose(pilot, "at adb:X1")
        bench.steps = []
        await walk(pilot, "s")
        dialog = app.screen
        assert isinstance(dialog, SetupDialog)
        bench.setup = setup
        dialog.query_one("#engine", Select).value = "llama_cli"
        dialog.query_one("#model", Select).value = "demo"
        dialog.query_one("#source", Input).value = "/b/llama.zip"
        await settle(pilot)
        assert not dialog.query_one("#model-sha256").is_on_screen
        await walk(pilot, "enter")
        assert asked == [
            SetupRequest(address="adb:X1", runtime="llama_cli", source="/b/llama.zip", model="demo")
        ]
        assert "sending llama-server" in text(app)
        assert "25 %  12 s left" in text(app)
        going.set_exception(LinkLost("the cable was pulled"))
        await settle(pilot)
        assert "the cable was pulled" in str(dialog.query_one("#verdict", Label).render())
        going = Future()
        dialog.query_one("#model", Select).value = "\x00other"
        dialog.query_one("#model-path", Input).value = "https://host/x.gguf"
        dialog.query_one("#model-sha256", Input).value = " ab "
        await settle(pilot)
        assert dialog.query_one("#model-sha256").is_on_screen
        await pilot.click("#start")
        await settle(pilot)
        assert (asked[-1].model, asked[-1].model_sha256) == ("https://host/x.gguf", "ab")
        await walk(pilot, "escape")
        assert going.cancelled()
        going = done(None)
        await walk(pilot, "s", "enter")
        assert top(app) is DevicesScreen
        assert notices(app)[-1] == "Galaxy S24 is set up."


async def test_in_a_recording_the_devices_are_those_of_the_session(desk: Any, make_app: Any) -> None:
    bench: FakeBench = desk()
    app = make_app(bench)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await walk(pilot, "l", "enter", "d")
        table = app.screen.query_one(DeviceList)
        row = next(y for y, line in enumerate(table._lines) if PHONE in "".join(t for t, _ in line))
        await pilot.click(table, offset=(6, row), times=2)
        await settle(pilot)
        await until(pilot, lambda: top(app) is BenchScreen)
        assert bench_of(app).viewer.scene.live
        assert len(app.screen_stack) == 2
        await walk(pilot, "d", "colon", *"look again", "enter")
        assert top(app) is DevicesScreen


async def test_a_board_s_password_is_asked_for_once_and_never_shown(desk: Any, make_app: Any) -> None:
    bench: FakeBench = desk()
    app = make_app(bench)
    wanted = PasswordWanted(account="me@orin", devices=(HOST,))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.ask_password()
        assert not isinstance(app.screen, PasswordDialog)
        bench.locked = [wanted]
        app.ask_password()
        await until(pilot, lambda: isinstance(app.screen, PasswordDialog))
        await press(pilot, "escape")
        app.ask_password()
        await settle(pilot)
        assert not isinstance(app.screen, PasswordDialog), "it was left unanswered"
        bench.locked = [replace(wanted, tries=1)]
        app.ask_password()
        await until(pilot, lambda: isinstance(app.screen, PasswordDialog))
        assert "does not accept that password" in str(app.screen.query(Label).first().render())
        await press(pilot, "enter", *"geheim")
        await settle(pilot)
        assert "geheim" not in app.export_screenshot()
        await press(pilot, "enter")
        await until(pilot, lambda: bench.told("give_password") == [("me@orin", "geheim")])
        bench.locked = [replace(wanted, tries=3)]
        app.ask_password()
        await settle(pilot)
        assert not isinstance(app.screen, PasswordDialog)
        await walk(pilot, "d")
        app.screen._selected = f"name {HOST}"
        await walk(pilot, "enter", "x", "enter")
        await until(pilot, lambda: bench.told("give_password")[-1] == ("me@orin", "x"))
