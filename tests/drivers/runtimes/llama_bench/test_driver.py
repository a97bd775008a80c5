"""Runs of a program that speaks as llama-bench does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import Garbled, LinkLost, NotSupported, RunFailed
from drivers.events import (
    Absent,
    ChannelsOpened,
    ModelLoaded,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import OnLinkLoss, Prompt, RunSpec
from drivers.runtimes.llama_bench.channels import row_arrivals
from drivers.runtimes.llama_bench.driver import LlamaBench
from drivers.runtimes.llama_bench.protocol import Row, Shape
from drivers.runtimes.llama_bench.reader import RowReader, figures_of
from drivers.schedule import schedule
from tests.rigs.llama_bench import LOAD_S, PP_NS, TG_NS
from tests.rigs.llama_runs import TINY, gone, run_spec, workload
from tests.rigs.programs import install, runtime_of
from tests.rigs.runs import Run, follow, stopping
from tests.rigs.tether import Tether


def work(prompt: int, generated: int, **changes: object) -> RunSpec:
    conversations = ((Prompt(tokens=tuple(range(prompt))),),)
    return run_spec(
        workload(
            conversations=conversations,
            max_tokens=generated,
            chat=False,
            share_context=False,
            **{"repeat": 3, "warmup": 1, **changes},
        )
    )


async def bench(
    folder: Path, spec: RunSpec, *cues: str, on_item: Callable[[Item], object] = lambda _: None
) -> Run:
    named = f"binary={install(folder, 'llama_bench.py', 'llama-bench', *cues)}"
    return await follow(LlamaBench(), replace(spec, args=(named, *spec.args), threads=3), None, on_item)


async def test_generation(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(1, 10))
    assert run.error is None
    turns = run.of(TurnEnded)
    assert [turn.turn for turn in turns] == [1, 2, 3, 4]
    assert [turn.purpose for turn in run.of(TurnStarted)] == [TurnPurpose.WARMUP] + [TurnPurpose.MEASURED] * 3
    assert {(turn.prompt_tokens, turn.output_tokens, turn.prompt_s, turn.end) for turn in turns} == {
        (0, 10, None, TurnEnd.LIMIT)
    }
    assert turns[0].decode_s is not None
    assert (10 - 1) / turns[0].decode_s == pytest.approx(1e9 / TG_NS), "the rate is llama-bench's own"
    assert [count for _, count in run.samples("token_arrivals")] == [10, 20, 30, 40]
    assert [channel.name for channel in run.one(ChannelsOpened).channels] == ["token_arrivals"]
    assert run.one(Absent).what == "token times"
    assert not any(turn.approximate for turn in turns)


async def test_prompts(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(20, 1))
    assert {(t.prompt_tokens, t.output_tokens, t.prompt_s, t.decode_s) for t in run.of(TurnEnded)} == {
        (20, 0, 20 * PP_NS / 1e9, None)
    }
    assert run.samples("token_arrivals") == []


async def test_both_at_once_are_one_time(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(20, 10, repeat=1, warmup=0))
    turn = run.one(TurnEnded)
    assert (turn.prompt_tokens, turn.output_tokens, turn.prompt_s, turn.decode_s) == (20, 10, None, None)
    assert turn.detail.startswith("prompt and generation together took 0.022 s")


async def test_what_is_told_of_the_engine(tmp_path: Path) -> None:
    run = await bench(tmp_path, replace(work(1, 4, pause_s=0.0), args=("-ngl 5",)))
    loaded, started, ended = run.one(ModelLoaded), run.one(ProcessStarted), run.one(ProcessEnded)
    assert (loaded.build, loaded.backend, loaded.model) == ("b10605 (f6f0d9f)", "CPU", "llama 1B Q4_0")
    assert (loaded.threads, loaded.batch) == (3, 64)
    assert loaded.load_s is not None
    assert LOAD_S <= loaded.load_s < 10
    assert (
        f"-m {TINY} -t 3 -b 64 -o jsonl -r 1 --progress --no-warmup -p 1 -n 4,4,4,4 -ngl 5" in started.command
    )
    assert (ended.returncode, ended.detail) == (0, "")


async def test_an_older_build_warms_up_by_itself_and_tells_less(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(1, 10), "terse", "no progress")
    assert run.error is None
    assert [turn.output_tokens for turn in run.of(TurnEnded)] == [10, 10, 10, 10]
    loaded = run.one(ModelLoaded)
    assert (loaded.build, loaded.load_s, loaded.threads) == ("", None, None)
    starts = [turn.t_ns for turn in run.of(TurnStarted)]
    ends = [turn.t_ns for turn in run.of(TurnEnded)]
    assert [end - start for start, end in zip(starts, ends, strict=True)] == [10 * TG_NS] * 4


async def test_a_build_that_tells_nothing_while_it_runs(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(1, 10), "old")
    assert isinstance(run.error, NotSupported)
    assert "does not know jsonl, --progress: take a newer llama.cpp" in str(run.error)


async def test_a_long_run_ends_when_its_time_is_up(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(1, 50, repeat=0, seconds=0.3))
    assert run.error is None
    assert run.of(TurnEnded)[-1].end is TurnEnd.TIME
    assert run.of(TurnEnded)[-1].output_tokens is None
    assert run.one(ProcessEnded).detail == "ended by us"
    await gone(run.one(ProcessStarted).pid)


async def test_stopping_a_silent_test(tmp_path: Path) -> None:
    runtime = LlamaBench()
    named = f"binary={install(tmp_path, 'llama_bench.py', 'llama-bench', 'silent')}"
    run = await follow(runtime, replace(work(1, 10), args=(named,)), None, stopping(runtime, TurnEnded))
    assert run.error is None
    assert [turn.end for turn in run.of(TurnEnded)][-1] in {TurnEnd.STOPPED, TurnEnd.LIMIT}
    await gone(run.one(ProcessStarted).pid)


@pytest.mark.parametrize(
    ("cue", "kind", "sentence"),
    [
        ("dies", RunFailed, "the engine ended with SIGKILL"),
        ("half a line", Garbled, "llama-bench sent what is not JSON"),
        ("garbage", Garbled, "llama-bench sent what is not JSON"),
    ],
)
async def test_what_goes_wrong_in_a_test(
    tmp_path: Path, cue: str, kind: type[Exception], sentence: str
) -> None:
    run = await bench(tmp_path, work(1, 10), cue)
    assert isinstance(run.error, kind)
    assert sentence in str(run.error)
    ends = [turn.end for turn in run.of(TurnEnded)]
    assert ends[0] is TurnEnd.LIMIT
    assert set(ends[1:]) <= {TurnEnd.FAILED}, "the second had begun, if its line came first"
    await gone(run.one(ProcessStarted).pid)


async def test_a_model_that_does_not_load(tmp_path: Path) -> None:
    run = await bench(tmp_path, work(1, 10), "does not load")
    assert (
        str(run.error) == "the engine ended with exit code 1: llama_model_load: error loading model: missing"
    )
    assert (run.of(TurnStarted), run.of(ModelLoaded)) == ([], [])


async def test_on_a_device(tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_bench.py", "llama-bench")
    async with Tether() as link:
        spec = replace(work(1, 10), home=str(tmp_path))
        run = await follow(LlamaBench(), spec, link)
        assert run.error is None
        assert f"-m {tmp_path}/models/{TINY.name}" in run.one(ProcessStarted).command
        assert len(run.of(TurnEnded)) == 4
        cut = await follow(
            LlamaBench(), spec, link, lambda i: link.cut() if isinstance(i, TurnEnded) else None
        )
    assert isinstance(cut.error, LinkLost)
    assert cut.one(ProcessEnded).returncode is None


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (run_spec(None), "serves nobody"),
        (run_spec(workload()), "llama-bench makes up its own prompts, and t is text: take ppN"),
        (replace(work(1, 9), on_link_loss=OnLinkLoss.KEEP), "on this computer cannot outlive melt"),
        (replace(work(1, 9), args=("-p", "5")), "-p is not for --runtime-arg: the workload says it"),
        (
            run_spec(workload(conversations=((Prompt(tokens=(1,)), Prompt(tokens=(1, 2))),))),
            "cannot mix the prompts of t",
        ),
    ],
)
def test_objections(spec: RunSpec, sentence: str) -> None:
    assert sentence in str(LlamaBench().objection(spec))
    assert LlamaBench().objection(work(512, 128)) is None
    kept = replace(work(512, 128), on_link_loss=OnLinkLoss.KEEP, home="/data/local/tmp/melt")
    assert LlamaBench().objection(kept) is None


def test_each_repetition_of_a_row_is_a_turn_of_its_own() -> None:
    spec = work(1, 5)
    assert spec.workload is not None
    reader = RowReader(spec, row_arrivals("bench"), schedule(spec.workload), 100)
    row = Row(
        shape=Shape(0, 5),
        samples_ns=(2 * SECOND, 3 * SECOND, SECOND, SECOND),
        depth=0,
        build="",
        backend="",
        model="",
        threads=1,
        batch=1,
    )
    items = list(reader.ended(100 * SECOND, row))
    turns = [(i.turn, i.t_ns / SECOND) for i in items if isinstance(i, TurnStarted | TurnEnded)]
    assert turns == [(1, 93), (1, 95), (2, 95), (2, 98), (3, 98), (3, 99), (4, 99), (4, 100)]
    assert (reader.tokens, reader.finished) == (120, True)
    assert list(reader.ended(101 * SECOND, row)) == []


def test_one_token_has_no_rate() -> None:
    row = Row(shape=Shape(0, 1), samples_ns=(5,), depth=0, build="", backend="", model="", threads=1, batch=1)
    assert figures_of(row, 5).decode_s is None
