"""However often Ctrl-C is pressed, a session ends in order and the process with its own exit code."""

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from melt_tui.cli import interrupts
from melt_tui.cli.interrupts import SIGNALS, Interrupts
from tests.rigs.melt import start


def test_the_first_one_interrupts_and_the_others_are_noticed() -> None:
    with Interrupts() as held:
        held.heed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        for number in SIGNALS:
            signal.raise_signal(number)
    assert held.came
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * len(SIGNALS)


def test_one_that_comes_while_it_ends_by_itself_is_noticed() -> None:
    with Interrupts() as held:
        held.heed()
        held.end()
        assert not held.came
        signal.raise_signal(signal.SIGTERM)
    assert held.came


def test_what_takes_too_long_to_end_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "CLOSE_S", 0.0)
    with Interrupts() as held:
        held.end(interrupted=True)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_without_one_all_is_as_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts() as held:
        held.heed()
        held.end()
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_is_to_be_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts() as held:
        held.heed()
        signal.raise_signal(signal.SIGHUP)
    assert not held.came


def test_a_session_is_interrupted_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.melt"
    running = start(tmp_path, "watch", "--headless", "--device", "sim:phone", "--record", str(path))
    assert running.stderr is not None
    for line in running.stderr:
        if "up" in line:
            break
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.001)  # it is to be disturbed, not kept from all work
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"recorded in {path}" in told
