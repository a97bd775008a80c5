"""A llama-server program that we start, played by the rig; and what is left when it, or we, end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.errors import NotSupported, RunFailed
from drivers.events import LogLine, ModelLoaded, Preparing, ProcessEnded, ProcessStarted, TurnEnd, TurnEnded
from drivers.links.base import Line
from drivers.links.local import LocalShell
from drivers.runs.loglimit import BURST
from drivers.runtimes.llama_server.driver import LlamaServer
from drivers.runtimes.llama_server.engine import ETA_FROM, Engine
from tests.rigs.llama_runs import (
    TINY,
    alive,
    collect,
    program,
    run_spec,
    stop_when_samples_come,
    wait_until_gone,
    workload,
)
from tests.rigs.spawned import spawned


async def test_a_program_is_started_used_and_ended(tmp_path: Path) -> None:
    run = await collect(
        run_spec(workload(max_tokens=5), args=(program(tmp_path), "--lora x.gguf"), threads=2)
    )
    assert run.error is None
    started, ended, loaded = run.one(ProcessStarted), run.one(ProcessEnded), run.one(ModelLoaded)
    assert started.command.startswith(f"{tmp_path}/llama-server --model {TINY} --host 127.0.0.1 --port 0")
    assert started.command.endswith("--threads 2 --lora x.gguf")
    assert (ended.pid, ended.detail) == (started.pid, "ended by us")
    assert (loaded.build, loaded.threads, loaded.context, loaded.batch) == ("b1-rig", 2, 256, 64)
    assert loaded.load_s is not None
    assert loaded.load_s > 0
    assert [type(item) for item in run.items][-1] is ProcessEnded


async def test_a_program_that_loads_is_waited_for(tmp_path: Path) -> None:
    run = await collect(run_spec(workload(max_tokens=2), args=(program(tmp_path, "loading"),)))
    assert (run.error, run.one(TurnEnded).output_tokens) == (None, 2)
    loaded = run.one(ModelLoaded)
    assert loaded.load_s is not None
    assert loaded.load_s > 0.2, "three looks, 100 ms apart"


@pytest.mark.skipif(sys.platform != "linux", reason="told by /proc")
async def test_how_much_is_loaded_is_told(tmp_path: Path) -> None:
    run = await collect(run_spec(workload(max_tokens=2), args=(program(tmp_path, "loading"),)))
    told = run.of(Preparing)
    assert {item.step for item in told} == {f"loading {TINY.stem}"}
    assert all(0 <= item.done <= 1 for item in told)
    assert all((item.eta_s is None) == (item.done <= ETA_FROM) for item in told)


@pytest.mark.parametrize(("cue", "signal"), [("dies", "SIGKILL"), ("segfaults", "SIGSEGV")])
async def test_a_program_that_dies_in_a_turn(tmp_path: Path, cue: str, signal: str) -> None:
    run = await collect(run_spec(workload(), args=(program(tmp_path, cue),)))
    assert isinstance(run.error, RunFailed)
    assert run.error.sentence == f"the engine ended with {signal}: ggml: something went wrong in here"
    assert ("memory ran out" in run.error.remedy) == (cue == "dies")
    assert (run.one(TurnEnded).end, run.one(TurnEnded).output_tokens) == (TurnEnd.FAILED, 6)
    assert run.one(TurnEnded).detail == str(run.error)
    assert run.one(ProcessEnded).returncode == {"dies": -9, "segfaults": -11}[cue]


async def test_a_line_that_is_no_error_is_not_called_the_reason(tmp_path: Path) -> None:
    spec, clock = run_spec(workload()), SystemClock()
    assert spec.model is not None
    engine = Engine(spec, spec.model, LocalShell(clock), clock, lambda _: None)
    assert engine.post_mortem(-15).sentence == "the engine ended with SIGTERM"
    engine.note(Line(1, "err", "0.00.076.003 I srv  update_slots: all slots are idle"))
    engine.note(Line(2, "err", ""))
    assert engine.post_mortem(-9).sentence == (
        "the engine ended with SIGKILL: somebody killed it, or the system did when memory ran out"
    )
    assert engine.post_mortem(-11).sentence == (
        "the engine ended with SIGSEGV; the last line that it printed: "
        "0.00.076.003 I srv  update_slots: all slots are idle"
    )
    engine.note(Line(3, "err", "/llama.cpp/ggml/src/ggml.c:77: GGML_ASSERT(n > 0) failed"))
    engine.note(Line(4, "err", "0.00.077.000 I srv  cleaning up before exit..."))
    assert engine.post_mortem(-6).sentence == "the engine ended with SIGABRT: GGML_ASSERT(n > 0) failed"


async def test_a_program_that_dies_loading(tmp_path: Path) -> None:
    run = await collect(run_spec(workload(), args=(program(tmp_path, "dies loading"),)))
    assert isinstance(run.error, RunFailed)
    assert str(run.error) == (
        "the engine ended with exit code 1: llama_model_load: error loading model: tensor is not within"
    )
    assert run.of(TurnEnded) == []


async def test_what_a_program_was_told_by_its_user_is_in_force(tmp_path: Path) -> None:
    args = (program(tmp_path), "-t 1", "--batch-size=32", "--threads", "3")
    loaded = (await collect(run_spec(workload(max_tokens=1), args=args, threads=2))).one(ModelLoaded)
    assert (loaded.threads, loaded.batch) == (3, 32)
    odd = (program(tmp_path), "-t", "many")
    loaded = (await collect(run_spec(workload(max_tokens=1), args=odd, threads=2))).one(ModelLoaded)
    assert (loaded.threads, loaded.batch) == (None, 64)


async def test_there_is_no_such_program() -> None:
    run = await collect(run_spec(workload(), args=("binary=/no/llama-server",)))
    assert str(run.error) == "there is no command /no/llama-server on this computer"


async def test_a_talkative_program_is_cut_short_and_that_is_told(tmp_path: Path) -> None:
    run = await collect(run_spec(workload(max_tokens=2), args=(program(tmp_path, "chatty"),)))
    lines = run.of(LogLine)
    assert run.error is None
    assert BURST <= len(lines) < BURST + 60
    assert all(line.source == "llama-server" for line in lines)


async def test_stopping_while_it_loads(tmp_path: Path) -> None:
    runtime = LlamaServer()
    spec = run_spec(workload(), args=(program(tmp_path, "silent"),))
    run = await collect(
        spec, runtime, lambda item: runtime.stop() if isinstance(item, ProcessStarted) else None
    )
    assert (run.error, run.of(TurnEnded)) == (None, [])
    assert run.one(ProcessEnded).detail == "ended by us"


async def test_stopping_in_a_turn(tmp_path: Path) -> None:
    runtime = LlamaServer()
    spec = run_spec(workload(max_tokens=100_000), args=(program(tmp_path),))
    run = await collect(spec, runtime, stop_when_samples_come(runtime))
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.STOPPED)
    assert [type(item) for item in run.items][-2:] == [TurnEnded, ProcessEnded]


async def test_a_run_without_a_workload_has_nothing_to_start() -> None:
    run = await collect(run_spec(None))
    assert isinstance(run.error, NotSupported)


PARENT = """
import asyncio, sys
from pathlib import Path
from drivers.events import ProcessStarted
from drivers.model import Samples
from tests.rigs.llama_runs import collect, run_spec, workload
until = {"loading": ProcessStarted, "answering": Samples}[sys.argv[1]]
pid = []
def tell(item):
    if isinstance(item, ProcessStarted):
        pid.append(item.pid)
    if isinstance(item, until):
        print(*pid, flush=True)
asyncio.run(collect(run_spec(workload(max_tokens=100_000, repeat=0), args=tuple(sys.argv[2:])), None, tell))
"""


@pytest.mark.parametrize(
    ("moment", "cues"),
    [("loading", ["silent"]), ("answering", []), ("loading", None), ("answering", None)],
    ids=["silent program", "program", "own engine starting", "own engine answering"],
)
def test_nothing_outlives_a_killed_parent(tmp_path: Path, moment: str, cues: list[str] | None) -> None:
    args = [] if cues is None else [program(tmp_path, *cues)]
    with spawned(
        [sys.executable, "-c", PARENT, moment, *args],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
        env=os.environ | {"PYTHONPATH": "."},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        parent.wait()
    wait_until_gone(pid)
