"""Sessions with iPhones over the real client: plugged in while one runs, run, lost, summed up."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from drivers.events import Event, LimitEngaged, TurnEnded
from drivers.links import usbmux
from melt_tui.analysis.summary import of_file
from melt_tui.events import DeviceUp, RunEnded, RunOutcome
from melt_tui.timeline import DeviceState
from melt_tui.workbench import Bench, RunRequest, SessionSetup, Workbench
from tests.rigs.iphone.rig import Rig, iphones
from tests.rigs.iphone_bench import workers
from tests.rigs.lab import PATIENCE_S, state_of, until

BUNDLE = "com.example.MeltBench"
ENDLESS = "com.example.Endless"
APPS = [
    {
        "bundle": BUNDLE,
        "line": '{"melt":1,"event":"token","t":$wall,"text":"w "}',
        "rate": 20,  # spread over some seconds, in case a busy machine takes many lines at once
        "count": 60,
        "last": ['{"melt":1,"event":"turn","end":"eos"}'],
    },
    {"bundle": ENDLESS, "line": '{"melt":1,"event":"token","text":"w "}', "rate": 20},
]
Kind = TypeVar("Kind", bound=Event)
MEMORY = {"memory": {"MeltBench": 900_000_000}}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    """Two phones of one name beside the cable, and afterwards no worker."""
    one = {"attached": False, "apps": APPS, "name": "iPhone", **MEMORY}
    with iphones(one, one | {"ios": "27.2", "thermal": 1}) as running:
        monkeypatch.setenv(usbmux.USBMUXD, running.address)
        monkeypatch.setenv("HOME", str(tmp_path))
        yield running
    assert workers() == []


def test_phones_of_one_name_come_onto_the_bench_run_an_app_and_are_summed_up(
    rig: Rig, tmp_path: Path
) -> None:
    path = tmp_path / "run.melt"
    with Workbench(SessionSetup(folder=tmp_path, record=path, plugged=True)) as bench:
        for number, name in ((1, "iphone-13"), (2, "iphone-13-2")):
            rig.cue("attach", number)
            until(partial(_gives, bench, name, "battery power"))
        until(partial(_gives, bench, "iphone-13", "cpu"))
        until(partial(_told, bench, LimitEngaged))
        (hot,) = _told(bench, LimitEngaged)
        assert (hot.device, hot.limit, hot.detail) == ("iphone-13-2", "thermal pressure", "light")
        asked = RunRequest(devices=("iphone-13",), runtime_args=(f"bundle={BUNDLE}",), turns=1)
        bench.start_run(asked).result(PATIENCE_S)
        until(lambda: _told(bench, RunEnded))
        assert [ended.outcome for ended in _told(bench, RunEnded)] == [RunOutcome.DONE]
        assert [ended.output_tokens for ended in _told(bench, TurnEnded)] == [60]
        assert rig.cue("running", 1) == []
    (run,) = json.loads(json.dumps(of_file(path)))["runs"]
    assert run["footprint_peak_bytes"] == 900_000_000
    assert run["rss_peak_bytes"] not in {None, 900_000_000}
    assert (run["mean"]["ttft_ms"], run["mean"]["e2e_ms"]) == (None, None)
    assert run["mean"]["decode_tps_observed"]
    assert {name for name, value in run["setup"].items() if value is not None} == {"build", "runtime_args"}
    assert run["throttling"]["states"] == {}


def test_a_phone_that_goes_in_a_run_is_lost_and_its_app_is_ended_when_it_is_back(
    rig: Rig, tmp_path: Path
) -> None:
    rig.cue("attach", 1)
    with Workbench(SessionSetup(folder=tmp_path, plugged=True)) as bench:
        until(lambda: state_of(bench, "iphone-13") is DeviceState.UP)
        asked = RunRequest(devices=("iphone-13",), runtime_args=(f"bundle={ENDLESS}",))
        bench.start_run(asked).result(PATIENCE_S)
        until(lambda: rig.cue("running", 1) == [ENDLESS])
        rig.cue("detach", 1)
        until(lambda: _told(bench, RunEnded))
        (ended,) = _told(bench, RunEnded)
        assert ended.outcome is RunOutcome.FAILED
        assert f"{ENDLESS} runs on there" in ended.reason
        assert "swipe it away" in ended.remedy
        rig.cue("attach", 1)
        until(lambda: len(_told(bench, DeviceUp)) == 2)
        until(lambda: rig.cue("running", 1) == [])


def _told(bench: Bench, kind: type[Kind]) -> list[Kind]:
    return [item for item in bench.timeline.events(0, bench.now(), kinds=(kind,)) if isinstance(item, kind)]


def _gives(bench: Bench, device: str, channel: str) -> bool:
    return (device, channel) in bench.timeline.view(bench.now()).readings
