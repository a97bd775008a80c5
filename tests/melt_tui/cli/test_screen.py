"""Verbs on a terminal, as processes: what is drawn first, and what is left on it afterwards."""

import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from melt_tui.cli import screen
from tests.rigs.installed import Home, Melt, started

MELT = (sys.executable, "-c", "import sys; from melt_tui.cli import main; sys.exit(main())")


@pytest.fixture
def at(tmp_path: Path) -> Home:
    return Home(tmp_path)


def left(melt: Melt) -> str:
    """What was written after the screen was given back."""
    assert melt.screen is not None
    melt.screen.wait_for("\x1b[?1049l")
    drawn = b"".join(piece for _, piece in melt.screen.pieces).decode()
    return drawn.rpartition("\x1b[?1049l")[2]


def test_the_bench_is_drawn_and_left_by_a_key(at: Home) -> None:
    with started(MELT, at.environment, (120, 36)) as melt:
        assert melt.screen is not None
        melt.screen.wait_for("host")
        melt.screen.send("q")
        assert melt.wait() == 0
        last = left(melt)
    assert "Traceback" not in last
    assert "no recording was kept: nothing was run or marked, and it was short" in last
    assert at.recordings == []


def test_watching_ends_by_itself_and_says_where_it_was_recorded(at: Home) -> None:
    watch = ("watch", "--device", "sim:phone", "--seconds", "2")
    with started((*MELT, *watch), at.environment, (120, 36)) as melt:
        assert melt.wait() == 0
        assert "recorded in" in left(melt)
    assert len(at.recordings) == 1


def test_a_full_disk_is_told_on_the_screen_and_after_it(at: Home) -> None:
    most = 400_000
    limited = (
        *MELT[:2],
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most})); {MELT[2]}",
    )
    with started((*limited, "watch", "--device", "sim:phone"), at.environment, (80, 24)) as melt:
        assert melt.screen is not None
        melt.screen.wait_for("NOT RECORDING")
        melt.screen.wait_for("the disk does not take any more")
        melt.screen.send("q")
        assert melt.wait() == 1
        assert (
            "melt: the disk does not take any more, look after it and start anew: recording stopped"
            in left(melt)
        )


def test_a_run_that_is_refused_ends_the_screen_with_the_reason(at: Home) -> None:
    run = ("run", "--device", "sim:meter", "--model", "synthetic:gemma-2b")
    with started((*MELT, *run), at.environment, (120, 36)) as melt:
        assert melt.wait() == 2
        assert "melt: none of sim-meter can run a model: add" in left(melt)
    assert not at.recordings


def test_what_cannot_be_opened_is_told_when_the_screen_is_given_back(at: Home) -> None:
    with started((*MELT, "watch"), at.environment, (120, 36)) as melt:
        assert melt.wait() == 2
        assert "melt: no device was named: add --device host" in left(melt)


def test_what_keeps_the_session_from_beginning_ends_the_screen_by_itself(at: Home) -> None:
    watch = ("watch", "--device", "sim:phone", "--record", "/proc/no.melt")
    with started((*MELT, *watch), at.environment, (120, 36)) as melt:
        assert melt.wait() == 2
        assert "melt: nothing can be recorded at /proc/no.melt" in left(melt)


def test_a_device_of_the_settings_that_cannot_be_is_named_with_its_line(at: Home) -> None:
    config = at.root / "config" / "melt" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[[devices]]\naddress = "nosuch:1"\n', encoding="utf-8")
    with started(MELT, at.environment, (120, 36)) as melt:
        assert melt.wait() == 2
        assert "config.toml, line 2: 'nosuch:1' is an unknown address: known are" in left(melt)


def test_a_screen_is_interrupted_without_end(at: Home) -> None:
    with started((*MELT, "watch", "--device", "sim:phone"), at.environment, (120, 36)) as melt:
        assert melt.screen is not None
        melt.screen.wait_for("sim-phone")
        while melt.process.poll() is None:
            melt.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                melt.process.wait(0.001)
        assert melt.wait() == 130
        assert "recorded in" in left(melt)


def test_settings_that_ask_for_no_screen_are_heard_on_a_terminal(at: Home) -> None:
    config = at.root / "config" / "melt" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[screen]\nheadless = true\n", encoding="utf-8")
    watch = ("watch", "--device", "sim:phone", "--seconds", "1")
    with started((*MELT, *watch), at.environment, (120, 36)) as melt:
        assert melt.wait() == 0
        told = left(melt)
    assert "sim-phone  up (simulated)" in told
    assert "recorded in" in told


class Ended:
    """An app that is over as soon as it runs."""

    failure = None
    returned: int | None = None
    return_code: int | None = None

    def __init__(self, _opening: Callable[[], object], **_options: object) -> None:
        pass

    def run(self) -> int | None:
        return self.returned


@pytest.mark.parametrize(
    ("returned", "return_code", "exit_code"), [(0, 0, 0), (130, 0, 130), (None, 1, 1), (None, None, 0)]
)
def test_a_screen_that_broke_down_is_no_success(
    monkeypatch: pytest.MonkeyPatch, returned: int | None, return_code: int | None, exit_code: int
) -> None:
    monkeypatch.setattr(Ended, "returned", returned)
    monkeypatch.setattr(Ended, "return_code", return_code)
    monkeypatch.setattr(screen, "MeltApp", Ended)
    assert screen.show(Namespace(json=False)) == exit_code
