"""However often Ctrl-C is pressed, a session ends in order and the process with its own exit code."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Timer
from time import monotonic
from types import FrameType

import pytest

from drivers.links import sshconnection
from melt_tui.cli import interrupts
from melt_tui.cli.interrupts import INTERRUPTED, SIGNALS, Interrupts
from melt_tui.errors import UsageError
from tests.rigs.melt import start

PATIENCE_S = 30.0


def test_what_is_lost_is_told_in_time() -> None:
    """Noticing and telling together: a board within 5 s, with as much left as a busy computer takes; a phone within 1 s."""
    noticed_s = sshconnection.KEEPALIVE_S * (1 + sshconnection.KEEPALIVES_MISSED)
    assert noticed_s + interrupts.BEAT_S <= 4.7
    assert interrupts.BEAT_S <= 0.25


def test_the_first_one_interrupts_what_waits_and_the_others_are_noticed() -> None:
    with Interrupts() as held:
        held.heed()
        signal.raise_signal(signal.SIGINT)
        never: Future[None] = Future()
        with pytest.raises(KeyboardInterrupt):
            held.wait(never)
        with pytest.raises(KeyboardInterrupt):
            held.sleep(PATIENCE_S)
        with pytest.raises(KeyboardInterrupt):
            held.check()
        for number in SIGNALS:
            signal.raise_signal(number)
    assert held.came
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * len(SIGNALS)


def test_who_sleeps_is_woken() -> None:
    began = monotonic()
    with Interrupts() as held:
        held.heed()
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            held.sleep(PATIENCE_S)
    assert monotonic() - began < PATIENCE_S / 2


def test_an_answer_is_waited_for_and_its_error_is_raised() -> None:
    beats: list[bool] = []
    answer: Future[int] = Future()
    refused: Future[int] = Future()
    refused.set_exception(UsageError("no", remedy="yes"))
    Timer(0.05, answer.set_result, (7,)).start()
    with Interrupts() as held:
        assert held.wait(answer, lambda: beats.append(True)) == 7
        with pytest.raises(UsageError):
            held.wait(refused)
    assert beats


class Interrupter:
    """Sends a signal to the thread that it traces, after a number of its steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, frame: FrameType, _event: str, _arg: object) -> "Interrupter":
        frame.f_trace_opcodes = True
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return self


def test_wherever_one_comes_the_other_thread_can_still_answer() -> None:
    """An exception between the taking of a future's lock and the block that gives it back would keep it for ever."""
    steps = 0
    came = False
    while not steps or came:
        steps += 1
        answer: Future[int] = Future()
        trace = sys.gettrace()
        with Interrupts() as held:
            held.heed()
            other = Timer(0.0005, answer.set_result, (7,))
            other.daemon = True
            other.start()
            sys.settrace(Interrupter(steps))
            try:
                held.wait(answer)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(trace)
            came = held.came
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)
        other.join(PATIENCE_S)
        assert not other.is_alive(), f"interrupted at step {steps}"
    assert steps > 100


def test_who_asks_a_person_is_interrupted_wherever_it_is() -> None:
    ours, theirs = os.pipe()
    with Interrupts() as held, os.fdopen(ours) as asked, os.fdopen(theirs, "w"):
        held.heed()
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt), held.asking():
            asked.readline()
        with pytest.raises(KeyboardInterrupt), held.asking():
            pytest.fail("it is asked on after an interrupt")
        signal.raise_signal(signal.SIGINT)


def test_one_that_comes_while_it_ends_by_itself_is_noticed() -> None:
    with Interrupts() as held:
        held.heed()
        held.end()
        assert not held.came
        signal.raise_signal(signal.SIGTERM)
    assert held.came


def test_what_takes_too_long_to_end_is_left(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    left: list[int] = []
    with Interrupts(left.append) as held:
        held.end(interrupted=True)
        signal.raise_signal(signal.SIGINT)
        assert not left
        monkeypatch.setattr(interrupts, "CLOSE_S", 0.0)
        signal.raise_signal(signal.SIGINT)
    assert left == [INTERRUPTED]
    assert "what was recorded until now is kept" in capfd.readouterr().err


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
