"""Turns on a server that goes wrong on cue."""

import json
from itertools import pairwise

import pytest

from drivers.clock import SystemClock
from drivers.errors import DriverError, Garbled, LinkLost, LinkTimeout, NotSupported, RunFailed
from drivers.events import (
    FirstToken,
    OutputText,
    PrefillProgress,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.links.http import HttpLink
from drivers.model import Prompt, Samples
from drivers.runs import enginetime
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import Run, collect, run_spec, serving, stop_when_samples_come, workload
from tests.rigs.llama_server import GAP_S, PROMPT_TOKENS, TOKEN_MS, WORDS

CHAT = pytest.mark.parametrize("chat", [True, False], ids=["chat", "raw"])
TWO = ((Prompt("a"), Prompt("b")),)


async def attached(*cues: str, chat: bool = True, tokens: int = 12, **changes: object) -> Run:
    with serving(*cues) as url:
        return await collect(run_spec(workload(chat=chat, max_tokens=tokens, **changes), None, url=url))


def words(count: int) -> str:
    return "".join(WORDS[at % len(WORDS)] for at in range(count))


@CHAT
async def test_a_turn_tells_all_in_order(*, chat: bool) -> None:
    run = await attached(chat=chat)
    kinds = [type(item) for item in run.items if not isinstance(item, Samples | OutputText)][3:]
    assert kinds == [TurnStarted, PrefillProgress, PrefillProgress, FirstToken, TurnEnded]
    started, ended = run.one(TurnStarted), run.one(TurnEnded)
    assert (ended.prompt_tokens, ended.cached_tokens, ended.output_tokens) == (PROMPT_TOKENS, 3, 12)
    assert (ended.prompt_s, ended.decode_s) == (0.0365, TOKEN_MS * 11 / 1e3)
    assert "".join(item.text for item in run.of(OutputText)) == words(12)
    assert started.t_ns < run.one(FirstToken).t_ns == ended.first_token_ns
    assert run.one(FirstToken).ttft_s == pytest.approx((run.one(FirstToken).t_ns - started.t_ns) / 1e9)
    assert (started.text, started.context_tokens, started.turn) == ("Tell me of lists.", 0, 1)


@CHAT
async def test_engine_times_and_arrivals(*, chat: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enginetime, "TOLERANCE_NS", 10**10)
    run = await attached(chat=chat)
    engine, ours = run.samples("tokens"), run.samples("token_arrivals")
    assert [count for _, count in engine] == [count for _, count in ours] == list(range(1, 13))
    gaps = [b - a for (a, _), (b, _) in pairwise(engine)]
    assert gaps[1:] == [TOKEN_MS * 1e6] * 10
    assert ours[-1][0] - ours[0][0] >= 11 * GAP_S * 1e9 * 0.5  # the first may come late on a busy machine
    ended = run.one(TurnEnded)
    assert (ours[0][0], ours[-1][0]) == (ended.first_token_ns, ended.last_token_ns)
    assert engine[-1][0] <= ended.t_ns


async def test_several_tokens_in_one_event() -> None:
    run = await attached("several", tokens=11)
    assert [count for _, count in run.samples("tokens")] == [3, 6, 9, 11]
    assert run.one(TurnEnded).output_tokens == 11


async def test_events_held_back_lose_no_token() -> None:
    """Of 12 tokens 3 come without an event of their own: half characters are sent with the next one."""
    run = await attached("held back")
    assert [count for _, count in run.samples("token_arrivals")] == [1, 2, 4, 5, 6, 8, 9, 10, 12]
    assert run.one(TurnEnded).output_tokens == 12


async def test_all_at_once_is_batched() -> None:
    run = await attached("instant", tokens=200)
    assert [count for _, count in run.samples("tokens")] == list(range(1, 201))
    assert len(run.of(Samples)) < 200, "two channels, several samples in a block"


async def test_characters_cut_in_two() -> None:
    run = await attached("split")
    assert "".join(item.text for item in run.of(OutputText)) == words(12)


async def test_an_early_end() -> None:
    run = await attached("eos")
    assert (run.one(TurnEnded).end, run.one(TurnEnded).output_tokens) == (TurnEnd.EOS, 13)


@CHAT
async def test_a_full_context(*, chat: bool) -> None:
    run = await attached("full", chat=chat)
    ended = run.one(TurnEnded)
    assert (ended.end, ended.detail) == (TurnEnd.LIMIT, "the context was full after 5 output tokens")


async def test_an_older_server_gives_no_times() -> None:
    run = await attached("untimed", chat=False)
    assert run.samples("tokens") == []
    assert [count for _, count in run.samples("token_arrivals")] == list(range(1, 13))
    assert (run.one(TurnEnded).approximate, run.one(TurnEnded).decode_s) == (True, None)


async def test_counts_go_on_through_the_run() -> None:
    run = await attached(conversations=TWO, warmup=1, tokens=4)
    assert [count for _, count in run.samples("tokens")] == list(range(1, 13))
    assert [(t.turn, t.prompt, t.purpose) for t in run.of(TurnStarted)] == [
        (1, 0, TurnPurpose.WARMUP),
        (2, 0, TurnPurpose.MEASURED),
        (3, 1, TurnPurpose.MEASURED),
    ]
    assert [t.context_tokens for t in run.of(TurnStarted)] == [0, 0, PROMPT_TOKENS + 3 + 4]


async def test_what_the_server_is_sent() -> None:
    with serving() as url:
        await collect(run_spec(workload(conversations=TWO, max_tokens=3), None, url=url))
        async with HttpLink(url, SystemClock()) as link:
            first, second = json.loads((await link.get("/requests")).text)
    assert [message["content"] for message in second["messages"]] == ["a", words(3), "b"]
    assert (first["cache_prompt"], second["cache_prompt"]) == (False, True)
    assert (first["temperature"], first["seed"], first["top_k"], first["max_tokens"]) == (0.0, 42, 40, 3)


BROKEN = [
    ("half a line", Garbled, "not JSON"),
    ("garbage", Garbled, "not JSON: {not json}"),
    ("deep json", Garbled, "not JSON"),
    ("html line", Garbled, "not a line of an event stream: <html>gateway timeout</html>"),
    ("endless line", Garbled, "a line of more than 1 MiB"),
    ("broken end", LinkLost, "broke off its answer"),
    ("no stop", LinkLost, "broke off its answer"),
    ("error event", RunFailed, "the server could not go on: Compute error."),
    ("dies", LinkLost, "broke off its answer|was lost"),
]


@pytest.mark.parametrize(("cue", "error", "sentence"), BROKEN, ids=[cue for cue, _, _ in BROKEN])
async def test_an_answer_goes_wrong(cue: str, error: type[DriverError], sentence: str) -> None:
    run = await attached(cue)
    ended = run.one(TurnEnded)
    assert (ended.end, ended.output_tokens, ended.output_sha256) == (TurnEnd.FAILED, 6, "")
    assert [count for _, count in run.samples("tokens")] == [1, 2, 3, 4, 5, 6]
    assert run.error is not None
    assert ended.detail == str(run.error)
    with pytest.raises(error, match=sentence):
        raise run.error


async def test_an_empty_answer_is_a_broken_one() -> None:
    run = await attached("none")
    assert isinstance(run.error, LinkLost)
    assert (run.one(TurnEnded).end, run.one(TurnEnded).output_tokens) == (TurnEnd.FAILED, None)


async def test_a_server_that_falls_silent() -> None:
    with serving("stalls") as url:
        run = await collect(run_spec(workload(), None, url=url), LlamaServer(silence_s=0.3))
    assert isinstance(run.error, LinkTimeout)
    assert run.one(TurnEnded).end is TurnEnd.FAILED


async def test_a_stalled_server_can_be_stopped() -> None:
    runtime = LlamaServer()
    with serving("stalls") as url:
        run = await collect(run_spec(workload(), None, url=url), runtime, stop_when_samples_come(runtime))
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.STOPPED)


async def test_a_refused_prompt() -> None:
    run = await attached("refuses")
    assert isinstance(run.error, RunFailed)
    assert str(run.error) == "the server refused the prompt (HTTP 500): out of cheese"


async def test_a_prompt_that_never_fits() -> None:
    run = await attached("too long")
    assert isinstance(run.error, NotSupported)
    assert "request (300 tokens) exceeds the available context size (256 tokens)" in str(run.error)
    assert run.one(TurnEnded).end is TurnEnd.REFUSED


async def test_a_conversation_that_outgrows_the_context_goes_on_with_the_next() -> None:
    run = await attached("full later", conversations=TWO)
    assert run.error is None
    assert [ended.end for ended in run.of(TurnEnded)] == [TurnEnd.LIMIT, TurnEnd.REFUSED]
    assert "exceeds the available context size" in run.of(TurnEnded)[1].detail
    assert run.of(TurnEnded)[1].output_tokens is None


async def test_the_time_is_up() -> None:
    run = await attached(tokens=100_000, seconds=0.2)
    assert (run.error, run.one(TurnEnded).end, run.one(TurnEnded).output_sha256) == (None, TurnEnd.TIME, "")


async def test_pauses_lie_between_turns() -> None:
    run = await attached(tokens=2, repeat=3, pause_s=0.05)
    starts, ends = [t.t_ns for t in run.of(TurnStarted)], [t.t_ns for t in run.of(TurnEnded)]
    assert all(start - end >= 50_000_000 for end, start in zip(ends, starts[1:], strict=False))


async def test_a_pause_can_be_stopped() -> None:
    runtime = LlamaServer()
    with serving() as url:
        spec = run_spec(workload(max_tokens=2, repeat=0, pause_s=3600.0), None, url=url)
        run = await collect(
            spec, runtime, lambda item: runtime.stop() if isinstance(item, TurnEnded) else None
        )
    assert (run.error, len(run.of(TurnEnded))) == (None, 1)


async def test_stopped_before_it_began() -> None:
    runtime = LlamaServer()
    await runtime.stop()
    run = await collect(run_spec(workload(), None, url="http://127.0.0.1:1"), runtime)
    assert (run.items, run.error) == ([], None)
