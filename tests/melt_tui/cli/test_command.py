"""One command line from its words to its exit code; what an interrupt finds at the door."""

import importlib
import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from drivers.errors import NotSupported, Refused
from melt_tui.cli import INTERRUPTED, main
from melt_tui.cli.command import VERBS
from melt_tui.cli.interrupts import Interrupts
from melt_tui.errors import BadRecording
from tests.rigs.melt import environment


def raising(error: BaseException) -> Namespace:
    def work(_options: Namespace) -> int:
        raise error

    return Namespace(sessions=work)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Refused("it is taken", remedy="free it"), 1, "melt: it is taken: free it\n"),
        (NotSupported("there is none"), 2, "melt: there is none\n"),
        (BadRecording("that is none", "look again"), 2, "melt: that is none: look again\n"),
        (
            PermissionError(13, "Permission denied", "/x"),
            1,
            "melt: /x cannot be used (Permission denied): check the disk and its rights\n",
        ),
        (KeyboardInterrupt(), INTERRUPTED, ""),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(VERBS, "sessions", ("melt_tui.cli.listing", "sessions"))
    monkeypatch.setattr("melt_tui.cli.listing.sessions", raising(error).sessions)
    assert main(["sessions"]) == code
    assert capsys.readouterr().err == said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_results_that_do_not_reach_their_place_are_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "melt_tui.cli", "sessions"],
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == (
        "melt: the output cannot be used (No space left on device): check the disk and its rights\n"
    )
    assert done.returncode == 1


def test_an_interrupt_while_it_is_imported_is_one_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_module: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    assert main(["sessions"]) == INTERRUPTED


@pytest.mark.parametrize("heeded", [False, True])
def test_an_interrupt_in_the_midst_of_an_import_waits_for_its_end(
    heeded: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As numpy does it: whatever is raised while it is imported becomes an ImportError, with a page of advice. A session
    that has begun meanwhile hears of it as of any other."""
    held = Interrupts()
    (tmp_path / "like_numpy.py").write_text(
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\n"
        "except BaseException as error:\n    raise ImportError('advice') from error\n"
    )

    def work(_options: Namespace) -> None:
        importlib.import_module("like_numpy")
        if not heeded:
            time.sleep(30)
        with held:
            held.heed()
            held.sleep(30)

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "like_numpy", raising=False)
    monkeypatch.setattr("melt_tui.cli.listing.sessions", work)
    assert main(["sessions"]) == INTERRUPTED
    assert held.came is heeded
    assert capsys.readouterr().err == ""


def test_nothing_that_takes_time_is_imported_before_the_door_is_there() -> None:
    look = "import sys; before = set(sys.modules); import melt_tui.cli; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert not {"argparse", "drivers", "melt_tui.errors", "melt_tui.cli.parser"} & set(found.stdout.split())


def test_numpy_never_has_threads_of_its_own(tmp_path: Path) -> None:
    """They spin on for a while after each dot product of a long block: a PPK2 cost headless sessions 60 % of a core."""
    code = """if True:
        import os, sys
        from melt_tui import cli

        class Seen:
            def find_spec(self, name, path=None, target=None):
                if name == "numpy":
                    print("numpy", os.environ.get("OPENBLAS_NUM_THREADS"))

        sys.meta_path.insert(0, Seen())
        cli.main(["watch", "--headless", "--device", "sim:meter", "--seconds", "0.1", "--record", sys.argv[1]])
    """
    environment = {name: text for name, text in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.melt")],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("numpy")] == ["numpy 1"]
