"""The workbench from its door: a session on simulated devices, in a thread of its own."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import NotSupported, Refused
from melt_tui.analysis.compare_request import CompareRequest
from melt_tui.analysis.export_request import ExportRequest
from melt_tui.errors import MeltError, UsageError
from melt_tui.events import DeviceFailed, Mark, RunEnded, RunOutcome, RunStarted
from melt_tui.timeline import DeviceState, RunPhase
from melt_tui.workbench import (
    Place,
    RecordingState,
    RunRequest,
    SelfReport,
    SessionSetup,
    Workbench,
    desk,
    facade,
    heap,
    told,
)

LIMIT_S = 60.0
PLACES = (Place(address="sim:phone"), Place(address="sim:jetson"), Place(address="sim:meter"))
REQUEST = RunRequest(
    devices=("sim-phone",), model="synthetic:smollm-135m", turns=2, max_tokens=10, ignore_eos=True
)


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.fixture
def setup(tmp_path: Path) -> SessionSetup:
    return SessionSetup(name="test", places=PLACES, folder=tmp_path / "recordings", cache=tmp_path / "models")


@pytest.fixture
def bench(setup: SessionSetup) -> Iterator[Workbench]:
    with Workbench(setup) as opened:
        yield opened


def path_of(bench: Workbench) -> Path:
    bench.scan().result(LIMIT_S)
    path = bench.status.path
    assert path is not None
    return path


def all_up(bench: Workbench) -> None:
    def up() -> bool:
        devices = bench.timeline.view(bench.now()).devices
        return sum(device.state is DeviceState.UP for device in devices.values()) > len(PLACES)

    until(up)


def against(bench: Workbench, request: RunRequest) -> str:
    """What speaks against a run."""
    return "; ".join(told(bench.check_run(request).result(LIMIT_S)))


def test_before_it_has_begun_it_answers_with_nothing(setup: SessionSetup) -> None:
    bench = Workbench(setup)
    assert bench.timeline.view(5).devices == {}
    assert bench.status.session == "test"
    assert (bench.models(), bench.workloads(), bench.runtimes("host")) == ((), (), ())
    bench.report(SelfReport(frames=1, dropped_frames=0, lag_p99_s=0.0))
    bench.close()


def test_a_run_is_started_watched_and_kept(bench: Workbench) -> None:
    all_up(bench)
    ids = bench.start_when_up(REQUEST).result(LIMIT_S)
    assert ids == ("r1",)
    bench.wait_runs().result(LIMIT_S)
    view = bench.timeline.view(bench.now())
    assert view.runs["sim-phone"].phase is RunPhase.ENDED
    assert view.runs["sim-phone"].turns_ended == 2
    assert view.devices["sim-meter"].feeds == "sim-phone"
    path = path_of(bench)
    bench.close()
    with sqlite3.connect(path) as shell:
        assert shell.execute("SELECT count(*), sum(output_tokens) FROM turns").fetchone() == (2, 20)
    shell.close()


def test_stopping_ends_the_run_and_leaves_nothing(bench: Workbench) -> None:
    bench.start_when_up(replace(REQUEST, turns=None, repeat=0)).result(LIMIT_S)
    until(lambda: bench.timeline.view(bench.now()).runs["sim-phone"].phase is RunPhase.DECODE)
    bench.stop_run("sim-phone").result(LIMIT_S)
    (ended,) = bench.timeline.events(0, bench.now(), kinds=(RunEnded,))
    assert isinstance(ended, RunEnded)
    assert ended.outcome is RunOutcome.STOPPED
    assert against(bench, REQUEST) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": ("toaster",)}, "no device named toaster"),
        ({"devices": ("sim-meter",)}, "cannot run a model"),
        ({"runtime": "vllm"}, "does not offer the runtime vllm: it offers simulated"),
        ({"model": "synthetic:gpt-9"}, "known shapes are"),
        ({"workload": "dance"}, "known are chat"),
        ({"runtime_args": ("--x",)}, "--x"),
    ],
)
def test_a_run_that_cannot_work_is_refused_with_the_reason(
    bench: Workbench, change: dict[str, object], words: str
) -> None:
    all_up(bench)
    refused = replace(REQUEST, **change)  # type: ignore[arg-type]
    assert words in against(bench, refused)
    with pytest.raises((Refused, NotSupported, MeltError)):
        bench.start_run(refused).result(LIMIT_S)


def test_each_device_takes_its_own_runtime_and_says_for_itself_what_speaks_against_it(
    setup: SessionSetup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with Workbench(replace(setup, places=(Place(address="host"), Place(address="sim:phone")))) as bench:
        both = RunRequest(devices=("host", "sim-phone"), model=REQUEST.model, workload="pp8/tg4")
        until(lambda: bool(bench.runtimes("host") and bench.runtimes("sim-phone")))
        assert [one.value for one in bench.runtimes("host")][:3] == [
            "llama_server",
            "llama_cli",
            "llama_bench",
        ]
        assert bench.check_run(both).result(LIMIT_S) == ()
        assert bench.check_run(replace(both, runtime="simulated@sim-phone")).result(LIMIT_S) == ()
        (alone,) = bench.check_run(replace(both, runtime="llama_server")).result(LIMIT_S)
        assert (alone.device, alone.setup) == ("sim-phone", False)
        assert alone.sentence == ("sim-phone does not offer the runtime llama_server: it offers simulated")
        split = replace(both, runtime="llama_bench@host,llama_cli@sim-phone")
        bench_there, cli_there = bench.check_run(split).result(LIMIT_S)
        assert bench_there.sentence.startswith("host has no llama-bench on its PATH: install llama.cpp there")
        assert "does not offer the runtime llama_cli" in cli_there.sentence
        with pytest.raises(
            NotSupported, match=r"host: host has no llama-bench .*; sim-phone: sim-phone does not"
        ):
            bench.start_run(split).result(LIMIT_S)
        missing = replace(
            both, devices=("host",), runtime="llama_bench", runtime_args=(f"binary={tmp_path}/x",)
        )
        assert against(bench, missing).endswith("/x on host: check the path after binary=")


def test_what_this_computer_s_engine_would_change_is_refused_before_anything_starts(
    setup: SessionSetup,
) -> None:
    with Workbench(replace(setup, places=(Place(address="host"),))) as bench:
        until(lambda: bool(bench.runtimes("host")))
        absurd = RunRequest(devices=("host",), batch=100_000)
        assert "take a batch of 2 to 2048" in against(bench, absurd)
        with pytest.raises(NotSupported, match="batch of 100000 tokens"):
            bench.start_run(absurd).result(LIMIT_S)
        small = RunRequest(devices=("host",), context=100)
        assert "take a context of at least 256" in against(bench, small)
        assert against(bench, RunRequest(devices=("host",), context=256)) == ""


def test_one_run_on_a_device_at_a_time(bench: Workbench) -> None:
    bench.start_when_up(replace(REQUEST, turns=None, repeat=0)).result(LIMIT_S)
    assert "already runs r1: stop it first" in against(bench, REQUEST)


def test_devices_come_and_go_by_name(bench: Workbench) -> None:
    assert bench.add_device("sim:phone").result(LIMIT_S) == "sim-phone-2"
    with pytest.raises(Refused, match="already in the session"):
        bench.add_device("sim:phone", "sim-phone").result(LIMIT_S)
    with pytest.raises(NotSupported, match="unknown address"):
        bench.add_device("toaster:1").result(LIMIT_S)
    until(lambda: bench.timeline.view(bench.now()).devices["sim-phone-2"].state is DeviceState.UP)
    bench.remove_device("sim-phone-2").result(LIMIT_S)
    assert bench.add_device("sim:phone", "sim-phone-2").result(LIMIT_S) == "sim-phone-2"


def test_an_address_that_nobody_knows_ends_the_session_before_it_records(setup: SessionSetup) -> None:
    bench = Workbench(replace(setup, places=(Place(address="toaster:1"),)))
    bench.open()
    with pytest.raises(NotSupported, match="unknown address"):
        bench.scan().result(LIMIT_S)
    with pytest.raises(NotSupported):
        bench.check()
    with pytest.raises(NotSupported):
        bench.failed.result(0)
    with pytest.raises(NotSupported):
        bench.close()
    assert not setup.folder.exists() or list(setup.folder.iterdir()) == []


def test_a_device_may_have_any_name(setup: SessionSetup) -> None:
    names = ("ticks", "r1", "melt-2")
    places = tuple(Place(address="sim:phone", name=name) for name in names)
    with Workbench(replace(setup, places=places)) as bench:
        started = bench.start_when_up(replace(REQUEST, devices=names)).result(LIMIT_S)
        assert sorted(started) == ["r1", "r2", "r3"]
        bench.wait_runs().result(LIMIT_S)
        runs = bench.timeline.view(bench.now()).runs
        assert [runs[name].turns_ended for name in names] == [2, 2, 2]
        for name in names:
            bench.remove_device(name).result(LIMIT_S)
            assert bench.add_device("sim:phone", name).result(LIMIT_S) == name


def test_a_server_that_runs_already_says_itself_what_it_runs(setup: SessionSetup) -> None:
    attached = RunRequest(devices=("host",), model="demo", url="http://127.0.0.1:1", turns=1)
    with Workbench(replace(setup, places=(Place(address="host"),))) as bench:
        for workload in ("chat", "pp8/tg4", "none"):
            bench.start_when_up(replace(attached, workload=workload)).result(LIMIT_S)
            bench.wait_runs().result(LIMIT_S)
        specs = [
            e.spec
            for e in bench.timeline.events(0, bench.now(), kinds=(RunStarted,))
            if isinstance(e, RunStarted)
        ]
        path = path_of(bench)
    assert [spec.model for spec in specs] == [None, None, None]
    assert [spec.workload.name if spec.workload else None for spec in specs] == ["chat", "pp8/tg4", None]
    with sqlite3.connect(path) as shell:
        assert set(shell.execute("SELECT model, quantisation FROM runs")) == {(None, None)}
    shell.close()


def test_memory_is_given_back_until_the_session_ends_and_no_longer(
    setup: SessionSetup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given: list[bool] = []
    monkeypatch.setattr(facade, "_GIVEN_BACK_S", 0.0001)
    monkeypatch.setattr(heap, "give_back", lambda: given.append(True))
    with Workbench(setup):
        until(lambda: len(given) > 3)
    assert caplog.messages == []


def test_after_the_end_commands_are_refused(bench: Workbench) -> None:
    bench.scan().result(LIMIT_S)
    bench.close()
    with pytest.raises(Refused, match="has ended"):
        bench.mark("late").result(LIMIT_S)


def test_a_mark_is_in_the_recording(bench: Workbench) -> None:
    bench.mark("door [red]opened").result(LIMIT_S)
    path = path_of(bench)
    bench.close()
    with sqlite3.connect(path) as shell:
        ((detail,),) = shell.execute("SELECT detail FROM events WHERE kind = 'Mark'").fetchall()
    shell.close()
    assert json.loads(detail)["name"] == "door [red]opened"


def test_the_library_knows_what_is_being_written_and_what_was(setup: SessionSetup) -> None:
    with Workbench(setup) as first:
        path = path_of(first)
        first.mark("first").result(LIMIT_S)
    with Workbench(setup) as second:
        until(lambda: len(second.timeline.view(second.now()).devices) > 1)
        rows = {row.path: row.state for row in second.library().result(LIMIT_S)}
        assert rows[path] is RecordingState.ENDED
        assert rows[path_of(second)] is RecordingState.RECORDING
        past = second.open_recording(path).result(LIMIT_S)
        assert [e.name for e in past.events(*past.span(), kinds=(Mark,)) if isinstance(e, Mark)] == ["first"]
        second.rename_recording(path, "night").result(LIMIT_S)
        second.tag_recording(path, ["a", "b"]).result(LIMIT_S)
        (row,) = [row for row in second.library().result(LIMIT_S) if row.path == path]
        assert (row.name, row.tags) == ("night", ("a", "b"))
        asked = ExportRequest(files=(path,), out=path.with_suffix(".csv"))
        samples, events = second.export(asked).result(LIMIT_S)
        assert samples.read_text(encoding="utf-8").startswith("t_s,device,channel,unit,value")
        assert events.read_text(encoding="utf-8").startswith("t_s,device,kind,detail")
        assert second.summary(path).result(LIMIT_S)["session"]["name"] == "night"
        with pytest.raises(UsageError, match="nothing was run"):
            second.compare(CompareRequest(sources=(str(path), str(path)))).result(LIMIT_S)
        with pytest.raises(UsageError, match="nothing was run"):
            second.open_runs(CompareRequest(sources=(str(path),))).result(LIMIT_S)
        second.read_figures(path).result(LIMIT_S)
        second.delete_recording(path).result(LIMIT_S)
        assert not path.exists()


def test_a_name_that_another_session_takes_in_between_is_passed_by(
    setup: SessionSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = setup.folder / "taken.melt"
    setup.folder.mkdir()
    taken.write_bytes(b"another's")
    names = iter((taken, setup.folder / "free.melt"))
    monkeypatch.setattr(desk, "new_path", lambda *_: next(names))
    with Workbench(setup) as bench:
        assert path_of(bench).name == "free.melt"
    assert taken.read_bytes() == b"another's"


def test_a_recording_in_the_making_cannot_be_deleted(bench: Workbench, setup: SessionSetup) -> None:
    path = path_of(bench)
    with Workbench(replace(setup, places=())) as other:
        for one in (bench, other):
            with pytest.raises(Refused, match="still being recorded: end its session first"):
                one.delete_recording(path).result(LIMIT_S)
        assert path.exists()
        bench.close()
        other.delete_recording(path).result(LIMIT_S)
        assert not path.exists()


def test_a_file_that_is_no_recording_can_be_deleted(bench: Workbench, tmp_path: Path) -> None:
    odd = tmp_path / "odd.melt"
    odd.write_bytes(b"nothing")
    bench.delete_recording(odd).result(LIMIT_S)
    assert not odd.exists()


def test_two_sessions_of_one_second_have_a_file_each(setup: SessionSetup) -> None:
    with Workbench(setup) as one, Workbench(setup) as other:
        assert path_of(one) != path_of(other)


def test_a_failed_device_does_not_disturb_the_others(bench: Workbench) -> None:
    name = bench.add_device("sim:phone?channels=nonsense", "odd").result(LIMIT_S)
    until(lambda: bool(bench.timeline.events(0, bench.now(), kinds=(DeviceFailed,))))
    view = bench.timeline.view(bench.now())
    assert view.devices[name].state is DeviceState.FAILED
    assert view.devices[name].reason
    assert view.devices["sim-jetson"].state is DeviceState.UP


def test_the_screens_cost_is_a_channel(bench: Workbench) -> None:
    bench.scan().result(LIMIT_S)
    bench.report(SelfReport(frames=10, dropped_frames=1, lag_p99_s=0.02))
    until(lambda: ("melt", "dropped_frames") in bench.timeline.view(bench.now()).readings)
    readings = bench.timeline.view(bench.now()).readings
    assert readings["melt", "dropped_frames"].value == 1
    assert readings["melt", "screen_lag"].value == 0.02
