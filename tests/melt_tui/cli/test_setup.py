"""``melt setup`` that is interrupted: a board behind a real sshd, the installed program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.rigs.lab import BOARD_ENGINE, until
from tests.rigs.melt import environment, melt
from tests.rigs.programs import install_real_server
from tests.rigs.ssh_board import SshBoard

LARGE = 400_000_000
"""Bytes: too many to arrive before somebody can interrupt it."""


def test_who_interrupts_it_is_told_that_it_can_go_on_and_so_it_does(tmp_path: Path) -> None:
    install_real_server(tmp_path / "build")
    with (tmp_path / "build" / "libggml-large.so").open("wb") as file:
        file.truncate(LARGE)
    with SshBoard(tmp_path / "board") as board:
        there = board.home / f"{BOARD_ENGINE}.new"
        words = ("setup", board.address, "--from", str(tmp_path / "build"))
        with subprocess.Popen(
            [sys.executable, "-m", "melt_tui.cli", *words],
            env=environment(board.person.home),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as setup:
            until(lambda: any(there.glob("libggml-large.so*")))
            os.kill(setup.pid, signal.SIGINT)
            assert setup.stderr is not None
            assert "stays, and the same order goes on with it\n" in setup.stderr.read()
        assert setup.returncode == 130
        assert any(there.glob("libggml-large.so*"))
        done = melt(board.person.home, *words)
        assert done.returncode == 0, done.stderr
        assert (board.home / BOARD_ENGINE / "libggml-large.so").stat().st_size == LARGE
