"""Devices that come by themselves, that wait for somebody, that hang: each by itself."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from drivers.clock import SystemClock
from drivers.errors import NotSupported, Refused
from drivers.events import LogLine
from drivers.links import adb
from drivers.model import DeviceKind, Found
from drivers.registry import Registry
from melt_tui.config import DeviceConfig
from melt_tui.errors import ConfigError
from melt_tui.session.session import Session
from melt_tui.timeline import DeviceState
from melt_tui.workbench import Bench, HostKey, Place, RunRequest, SessionSetup, Workbench
from melt_tui.workbench.devices import Devices
from tests.rigs import adb_phone
from tests.rigs.lab import PATIENCE_S, state_of, until, up
from tests.rigs.phone_network import ON_WLAN0, write_ip
from tests.rigs.phones.pixel import pixel
from tests.rigs.ssh_board import SshBoard


@pytest.fixture(scope="module")
def server() -> Iterator[adb_phone.Server]:
    with adb_phone.adb_server() as running:
        yield running


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pixel(tmp_path_factory.mktemp("pixel") / "profile").plant_profile().root


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as running:
        yield running


@pytest.fixture
def setup(tmp_path: Path, server: adb_phone.Server, monkeypatch: pytest.MonkeyPatch) -> SessionSetup:
    """A session that nothing was named for, where the rig's adb server is the usual one."""
    monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{server.host}:{server.port}")
    return SessionSetup(
        folder=tmp_path / "recordings",
        known_hosts=tmp_path / "known_hosts",
        config=tmp_path / "config.toml",
        plugged=True,
    )


@pytest.fixture
def at_board(setup: SessionSetup, board: SshBoard, monkeypatch: pytest.MonkeyPatch) -> SessionSetup:
    """The same with the board, whose key nobody knows yet."""
    monkeypatch.setenv("HOME", str(board.person.home))
    board.person.trust()
    return replace(setup, plugged=False, places=(Place(address=board.address, name="board"),))


def names(bench: Bench) -> set[str]:
    return set(bench.timeline.view(bench.now()).devices) - {"melt"}


def said(bench: Bench) -> list[str]:
    """What was told in the log, of whom ever."""
    events = bench.timeline.events(0, bench.now(), kinds=(LogLine,))
    return [event.text for event in events if isinstance(event, LogLine)]


def reason(bench: Bench, name: str) -> str:
    device = bench.timeline.view(bench.now()).devices[name]
    return f"{device.reason}: {device.remedy}"


def test_a_phone_that_is_plugged_in_appears_by_itself(
    setup: SessionSetup, server: adb_phone.Server, tree: Path
) -> None:
    with Workbench(setup) as bench:
        until(lambda: bench.status.path)
        with adb_phone.phone(server, tree, model="Pixel_7") as phone:
            until(lambda: up(bench, "pixel-7"))
            with adb_phone.phone(server, tree, model="Pixel_7"):
                until(lambda: up(bench, "pixel-7-2"))
            until(lambda: state_of(bench, "pixel-7-2") is DeviceState.LOST)
            bench.remove_device("pixel-7").result(PATIENCE_S)
            server.adb("disconnect", phone.serial)
            server.adb("connect", phone.serial)
            until(lambda: up(bench, "pixel-7"))
            assert phone.wait_until_there("sh") != []


def test_a_phone_that_was_closed_stays_away_until_it_was_unplugged(
    setup: SessionSetup, server: adb_phone.Server, tree: Path
) -> None:
    with Workbench(setup) as bench, adb_phone.phone(server, tree, model="Left") as left:
        until(lambda: up(bench, "left"))
        bench.remove_device("left").result(PATIENCE_S)
        assert left.wait_until_gone() == []
        with adb_phone.phone(server, tree, model="Right"):
            until(lambda: up(bench, "right"))
        assert left.processes() == [], "it was not opened again"


def test_a_phone_that_asks_is_shown_and_opened_when_it_is_allowed(
    setup: SessionSetup, server: adb_phone.Server, tree: Path
) -> None:
    with Workbench(setup) as bench, adb_phone.phone(server, tree, state="unauthorized") as phone:
        name = phone.serial.replace(":", "-")
        until(lambda: state_of(bench, name) is DeviceState.FAILED)
        assert "allow USB debugging" in reason(bench, name)
        phone.cue("authorize")
        until(lambda: up(bench, name))


def test_with_named_devices_no_other_comes(setup: SessionSetup, server: adb_phone.Server, tree: Path) -> None:
    with adb_phone.phone(server, tree, model="Named") as named, adb_phone.phone(server, tree, model="Other"):
        place = Place(address=f"adb:{named.serial}")
        with Workbench(replace(setup, plugged=False, places=(place,))) as bench:
            until(lambda: up(bench, "named"))
            assert names(bench) == {"named"}
            named.cue("drop")
            until(lambda: state_of(bench, "named") is not DeviceState.UP)
            named.cue("back")
            until(lambda: up(bench, "named"))
            assert names(bench) == {"named"}


class Tasks:
    """A session that only notes what it was to run."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, name: str, source: object) -> None:
        self.names.append(name)


@pytest.mark.parametrize(
    ("plugged", "ready", "asks", "opened"),
    [
        (True, True, False, ["device pixel-8"]),
        (True, False, True, ["device pixel-8"]),
        (True, False, False, []),
        (False, True, False, []),
        (False, False, True, []),
    ],
)
def test_who_is_welcome(plugged: bool, ready: bool, asks: bool, opened: list[str]) -> None:
    tasks, clock = Tasks(), SystemClock()
    devices = Devices(cast(Session, tasks), Registry(clock), clock, plugged=plugged)
    devices.seen(
        "adb:", [Found(address="adb:X1", kind=DeviceKind.PHONE, title="Pixel 8", ready=ready, asks=asks)]
    )
    assert [name for name in tasks.names if name.startswith("device")] == opened
    devices.seen("adb:", [])


@pytest.mark.parametrize(("port", "opened"), [("5137", 1), ("5999", 2)])
def test_a_phone_at_a_server_that_was_named_is_the_one_of_the_usual_server(
    port: str, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    tasks, clock = Tasks(), SystemClock()
    devices = Devices(cast(Session, tasks), Registry(clock), clock, plugged=True)
    devices.open("pixel", Place(address="adb:X1?server=localhost:5137&name=pixel"))
    devices.seen("adb:", [Found(address="adb:X1", kind=DeviceKind.PHONE, title="Pixel 8")])
    assert len(devices.samplers) == opened


async def test_a_scan_sees_a_kept_phone_at_its_own_server(
    server: adb_phone.Server, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"{server.host}:{server.port}"
    with adb_phone.phone(server, tree) as phone, socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        kept, lost = f"adb:{phone.serial}?server={where}", f"adb:{phone.serial}?server={nobody}"
        for usual in (where, nobody):
            monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{usual}")
            found = [
                one for one in await Registry(SystemClock()).scan([kept, lost]) if phone.serial in one.address
            ]
            assert [(one.address, one.ready) for one in found] == [(kept, True), (lost, False)]
        assert found[1].reason == f"no adb server runs at {nobody}"


async def test_a_server_elsewhere_that_was_named_and_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.devices.android.phones.plugged_in", lambda: False)
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.2:1")
    told = {one.address: one for one in await Registry(SystemClock()).scan()}
    assert told["adb:"].reason == "no adb server answers at 127.0.0.2:1"
    assert told["adb:"].next_step == "start one there: `adb -a nodaemon server`"
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.1:1")
    assert "adb:" not in {one.address for one in await Registry(SystemClock()).scan()}


def test_one_that_hangs_or_refuses_delays_no_other(setup: SessionSetup, tree: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        hanging = f"ssh://u@127.0.0.1:{silent.getsockname()[1]}"
        refusing = f"ssh://u@127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        good = tuple(Place(address="sim:phone", name=f"phone-{i}") for i in range(6))
        places = (Place(address=hanging, name="hangs"), Place(address=refusing, name="refuses"), *good)
        with Workbench(replace(setup, plugged=False, places=places)) as bench:
            until(lambda: up(bench, *(place.name for place in good)))
            assert state_of(bench, "hangs") is DeviceState.CONNECTING
            until(lambda: "refuses connections" in reason(bench, "refuses"))
            waiting = bench.start_when_up(RunRequest(devices=("hangs", "phone-0")))
            until(lambda: "waiting for hangs to come up, for 60 s at most" in said(bench))
            assert not waiting.done()


def test_the_key_of_a_board_is_shown_and_stored_once(at_board: SessionSetup, board: SshBoard) -> None:
    with Workbench(at_board) as bench:
        until(lambda: state_of(bench, "board") is DeviceState.FAILED)
        assert board.fingerprint in reason(bench, "board")
        assert f"melt devices --trust {board.address}" in reason(bench, "board")
        key = bench.host_key("board").result(PATIENCE_S)
        wanted = HostKey(address=board.address, fingerprint=board.fingerprint, line=board.known_host)
        assert key == wanted
        assert not at_board.known_hosts.exists(), "asking stores nothing"
        bench.trust_host(key).result(PATIENCE_S)
        until(lambda: up(bench, "board"))
        assert at_board.known_hosts.read_text() == f"{board.known_host}\n"
        assert bench.host_key(board.address).result(PATIENCE_S).known


def test_a_key_that_has_changed_is_never_stored(
    at_board: SessionSetup, board: SshBoard, tmp_path: Path
) -> None:
    other = SshBoard(tmp_path / "other").host_key
    board.person.trust(f"[{board.host}]:{board.port} {other}")
    with Workbench(at_board) as bench:
        until(lambda: state_of(bench, "board") is DeviceState.FAILED)
        assert "HAS CHANGED" in reason(bench, "board")
        key = bench.host_key("board").result(PATIENCE_S)
        assert "HAS CHANGED" in key.objection
        assert f"ssh-keygen -R '[{board.host}]:{board.port}' -f '{board.person.known_hosts}'" in key.objection
        for one in (key, replace(key, objection="")):
            with pytest.raises(Refused, match="HAS CHANGED"):
                bench.trust_host(one).result(PATIENCE_S)
        assert not at_board.known_hosts.exists()
        assert state_of(bench, "board") is DeviceState.FAILED


def test_a_scan_looks_at_saved_boards(at_board: SessionSetup, board: SshBoard) -> None:
    saved = (
        DeviceConfig(address=board.address, name="board"),
        DeviceConfig(address="ssh://u@127.0.0.1:1", name="off"),
    )
    with Workbench(replace(at_board, places=(), saved=saved)) as bench:
        found = {one.address: one for one in bench.scan().result(PATIENCE_S)}
        assert "--trust" in found[board.address].next_step
        assert "refuses connections" in found["ssh://u@127.0.0.1:1"].reason
        board.person.trust(board.known_host)
        found = {one.address: one for one in bench.scan().result(PATIENCE_S)}
        assert found[board.address].ready
        assert found["host"].ready


def test_devices_are_kept_renamed_and_forgotten(setup: SessionSetup) -> None:
    entry = DeviceConfig(address="ssh://nvidia@orin", name="orin")
    with Workbench(replace(setup, plugged=False)) as bench:
        bench.save_device(entry).result(PATIENCE_S)
        assert bench.saved_devices() == (entry,)
        changed = replace(entry, name="nano", colour="orange")
        bench.save_device(changed, "orin").result(PATIENCE_S)
        assert bench.saved_devices() == (changed,)
        with pytest.raises(ConfigError, match="there are: nano"):
            bench.forget_device("orin").result(PATIENCE_S)
        with pytest.raises(NotSupported, match="unknown address"):
            bench.save_device(DeviceConfig(address="toaster:1")).result(PATIENCE_S)
        bench.forget_device("nano").result(PATIENCE_S)
        assert bench.saved_devices() == ()


def test_a_device_is_opened_once_and_a_simulated_one_as_often_as_it_is_named(setup: SessionSetup) -> None:
    with Workbench(replace(setup, plugged=False)) as bench:
        assert bench.add_device("host").result(PATIENCE_S) == "host"
        with pytest.raises(Refused, match=r"host\?rate=2 is in the session already, as host"):
            bench.add_device("host?rate=2", "other").result(PATIENCE_S)
        phones = [bench.add_device("sim:phone").result(PATIENCE_S) for _ in range(2)]
        assert phones == ["sim-phone", "sim-phone-2"]
        bench.remove_device("host").result(PATIENCE_S)
        assert bench.add_device("host").result(PATIENCE_S) == "host"


def test_what_is_no_phone_is_not_moved_to_wifi(setup: SessionSetup) -> None:
    places = (Place(address="sim:phone", name="phone"),)
    with Workbench(replace(setup, plugged=False, places=places)) as bench:
        with pytest.raises(NotSupported, match="no phone on adb"):
            bench.to_wifi("phone").result(PATIENCE_S)
        with pytest.raises(Refused, match="no device named other"):
            bench.to_wifi("other").result(PATIENCE_S)


def test_a_phone_that_moves_to_wifi_keeps_its_name(
    setup: SessionSetup, server: adb_phone.Server, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adb server takes it for an emulator, which as one on a cable has a name; its daemon starts anew and listens."""
    shutil.copytree(tree, tmp_path / "tree", symlinks=True)
    write_ip(tmp_path / "tree" / "system" / "bin", ON_WLAN0)
    monkeypatch.setattr(adb, "WIFI_PORT", adb_phone.free_port())
    with adb_phone.phone(tree=tmp_path / "tree") as phone:
        serial = server.on_cable(phone)
        places = (Place(address=f"adb:{serial}", name="mine"),)
        with Workbench(replace(setup, plugged=False, places=places)) as bench:
            until(lambda: up(bench, "mine"))
            on_air = f"adb:127.0.0.1:{adb.WIFI_PORT}"
            assert bench.to_wifi("mine").result(PATIENCE_S) == on_air
            until(lambda: up(bench, "mine"))
            info = bench.timeline.view(bench.now()).devices["mine"].info
            assert info is not None
            assert info.address == on_air
            assert names(bench) == {"mine"}
            assert serial not in server.adb("devices")
            with pytest.raises(Refused, match="is on Wi-Fi already"):
                bench.to_wifi("mine").result(PATIENCE_S)
        server.adb("disconnect")
        assert phone.wait_until_gone() == []
