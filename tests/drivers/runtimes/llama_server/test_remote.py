"""A llama-server on another device: looked for, given its model, started, reached, and taken up again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SystemClock
from drivers.errors import DriverError, LinkLost, NeedsSetup, NotSupported, Refused
from drivers.events import (
    ChannelsOpened,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.model import OnLinkLoss, Prompt, RunSpec, Samples
from drivers.modelfile import ModelFile
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import TINY, Run, alive, gone, program, run_spec, workload
from tests.rigs.programs import install_real_server, put
from tests.rigs.tether import Tether

TALK = ((Prompt("a"), Prompt("b"), Prompt("c")),)


@pytest.fixture
async def tether() -> AsyncIterator[Tether]:
    async with Tether() as link:
        yield link


def home_with(folder: Path, *cues: str) -> str:
    """A device's home where the rig is installed as its llama-server."""
    runtime = folder / "runtimes" / "llama.cpp"
    runtime.mkdir(parents=True)
    program(runtime, *cues)
    return str(folder)


async def follow(
    runtime: LlamaServer, spec: RunSpec, link: Tether, on_item: Callable[[Item], object] | None = None
) -> Run:
    run = Run()
    tell = on_item or (lambda _: None)
    try:
        async with asyncio.timeout(60), aclosing(runtime.run(spec, link, SystemClock())) as items:
            async for item in items:
                run.items.append(item)
                tell(item)
    except DriverError as error:
        run.error = error
    return run


async def test_the_real_engine_on_a_device(tmp_path: Path, tether: Tether) -> None:
    install_real_server(tmp_path / "runtimes" / "llama.cpp")
    spec = run_spec(workload(max_tokens=24), home=str(tmp_path), context=256)
    run = await follow(LlamaServer(), spec, tether)
    assert run.error is None
    assert run.one(TurnEnded).output_tokens == 24
    assert (tmp_path / "models" / TINY.name).read_bytes() == TINY.read_bytes()
    started, loaded = run.one(ProcessStarted), run.one(ModelLoaded)
    assert f"--model {tmp_path}/models/{TINY.name}" in started.command
    assert loaded.model == f"{tmp_path}/models/{TINY.name}"
    assert loaded.threads is not None
    steps = [item.step for item in run.of(Preparing)]
    assert steps[0] == "looking at bench"
    assert f"pushing {TINY.stem} to bench" in steps
    assert [count for _, count in run.samples("tokens")][-1] == 24
    await gone(started.pid)


async def test_the_programs_libraries_are_looked_for_beside_it(tmp_path: Path, tether: Tether) -> None:
    runtime = tmp_path / "runtimes" / "llama.cpp"
    runtime.mkdir(parents=True)
    put(runtime / "llama-server", '#!/bin/sh\necho "error: found $LD_LIBRARY_PATH $LC_ALL" >&2\nexit 3\n')
    run = await follow(LlamaServer(), run_spec(workload(), home=str(tmp_path)), tether)
    assert str(run.error) == f"the engine ended with exit code 3: error: found {runtime} C"


async def test_a_model_that_is_there_is_not_sent_again(tmp_path: Path, tether: Tether) -> None:
    spec = run_spec(workload(max_tokens=2), home=home_with(tmp_path))
    for _ in range(2):
        run = await follow(LlamaServer(), spec, tether)
        assert run.error is None
    first = (tmp_path / "models" / TINY.name).stat().st_mtime_ns
    await follow(LlamaServer(), spec, tether)
    assert (tmp_path / "models" / TINY.name).stat().st_mtime_ns == first


async def test_there_is_no_engine_on_the_device(tmp_path: Path, tether: Tether) -> None:
    run = await follow(LlamaServer(), run_spec(workload(), home=str(tmp_path)), tether)
    assert isinstance(run.error, NotSupported)
    assert run.error.sentence == "there is no engine on bench (looked for runtimes/llama.cpp/llama-server)"
    assert run.error.remedy.startswith("melt setup bench puts one there")
    assert tether.pushed == []


async def test_before_a_run_the_device_is_looked_at_unless_a_server_runs(
    tmp_path: Path, tether: Tether
) -> None:
    there = run_spec(workload(), home=home_with(tmp_path / "there"))
    await LlamaServer().look(there, tether, SystemClock())
    nowhere = replace(there, home=str(tmp_path / "nowhere"))
    with pytest.raises(NeedsSetup, match="melt setup bench puts one there"):
        await LlamaServer().look(nowhere, tether, SystemClock())
    asked = len(tether.commands)
    await LlamaServer().look(replace(nowhere, url="http://127.0.0.1:1"), tether, SystemClock())
    await LlamaServer().look(replace(there, home=""), tether, SystemClock())
    assert (len(tether.commands), tether.pushed) == (asked, []), "nothing is asked of them"


async def test_an_engine_for_another_processor(tmp_path: Path, tether: Tether) -> None:
    home = home_with(tmp_path)
    path = tmp_path / "runtimes" / "llama.cpp" / "llama-server"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x16\x00" + bytes(40))
    run = await follow(LlamaServer(), run_spec(workload(), home=home), tether)
    assert isinstance(run.error, NotSupported)
    assert "was built for machine 0x16 (64 bit), and bench is " in run.error.sentence
    assert tether.pushed == []


async def test_an_engine_that_may_not_be_executed(tmp_path: Path, tether: Tether) -> None:
    home = home_with(tmp_path)
    (tmp_path / "runtimes" / "llama.cpp" / "llama-server").chmod(0o644)
    run = await follow(LlamaServer(), run_spec(workload(), home=home), tether)
    assert isinstance(run.error, Refused)
    assert "chmod +x" in run.error.remedy


async def test_a_model_that_does_not_fit_is_not_sent(tmp_path: Path, tether: Tether) -> None:
    huge = ModelFile(name="huge", path=str(TINY), size_bytes=4_024_800, kv_bytes_per_token=100_000_000)
    spec = run_spec(workload(), None, home=home_with(tmp_path), context=1 << 20)
    run = await follow(LlamaServer(), replace(spec, model=huge), tether)
    assert isinstance(run.error, NotSupported)
    assert "huge needs about 104857.7 GB of memory" in run.error.sentence
    assert run.error.sentence.endswith("are available on bench")
    assert tether.pushed == []


async def test_a_program_of_the_users_is_taken_instead(tmp_path: Path, tether: Tether) -> None:
    named = program(tmp_path)
    run = await follow(
        LlamaServer(), run_spec(workload(max_tokens=2), home=str(tmp_path / "empty"), args=(named,)), tether
    )
    assert run.error is None
    assert run.one(ProcessStarted).command.startswith(f"{tmp_path}/llama-server --model")
    assert (run.one(ModelLoaded).build, run.one(ModelLoaded).backend) == ("b1-rig", "CPU")


async def test_a_server_that_runs_on_the_device_is_reached_through_the_link(
    tmp_path: Path, tether: Tether
) -> None:
    home = home_with(tmp_path)
    async with tether.start([f"{home}/runtimes/llama.cpp/llama-server"]) as process:
        text = ""
        async for line in process.lines():
            if "listening" in (text := line.text):
                break
        port = int(text.rpartition(":")[2])
        spec = run_spec(workload(max_tokens=3), None, home=home, url=f"http://127.0.0.1:{port}")
        run = await follow(LlamaServer(), spec, tether)
    assert (run.error, tether.forwarded) == (None, [port])
    assert run.one(TurnEnded).output_tokens == 3


async def test_a_lost_link_ends_the_run_and_the_engine(tmp_path: Path, tether: Tether) -> None:
    spec = run_spec(workload(max_tokens=100_000), home=home_with(tmp_path))
    runtime = LlamaServer()
    run = await follow(
        runtime, spec, tether, lambda item: tether.cut() if isinstance(item, Samples) else None
    )
    assert isinstance(run.error, LinkLost)
    assert run.one(TurnEnded).end is TurnEnd.FAILED
    assert run.one(ProcessEnded).returncode is None
    assert not runtime.holding
    await gone(run.one(ProcessStarted).pid)


async def test_a_run_that_is_kept_goes_on_with_the_next_turn(tmp_path: Path, tether: Tether) -> None:
    spec = run_spec(
        workload(conversations=TALK, max_tokens=300),
        home=home_with(tmp_path),
        on_link_loss=OnLinkLoss.KEEP,
    )
    runtime = LlamaServer()

    def cut_in_the_second(item: Item) -> None:
        if isinstance(item, Samples) and item.last_code > 310:
            tether.cut()

    lost = await follow(runtime, spec, tether, cut_in_the_second)
    assert isinstance(lost.error, LinkLost)
    assert runtime.holding
    assert lost.of(ProcessEnded) == []
    pid = lost.one(ProcessStarted).pid
    assert alive(pid)
    assert [turn.end for turn in lost.of(TurnEnded)] == [TurnEnd.LIMIT, TurnEnd.FAILED]
    assert lost.of(TurnEnded)[1].detail != ""

    tether.mend()
    again = await follow(runtime, spec, tether)
    assert again.error is None
    assert [turn.turn for turn in again.of(TurnStarted)] == [3]
    assert [turn.end for turn in again.of(TurnEnded)] == [TurnEnd.LIMIT]
    assert (again.of(ProcessStarted), again.of(ModelLoaded), again.of(ChannelsOpened)) == ([], [], [])
    assert again.one(ProcessEnded).pid == pid
    before, after = lost.samples("token_arrivals"), again.samples("token_arrivals")
    assert after[0][1] == before[-1][1] + 1, "the count goes on"
    assert (runtime.holding, tether.leases) == (False, {})
    assert len(tether.pushed) == 1
    await gone(pid)


async def test_an_engine_of_which_nothing_is_left_is_not_started_anew(tmp_path: Path, tether: Tether) -> None:
    spec = run_spec(workload(max_tokens=300), home=home_with(tmp_path), on_link_loss=OnLinkLoss.KEEP)
    runtime = LlamaServer()
    await follow(runtime, spec, tether, lambda item: tether.cut() if isinstance(item, Samples) else None)
    await tether.expire()
    tether.mend()
    again = await follow(runtime, spec, tether)
    assert isinstance(again.error, Refused)
    assert "no longer there" in str(again.error)
    assert (again.of(ProcessStarted), runtime.holding, tether.leases) == ([], False, {})


async def test_a_kept_run_that_is_stopped_meanwhile_is_ended_on_return(
    tmp_path: Path, tether: Tether
) -> None:
    spec = run_spec(workload(max_tokens=300), home=home_with(tmp_path), on_link_loss=OnLinkLoss.KEEP)
    runtime = LlamaServer()
    lost = await follow(
        runtime, spec, tether, lambda item: tether.cut() if isinstance(item, Samples) else None
    )
    await runtime.stop()
    tether.mend()
    again = await follow(runtime, spec, tether)
    assert (again.error, again.of(TurnStarted)) == (None, [])
    assert again.one(ProcessEnded).pid == lost.one(ProcessStarted).pid
    await gone(lost.one(ProcessStarted).pid)


async def test_cut_while_it_loads_it_is_taken_up_and_used(tmp_path: Path, tether: Tether) -> None:
    spec = run_spec(workload(max_tokens=3), home=home_with(tmp_path, "loading"), on_link_loss=OnLinkLoss.KEEP)
    runtime = LlamaServer()
    lost = await follow(
        runtime, spec, tether, lambda item: tether.cut() if isinstance(item, ProcessStarted) else None
    )
    assert isinstance(lost.error, LinkLost)
    tether.mend()
    again = await follow(runtime, spec, tether)
    assert (again.error, again.one(TurnEnded).output_tokens) == (None, 3)
    assert len(tether.leases) == 0
