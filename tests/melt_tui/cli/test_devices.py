"""``melt devices`` and ``melt setup`` as processes: what they print, keep and refuse."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.model import DeviceKind, Found
from melt_tui.cli.devices import _missing, _row, _shown
from melt_tui.workbench import Workbench
from tests.rigs.lab import BOARD_ENGINE
from tests.rigs.melt import environment
from tests.rigs.programs import install_real_server
from tests.rigs.ssh_board import SshBoard
from tests.rigs.typed import Typed

CSV, AT = "serial:/dev/x?family=csv&columns", ("--feeds", "pixel", "--point", "usb-input")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as running:
        running.person.trust()
        yield running


@pytest.fixture(scope="module")
def home(board: SshBoard) -> Path:
    return board.person.home


def config(home: Path) -> str:
    return (home / "xdg_config_home" / "melt" / "config.toml").read_text()


def test_a_board_from_its_key_to_its_engine(
    board: SshBoard, home: Path, typed: Typed, tmp_path: Path
) -> None:
    """The way of somebody who has just unpacked a board."""
    assert typed.told("devices", "--add", board.address, "--name", "orin", "--colour", "cyan") == (
        "orin is kept in the config file\n"
    )
    assert config(home) == f'[[devices]]\naddress = "{board.address}"\nname = "orin"\ncolour = "cyan"\n'
    listed = {row["address"]: row for row in json.loads(typed.told("devices", "--json"))}
    assert (listed[board.address]["name"], listed[board.address]["ready"]) == ("orin", False)
    assert f"melt devices --trust {board.address}" in listed[board.address]["next_step"]

    kept = home / "xdg_data_home" / "melt" / "known_hosts"
    assert "then add --yes" in typed.refused("devices", "--trust", "orin", code=2)
    assert not kept.exists()
    assert typed.told("devices", "--trust", "orin", "--yes") == f"{board.fingerprint} is known from now on\n"
    assert kept.read_text() == f"{board.known_host}\n"
    assert "was known already" in typed.told("devices", "--trust", "orin")
    rows = typed.told("devices").splitlines()
    assert any(row.split()[:2] == [board.address, "orin"] and row.endswith("ready") for row in rows)

    assert "calls" not in typed.told("devices", "--rename", "orin", "nano")
    assert 'name = "nano"' in config(home)
    install_real_server(tmp_path / "build")
    assert typed.told("setup", "nano", "--from", str(tmp_path / "build")) == "nano is set up\n"
    assert (board.home / BOARD_ENGINE / "llama-server").is_file()
    steps = json.loads(typed.told("setup", "nano", "--from", str(tmp_path / "build"), "--json"))["steps"]
    assert steps[0] == "looking at nano"
    typed.told("devices", "--forget", "nano")
    assert config(home) == ""
    board.wait_until_empty()


def test_a_key_that_has_changed_is_refused_loudly(
    board: SshBoard, home: Path, typed: Typed, tmp_path: Path
) -> None:
    typed.told("devices", "--trust", board.address, "--yes")
    before = (home / "xdg_data_home" / "melt" / "known_hosts").read_text()
    other = SshBoard(tmp_path / "other")
    (home / "xdg_data_home" / "melt" / "known_hosts").write_text(
        f"[{board.host}]:{board.port} {other.host_key}\n"
    )
    for act in (("devices", "--trust", board.address, "--yes"), ("setup", board.address)):
        assert "HAS CHANGED" in typed.refused(*act, code=1)
    assert before not in (home / "xdg_data_home" / "melt" / "known_hosts").read_text()


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("devices", "--name", "x"), 2, "--name belongs to --add"),
        (("devices", "--add", "toaster:1"), 2, "unknown address"),
        (
            ("devices", "--add", "host", "--colour", "orange"),
            2,
            "there is no colour 'orange': give one of cyan, ",
        ),
        (("devices", "--rename", "nobody", "x"), 2, "no device 'nobody'"),
        (("devices", "--forget", "nobody"), 2, "no device “nobody”"),
        (("devices", "--trust", "host"), 2, "not reached over SSH"),
        (("devices", "--wifi", "sim:phone"), 2, "no phone on adb"),
        (("devices", "--add", "host", "--forget", "x"), 2, "not allowed with"),
        (("devices", "--add", "ssh://a@b:99999"), 2, "no address of an SSH server"),
        (("devices", "--add", "adb:X?server=nowhere"), 2, "'nowhere' is no adb server"),
        (("devices", "--add", f"{CSV}=V,furlong", *AT), 2, "has no column 'furlong'"),
        (("devices", "--add", "serial:/dev/x?family=toaster", *AT), 2, "has the unknown family 'toaster'"),
        (("devices", "--add", f"{CSV}=V,A", *AT, "--name", "pixel"), 2, "pixel cannot feed itself"),
        (("setup", "sim:meter"), 2, "is a meter, which needs no engine"),
        (("summary", "any.melt", "--sum", "bogus"), 2, "'bogus' is no reference point: there are battery"),
        (("setup", "host"), 2, "needs no setup"),
        (
            ("setup", "host", "--model", "demo", "--model-sha256", "12"),
            2,
            "give 64 hexadecimal digits with --m",
        ),
        (("setup", "toaster:1"), 2, "unknown address"),
        (("run", "--headless", "--device", "sim:phone", "--on-link-loss", "maybe"), 2, "invalid choice"),
        (("run", "--headless", "--device", "sim:phone", "--lease", "-1"), 2, "not a number of at least 0"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    typed: Typed, argv: tuple[str, ...], code: int, words: str
) -> None:
    assert words in typed.refused(*argv, code=code)


def test_a_person_is_asked_on_the_terminal(board: SshBoard, tmp_path: Path) -> None:
    """Only yes is yes."""
    for answer, code in (("maybe\n", 2), ("yes\n", 0)):
        ours, theirs = pty.openpty()
        asked = subprocess.Popen(
            [sys.executable, "-m", "melt_tui.cli", "devices", "--trust", board.address],
            env=environment(tmp_path),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with asked:
            os.write(ours, answer.encode())
            _, err = asked.communicate(timeout=60)
        os.close(ours)
        os.close(theirs)
        assert asked.returncode == code, err
        assert board.fingerprint in err


def test_wifi_takes_a_name_of_the_config_file(typed: Typed) -> None:
    typed.told("devices", "--add", "sim:phone", "--name", "mine")
    assert "sim:phone is no phone on adb" in typed.refused("devices", "--wifi", "mine", code=2)
    typed.told("devices", "--forget", "mine")


def test_a_kept_phone_is_kept_at_its_address_on_wifi(
    typed: Typed, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: Future[str] = Future()
    moved.set_result("adb:192.168.1.23:5555")
    monkeypatch.setattr(Workbench, "to_wifi", lambda *_: moved)
    typed.told("devices", "--add", "sim:phone", "--name", "mine")
    assert "mine is adb:192.168.1.23:5555 from now on" in typed.told("devices", "--wifi", "mine")
    assert 'address = "adb:192.168.1.23:5555"' in config(home)
    typed.told("devices", "--forget", "mine")


@pytest.mark.parametrize(
    ("ready", "reason", "next_step", "state"),
    [
        (True, "", "", "ready"),
        (True, "there is no tegrastats", "install it", "ready, but there is no tegrastats: install it"),
        (False, "it is locked", "unlock it", "it is locked: unlock it"),
    ],
)
def test_what_a_device_lacks_stands_beside_its_state(
    *, ready: bool, reason: str, next_step: str, state: str
) -> None:
    found = Found(
        address="ssh://o",
        kind=DeviceKind.BOARD,
        title="orin",
        ready=ready,
        reason=reason,
        next_step=next_step,
    )
    assert _shown(_row(found, None)) == ("ssh://o", "", "board", "orin", state)


def test_a_link_on_which_there_is_nothing_says_what_to_do() -> None:
    board = Found(address="ssh://o", kind=DeviceKind.BOARD, title="orin")
    said = [sentence.partition(":")[0] for sentence in _missing([_row(board, None)])]
    assert said == ["no phone over adb was found", "no iPhone was found", "no power meter was found"]
    others = [replace(board, address=address) for address in ("adb:", "ios:X", "monsoon:1")]
    assert list(_missing([_row(one, None) for one in others])) == [
        "no board over SSH is kept: melt devices --add ssh://user@host"
    ]


def test_it_is_said_beside_the_list_and_not_in_it(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "melt.toml").touch()
    words = ("devices", "--config", str(tmp_path / "melt.toml"))
    code, listed, told = typed.run(*words)
    assert (code, "no board over SSH" in told, "no board" in listed) == (0, True, False)
    assert "no board" not in "".join(map(str, typed.run(*words, "--json")))
