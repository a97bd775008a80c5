"""Runs on a server that speaks Ollama's HTTP, well or badly."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from drivers.clock import SystemClock
from drivers.errors import Garbled, LinkLost, NotSupported, Refused, RunFailed
from drivers.events import (
    Absent,
    ChannelsOpened,
    FirstToken,
    ModelLoaded,
    OutputText,
    Preparing,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.links.local import LocalShell
from drivers.model import OnLinkLoss, Prompt, RunSpec, Samples
from drivers.runs import enginetime
from drivers.runtimes.ollama.answer import REUSED
from drivers.runtimes.ollama.driver import Ollama
from tests.rigs import ollama
from tests.rigs.http_shapes import running
from tests.rigs.llama_runs import run_spec, workload
from tests.rigs.ollama import LOAD_NS, PROMPT_NS, PROMPT_TOKENS, TOKEN_NS, WORDS
from tests.rigs.runs import Run, follow, stopping
from tests.rigs.tether import Tether

RIG = Path(ollama.__file__)
CHAT = pytest.mark.parametrize("chat", [True, False], ids=["chat", "raw"])
TALK = ((Prompt("What is a list?"), Prompt("And a dictionary of lists?")), (Prompt("Say something else."),))


def spec_for(port: int, **changes: object) -> RunSpec:
    work = workload(**{"max_tokens": 12, **changes})
    return run_spec(work, None, url=f"http://127.0.0.1:{port}", args=("model=llama3.2:1b",), context=512)


async def run_on(*cues: str, **changes: object) -> Run:
    with running(RIG, *cues) as port:
        return await follow(Ollama(), spec_for(port, **changes))


@CHAT
async def test_a_turn(*, chat: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enginetime, "TOLERANCE_NS", 10**10)
    run = await run_on(chat=chat, ignore_eos=False)
    assert run.error is None
    ended, loaded = run.one(TurnEnded), run.one(ModelLoaded)
    assert (ended.prompt_tokens, ended.cached_tokens, ended.output_tokens) == (PROMPT_TOKENS, None, 12)
    assert (ended.prompt_s, ended.decode_s) == (PROMPT_NS / 1e9, 11 * TOKEN_NS / 1e9)
    assert (ended.end, ended.approximate, ended.detail) == (TurnEnd.LIMIT, False, "")
    assert "".join(item.text for item in run.of(OutputText)) == "".join(WORDS[at % 8] for at in range(12))
    assert (loaded.load_s, loaded.build, loaded.backend) == (LOAD_NS / 1e9, "ollama 0.9.6", "41 % gpu")
    assert (loaded.model, loaded.context, loaded.threads) == ("llama3.2:1b", 512, None)
    engine, ours = run.samples("tokens"), run.samples("token_arrivals")
    assert [count for _, count in engine] == [count for _, count in ours] == list(range(1, 13))
    assert {b - a for (a, _), (b, _) in pairwise(engine)} == {TOKEN_NS}
    assert engine[0][0] == ours[0][0] == ended.first_token_ns == run.one(FirstToken).t_ns
    assert [type(item) for item in run.items if not isinstance(item, Samples | OutputText)] == [
        ChannelsOpened, Preparing, Preparing, ModelLoaded, TurnStarted, FirstToken, TurnEnded,
    ]  # fmt: skip


async def test_the_context_is_the_one_that_the_server_tells() -> None:
    """It gives a model none that it was not trained with, whatever was asked for."""
    assert (await run_on("small context")).one(ModelLoaded).context == 300


async def test_tokens_without_a_piece_are_counted_at_the_end() -> None:
    run = await run_on("held back", ignore_eos=False, repeat=2)
    first, second = run.of(TurnEnded)
    assert (first.output_tokens, second.output_tokens) == (12, 12)
    counts = [count for _, count in run.samples("token_arrivals")]
    assert counts[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 12]
    assert [count for _, count in run.samples("tokens")] == counts
    assert counts[-1] == 24


async def test_a_server_without_times_gives_arrivals_alone() -> None:
    run = await run_on("no times", ignore_eos=False)
    assert run.samples("tokens") == []
    assert len(run.samples("token_arrivals")) == 12


async def test_lines_cut_in_two() -> None:
    run = await run_on("split", ignore_eos=False)
    assert "".join(item.text for item in run.of(OutputText)) == "".join(WORDS[at % 8] for at in range(12))


@CHAT
async def test_a_conversation_is_sent_again_and_what_is_reused_is_not_told(*, chat: bool) -> None:
    with running(RIG) as port:
        run = await follow(
            Ollama(), spec_for(port, conversations=TALK, max_tokens=2, chat=chat, ignore_eos=False)
        )
        url = f"http://127.0.0.1:{port}/asked"
        asked = (await asyncio.to_thread(httpx.get, url, trust_env=False)).json()
    answer = "Ein schöner"
    assert [(turn.prompt_tokens, turn.detail) for turn in run.of(TurnEnded)] == [
        (PROMPT_TOKENS, ""), (None, REUSED), (PROMPT_TOKENS, ""),
    ]  # fmt: skip
    assert [turn.prompt_s for turn in run.of(TurnEnded)][1] is None
    turns = [body for body in asked if "messages" in body or "prompt" in body]
    if chat:
        assert [message["content"] for message in turns[1]["messages"]] == [
            "What is a list?", answer, "And a dictionary of lists?",
        ]  # fmt: skip
        assert len(turns[2]["messages"]) == 1
    else:
        assert turns[1]["prompt"] == f"What is a list?{answer}And a dictionary of lists?"
    assert [body.get("keep_alive") for body in asked[:2]] == [0, None], "unloaded, then loaded"


async def test_what_it_cannot_do_is_said() -> None:
    run = await run_on(max_tokens=1)
    assert run.one(Absent).what == "output of a fixed length"


@pytest.mark.parametrize(
    ("cue", "kind", "sentence"),
    [
        ("dies", LinkLost, "broke off its answer"),
        ("half a line", Garbled, "what is not JSON"),
        ("garbage", Garbled, "what is not JSON"),
        ("error", RunFailed, "could not go on: an error was encountered while running the model"),
    ],
)
async def test_what_goes_wrong_in_a_turn(cue: str, kind: type[Exception], sentence: str) -> None:
    run = await run_on(cue, ignore_eos=False)
    assert isinstance(run.error, kind)
    assert sentence in str(run.error)
    ended = run.one(TurnEnded)
    assert (ended.end, ended.output_tokens, ended.approximate, ended.output_sha256) == (
        TurnEnd.FAILED,
        None,
        True,
        "",
    )
    assert ended.detail == str(run.error)
    assert run.samples("token_arrivals")[-1][1] == 6


async def test_stopping_a_silent_answer() -> None:
    with running(RIG, "silent") as port:
        runtime = Ollama()
        run = await follow(runtime, spec_for(port, ignore_eos=False), None, stopping(runtime, Samples))
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.STOPPED)


async def test_stopping_while_it_loads() -> None:
    with running(RIG, "loads for ever") as port:
        runtime = Ollama()
        run = await follow(runtime, spec_for(port), None, stopping(runtime, Preparing))
    assert (run.error, run.of(TurnStarted), run.of(ModelLoaded)) == (None, [], [])


async def test_time_up() -> None:
    run = await run_on(max_tokens=100_000, seconds=0.1, ignore_eos=False)
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.TIME)


async def test_a_model_that_does_not_fit() -> None:
    run = await run_on("does not load")
    assert isinstance(run.error, RunFailed)
    assert "more system memory (9.9 GiB)" in str(run.error)


@pytest.mark.parametrize(
    ("cues", "args", "sentence"),
    [
        ((), ("model=mistral",), "Ollama on bench has no model 'mistral': name one of its models with --runtime-arg model=NAME: llama3.2:1b, tiny-english:latest"),
        (("empty",), ("model=mistral",), "has no model 'mistral': name one of its models with --runtime-arg model=NAME: none"),
        ((), (), "no model was named: name one of its models with --runtime-arg model=NAME: llama3.2:1b, tiny-english:latest"),
        (("stranger",), ("model=mistral",), "is not Ollama (HTTP 200): check the port"),
    ],
)  # fmt: skip
async def test_models_it_has_not(cues: tuple[str, ...], args: tuple[str, ...], sentence: str) -> None:
    with running(RIG, *cues) as port:
        run = await follow(Ollama(), run_spec(workload(), None, url=f"http://127.0.0.1:{port}", args=args))
    assert isinstance(run.error, NotSupported)
    assert sentence in str(run.error)


async def test_before_a_run_it_is_asked_what_it_has() -> None:
    shell = LocalShell(SystemClock())
    with running(RIG) as port:
        spec = spec_for(port)
        await Ollama().look(spec, shell, SystemClock())
        with pytest.raises(NotSupported, match="has no model 'mistral'"):
            await Ollama().look(replace(spec, args=("model=mistral",)), shell, SystemClock())
    with pytest.raises(
        Refused, match=r"Ollama does not answer on bench .*: start it there with `ollama serve`"
    ):
        await Ollama().look(spec, shell, SystemClock())


async def test_on_a_device_it_is_reached_through_the_link() -> None:
    with running(RIG) as port:
        async with Tether() as link:
            spec = run_spec(
                workload(max_tokens=2), None, url=f"localhost:{port}", args=("model=llama3.2:1b",), home="/h"
            )
            run = await follow(Ollama(), spec, link)
            assert (run.error, link.forwarded) == (None, [port])
            longer = replace(spec, workload=workload(max_tokens=10_000))
            cut = await follow(
                Ollama(), longer, link, lambda item: link.cut() if isinstance(item, Samples) else None
            )
    assert isinstance(cut.error, LinkLost)
    assert cut.one(TurnEnded).end is TurnEnd.FAILED


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (run_spec(None, None), "does not tell what others ask"),
        (run_spec(workload(conversations=((Prompt(tokens=(1, 2)),),)), None), "made of token ids"),
        (
            run_spec(workload(), None, args=("--flash",)),
            "Ollama does not take '--flash': it takes model=NAME, options of the model",
        ),
        (run_spec(workload(), None, args=("num_predict=9",)), "does not take 'num_predict=9'"),
        (run_spec(workload(), None, on_link_loss=OnLinkLoss.KEEP), "ends with its link"),
    ],
)
def test_objections(spec: RunSpec, sentence: str) -> None:
    assert sentence in str(Ollama().objection(spec))
    assert Ollama().objection(run_spec(workload(), None, args=("model=x",))) is None


async def test_options_of_the_model_are_handed_on() -> None:
    args = ("model=llama3.2:1b", "num_ctx=1024", "num_gpu=20", "use_mmap=false", "min_p=0.05", "stop=###")
    with running(RIG) as port:
        run = await follow(Ollama(), replace(spec_for(port, max_tokens=1), args=args, threads=3, batch=64))
        url = f"http://127.0.0.1:{port}/asked"
        asked = (await asyncio.to_thread(httpx.get, url, trust_env=False)).json()
    assert run.error is None
    told = [body["options"] for body in asked if "options" in body]
    assert len(told) == 2
    assert told[0] == told[1]
    assert (
        told[0] | {"num_ctx": 1024, "num_gpu": 20, "use_mmap": False, "min_p": 0.05, "stop": ["###"]}
        == told[0]
    )
    loaded = run.one(ModelLoaded)
    assert (loaded.context, loaded.threads, loaded.batch) == (1024, 3, 64)
    assert [absent.what for absent in run.of(Absent)] == ["output of a fixed length"]


async def test_an_option_that_the_server_does_not_know_is_told() -> None:
    with running(RIG) as port:
        run = await follow(Ollama(), replace(spec_for(port), args=("model=llama3.2:1b", "num_wings=2")))
    assert isinstance(run.error, RunFailed)
    assert "invalid option provided: ['num_wings']" in str(run.error)


async def test_an_option_that_no_server_is_known_to_have_is_remarked_on() -> None:
    args = ("model=llama3.2:1b", "num_wings=2", "num_gpu=1")
    with running(RIG, "lenient", "no version") as port:
        run = await follow(Ollama(), replace(spec_for(port, max_tokens=1), args=args))
    assert run.error is None
    assert [absent.what for absent in run.of(Absent)] == ["option num_wings", "output of a fixed length"]
    assert run.one(ModelLoaded).build == "", "it told none"


@pytest.mark.parametrize("chat", [True, False])
async def test_fields_of_a_request_are_handed_on(*, chat: bool) -> None:
    args = ("model=llama3.2:1b", "think=false", "format=json", "keep_alive=0")
    with running(RIG) as port:
        run = await follow(Ollama(), replace(spec_for(port, max_tokens=1, chat=chat), args=args))
        url = f"http://127.0.0.1:{port}/asked"
        asked = (await asyncio.to_thread(httpx.get, url, trust_env=False)).json()
    assert run.error is None
    unloading, loading, *turns = asked
    assert (unloading["keep_alive"], "keep_alive" in loading) == (0, False)
    assert [(one["think"], one["format"], one["keep_alive"]) for one in turns] == [(False, "json", 0)]
    assert "times to first token of a loaded model" in [absent.what for absent in run.of(Absent)]
