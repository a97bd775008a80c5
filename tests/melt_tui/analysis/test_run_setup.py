"""What a run's device was like for it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.events import ModelLoaded, RunEvent
from drivers.runs.sampling import UNASKED
from melt_tui.analysis.run_setup import setup_of, unasked
from melt_tui.analysis.runevents import RunEvents
from melt_tui.analysis.session import summarise
from melt_tui.events import DeviceUp, ModelPrepared, RunStarted
from tests.rigs.memory_recording import MemoryRecording
from tests.rigs.sessions import at, closing, opening, run, spec

BENCH = replace(spec(), runtime="llama_bench", threads=4, sampling=UNASKED)


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


def test_what_a_runtime_cannot_be_told_is_not_among_what_it_was_asked_for() -> None:
    """llama-bench makes a context for each test, and draws its tokens at random."""
    names = ("threads", "context", "batch", "temperature", "top_k", "top_p", "seed")
    started = next(item for item in run([], 1, 9) if isinstance(item, RunStarted))
    setups = [
        setup_of(RunEvents(replace(started, spec=asked)))
        for asked in (BENCH, replace(BENCH, runtime="ollama"))
    ]
    assert [[setup[name] for name in names] for setup in setups] == [
        [4, None, 256, None, None, None, None],
        [4, 2048, 256, None, None, None, None],
    ]
    assert unasked(BENCH) == ("context", "temperature", "top_k", "top_p", "seed")
    assert unasked(replace(BENCH, context=0)) == unasked(replace(BENCH, workload=None)) == ()


@pytest.mark.parametrize(
    ("asked", "answered", "note"),
    [
        (3000, 2048, "context: 3000 asked for, 2048 in force, the model was trained with 2048"),
        (3000, 3000, "context: 3000 asked for, the model was trained with 2048"),
        (3000, None, "context: 3000 asked for, the model was trained with 2048"),
        (1000, 1024, "context: 1000 asked for, 1024 in force"),
        (2048, 2048, ""),
    ],
)
def test_a_context_beyond_what_the_model_was_trained_with(
    asked: int, answered: int | None, note: str
) -> None:
    given, trained = spec(), 2048
    assert given.model is not None
    model = replace(given.model, context_length=trained)
    items: list[Item] = []
    for item in run([], 1, 9):
        if isinstance(item, RunStarted):
            items.append(replace(item, spec=replace(given, context=asked)))
        elif isinstance(item, ModelPrepared):
            items.append(replace(item, model=model))
        else:
            items.append(replace(item, context=answered) if isinstance(item, ModelLoaded) else item)
    (summary,) = summarise(MemoryRecording([*opening(), *items, *closing(60)])).runs
    assert [one for one in summary.notes if one.startswith("context")] == [note] * bool(note)


def _run(name: str, t_s: float, governor: str = "") -> Iterator[Item]:
    for item in run([], t_s, t_s + 9):
        if isinstance(item, RunStarted) and governor:
            yield replace(item, run=name, facts=(("governor", governor),))
        else:
            yield replace(item, run=name) if isinstance(item, RunEvent) else item
