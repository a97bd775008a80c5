"""A server that melt starts: which flags reach it, what it tells of itself, and how it ends."""

import asyncio
import shlex
import sys
from pathlib import Path

import httpx
import pytest

from drivers.clock import SystemClock
from drivers.errors import DriverError, NotSupported, RunFailed
from drivers.events import Absent, LogLine, ModelLoaded, ProcessEnded, ProcessStarted, TurnEnded
from drivers.links.local import LocalShell
from drivers.model import RunSpec, Samples
from drivers.runtimes.mlc.driver import Mlc
from tests.rigs import mlc
from tests.rigs.llama_runs import run_spec, workload
from tests.rigs.mlc import MODEL, PREFILL_TPS
from tests.rigs.programs import install, put
from tests.rigs.runs import follow, stopping
from tests.rigs.tether import Tether


@pytest.fixture
def program(tmp_path: Path) -> str:
    return install(tmp_path / "bin", "mlc.py", "mlc_llm")


def spec_of(program: str, *args: str, home: str = "", **changes: object) -> RunSpec:
    return run_spec(
        workload(**{"max_tokens": 4, **changes}),
        None,
        home=home,
        args=(f"serve={MODEL}", f"binary={program}", *args),
    )


async def test_flags_reach_the_program_and_what_it_tells_is_stored(program: str) -> None:
    given = ("--mode=local", "--overrides", "prefill_chunk_size=1024;max_num_sequence=1", "temperature=0.25")
    run = await follow(Mlc(), spec_of(program, *given))
    assert run.error is None
    loaded, started = run.one(ModelLoaded), run.one(ProcessStarted)
    assert started.command.endswith(
        f"serve {MODEL} --host 127.0.0.1 --port 0 --enable-debug --mode local "
        "--overrides prefill_chunk_size=1024;max_num_sequence=1"
    )
    assert (loaded.build, loaded.backend, loaded.batch, loaded.model) == ("", "cuda:0", 1024, MODEL)
    assert loaded.load_s is not None
    assert 0 < loaded.load_s < 60
    ended = run.one(TurnEnded)
    assert (ended.output_tokens, ended.approximate) == (4, False)
    assert ended.prompt_s == (ended.prompt_tokens or 0) / PREFILL_TPS
    assert [absent.what for absent in run.of(Absent)] == ["token times"], (
        "a server of ours goes on past the end"
    )
    assert any("Using device" in line.text for line in run.of(LogLine))
    assert run.one(ProcessEnded).detail == "ended by us"


async def test_on_a_device_through_its_forwarded_port(program: str) -> None:
    async with Tether() as link:
        run = await follow(Mlc(), spec_of(program, home="/h"), link)
        assert run.error is None
        assert len(link.forwarded) == 1
    assert run.one(ModelLoaded).backend == "cuda:0"


async def test_fields_and_flags_go_each_its_way(program: str, tmp_path: Path) -> None:
    asked: list[object] = []
    argv: list[object] = []
    async with Tether() as link:

        def ask(item: object) -> None:
            if isinstance(item, TurnEnded):
                here = f"http://127.0.0.1:{link.forwarded[0]}"
                asked.extend(httpx.get(f"{here}/asked", trust_env=False).json())
                argv.extend(httpx.get(f"{here}/argv", trust_env=False).json())

        given = ("--device=cuda:0", "temperature=0.25")
        run = await follow(Mlc(), spec_of(program, *given, home="/h", ignore_eos=True), link, ask)
    assert run.error is None
    assert argv[-2:] == ["--device", "cuda:0"]
    (body,) = asked
    assert isinstance(body, dict)
    assert (body["temperature"], body["debug_config"]) == (0.25, {"ignore_eos": True})


@pytest.mark.parametrize(
    ("script", "kind", "sentence"),
    [
        (None, NotSupported, "there is no {program} on bench: install MLC-LLM there, or name its program"),
        ('exec {rig} "$@" --bogus', RunFailed, "unrecognized arguments: --bogus"),
        (
            "echo 'ValueError: Device is not found on your local environment: cuda' >&2; exit 1",
            RunFailed,
            "not found on",
        ),
    ],
)
async def test_a_server_that_does_not_come_up(
    tmp_path: Path, script: str | None, kind: type[DriverError], sentence: str
) -> None:
    program = tmp_path / "mlc_llm"
    if script:
        rig = shlex.join([sys.executable, str(Path(mlc.__file__))])
        put(program, f"#!/bin/sh\n{script.replace('{rig}', rig)}\n")
    spec = spec_of(str(program))
    run = await follow(Mlc(), spec)
    if script is None:
        with pytest.raises(NotSupported, match="install MLC-LLM there"):
            await Mlc().look(spec, LocalShell(SystemClock()), SystemClock())
    assert isinstance(run.error, kind)
    assert sentence.format(program=program) in str(run.error)
    assert run.of(ModelLoaded) == []


async def test_a_run_that_is_stopped_leaves_nothing(program: str) -> None:
    runtime = Mlc()
    run = await follow(runtime, spec_of(program, max_tokens=100_000), None, stopping(runtime, Samples))
    pid = run.one(ProcessStarted).pid
    assert (run.error, run.one(ProcessEnded).pid) == (None, pid)
    assert not await asyncio.to_thread(Path(f"/proc/{pid}").exists)
