"""Attaching to what answers, or does not."""

import socket

import pytest

from drivers.errors import DriverError, LinkLost, NotSupported, Refused
from drivers.events import (
    Absent,
    ChannelsOpened,
    ModelLoaded,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.model import Samples
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_runs import collect, run_spec, serving, stop_when_samples_come, workload


async def test_an_attached_server_is_used_and_left_running() -> None:
    with serving() as url:
        first = await collect(run_spec(workload(max_tokens=5), None, url=url))
        again = await collect(run_spec(workload(max_tokens=5), None, url=url.removeprefix("http://")))
    assert (first.error, again.error) == (None, None)
    loaded = first.one(ModelLoaded)
    assert (loaded.load_s, loaded.build, loaded.context, loaded.model) == (None, "b1-rig", 256, "/m/rig.gguf")
    assert (loaded.threads, loaded.batch, loaded.backend) == (None, None, "")
    assert first.of(ProcessStarted) + first.of(ProcessEnded) == []
    assert [again.one(TurnEnded).output_tokens, again.one(TurnEnded).end] == [5, TurnEnd.LIMIT]


async def test_a_server_that_still_loads_is_waited_for() -> None:
    with serving("loading") as url:
        run = await collect(run_spec(workload(), None, url=url))
    assert run.error is None
    assert run.one(Preparing).step == f"waiting for {url}"
    assert run.one(TurnEnded).output_tokens == 12


@pytest.mark.parametrize(
    ("cue", "error", "sentence"),
    [
        ("stranger", NotSupported, "is not a llama-server .HTTP 200, a web page.: check the port"),
        ("other json", NotSupported, "is not a llama-server"),
        ("locked", Refused, "asks for an API key"),
        ("speaks no http", DriverError, "does not speak HTTP"),
    ],
)
async def test_what_is_no_llama_server(cue: str, error: type[DriverError], sentence: str) -> None:
    with serving(cue) as url:
        run = await collect(run_spec(workload(), None, url=url))
    assert run.error is not None
    with pytest.raises(error, match=sentence):
        raise run.error


async def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    run = await collect(run_spec(workload(), None, url=f"127.0.0.1:{port}"))
    assert isinstance(run.error, LinkLost)
    assert str(run.error).startswith(f"nothing answers at http://127.0.0.1:{port}: check the address")


async def test_stopping_leaves_the_server_and_its_slot_idle() -> None:
    runtime = LlamaServer()
    with serving() as url:
        spec = run_spec(workload(max_tokens=100_000), None, url=url)
        stopped = await collect(spec, runtime, stop_when_samples_come(runtime))
        again = await collect(run_spec(workload(max_tokens=3), None, url=url))
    assert (stopped.error, stopped.one(TurnEnded).end, stopped.one(TurnEnded).detail) == (
        None,
        TurnEnd.STOPPED,
        "",
    )
    assert again.one(TurnEnded).output_tokens == 3


async def test_a_server_that_does_not_stop_is_told() -> None:
    runtime = LlamaServer()
    with serving("stays busy") as url:
        run = await collect(
            run_spec(workload(max_tokens=100_000), None, url=url), runtime, stop_when_samples_come(runtime)
        )
    assert run.one(TurnEnded).detail == "the server was not seen to stop within half a second"


async def test_watching_a_server_that_somebody_else_drives() -> None:
    runtime = LlamaServer()
    turns = 0

    async def stop_at_the_third(item: object) -> None:
        nonlocal turns
        turns += isinstance(item, TurnStarted)
        if turns == 3 and isinstance(item, Samples):
            await runtime.stop()

    with serving("driven") as url:
        run = await collect(run_spec(None, None, url=url), runtime, stop_at_the_third)
    assert run.error is None
    assert [count for _, count in run.samples("tokens")] == [4, 9, 11, 14, 15]
    assert run.samples("token_arrivals") == []
    assert [(t.turn, t.end, t.approximate, t.output_tokens) for t in run.of(TurnEnded)] == [
        (1, TurnEnd.EOS, True, None),
        (2, TurnEnd.EOS, True, None),
        (3, TurnEnd.STOPPED, True, None),
    ]
    assert [channel.name for channel in run.one(ChannelsOpened).channels] == ["tokens"]
    assert run.one(Absent).what == "token arrivals"
    assert run.one(ModelLoaded).load_s is None


async def test_a_server_without_slots_cannot_be_watched() -> None:
    with serving("no slots") as url:
        run = await collect(run_spec(None, None, url=url))
    assert isinstance(run.error, NotSupported)
    assert str(run.error).endswith("does not tell what its slots do: start it with --slots")
