from dataclasses import replace
from typing import Any

import pytest

from drivers.model import RunSpec
from drivers.modelfile import ModelFile
from melt_tui.timeline import View
from melt_tui.ui.offers import able, offer
from melt_tui.workbench import RunRequest
from tests.rigs.fake_bench import FakeBench
from tests.rigs.night_run import BOARD, HOST, METER, PHONE, TOY, Story, at, timeline

WORKLOADS = FakeBench(Story(until_s=1.0)).workloads()
SYNTHETIC = "synthetic:tinyllama-1.1b"


def seen(**story: Any) -> View:
    return timeline(Story(**{"until_s": 60.0, **story})).view(at(60.0))


def offered(view: View, pointed: str = "", last: RunRequest | None = None, **asked: RunRequest) -> RunRequest:
    by_device = {name.replace("_", "-"): request for name, request in asked.items()}
    return offer(view, able(view), pointed, by_device, last, WORKLOADS)


def test_devices_that_run_models_can_be_chosen_and_the_simulated_say_so() -> None:
    view = seen()
    assert [(choice.value, choice.remark) for choice in able(view)] == [
        (PHONE, "simulated"),
        (BOARD, "simulated"),
        (HOST, "x86-64, 2 cores"),
    ]
    assert METER not in {choice.value for choice in able(view)}


def test_nothing_ran_and_nothing_was_asked_for() -> None:
    assert offered(seen(runs=False)) == RunRequest(devices=(PHONE,))


def test_the_last_choice_where_the_device_did_not_run() -> None:
    view, last = seen(runs=False), RunRequest(devices=(HOST, "gone"), workload="sustained")
    assert offered(view, last=last) == RunRequest(devices=(HOST,), workload="sustained")
    assert offered(view, BOARD, last) == RunRequest(devices=(BOARD,), workload="sustained")
    assert offered(view, HOST, last).devices == (HOST,)
    assert offered(view, METER, last).devices == (HOST,)


def test_what_the_device_ran_last_goes_before_the_last_choice() -> None:
    last = RunRequest(devices=(HOST,), model="/m/other.gguf", workload="sustained", threads=3)
    again = offered(seen(), BOARD, last)
    assert again == replace(last, devices=(BOARD,), model=SYNTHETIC, runtime="simulated", workload="chat")


def test_what_was_asked_for_on_this_screen_is_offered_whole() -> None:
    asked = RunRequest(devices=(BOARD, HOST), model="/m/x.gguf", seed=7)
    assert offered(seen(), HOST, orin_nano=asked).devices == (HOST,)
    assert offered(seen(), BOARD, orin_nano=asked) == asked


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (TOY, "demo"),
        (ModelFile(name="x", path="/m/x.gguf", size_bytes=1, quantisation="Q8_0"), "/m/x.gguf"),
        (
            ModelFile(name="x", path="/c/x", size_bytes=1, quantisation="Q8_0", synthetic=True),
            "synthetic:x:q8_0",
        ),
        (None, "demo"),
    ],
)
def test_models_by_the_name_that_chooses_them(model: ModelFile | None, value: str) -> None:
    assert offered(_after(model=model), BOARD).model == value


def test_workloads_by_the_name_that_chooses_them() -> None:
    chat = _after().runs[BOARD].spec.workload
    assert chat is not None
    last = RunRequest(devices=(HOST,), workload="/w/night.json")
    assert offered(_after(workload=replace(chat, name="pp64/tg8")), BOARD, last).workload == "pp64/tg8"
    assert offered(_after(workload=replace(chat, name="night.json")), BOARD, last).workload == last.workload
    assert offered(_after(workload=replace(chat, name="night.json")), BOARD).workload == "chat"
    assert offered(_after(workload=None, url="http://x"), BOARD) == RunRequest(
        devices=(BOARD,), model=SYNTHETIC, runtime="simulated", workload="none", url="http://x"
    )


def _after(**changed: Any) -> View:
    view = seen()
    run = view.runs[BOARD]
    spec: RunSpec = replace(run.spec, **changed)
    return replace(view, runs={**view.runs, BOARD: replace(run, spec=spec)})
