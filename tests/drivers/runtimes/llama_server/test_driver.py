"""The real engine on this computer, with a small model that was really trained."""

import asyncio
import os
import signal
from contextlib import aclosing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SystemClock
from drivers.errors import RunFailed
from drivers.events import (
    ChannelsOpened,
    FirstToken,
    LogLine,
    ModelLoaded,
    OutputText,
    PrefillProgress,
    ProcessEnded,
    ProcessStarted,
    RunEvent,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.links.local import LocalShell
from drivers.model import Prompt, Quantity, Samples
from drivers.runs import enginetime
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import (
    TINY,
    alive,
    collect,
    gone,
    processes_with,
    run_spec,
    stop_when_samples_come,
    workload,
)

TALK = ((Prompt("What is a list?"), Prompt("And a dict?")), (Prompt(tokens=(1, 5, 6, 7, 8)),))


async def test_a_conversation() -> None:
    run = await collect(run_spec(workload(conversations=TALK, max_tokens=24), context=256, threads=1))
    assert run.error is None
    first, second, third = run.of(TurnEnded)
    assert [t.output_tokens for t in (first, second, third)] == [24, 24, 24]
    assert [t.end for t in (first, second, third)] == [TurnEnd.LIMIT] * 3
    assert (first.cached_tokens, third.cached_tokens) == (0, 0)
    assert third.prompt_tokens == 5
    assert second.cached_tokens is not None
    assert second.cached_tokens >= (first.prompt_tokens or 0), "the context is shared within a conversation"
    assert [t.context_tokens for t in run.of(TurnStarted)] == [0, (first.prompt_tokens or 0) + 24, 0]
    assert [count for _, count in run.samples("tokens")][-1] == 72
    assert [count for _, count in run.samples("token_arrivals")] == [
        count for _, count in run.samples("tokens")
    ]
    assert all(text.isprintable() or "\n" in text for text in (item.text for item in run.of(OutputText)))


async def test_what_is_told_of_the_engine() -> None:
    run = await collect(run_spec(workload(max_tokens=2), threads=1))
    loaded, started, ended = run.one(ModelLoaded), run.one(ProcessStarted), run.one(ProcessEnded)
    assert loaded.build.startswith("xllamacpp 20")
    assert (loaded.backend, loaded.threads, loaded.context, loaded.batch) == ("cpu", 1, 256, 64)
    assert loaded.model == str(TINY)
    assert loaded.load_s is not None
    assert 0.02 < loaded.load_s < 15
    assert (ended.pid, ended.returncode) == (started.pid, 0)
    opened = run.one(ChannelsOpened)
    assert [channel.quantity for channel in opened.channels] == [Quantity.TOKENS, Quantity.TOKEN_ARRIVALS]
    assert any("listening on" in line.text for line in run.of(LogLine))
    assert not any("melt" in line.text and "ready" in line.text for line in run.of(LogLine))
    assert all(item.run == "r1" for item in run.items if isinstance(item, RunEvent))


async def test_the_same_seed_gives_the_same_text_and_prefill_is_told_in_batches() -> None:
    tokens = tuple(3 + at % 200 for at in range(200))
    work = workload(conversations=((Prompt(tokens=tokens),),), max_tokens=8, repeat=2, share_context=False)
    run = await collect(run_spec(work, threads=1))
    one, two = run.of(TurnEnded)
    assert one.output_sha256 == two.output_sha256 != ""
    assert [one.prompt_tokens, two.prompt_tokens, two.cached_tokens] == [200, 200, 0]
    progress = [item.processed for item in run.of(PrefillProgress) if item.turn == 1]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1], len(progress) >= 4) == (0, 200, True)
    assert one.prompt_s is not None
    assert (run.of(FirstToken)[0].ttft_s or 0.0) >= one.prompt_s


async def test_reported_figures_are_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enginetime, "TOLERANCE_NS", 10**10)
    run = await collect(run_spec(workload(max_tokens=100), threads=1))
    ended, engine = run.one(TurnEnded), run.samples("tokens")
    assert ended.decode_s is not None
    assert (engine[-1][1], ended.output_tokens) == (100, 100)
    assert (engine[-1][0] - engine[0][0]) / 1e9 == pytest.approx(ended.decode_s, abs=1e-5)
    assert all(a < b for (a, _), (b, _) in pairwise(engine))
    started, first = run.one(TurnStarted).t_ns, run.one(TurnEnded).first_token_ns or 0
    assert started < first <= ended.t_ns
    assert engine[-1][0] <= ended.t_ns


async def test_a_full_context_ends_the_turn() -> None:
    run = await collect(run_spec(workload(max_tokens=400), threads=1))
    ended = run.one(TurnEnded)
    assert (run.error, ended.end) == (None, TurnEnd.LIMIT)
    assert ended.detail == f"the context was full after {ended.output_tokens} output tokens"
    assert (ended.prompt_tokens or 0) + (ended.output_tokens or 0) == pytest.approx(256, abs=1)


async def test_stopping_leaves_nothing(slow_model: Path) -> None:
    runtime = LlamaServer()
    spec = run_spec(workload(max_tokens=100_000), slow_model, context=4096, threads=1)
    run = await collect(spec, runtime, stop_when_samples_come(runtime))
    assert (run.error, run.of(TurnEnded)[-1].end) == (None, TurnEnd.STOPPED)
    assert run.one(ProcessEnded).returncode == 0


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGSEGV])
async def test_an_engine_that_dies_in_a_turn(slow_model: Path, kind: signal.Signals) -> None:
    pid = 0

    def kill(item: Item) -> None:
        nonlocal pid
        pid = item.pid if isinstance(item, ProcessStarted) else pid
        if isinstance(item, Samples):
            with suppress(ProcessLookupError):  # it is told again of words that came before it died
                os.kill(pid, kind)

    run = await collect(
        run_spec(workload(max_tokens=100_000), slow_model, context=4096, threads=1), None, kill
    )
    assert isinstance(run.error, RunFailed)
    assert f"the engine ended with {kind.name}" in str(run.error)
    assert run.of(TurnEnded)[-1].end is TurnEnd.FAILED
    assert run.one(ProcessEnded).returncode == -kind


async def test_a_model_cut_in_half(tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(TINY.read_bytes()[:2_000_000])
    run = await collect(run_spec(workload(), path))
    assert isinstance(run.error, RunFailed)
    assert run.error.sentence.startswith(
        "the engine could not load half: llama_model_load: error loading model: "
    )
    assert "model is corrupted or incomplete" in run.error.sentence
    assert run.error.remedy == "check that the file is a whole GGUF model"
    assert len(run.of(ProcessEnded)) == 1


@pytest.mark.parametrize("left_after", [1, 2, 5, 40])
async def test_closing_the_generator_anywhere_leaves_nothing(slow_model: Path, left_after: int) -> None:
    """From before the start to amid an answer."""
    spec = run_spec(workload(max_tokens=100_000), slow_model, context=4096, threads=1)
    pids = []
    async with aclosing(LlamaServer().run(spec, LocalShell(SystemClock()), SystemClock())) as items:
        for _ in range(left_after):
            item = await anext(items)
            pids += [item.pid] if isinstance(item, ProcessStarted) else []
    assert not any(alive(pid) for pid in pids)
    assert processes_with("drivers.runtimes.llama_server.child --model " + str(slow_model)) == []


async def test_cancelling_the_run_leaves_nothing(slow_model: Path) -> None:
    spec = run_spec(workload(max_tokens=100_000), slow_model, context=4096, threads=1)
    pids: list[int] = []
    answering = asyncio.Event()

    def note(item: Item) -> None:
        pids.extend([item.pid] if isinstance(item, ProcessStarted) else [])
        if isinstance(item, Samples):
            answering.set()

    task = asyncio.get_running_loop().create_task(collect(spec, None, note))
    await answering.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pids[0])
