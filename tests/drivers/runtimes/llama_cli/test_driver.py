"""Runs of programs that speak as llama.cpp's do on a terminal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Item
from drivers.errors import DriverError, LinkLost, NotSupported, RunFailed
from drivers.events import (
    Absent,
    ChannelsOpened,
    FirstToken,
    LogLine,
    ModelLoaded,
    OutputText,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.model import OnLinkLoss, Prompt, RunSpec, Samples
from drivers.runtimes.llama_cli import driver
from drivers.runtimes.llama_cli.answer import UNTOLD
from drivers.runtimes.llama_cli.driver import LlamaCli
from tests.rigs.llama_cli import PROMPT_MS, PROMPT_TOKENS, TOKEN_MS, WORDS
from tests.rigs.llama_runs import TINY, gone, run_spec, workload
from tests.rigs.programs import install, runtime_of
from tests.rigs.runs import Run, follow, stopping
from tests.rigs.tether import Tether

TALK = ((Prompt("What is a list?"), Prompt("And a dict?")),)
PLAIN = pytest.mark.parametrize("generation", ["completion", "old", "main", "melt"])


def named(folder: Path, generation: str, *cues: str) -> str:
    return f"binary={install(folder, 'llama_cli.py', 'llama-cli', *cues, flags=('--as', generation))}"


async def run_as(
    folder: Path,
    generation: str,
    *cues: str,
    on_item: Callable[[Item], object] = lambda _: None,
    **changes: object,
) -> Run:
    spec = run_spec(workload(**changes), args=(named(folder, generation, *cues),), threads=3)
    return await follow(LlamaCli(), spec, None, on_item)


def said(count: int) -> str:
    return "".join(WORDS[at % len(WORDS)] for at in range(count))


@PLAIN
async def test_a_turn_of_every_generation(tmp_path: Path, generation: str) -> None:
    run = await run_as(tmp_path, generation)
    assert run.error is None
    ended = run.one(TurnEnded)
    assert (ended.prompt_tokens, ended.output_tokens, ended.prompt_s) == (PROMPT_TOKENS, 12, PROMPT_MS / 1e3)
    assert ended.decode_s == pytest.approx(11 * TOKEN_MS / 1e3)
    assert (ended.end, ended.approximate, ended.detail) == (TurnEnd.LIMIT, True, "")
    assert "".join(item.text for item in run.of(OutputText)).strip() == said(12).strip()
    loaded = run.one(ModelLoaded)
    assert (loaded.build, loaded.threads, loaded.context, loaded.batch) == ("b10605 (f6f0d9f)", 3, 256, 64)
    assert loaded.backend == "CPU"
    assert loaded.load_s is not None
    assert 0.02 <= loaded.load_s < 10
    first = run.one(FirstToken)
    assert first.ttft_s is not None
    assert 0 <= first.ttft_s < loaded.load_s + 5
    counts = [count for _, count in run.samples("token_arrivals")]
    assert (counts[0], counts[-1]) == (1, 12)
    assert run.samples("tokens") == []
    assert [type(item) for item in run.items if not isinstance(item, Samples | OutputText | LogLine)] == [
        ChannelsOpened, Preparing, Absent, Absent, Preparing, ProcessStarted, ModelLoaded, TurnStarted, FirstToken,
        TurnEnded, ProcessEnded,
    ]  # fmt: skip


async def test_a_comma_locale(tmp_path: Path) -> None:
    ended = (await run_as(tmp_path, "old", "comma")).one(TurnEnded)
    assert (ended.output_tokens, ended.prompt_s) == (12, PROMPT_MS / 1e3)


async def test_the_chat_front_end_tells_no_counts(tmp_path: Path) -> None:
    run = await run_as(tmp_path, "chat")
    assert run.error is None
    ended = run.one(TurnEnded)
    assert (ended.prompt_tokens, ended.output_tokens, ended.prompt_s, ended.decode_s) == (
        None,
        None,
        None,
        None,
    )
    assert ended.detail == (
        "llama-cli told 154.2 t/s for the prompt and 21.4 t/s for generation, and neither counts nor times"
    )
    assert (ended.approximate, ended.end) == (True, TurnEnd.LIMIT)
    assert "".join(item.text for item in run.of(OutputText)).strip() == said(12).strip()
    assert run.one(ModelLoaded).load_s is not None
    assert "--single-turn" in run.one(ProcessStarted).command
    assert "-no-cnv" not in run.one(ProcessStarted).command


async def test_an_answer_that_ends_by_itself(tmp_path: Path) -> None:
    ended = (await run_as(tmp_path, "completion", "eos", ignore_eos=False)).one(TurnEnded)
    assert (ended.end, ended.output_tokens) == (TurnEnd.EOS, 9)


async def test_a_single_token(tmp_path: Path) -> None:
    ended = (await run_as(tmp_path, "old", max_tokens=1)).one(TurnEnded)
    assert (ended.output_tokens, ended.decode_s) == (1, None)


async def test_a_conversation_is_a_process_for_each_turn(tmp_path: Path) -> None:
    run = await run_as(tmp_path, "completion", conversations=TALK, max_tokens=4, chat=False)
    assert run.error is None
    first, second = run.of(ProcessStarted)
    assert first.command.endswith("-p What is a list?")
    assert second.command.endswith(f"-p What is a list?{said(4)}And a dict?")
    assert len(run.of(ModelLoaded)) == 1
    assert [turn.context_tokens for turn in run.of(TurnStarted)] == [0, 0]
    assert [count for _, count in run.samples("token_arrivals")][-1] == 8
    assert [absent.what for absent in run.of(Absent)] == ["token times"]


async def test_a_program_that_does_not_say_when_it_is_ready(tmp_path: Path) -> None:
    run = await run_as(tmp_path, "old", "no ready line")
    assert run.one(TurnEnded).detail == UNTOLD
    assert run.one(ModelLoaded).load_s is None
    assert run.one(TurnEnded).output_tokens == 12


async def test_without_a_timing_block_nothing_is_made_up(tmp_path: Path) -> None:
    ended = (await run_as(tmp_path, "completion", "no timings")).one(TurnEnded)
    assert (ended.output_tokens, ended.prompt_tokens, ended.decode_s, ended.approximate) == (
        None,
        None,
        None,
        True,
    )


@pytest.mark.parametrize("generation", ["completion", "melt"])
async def test_stopping_gets_the_timings(
    tmp_path: Path, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "LAST_WORDS_S", 10.0)
    runtime = LlamaCli()
    spec = run_spec(workload(max_tokens=100_000), args=(named(tmp_path, generation),))
    run = await follow(runtime, spec, None, stopping(runtime, Samples))
    ended = run.one(TurnEnded)
    assert (run.error, ended.end) == (None, TurnEnd.STOPPED)
    assert ended.output_tokens is not None
    assert (ended.prompt_tokens, ended.output_sha256) == (PROMPT_TOKENS, "")
    assert run.one(ProcessEnded).returncode == 130
    await gone(run.one(ProcessStarted).pid)


@pytest.mark.parametrize("cues", [("deaf",), ("deaf", "silent")])
async def test_stopping_a_program_that_does_not_listen(tmp_path: Path, cues: tuple[str, ...]) -> None:
    runtime = LlamaCli()
    spec = run_spec(workload(max_tokens=100_000), args=(named(tmp_path, "completion", *cues),))
    run = await follow(runtime, spec, None, stopping(runtime, Samples))
    assert (run.error, run.one(TurnEnded).end, run.one(TurnEnded).output_tokens) == (
        None,
        TurnEnd.STOPPED,
        None,
    )
    assert (run.one(ProcessEnded).returncode, run.one(ProcessEnded).detail) == (-9, "ended by us")
    await gone(run.one(ProcessStarted).pid)


@pytest.mark.parametrize(
    ("cue", "sentence"),
    [
        (
            "dies",
            "the engine ended with SIGKILL: somebody killed it, or the system did when memory ran out",
        ),
        ("aborts", "the engine ended with SIGABRT: GGML_ASSERT(n > 0) failed"),
    ],
)
async def test_a_program_that_dies_in_a_turn(tmp_path: Path, cue: str, sentence: str) -> None:
    run = await run_as(tmp_path, "completion", cue)
    assert isinstance(run.error, RunFailed)
    assert run.error.sentence == sentence
    assert ("memory" in run.error.remedy) == (cue == "dies")
    assert (run.one(TurnEnded).end, run.one(TurnEnded).output_tokens) == (TurnEnd.FAILED, None)
    assert run.one(TurnEnded).detail == str(run.error)


async def test_half_a_character_and_an_early_end(tmp_path: Path) -> None:
    run = await run_as(tmp_path, "completion", "half")
    assert run.error is None
    assert "".join(item.text for item in run.of(OutputText)) == said(6) + "\ufffd"
    assert run.one(TurnEnded).output_tokens is None


async def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    run = await run_as(tmp_path, "completion", "garbage")
    assert (run.error, run.one(TurnEnded).output_tokens) == (None, 12)


@pytest.mark.parametrize(
    ("cue", "sentence"),
    [
        ("does not load", "exit code 1: llama_model_load: error loading model: missing tensor"),
        ("killed loading", "ended with SIGKILL"),
    ],
)
async def test_a_model_that_does_not_load(tmp_path: Path, cue: str, sentence: str) -> None:
    run = await run_as(tmp_path, "completion", cue)
    assert sentence in str(run.error)
    assert (run.of(TurnStarted), run.of(TurnEnded)) == ([], [])


async def test_a_flag_that_it_does_not_know(tmp_path: Path) -> None:
    spec = run_spec(workload(), args=(named(tmp_path, "completion"), "--frobnicate"))
    run = await follow(LlamaCli(), spec)
    assert str(run.error) == "the engine ended with exit code 1: error: invalid argument: --frobnicate"


async def test_flags_reach_the_program_and_its_threads_are_those_in_force(tmp_path: Path) -> None:
    named_ = named(tmp_path, "completion")
    for flags, threads in ((("-ngl=7", "-t", "2"), 2), (("-t=many",), None)):
        run = await follow(LlamaCli(), run_spec(workload(max_tokens=2), args=(named_, *flags), threads=3))
        assert run.error is None
        assert run.one(ModelLoaded).threads == threads
        given = " ".join(flags).replace("=", " ")
        assert run.one(ProcessStarted).command.endswith(f" {given}")


@PLAIN
async def test_a_program_that_has_no_version_tells_its_build_as_it_starts(
    tmp_path: Path, generation: str
) -> None:
    run = await run_as(tmp_path, generation, "no version")
    assert (run.error, run.one(ModelLoaded).build) == (None, "b880 (b9b7d94)")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"conversations": TALK},
            "cannot be given conversations of several turns from outside: put llama-completion beside it",
        ),
        ({"chat": False}, "cannot be given prompts without a chat template from outside"),
    ],
)
async def test_what_the_chat_front_end_cannot(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    run = await run_as(tmp_path, "chat", **changes)
    assert isinstance(run.error, NotSupported)
    assert sentence in str(run.error)


async def test_on_a_device_the_best_program_is_taken(tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_cli.py", "llama-cli", flags=("--as", "chat"))
    install(runtime_of(tmp_path), "llama_cli.py", "llama-completion", flags=("--as", "completion"))
    async with Tether() as link:
        spec = run_spec(workload(max_tokens=4), home=str(tmp_path))
        run = await follow(LlamaCli(), spec, link)
        assert run.error is None
        command = run.one(ProcessStarted).command
        assert command.startswith(f"{runtime_of(tmp_path)}/llama-completion -m {tmp_path}/models/{TINY.name}")
        assert run.one(TurnEnded).output_tokens == 4
        assert run.one(TurnEnded).first_token_ns is None, "this link gives lines alone"
        longer = replace(spec, workload=workload(max_tokens=100_000))
        cut = await follow(
            LlamaCli(), longer, link, lambda i: link.cut() if isinstance(i, OutputText) else None
        )
    assert isinstance(cut.error, LinkLost)
    assert cut.one(TurnEnded).end is TurnEnd.FAILED


@pytest.mark.parametrize(
    ("content", "mode", "kind", "sentence"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x16\x00" + bytes(40), 0o755, NotSupported, "was built for machine 0x16 (64 bit)"),
        (b"\x7fELF", 0o755, NotSupported, "was built for another kind of processor"),
        (b"#!/bin/sh\n", 0o644, DriverError, "may not be executed: chmod +x"),
    ],
)  # fmt: skip
async def test_a_program_that_cannot_run(
    tmp_path: Path, content: bytes, mode: int, kind: type[Exception], sentence: str
) -> None:
    path = tmp_path / "llama-completion"
    path.write_bytes(content)
    path.chmod(mode)
    run = await follow(LlamaCli(), run_spec(workload(), args=(f"binary={path}",)))
    assert isinstance(run.error, kind)
    assert sentence in str(run.error)


async def test_there_is_no_program() -> None:
    run = await follow(LlamaCli(), run_spec(workload(), args=("binary=/no/llama-cli",)))
    assert "there is no program /no/llama-cli on bench: check the path" in str(run.error)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (run_spec(None), "serves nobody"),
        (run_spec(workload(), args=("-m=other.gguf",)), "-m is not for --runtime-arg: --model says it"),
        (
            run_spec(workload(), args=("--n-predict", "9")),
            "--n-predict is not for --runtime-arg: the workload",
        ),
        (run_spec(workload(conversations=((Prompt(tokens=(1,)),),))), "made of token ids"),
        (run_spec(workload(), on_link_loss=OnLinkLoss.KEEP), "on this computer cannot outlive melt"),
    ],
)
def test_objections(spec: RunSpec, sentence: str) -> None:
    assert sentence in str(LlamaCli().objection(spec))
    assert LlamaCli().objection(run_spec(workload())) is None
