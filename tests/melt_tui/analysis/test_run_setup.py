"""What a run's device was like for it."""

from collections.abc import Iterator
from dataclasses import replace

from drivers.base import Item
from drivers.events import RunEvent
from melt_tui.analysis.session import summarise
from melt_tui.events import DeviceUp, RunStarted
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import at, closing, opening, run


def test_each_run_has_the_facts_of_its_own_time() -> None:
    """Read for it; else of when the device last came up before it, which another may have followed."""
    (up,) = (item for item in opening() if isinstance(item, DeviceUp) and item.device == "desk")
    again = replace(up, t_ns=at(20), info=replace(up.info, facts=(("governor", "performance"),)))
    items = [*opening(), *run([], 1, 9), again, *_run("r2", 30), *_run("r3", 40, "schedutil"), *closing(60)]
    summary = summarise(MemoryRecording(items))
    assert [dict(run.facts) for run in summary.runs] == [
        {"governor": "powersave"},
        {"governor": "performance"},
        {"governor": "schedutil"},
    ]


def _run(name: str, t_s: float, governor: str = "") -> Iterator[Item]:
    for item in run([], t_s, t_s + 9):
        if isinstance(item, RunStarted) and governor:
            yield replace(item, run=name, facts=(("governor", governor),))
        else:
            yield replace(item, run=name) if isinstance(item, RunEvent) else item
