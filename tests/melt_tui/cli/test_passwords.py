"""The password of a board, typed on a terminal: a real sshd, the installed program."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.rigs.llama_runs import TINY
from tests.rigs.melt import environment
from tests.rigs.ssh_board import PASSWORD, SshBoard

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    with SshBoard(tmp_path_factory.mktemp("ssh") / "board") as running:
        running.authorized_keys.write_text("")
        if not running.confined:
            pytest.skip("this system does not let the board have a password")
        yield running


WATCH = ("watch", "--headless", "--json", "--seconds", "60")
RUN = ("run", "--headless", "--model", str(TINY), "--turns", "1")


def melt(board: SshBoard, verb: tuple[str, ...], *typed: str) -> tuple[int, str]:
    """What melt tells; ``typed`` is written on a terminal, line by line, none means that there is no terminal."""
    ours, theirs = pty.openpty()
    argv = (*verb, "--device", board.address)
    watching = subprocess.Popen(
        [sys.executable, "-m", "melt_tui.cli", *argv],
        env=environment(board.person.home),
        stdin=theirs if typed else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert watching.stderr is not None
    with watching:
        told, answers = "", iter(typed)
        while piece := watching.stderr.read(1):
            told += piece
            if told.endswith("]:" + f"{board.port}: "):
                os.write(ours, f"{next(answers)}\n".encode())
        code = watching.wait(PATIENCE_S)
    os.set_blocking(ours, False)
    echoed = ""
    with suppress(BlockingIOError, OSError):
        echoed = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert not any(word in echoed + told for word in typed)
    return code, told


def test_a_wrong_one_is_asked_for_again_and_nothing_keeps_the_right_one(board: SshBoard) -> None:
    code, told = melt(board, RUN, "sesame", PASSWORD)
    assert code == 2, told
    assert told.count("does not accept that password") == 1
    assert f"melt setup {board.address} puts one there" in told, "it was let in"
    home: Path = board.person.home
    for file in home.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


def test_after_three_it_is_enough(board: SshBoard) -> None:
    code, told = melt(board, WATCH, "one", "two", "three", "four")
    assert code == 1
    assert told.count("Password of") == told.count("does not accept that password") == 3
    assert "check the password and the user's name" in told


def test_where_there_is_no_terminal_it_says_what_to_do(board: SshBoard) -> None:
    code, told = melt(board, RUN)
    assert code == 1
    assert f"ssh-copy-id -p {board.port}" in told
    assert "Password of" not in told
