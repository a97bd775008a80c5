import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import DriverError, Garbled, LinkLost, NotSupported, RunFailed
from drivers.events import (
    ChannelsOpened,
    Event,
    FirstToken,
    LogLine,
    ModelLoaded,
    OutputText,
    PrefillProgress,
    Preparing,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.links.base import Completed, ShellLink
from drivers.links.scripted import Exchange, ScriptedShell
from drivers.model import Prompt, Quantity, RunSpec, Samples, Workload
from drivers.registry import Registry
from drivers.runtimes.simulated.driver import SimulatedRuntime
from drivers.runtimes.simulated.protocol import command_line
from tests.rigs.streams import drain
from tests.rigs.virtual_clock import VirtualClock

TALK = Workload(
    name="talk",
    conversations=((Prompt(text="hello there, machine"), Prompt(text="go on")), (Prompt(text="another"),)),
    max_tokens=30,
    ignore_eos=True,
)
SPEC = RunSpec(run="r1", device="pixie", runtime="simulated", model=None, workload=TALK)

READY = {
    "event": "ready", "load_s": 1.0, "build": "b", "backend": "c", "threads": 1, "context": 99, "batch": 9,
    "model": "m",
}  # fmt: skip


@pytest.fixture
async def shell(virtual_clock: VirtualClock) -> AsyncIterator[ShellLink]:
    async with Registry(virtual_clock, seed=1).open("sim:phone", "pixie") as device:
        assert device.shell is not None
        yield device.shell


async def run(spec: RunSpec, shell: ShellLink, clock: VirtualClock) -> list[Item]:
    async with aclosing(SimulatedRuntime().run(spec, shell, clock)) as items:
        return [item async for item in items]


def of(items: list[Item], kind: type[Any]) -> list[Any]:
    return [item for item in items if isinstance(item, kind)]


def counts(items: list[Item], channel: str) -> list[tuple[int, int]]:
    return [(s.t0_ns, int(s.last_code)) for s in of(items, Samples) if s.channel == channel]


async def test_a_run_from_start_to_end(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    items = await run(SPEC, shell, virtual_clock)
    opened, starting, started = items[:3]
    assert isinstance(opened, ChannelsOpened)
    assert [(c.name, c.quantity) for c in opened.channels] == [
        ("tokens", Quantity.TOKENS),
        ("token_arrivals", Quantity.TOKEN_ARRIVALS),
    ]
    assert isinstance(starting, Preparing)
    assert isinstance(started, ProcessStarted)
    (loaded,) = of(items, ModelLoaded)
    assert loaded.load_s == pytest.approx((loaded.t_ns - started.t_ns) / SECOND)
    assert (loaded.threads, loaded.context, loaded.backend) == (7, 2048, "simulated")
    assert isinstance(items[-1], ProcessEnded)
    assert items[-1].returncode == 0
    assert (await shell.run(["ps"])).out == ""
    assert all(event.device == "pixie" for event in of(items, Event))
    assert [(t.turn, t.conversation, t.prompt, t.context_tokens) for t in of(items, TurnStarted)] == [
        (1, 0, 0, 0),
        (2, 0, 1, 35),
        (3, 1, 0, 0),
    ]
    assert [(t.end, t.prompt_tokens, t.cached_tokens, t.output_tokens) for t in of(items, TurnEnded)] == [
        (TurnEnd.LIMIT, 5, 0, 30),
        (TurnEnd.LIMIT, 2, 35, 30),
        (TurnEnd.LIMIT, 2, 0, 30),
    ]


async def test_within_a_turn_everything_has_its_order(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    items = await run(SPEC, shell, virtual_clock)
    order = [item.__class__ for item in items if not isinstance(item, Samples | Preparing)]
    begin = order.index(TurnStarted)
    turn = order[begin : order.index(TurnEnded) + 1]
    assert turn[0] is TurnStarted
    assert turn[1:-1] == sorted(turn[1:-1], key=[PrefillProgress, FirstToken, OutputText].index)
    assert turn.count(FirstToken) == 1
    times = [item.t0_ns if isinstance(item, Samples) else item.t_ns for item in items]
    backwards = [b - a for a, b in pairwise(times) if b < a]
    # the two token channels have clocks of their own: less than a crossing apart
    assert all(step > -3_000_000 for step in backwards)


async def test_counts_are_cumulative_and_the_engines_times_agree(
    virtual_clock: VirtualClock, shell: ShellLink
) -> None:
    items = await run(SPEC, shell, virtual_clock)
    reported, arrived = counts(items, "tokens"), counts(items, "token_arrivals")
    assert [n for _, n in reported] == [n for _, n in arrived] == list(range(1, 91))
    assert all(a[0] < b[0] for a, b in pairwise(reported))
    assert all(a[0] < b[0] for a, b in pairwise(arrived))
    assert all(abs(r - a) < 3_000_000 for (r, _), (a, _) in zip(reported, arrived, strict=True))
    for i, ended in enumerate(of(items, TurnEnded)):
        first, last = reported[30 * i], reported[30 * i + 29]
        assert first[0] == ended.first_token_ns == arrived[30 * i][0]
        assert ended.last_token_ns == arrived[30 * i + 29][0]
        assert ended.decode_s == pytest.approx((last[0] - first[0]) / 1e9, abs=1e-6)
        assert 29 / ended.decode_s == pytest.approx(18.5, rel=0.03)
        assert ended.t_ns >= max(last[0], arrived[30 * i + 29][0])
    for started, first, ended in zip(
        of(items, TurnStarted), of(items, FirstToken), of(items, TurnEnded), strict=True
    ):
        assert first.ttft_s == pytest.approx((first.t_ns - started.t_ns) / 1e9)
        assert 0 < first.ttft_s - ended.prompt_s < 0.003


async def test_text_comes_a_few_times_a_second_and_whole(
    virtual_clock: VirtualClock, shell: ShellLink
) -> None:
    items = await run(SPEC, shell, virtual_clock)
    for ended in of(items, TurnEnded):
        texts = [text for text in of(items, OutputText) if text.turn == ended.turn]
        assert "".join(text.text for text in texts).count(" ") == 30
        assert 5 <= len(texts) <= 9
    hashes = [ended.output_sha256 for ended in of(items, TurnEnded)]
    assert len(set(hashes)) == 3


async def test_warm_up_pauses_and_turns(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    workload = replace(TALK, warmup=1, pause_s=2.0, turns=2, max_tokens=4)
    items = await run(replace(SPEC, workload=workload), shell, virtual_clock)
    started, ended = of(items, TurnStarted), of(items, TurnEnded)
    assert [turn.purpose for turn in started] == [
        TurnPurpose.WARMUP,
        TurnPurpose.MEASURED,
        TurnPurpose.MEASURED,
    ]
    assert all(b.t_ns - a.t_ns >= 2 * SECOND for a, b in zip(ended, started[1:], strict=False))


async def test_seconds_end_it_in_the_middle_of_a_turn(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    workload = replace(TALK, max_tokens=500, repeat=0, seconds=7.0)
    items = await run(replace(SPEC, workload=workload), shell, virtual_clock)
    (loaded,) = of(items, ModelLoaded)
    ended = of(items, TurnEnded)[-1]
    assert ended.end is TurnEnd.TIME
    assert (ended.t_ns - loaded.t_ns) / SECOND == pytest.approx(7, abs=0.2)
    assert ended.output_tokens == counts(items, "tokens")[-1][1]
    assert isinstance(items[-1], ProcessEnded)


@pytest.mark.parametrize("after_s", [0.0, 0.5, 2.2, 4.0])
async def test_stop_ends_it_within_a_second(
    virtual_clock: VirtualClock, shell: ShellLink, after_s: float
) -> None:
    runtime = SimulatedRuntime()
    spec = replace(SPEC, workload=replace(TALK, max_tokens=500, conversations=((Prompt(text="x" * 600),),)))
    items: list[Item] = []

    async def follow() -> int:
        async with aclosing(runtime.run(spec, shell, virtual_clock)) as stream:
            await drain(stream, items.append)
        return virtual_clock.now()

    async def stop() -> int:
        await virtual_clock.run_for(after_s)
        await runtime.stop()
        return virtual_clock.now()

    ended_ns, stopped_ns = await asyncio.gather(follow(), stop())
    assert ended_ns - stopped_ns < SECOND
    assert (await shell.run(["ps"])).out == ""
    assert isinstance(items[-1], ProcessEnded)
    assert [turn.end for turn in of(items, TurnEnded)] == ([TurnEnd.STOPPED] if after_s > 2.1 else [])
    assert len(of(items, TurnStarted)) == len(of(items, TurnEnded))
    if after_s == 2.2:
        (ended,) = of(items, TurnEnded)
        assert (ended.output_tokens, ended.decode_s) == (0, None)


async def test_closing_the_generator_ends_the_process(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    async with aclosing(SimulatedRuntime().run(SPEC, shell, virtual_clock)) as items:
        async for item in items:
            if isinstance(item, FirstToken):
                break
    assert (await shell.run(["ps"])).out == ""


async def test_stopped_before_it_began_does_nothing(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    runtime = SimulatedRuntime()
    await runtime.stop()
    assert [item async for item in runtime.run(SPEC, shell, virtual_clock)] == []


async def test_a_pulled_cable_fails_the_turn_and_the_run(virtual_clock: VirtualClock) -> None:
    registry = Registry(virtual_clock, seed=1, script=True)
    items: list[Item] = []
    async with registry.open("sim:phone", "pixie") as device:
        assert device.shell is not None
        workload = replace(TALK, max_tokens=400, repeat=0, seconds=100.0)
        stream = SimulatedRuntime().run(replace(SPEC, workload=workload), device.shell, virtual_clock)
        with pytest.raises(LinkLost, match="the cable of pixie is pulled"):
            await drain(stream, items.append)
    assert isinstance(items[-1], TurnEnded)
    (*_, last) = of(items, TurnEnded)
    assert last == items[-1]
    assert last.end is TurnEnd.FAILED
    assert "cable" in last.detail
    assert last.output_tokens is None
    assert last.last_token_ns is not None


async def test_a_prompt_that_never_fits_is_refused_with_its_remedy(
    virtual_clock: VirtualClock, shell: ShellLink
) -> None:
    spec = replace(SPEC, context=100, workload=replace(TALK, conversations=((Prompt(text="x" * 400),),)))
    sentence = r"100 tokens does not fit into a context of 100: take --context 130 or more"
    assert str(SimulatedRuntime().objection(spec)).endswith(sentence)
    with pytest.raises(NotSupported, match=sentence):
        await run(spec, shell, virtual_clock)
    assert SimulatedRuntime().objection(replace(spec, context=101)) is None


async def test_a_conversation_that_grows_too_long_is_cut(
    virtual_clock: VirtualClock, shell: ShellLink
) -> None:
    items = await run(replace(SPEC, context=36), shell, virtual_clock)
    assert [(t.end, t.output_tokens) for t in of(items, TurnEnded)] == [
        (TurnEnd.LIMIT, 30),
        (TurnEnd.REFUSED, None),
        (TurnEnd.LIMIT, 30),
    ]


async def test_there_is_nothing_to_watch(virtual_clock: VirtualClock, shell: ShellLink) -> None:
    for spec in (replace(SPEC, workload=None), replace(SPEC, url="http://127.0.0.1:1")):
        with pytest.raises(NotSupported, match="serves nobody to watch"):
            await run(spec, shell, virtual_clock)
    with pytest.raises(NotSupported, match="--flash-attn"):
        await run(replace(SPEC, args=("--flash-attn", "1")), shell, virtual_clock)
    assert SimulatedRuntime().objection(SPEC) is None


async def test_an_engine_that_refuses_a_fresh_turn_fails_the_run(virtual_clock: VirtualClock) -> None:
    lines: tuple[tuple[int, Literal["out"], str], ...] = tuple(
        (i, "out", json.dumps(m)) for i, m in enumerate([READY, {"event": "error", "detail": "full"}])
    )
    shell = ScriptedShell(virtual_clock, [Exchange(argv=tuple(command_line(SPEC)), lines=lines)])
    items: list[Item] = []
    with pytest.raises(RunFailed, match=r"refused turn 1: full.*larger --context"):
        await drain(SimulatedRuntime().run(SPEC, shell, virtual_clock), items.append)
    assert of(items, TurnEnded)[-1].end is TurnEnd.FAILED


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], RunFailed),
        ([{"event": "loading", "done": 0.5, "eta_s": 1}], RunFailed),
        (["Segmentation fault"], Garbled),
        ([READY], RunFailed),
        ([READY, {"event": "tokens", "turn": 1, "n": 1, "ms": 3, "text": "a"}], RunFailed),
        ([READY, {"event": "tokens", "turn": 1, "n": 1, "ms": -3, "text": "a"}], Garbled),
    ],
)
async def test_an_engine_that_dies_or_talks_nonsense(
    virtual_clock: VirtualClock, lines: list[Any], error: type[DriverError]
) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    exchange = Exchange(
        argv=tuple(command_line(SPEC)),
        lines=((0, "err", "warming up"), *((1000 * i, "out", text) for i, text in enumerate(texts))),
        answer=Completed(139, "", ""),
    )
    shell = ScriptedShell(virtual_clock, [exchange])
    items: list[Item] = []
    with pytest.raises(error):
        await drain(SimulatedRuntime().run(SPEC, shell, virtual_clock), items.append)
    assert of(items, LogLine)[0].text == "warming up"
    assert shell.running == set()
    if READY in lines and error is RunFailed:
        assert of(items, TurnEnded)[-1].end is TurnEnd.FAILED
