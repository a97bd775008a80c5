"""Runs on a server that speaks as MLC's does, and on an app that writes its figures into the log."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from drivers.clock import SECOND
from drivers.errors import Garbled, LinkLost, NotSupported, RunFailed
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
from drivers.runtimes.mlc.driver import Mlc
from tests.rigs import mlc
from tests.rigs.android_app import ACTIVITY, PACKAGE, PID, VERSION
from tests.rigs.http_shapes import running
from tests.rigs.llama_runs import run_spec, workload
from tests.rigs.mlc import CACHED, DECODE_TPS, MODEL, PREFILL_TPS, PROMPT_TOKENS, WORDS
from tests.rigs.programs import install_android_app, put
from tests.rigs.runs import Run, follow, stopping
from tests.rigs.tether import Tether

RIG = Path(mlc.__file__)
CHAT = pytest.mark.parametrize("chat", [True, False], ids=["chat", "raw"])
NEW = PROMPT_TOKENS - CACHED


async def run_on(*cues: str, args: tuple[str, ...] = (), **changes: object) -> Run:
    with running(RIG, *cues) as port:
        return await follow(Mlc(), spec_for(port, args, **changes))


def spec_for(port: int, args: tuple[str, ...] = (), **changes: object) -> RunSpec:
    work = workload(**{"max_tokens": 12, "ignore_eos": False, **changes})
    return run_spec(work, None, url=f"http://127.0.0.1:{port}", args=args)


@CHAT
async def test_a_turn(*, chat: bool) -> None:
    run = await run_on(chat=chat)
    assert run.error is None
    ended, loaded = run.one(TurnEnded), run.one(ModelLoaded)
    assert (ended.prompt_tokens, ended.cached_tokens, ended.output_tokens) == (NEW, CACHED, 12)
    assert (ended.prompt_s, ended.decode_s) == (NEW / PREFILL_TPS, 11 / DECODE_TPS)
    assert (ended.end, ended.approximate) == (TurnEnd.LIMIT, False)
    assert (loaded.model, loaded.load_s) == (MODEL, None)
    assert (loaded.build, loaded.backend, loaded.batch) == ("", "", None), (
        "a server that runs tells none of them"
    )
    assert "".join(item.text for item in run.of(OutputText)) == "".join(WORDS[at % 8] for at in range(12))
    assert [count for _, count in run.samples("token_arrivals")] == list(range(1, 13))
    assert run.samples("tokens") == []
    assert [type(item) for item in run.items if not isinstance(item, Samples | OutputText)] == [
        ChannelsOpened, Preparing, Absent, ModelLoaded, TurnStarted, FirstToken, TurnEnded,
    ]  # fmt: skip


async def test_the_last_count_is_the_servers() -> None:
    run = await run_on("held back", repeat=2)
    counts = [count for _, count in run.samples("token_arrivals")]
    assert counts[8:10] == [9, 12]
    assert counts[-1] == 24


@pytest.mark.parametrize(("cue", "output"), [("no extra", 12), ("no usage", None)])
async def test_a_server_that_tells_less(cue: str, output: int | None) -> None:
    ended = (await run_on(cue)).one(TurnEnded)
    assert (ended.output_tokens, ended.decode_s, ended.approximate) == (output, None, True)


async def test_fields_of_a_request_reach_the_server() -> None:
    given = (
        "temperature=0.5",
        "frequency_penalty=-1",
        "stop=5",
        'debug_config={"pinned_system_prompt": true}',
        "seed=7",
        "seed=8",
    )
    with running(RIG) as port:
        run = await follow(Mlc(), spec_for(port, given, max_tokens=2, ignore_eos=True))
        (asked,) = (
            await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/asked", trust_env=False)
        ).json()
    assert run.error is None
    assert (asked["temperature"], asked["frequency_penalty"], asked["stop"], asked["seed"]) == (
        0.5,
        -1,
        "5",
        8,
    )
    assert asked["debug_config"] == {"ignore_eos": True, "pinned_system_prompt": True}
    assert [absent.what for absent in run.of(Absent)] == [
        "token times",
        "output of a fixed length",
        "debug_config",
    ]


async def test_lines_cut_in_two() -> None:
    assert (await run_on("split")).one(TurnEnded).output_tokens == 12


async def test_a_conversation_and_token_ids() -> None:
    talk = ((Prompt("a"), Prompt("b")), (Prompt(tokens=(1, 2, 3)),))
    with running(RIG) as port:
        run = await follow(Mlc(), spec_for(port, conversations=talk, max_tokens=2))
        asked = (await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/asked", trust_env=False)).json()
    assert run.error is None
    assert [message["content"] for message in asked[1]["messages"]] == ["a", "Ein schöner", "b"]
    assert asked[2]["prompt"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("cue", "kind", "sentence"),
    [
        ("dies", LinkLost, "broke off its answer"),
        ("half a line", Garbled, "what is not JSON"),
        ("garbage", Garbled, "what is not JSON"),
        ("html", Garbled, "not a line of an event stream"),
        ("error", RunFailed, "could not go on: engine is dead"),
    ],
)
async def test_what_goes_wrong_in_a_turn(cue: str, kind: type[Exception], sentence: str) -> None:
    run = await run_on(cue)
    assert isinstance(run.error, kind)
    assert sentence in str(run.error)
    ended = run.one(TurnEnded)
    assert (ended.end, ended.output_tokens, ended.output_sha256) == (TurnEnd.FAILED, None, "")


async def test_stopping_a_silent_answer() -> None:
    with running(RIG, "silent") as port:
        runtime = Mlc()
        run = await follow(runtime, spec_for(port), None, stopping(runtime, Samples))
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.STOPPED)


@pytest.mark.parametrize(
    ("cues", "args", "sentence"),
    [
        (
            ("two",),
            (),
            f"no model was named: name one of its models with --runtime-arg model=NAME: {MODEL}, other",
        ),
        ((), ("model=x",), "MLC on bench has no model 'x'"),
        (("stranger",), (), "is not MLC's server (HTTP 200)"),
    ],
)
async def test_models_it_has_not(cues: tuple[str, ...], args: tuple[str, ...], sentence: str) -> None:
    run = await run_on(*cues, args=args)
    assert isinstance(run.error, NotSupported)
    assert sentence in str(run.error)


async def test_on_a_device_its_port_is_forwarded() -> None:
    with running(RIG) as port:
        async with Tether() as link:
            spec = run_spec(workload(max_tokens=2), None, home="/h", args=(f"port={port}",))
            run = await follow(Mlc(), spec, link)
            assert (run.error, link.forwarded) == (None, [port])
    assert [absent.what for absent in run.of(Absent)] == ["token times", "output of a fixed length"]


def line_of(message: str, pid: int = PID) -> str:
    return f"1700000000.123  {pid}  4250 I MLCChat : {message}"


STATS = "input_tokens:47 tok, output_tokens: 255 tok, prefill: 470.0 tok/s, decode: 25.5 tok/s"


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    def made(*lines: str, running: bool = False) -> Path:
        folder = install_android_app(tmp_path / "phone", running=running, log="\n".join(lines))
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder

    return made


def app_spec(name: str = f"{PACKAGE}/{ACTIVITY}", **changes: object) -> RunSpec:
    return run_spec(workload(**changes) if changes else None, None, args=(f"app={name}",))


async def test_an_app_is_started_read_and_stopped(phone: Callable[..., Path]) -> None:
    folder = phone(
        "--------- beginning of main", line_of("hello"), line_of(STATS), line_of(STATS, pid=1), line_of(STATS)
    )
    run = await follow(Mlc(), app_spec(turns=2))
    assert run.error is None
    first, second = run.of(TurnEnded)
    assert (first.prompt_tokens, first.output_tokens, first.prompt_s, first.decode_s) == (47, 256, 0.1, 10.0)
    assert (first.approximate, first.detail) == (True, "the app told prefill 470 tok/s, decode 25.5 tok/s")
    assert first.t_ns - run.of(TurnStarted)[0].t_ns == round(10.1 * SECOND)
    assert second.turn == 2
    assert [count for _, count in run.samples("token_arrivals")] == [256, 512]
    assert (run.one(ProcessStarted).pid, run.one(ProcessEnded).pid) == (PID, PID)
    assert run.one(ModelLoaded).build == f"{PACKAGE} {VERSION}"
    assert [line.text for line in run.of(LogLine)] == [STATS, STATS]
    orders = [call for call in (folder / "calls").read_text().splitlines() if call.startswith("am ")]
    assert orders == [f"am start -n {PACKAGE}/{ACTIVITY}", f"am force-stop {PACKAGE}"]


async def test_statistics_over_several_lines(phone: Callable[..., Path]) -> None:
    prefill = {"throughput": "470.0 tok/s", "total tokens": "47 tok", "total time": "0.1 s"}
    decode = {"throughput": "25.5 tok/s", "total_tokens": "255 tok", "total time": "10 s"}
    told = json.dumps({"prefill": prefill, "decode": decode}, indent=2).splitlines()
    assert len(told) == 12
    phone(*(line for text in told for line in (line_of(text), line_of("{", pid=1))))
    run = await follow(Mlc(), app_spec(turns=1))
    ended = run.one(TurnEnded)
    assert (ended.prompt_tokens, ended.output_tokens, ended.prompt_s, ended.decode_s) == (47, 256, 0.1, 10.0)
    assert len(run.of(LogLine)) == 1


async def test_an_app_that_runs_is_left_running(phone: Callable[..., Path]) -> None:
    folder = phone(line_of(STATS), running=True)
    runtime = Mlc()
    run = await follow(runtime, app_spec(PACKAGE), None, stopping(runtime, TurnEnded))
    assert (run.error, run.one(ProcessEnded).detail) == (None, "left running")
    assert (folder / "running").exists()
    assert not any(call.startswith("am") for call in (folder / "calls").read_text().splitlines())


@pytest.mark.parametrize(
    ("last", "sentence"),
    [("!app ends", f"{PACKAGE} ended on bench"), ("!log ends", "the log of bench ended")],
)
async def test_an_app_that_ends(phone: Callable[..., Path], last: str, sentence: str) -> None:
    phone(line_of(STATS), last)
    run = await follow(Mlc(), app_spec())
    assert isinstance(run.error, RunFailed)
    assert run.error.sentence == sentence
    assert len(run.of(TurnEnded)) == 1


async def test_an_app_that_is_not_there(phone: Callable[..., Path]) -> None:
    phone()
    run = await follow(Mlc(), app_spec("ai.other/.Main"))
    assert isinstance(run.error, NotSupported)
    assert "could not start ai.other/.Main" in str(run.error)
    missing = await follow(Mlc(), app_spec(PACKAGE))
    assert f"{PACKAGE} does not run on bench" in str(missing.error)
    odd = await follow(Mlc(), app_spec("x; reboot"))
    assert "is no app" in str(odd.error)


async def test_an_app_with_a_server_inside(phone: Callable[..., Path]) -> None:
    phone()
    with running(RIG) as port:
        spec = run_spec(workload(max_tokens=2), None, args=(f"app={PACKAGE}/{ACTIVITY}", f"port={port}"))
        run = await follow(Mlc(), spec)
    assert (run.error, run.one(TurnEnded).output_tokens) == (None, 2)
    assert run.one(ProcessEnded).pid == PID
    assert run.one(ModelLoaded).build == f"{PACKAGE} {VERSION}"


async def test_a_phone_that_does_not_tell_the_version_of_an_app(phone: Callable[..., Path]) -> None:
    put(phone(line_of(STATS)) / "dumpsys", "#!/bin/sh\nexit 1\n")
    run = await follow(Mlc(), app_spec(turns=1))
    assert (run.error, run.one(ModelLoaded).build) == (None, "")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (run_spec(None, None), "does not tell what others ask"),
        (run_spec(workload(), None, args=("--mode=local",)), "does not take '--mode' where the server runs"),
        (run_spec(workload(), None, args=("best_of=2",)), "does not take 'best_of=2' where the server runs"),
        (
            run_spec(workload(), None, args=("serve=m", "--port=5")),
            "melt itself says '--port=5': take port=N",
        ),
        (run_spec(workload(), None, args=("serve=m", "--host", "::")), "melt itself says '--host'"),
        (run_spec(workload(), None, args=("serve=m", "app=a.b")), "is neither an app nor at an address"),
        (
            run_spec(workload(), None, args=("serve=m",), url="http://h"),
            "is neither an app nor at an address",
        ),
        (run_spec(workload(), None, args=("app=a.b", "seed=1")), "asks its own prompts does not take 'seed'"),
        (run_spec(workload(), None, args=("port=x",)), "'x' is no port"),
        (run_spec(workload(), None, args=("port=70000",)), "is no port"),
        (run_spec(workload(), None, on_link_loss=OnLinkLoss.KEEP), "ends with its link"),
    ],
)
def test_objections(spec: RunSpec, sentence: str) -> None:
    assert sentence in str(Mlc().objection(spec))
    assert Mlc().objection(run_spec(workload(), None)) is None
