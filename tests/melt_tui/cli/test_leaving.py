"""A terminal that no longer takes part keeps neither the session nor the program."""

import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from melt_tui.cli import leaving
from melt_tui.cli.interrupts import INTERRUPTED, SIGNALS
from melt_tui.cli.leaving import WRITER, Leaving
from tests.rigs.melt import environment


class Told:
    """What was done, in order."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.left = threading.Event()

    def end_session(self) -> None:
        self.done.append("session")

    def end_screen(self) -> None:
        self.done.append("screen")

    def leave(self, code: int) -> None:
        self.done.append(code)
        self.left.set()


def die(name: str) -> None:
    def write() -> None:
        raise OSError(5, "Input/output error")

    writer = threading.Thread(target=write, name=name)
    writer.start()
    writer.join()


def test_a_screen_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "GRACE_S", 0.0)
    told = Told()
    with Leaving(told.end_session, told.leave) as screen:
        screen.heed(told.end_screen)
        signal.raise_signal(signal.SIGTERM)
        assert told.left.wait(60)
    assert told.done == ["screen", "session", INTERRUPTED]


def test_the_death_of_what_writes_to_the_terminal_ends_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "START_S", 0.0)
    told = Told()
    with Leaving(told.end_session, told.leave):
        die(WRITER)
        assert told.left.wait(60)
    assert told.done == ["session", INTERRUPTED]


@pytest.mark.parametrize("ending", SIGNALS)
def test_a_screen_that_is_not_there_yet_ends_as_soon_as_it_is(ending: signal.Signals) -> None:
    told = Told()
    with Leaving(told.end_session, told.leave) as screen:
        signal.raise_signal(ending)
        assert told.done == []
        screen.heed(told.end_screen)
    assert told.done == ["screen"]


def test_what_is_to_be_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told = Told()
    with Leaving(told.end_session, told.leave) as screen:
        signal.raise_signal(signal.SIGHUP)
        screen.heed(told.end_screen)
    assert told.done == []


def test_a_screen_that_ends_is_not_hurried() -> None:
    told = Told()
    before = (threading.excepthook, *map(signal.getsignal, SIGNALS))
    with Leaving(told.end_session, told.leave) as screen:
        screen.heed(told.end_screen)
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGINT)
    for thread in threading.enumerate():
        if thread.name == "leaving":
            thread.join(10)
    assert told.done == ["screen", "screen"]
    assert (threading.excepthook, *map(signal.getsignal, SIGNALS)) == before


def test_who_heeds_signals_after_it_goes_on_doing_so() -> None:
    told = Told()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with Leaving(told.end_session, told.leave) as screen:
            screen.heed(told.end_screen)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_die_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", deaths.append)
    told = Told()
    with Leaving(told.end_session, told.leave):
        die("reader")
    assert [type(death.exc_value) for death in deaths] == [OSError]
    assert told.done == []


def drawing(home: Path, path: Path) -> tuple["subprocess.Popen[bytes]", int, int]:
    """A run on a screen that has been drawn; both ends of its terminal."""
    ours, theirs = pty.openpty()
    command = ("run", "--device", "sim:phone", "--workload", "sustained", "--record", str(path))
    melt = subprocess.Popen(
        [sys.executable, "-m", "melt_tui.cli", *command],
        env=environment(home),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    drawn = b""
    while b"turn 1" not in drawn:
        drawn += os.read(ours, 1 << 16)
    return melt, ours, theirs


def assert_whole(path: Path) -> None:
    with sqlite3.connect(path) as shell:
        assert shell.execute("SELECT value FROM session WHERE key = 'state'").fetchone() == ("ended",)
        assert shell.execute("SELECT outcome FROM runs").fetchall() == [("stopped",)]
    shell.close()


def test_a_terminal_that_goes_without_a_signal_ends_the_program(tmp_path: Path) -> None:
    melt, ours, theirs = drawing(tmp_path, tmp_path / "a.melt")
    os.close(theirs)
    os.close(ours)
    assert melt.wait(60) != 0
    assert_whole(tmp_path / "a.melt")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_frozen_terminal_is_left(tmp_path: Path, ending: signal.Signals) -> None:
    melt, ours, theirs = drawing(tmp_path, tmp_path / "a.melt")
    termios.tcflow(theirs, termios.TCOOFF)
    melt.send_signal(ending)
    assert melt.wait(60) == INTERRUPTED
    assert_whole(tmp_path / "a.melt")
    os.close(theirs)
    os.close(ours)


def test_the_screen_takes_no_more_than_half_of_the_time_for_leaving() -> None:
    assert leaving.GRACE_S <= 3.0 / 2
