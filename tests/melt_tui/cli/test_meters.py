"""Power meters from the command line: kept with what they feed, supplying what somebody has agreed to."""

import io
import json
import os
import pty
from dataclasses import dataclass
from pathlib import Path

import pytest

from melt_tui.cli import supply
from tests.rigs.meters.pty_end import started
from tests.rigs.typed import Typed

CSV = "serial:/dev/melt-none?family=csv&columns=V,A"


@dataclass
class AtHome:
    """``melt`` in this process, for a user with a home of their own."""

    typed: Typed
    config: Path

    def __call__(self, *argv: str) -> tuple[object, str, str]:
        return self.typed.run(*argv)


@pytest.fixture
def melt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AtHome:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    return AtHome(Typed(capsys), tmp_path / "CONFIG" / "melt" / "config.toml")


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


def test_what_a_meter_feeds_and_where_is_asked_for(melt: AtHome, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = melt("devices", "--add", CSV)
    assert (code, melt.config.exists()) == (2, False)
    assert "Which device does it feed?: add --feeds DEVICE" in err
    monkeypatch.setattr("sys.stdin", Terminal("pixel-8\nusb-input\n"))
    code, out, err = melt("devices", "--add", CSV, "--name", "ina")
    assert (code, out) == (0, "ina is kept in the config file\n")
    assert "no device named pixel-8 is in the config file" in err
    kept = melt.config.read_text()
    assert 'feeds = "pixel-8"' in kept
    assert 'point = "usb-input"' in kept
    monkeypatch.setattr("sys.stdin", Terminal("pixel-8\nusb\n"))
    code, _, err = melt("devices", "--add", CSV.replace("none", "two"))
    assert code == 2
    assert "'usb' is no reference point: there are battery-terminals, usb-input" in err
    _, _, err = melt(
        "devices", "--add", CSV.replace("none", "one"), "--feeds", "host", "--point", "usb-input"
    )
    assert "no device named" not in err, "this computer is always there"
    code, out, _ = melt("devices", "--add", CSV.replace("V,A", "C,lux").replace("none", "three"))
    assert code == 0, "a probe feeds nothing"


def test_a_kept_port_that_no_scan_lists_is_there(melt: AtHome) -> None:
    ours, theirs = pty.openpty()
    address = f"serial:{os.ttyname(theirs)}?family=tc66&silence=3"
    melt("devices", "--add", address, "--feeds", "pixel", "--point", "usb-input")
    for ready in (True, False):
        rows = {row["address"]: row for row in json.loads(melt("devices", "--json")[1])}
        assert rows[address]["ready"] is ready
        if ready:
            os.close(ours)
            os.close(theirs)


def test_a_meter_supplies_what_was_agreed_to(melt: AtHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "UP_S", 60.0)
    with started("tests.rigs.meters.ppk2_rig", "--current", "constant:0.3") as rig:
        melt("devices", "--add", f"serial:{rig.port}?family=ppk2", "--feeds", "p8", "--point", "usb-input",
             "--name", "ppk2")  # fmt: skip
        code, _, err = melt("supply", "ppk2", "--voltage", "6", "--yes")
        assert (code, err.splitlines()[-1]) == (2, "melt: ppk2 cannot supply 6 V: it supplies 0.8 to 5 V")
        code, _, err = melt("supply", "ppk2", "--voltage", "4.2")
        assert code == 2
        assert "nobody can be asked: Supply p8 with 4.2 V from ppk2?" in err
        monkeypatch.setattr("sys.stdin", Terminal("n\n"))
        assert melt("supply", "ppk2", "--voltage", "4.1", "--on")[0] == 2
        monkeypatch.setattr("sys.stdin", Terminal("y\n"))
        assert melt("supply", "ppk2", "--voltage", "4.2", "--on")[:2] == (0, "ppk2 is set\n")
        truth = rig.truth()
    assert (truth["supply_mv"], truth["powered"]) == (4200, True)
