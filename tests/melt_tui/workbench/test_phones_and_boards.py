"""Sessions over real links: an adb server with a phone behind it, an sshd with a board behind it, real engines on both."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.clock import SECOND
from drivers.events import Event, LogLine, TurnEnd, TurnEnded
from melt_tui.events import DeviceLost, DeviceUp, RunEnded, RunOutcome
from melt_tui.session import run as stopping
from melt_tui.timeline import DeviceState, RunPhase
from melt_tui.workbench import Bench, RunRequest, SessionSetup, Workbench
from tests.rigs.lab import MODEL, PATIENCE_S, Lab, lab, state_of, until, up
from tests.rigs.melt import environment
from tests.rigs.spawned import spawned

MELT = (sys.executable, "-m", "melt_tui.cli", "run", "--headless")
ENDLESS = RunRequest(devices=("phone", "board"), model=MODEL, repeat=0, context=1024, ignore_eos=True)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as standing:
        yield standing


@pytest.fixture
def setup(rig: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionSetup]:
    monkeypatch.setenv("HOME", str(rig.board.person.home))
    monkeypatch.setattr(stopping, "STOP_LIMIT_S", PATIENCE_S)
    yield rig.setup(tmp_path)
    rig.assert_empty()


@pytest.fixture
def bench(setup: SessionSetup) -> Iterator[Workbench]:
    with Workbench(setup) as opened:
        until(lambda: up(opened, "phone", "board"))
        yield opened
        print(*lines(opened), sep="\n")  # shown of a test that fails


def decoding(bench: Bench, *names: str) -> bool:
    """Whether all of them are; fails when one ended instead."""
    assert not [end for name, end in ends(bench).items() if name in names]
    runs = bench.timeline.view(bench.now()).runs
    return all(name in runs and runs[name].phase is RunPhase.DECODE for name in names)


def ends(bench: Bench) -> dict[str, RunEnded]:
    events = bench.timeline.events(0, bench.now(), kinds=(RunEnded,))
    return {event.device: event for event in events if isinstance(event, RunEnded)}


def whole_turns(bench: Bench) -> list[TurnEnded]:
    turns = bench.timeline.events(0, bench.now(), kinds=(TurnEnded,))
    return [turn for turn in turns if isinstance(turn, TurnEnded) and turn.end is TurnEnd.LIMIT]


def test_a_run_crosses_both_links_and_is_recorded(rig: Lab, setup: SessionSetup, tmp_path: Path) -> None:
    """As a user does it: the installed program, without a screen, and nothing but addresses."""
    path = tmp_path / "run.melt"
    argv = ["--model", MODEL, "--turns", "2", "--max-tokens", "24", "--context", "256", "--ignore-eos"]
    done = subprocess.run(
        [*MELT, "--json", "--record", str(path), *argv, "--device", rig.adb, "--device", rig.board.address],
        env=environment(rig.board.person.home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rig.assert_empty()
    runs = {run["device"]: run for run in json.loads(done.stdout)["runs"]}
    assert set(runs) == {rig.phone.serial.replace(":", "-"), "127.0.0.1"}
    for run in runs.values():
        assert run["outcome"] == "done"
        assert [turn["output_tokens"] for turn in run["turns"]] == [24, 24]
        assert run["simulated"] is False
    with sqlite3.connect(path) as shell:
        counted = shell.execute(
            "SELECT c.name, sum(s.n) FROM seconds s JOIN channels c ON c.id = s.channel "
            "WHERE c.name IN ('token_arrivals', 'rss') AND c.device != 'melt' GROUP BY c.device, c.name"
        ).fetchall()
    shell.close()
    assert sorted(name for name, _ in counted) == ["rss", "rss", "token_arrivals", "token_arrivals"]
    assert all(n >= 24 for name, n in counted if name == "token_arrivals")


def test_a_stop_leaves_nothing(bench: Workbench, rig: Lab) -> None:
    bench.start_run(ENDLESS).result(PATIENCE_S)
    until(lambda: decoding(bench, "phone", "board"))
    for name in ("phone", "board"):
        bench.stop_run(name).result(PATIENCE_S)
    assert {end.outcome for end in ends(bench).values()} == {RunOutcome.STOPPED}
    assert rig.phone.wait_until_gone("real_server") == []
    until(lambda: not any("real_server" in line for line in rig.board.commands()))


@pytest.mark.parametrize("loss", ["phone", "board", "server"])
def test_a_device_that_is_lost_ends_its_run_and_no_other(setup: SessionSetup, rig: Lab, loss: str) -> None:
    lost = "board" if loss == "board" else "phone"
    other = "phone" if loss == "board" else "board"
    with Workbench(setup) as bench:
        until(lambda: up(bench, "phone", "board"))
        bench.start_run(ENDLESS).result(PATIENCE_S)
        until(lambda: decoding(bench, "phone", "board"))
        if loss == "server":
            rig.server.adb("disconnect", rig.phone.serial)
        elif loss == "phone":
            rig.phone.cue("drop")
        else:
            rig.board.drop()
        until(lambda: lost in ends(bench))
        assert ends(bench)[lost].outcome is RunOutcome.FAILED
        assert ends(bench)[lost].reason
        gone = rig.phone.wait_until_gone("real_server") if lost == "phone" else []
        assert gone == [], "the dead-man's switch"
        assert other not in ends(bench)
        if loss == "phone":
            rig.phone.cue("back")
        until(lambda: states(bench, lost)[1:] and up(bench, lost))
        assert states(bench, lost) == [DeviceUp, DeviceLost, DeviceUp]


@pytest.mark.parametrize("device", ["phone", "board"])
def test_a_run_that_keeps_outlives_the_loss(bench: Workbench, rig: Lab, device: str) -> None:
    request = replace(ENDLESS, devices=(device,), on_link_loss="keep", turns=6, max_tokens=16, pause_s=0.3)
    bench.start_run(request).result(PATIENCE_S)
    until(lambda: len(whole_turns(bench)) > 2)
    lost_ns = bench.now()
    if device == "phone":
        rig.phone.cue("drop")
        until(lambda: state_of(bench, device) is not DeviceState.UP)
        assert rig.phone.processes("real_server"), "it goes on under its lease"
        rig.phone.cue("back")
    else:
        rig.board.stop()
        rig.board.drop()
        until(lambda: state_of(bench, device) is not DeviceState.UP)
        assert any("real_server" in line for line in rig.board.commands())
        rig.board.start()
    until(lambda: told(bench, "away for"))
    away_s = (bench.now() - lost_ns) / SECOND
    until(lambda: device in ends(bench))
    assert ends(bench)[device].outcome is RunOutcome.DONE, ends(bench)[device].reason
    (said,) = (line for line in lines(bench) if "away for" in line)
    assert float(said.split()[2]) < away_s + 0.3, "no longer than it was, and the pause before"
    assert told(bench, "it goes on there")
    (gaps,) = (line for line in lines(bench) if line.startswith(f"not sampled while {device} was away: "))
    missed = set(gaps.partition(": ")[2].split(", "))
    assert missed & {"screen", "memory_pressure"}
    held = {
        "rss",
        "process_cpu",
        "use policy0",
        "cpu",
        "BIG",
        "thermal status",
        "battery current",
        "battery level",
    }
    assert not missed & {*held, "frequency policy0", "cap policy0", "memory_available", "battery voltage"}
    assert len(whole_turns(bench)) >= 3
    assert all(turn.output_tokens == 16 for turn in whole_turns(bench))


def test_a_lease_that_runs_out_ends_the_run_there_and_here(bench: Workbench, rig: Lab) -> None:
    request = replace(ENDLESS, devices=("phone",), on_link_loss="keep", lease_s=3.0)
    bench.start_run(request).result(PATIENCE_S)
    until(lambda: decoding(bench, "phone"))
    rig.phone.cue("drop")
    try:
        assert rig.phone.wait_until_gone("real_server", limit_s=60.0) == []
        until(lambda: told(bench, "the lease of 3 s has run out"))
        assert "phone" not in ends(bench)
    finally:
        rig.phone.cue("back")
    until(lambda: "phone" in ends(bench))
    assert ends(bench)["phone"].outcome is RunOutcome.FAILED
    assert ends(bench)["phone"].reason.startswith("the lease of 3 s ran out while the link was away")
    assert leases(rig) == []


def states(bench: Bench, name: str) -> list[type[Event]]:
    events = bench.timeline.events(0, bench.now(), kinds=(DeviceLost, DeviceUp))
    return [type(event) for event in events if event.device == name]


def told(bench: Bench, text: str) -> bool:
    return any(text in line for line in lines(bench))


def lines(bench: Bench) -> list[str]:
    events = bench.timeline.events(0, bench.now(), kinds=(LogLine,))
    return [line.text for line in events if isinstance(line, LogLine)]


def leases(rig: Lab) -> list[Path]:
    return list((rig.phone.root / "data/local/tmp/melt").glob("llama-*"))


def test_a_run_that_keeps_can_be_stopped_while_its_device_is_away(bench: Workbench, rig: Lab) -> None:
    """It is ended when the device is back; what that read meanwhile is seen in the places of what it could not tell."""
    bench.start_run(replace(ENDLESS, devices=("phone",), on_link_loss="keep")).result(PATIENCE_S)
    until(lambda: decoding(bench, "phone"))
    rig.phone.cue("drop")
    try:
        until(lambda: state_of(bench, "phone") is not DeviceState.UP)
        left = bench.stop_run("phone").result(PATIENCE_S)
        assert left.startswith(
            "phone is away: its engine is ended when it is back, and ends itself with its lease"
        )
        assert rig.phone.processes("real_server")
        (lease,), read = leases(rig), len(readings(leases(rig)[0]))
        lost_ns = bench.now()
        until(lambda: len(readings(lease)) > read + 1)
        back_ns = bench.now()
    finally:
        rig.phone.cue("back")
    until(lambda: "phone" in ends(bench))
    assert (ends(bench)["phone"].outcome, ends(bench)["phone"].reason) == (RunOutcome.STOPPED, "")
    assert rig.phone.wait_until_gone("real_server") == []
    assert leases(rig) == []
    for moment_ns in (back_ns, bench.now()):
        view = bench.timeline.view(moment_ns)
        assert ("phone", "rss") in view.channels
        assert not any(name.startswith("kept rss") for _, name in view.channels)
    away = bench.timeline.view(back_ns)
    assert lost_ns < away.readings["phone", "rss"].t_ns
    assert "read on the device" in away.channels["phone", "rss"].provenance
    window = bench.timeline.window(("phone", "rss"), lost_ns, back_ns, 200)
    assert 1 <= sum(lost_ns < start < back_ns for start in window.starts_ns) <= 4


def readings(lease: Path) -> list[str]:
    return [line for line in (lease / "beside").read_text().splitlines() if line.startswith("S ")]


def test_nothing_is_left_when_melt_is_killed(rig: Lab, setup: SessionSetup) -> None:
    argv = ["--model", MODEL, "--repeat", "1000", "--context", "256", "--ignore-eos"]
    with spawned(
        [*MELT, *argv, "--device", rig.adb, "--device", rig.board.address],
        env=environment(rig.board.person.home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as melt:
        assert rig.phone.wait_until_there("real_server", PATIENCE_S)
        until(lambda: any("real_server" in line for line in rig.board.commands()))
        os.kill(melt.pid, signal.SIGKILL)
    rig.assert_empty()


def test_what_an_interrupted_melt_left_on_a_phone_is_told_and_ended_by_the_next(
    rig: Lab, setup: SessionSetup
) -> None:
    argv = ["--model", MODEL, "--repeat", "1000", "--context", "256", "--on-link-loss", "keep"]
    with spawned(
        [*MELT, *argv, "--lease", "60", "--device", f"{rig.adb}&name=pixel"],
        env=environment(rig.board.person.home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as melt:
        assert melt.stderr is not None
        assert rig.phone.wait_until_there("real_server", PATIENCE_S)
        try:
            rig.phone.cue("drop")
            assert any("it goes on there" in line for line in iter(melt.stderr.readline, ""))
            melt.send_signal(signal.SIGINT)
            said = melt.stderr.read()
        finally:
            rig.phone.cue("back")
    assert re.search(r"^\S+ is away: its engine ends itself with its lease at [\d:]{8}", said, re.MULTILINE)
    assert rig.phone.processes("real_server")
    with Workbench(setup) as bench:
        until(lambda: up(bench, "phone"))
        until(lambda: told(bench, "an engine that an earlier session had left running on it was ended"))
        assert rig.phone.wait_until_gone("real_server") == []
        assert leases(rig) == []
