"""``melt trim`` and ``melt sessions --prune`` as they are typed."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SECOND
from melt_tui.cli.command import run
from melt_tui.events import SELF, SessionEnded, SessionStarted, Tick
from melt_tui.store import library
from tests.rigs.written import write

DAY_S = 86_400


@pytest.fixture
def melt(tmp_path: Path) -> Any:
    """Runs a command line on a folder with recordings of now, of 5 and of 50 days ago."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for days in (0, 5, 50):
        wall_ns = round((time.time() - days * DAY_S) * SECOND)
        started = SessionStarted(t_ns=SECOND, device=SELF, wall_ns=wall_ns, name="n", version="1", host="h")
        ticks = [Tick(t_ns=t * SECOND, device=SELF) for t in range(1, 11)]
        ended = SessionEnded(t_ns=11 * SECOND, device=SELF, wall_ns=wall_ns + 10 * SECOND)
        write(folder / f"d{days}.melt", [started, *ticks, ended])
    config = tmp_path / "config.toml"
    config.write_text(f'[session]\nrecordings = "{folder}"\n[library]\nkeep_days = 30\n')

    def typed(*words: str, settings: str = "") -> tuple[int, list[str]]:
        if settings:
            config.write_text(f'[session]\nrecordings = "{folder}"\n{settings}')
        code = run([*words, "--config", str(config)])
        return code, sorted(path.stem for path in folder.glob("*.melt"))

    return typed


def test_old_ones_go_only_when_that_is_asked_for(melt: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert melt("sessions") == (0, ["d0", "d5", "d50"])
    assert melt("sessions", "--prune", "--dry-run") == (0, ["d0", "d5", "d50"])
    said = capsys.readouterr().out
    assert "would be deleted: d50.melt (n)" in said
    assert "50.0 days old, 30 are kept" in said
    assert melt("sessions", "--prune", "--json") == (0, ["d0", "d5"])
    told = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["goes"]) for one in told["recordings"]] == [
        ("n", False),
        ("n", False),
        ("n", True),
    ]
    assert melt("sessions", "--prune", "--keep-gb", "0") == (0, ["d0"])
    assert "1 of 2 recordings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sessions", "--dry-run"), "--dry-run is of --prune"),
        (("sessions", "--keep-gb", "0"), "--keep-gb is of --prune"),
        (("sessions", "--prune"), "it is not said how much to keep"),
    ],
)
def test_what_is_not_clear_deletes_nothing(
    melt: Any, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert melt(*words, settings="[run]\n") == (2, ["d0", "d5", "d50"])
    assert said in capsys.readouterr().err


def test_a_span_becomes_a_recording(melt: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "recordings" / "d5.melt", tmp_path / "new.melt"
    words = ("trim", str(source), "--from", "2", "--to", "0:04.5")
    assert melt(*words, "--name", "hot", "--out", str(out), "--json")[0] == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["session"]["name"], told["session"]["duration_s"]) == ("hot", 2.5)
    assert melt(*words)[1][0].endswith("_n-00-02.0-00-04.5")
    assert [library.info(path).part_of for path in (out, source)] == ["d5.melt 00:02.0–00:04.5", ""]
    assert melt("trim", str(source), "--downsample", "7Hz")[0] == 2
