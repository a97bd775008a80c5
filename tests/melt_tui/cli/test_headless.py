"""A session without a screen, followed on a bench that the test holds."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import cast

import pytest

from drivers.clock import SECOND
from melt_tui.cli.headless import Headless
from melt_tui.timeline.empty import EMPTY
from melt_tui.workbench import RunRequest, Status, Workbench


@dataclass
class Held:
    """A session that begins at its third look and grows older by 0.5 s with each."""

    problem: str = ""
    timeline: object = EMPTY
    looks: int = 0
    seen: list[float] = field(default_factory=list)

    @property
    def status(self) -> Status:
        self.looks += 1
        return Status(started_ns=10 * SECOND if self.looks > 3 else 0, problem=self.problem)

    def now(self) -> int:
        now_ns = 10 * SECOND + max(0, self.looks - 4) * SECOND // 2
        self.seen.append(now_ns / SECOND - 10)
        return now_ns

    def check(self) -> None:
        pass

    def passwords_wanted(self) -> tuple[()]:
        return ()

    def start_when_up(self, _request: RunRequest) -> "Future[list[str]]":
        started: Future[list[str]] = Future()
        started.set_result(["r1"])
        return started

    def wait_runs(self) -> "Future[None]":
        done: Future[None] = Future()
        done.set_result(None)
        return done


def headless(held: Held) -> Headless:
    return Headless(cast("Workbench", held))


def test_seconds_count_from_the_beginning_of_the_session() -> None:
    held = Held()
    assert headless(held).work((), 2.0) is True
    assert max(held.seen) >= 2.0


def test_a_recording_that_stopped_is_told_once_and_the_exit_code_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    held = Held(problem="recording stopped: the disk is full")
    assert headless(held).work((), 2.0) is False
    assert capsys.readouterr().err == "melt: recording stopped: the disk is full\n"


def test_a_run_whose_recording_stopped_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    held = Held(problem="the disk is full")
    assert headless(held).work((RunRequest(devices=("host",)),), None) is False
    assert "the disk is full" in capsys.readouterr().err
