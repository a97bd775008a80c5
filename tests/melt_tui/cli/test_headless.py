"""A session without a screen, followed on a bench that the test holds."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from drivers.clock import SECOND
from drivers.model import Channel, Quantity, Unit
from melt_tui.cli.headless import Headless
from melt_tui.cli.interrupts import Interrupts
from melt_tui.events import SafetyStop
from melt_tui.timeline.empty import EMPTY, Empty
from melt_tui.timeline.model import DeviceState, DeviceView, Reading, View
from melt_tui.workbench import RunRequest, Status, Workbench
from tests.rigs.brute import Brute


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
    return Headless(cast("Workbench", held), Interrupts())


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


class Metered(Empty):
    """A meter of 20 Hz that is heard a twentieth of a second later at the fifth look, half a second later at the seventh,
    and a channel of power that has been silent for long."""

    def __init__(self, feeds: str) -> None:
        self.looks = 0
        self.meter = DeviceView(device="meter", state=DeviceState.UP, since_ns=0, feeds=feeds)

    def view(self, t_ns: int) -> View:
        meter = Channel(device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=20.0)
        self.looks += 1
        late_ns = -SECOND // 20 if self.looks < 5 else 0 if self.looks < 7 else SECOND // 2
        heard_ns = 10 * SECOND + late_ns
        return View(
            t_ns=t_ns,
            devices={"meter": self.meter},
            channels={meter.key: meter, ("old", "power"): replace(meter, device="old")},
            readings={meter.key: Reading(heard_ns, 1.0), ("old", "power"): Reading(5 * SECOND, 1.0)},
        )


@pytest.mark.parametrize(("feeds", "looks"), [("", 5), ("host", 7)])
def test_after_the_runs_it_waits_for_what_measures_power(feeds: str, looks: int) -> None:
    """For half a second more of a meter, whose clock may turn out to be late."""
    held = Held(timeline=Metered(feeds))
    assert headless(held).work((RunRequest(devices=("host",)),), None) is True
    assert cast("Metered", held.timeline).looks == looks


def test_a_run_that_was_stopped_for_safety_is_no_success() -> None:
    stop = SafetyStop(t_ns=0, device="phone", run="r1", ceiling="soc<=85", reason="safety stop", lost=False)
    held = Held(timeline=Brute((stop,)))
    assert headless(held).work((RunRequest(devices=("phone",)),), None) is False
    other = Held(timeline=Brute((replace(stop, run="r2"),)))
    assert headless(other).work((RunRequest(devices=("phone",)),), None) is True
