"""Runs that go on while the link is away: their rows, turns and readings come with the device's times, each once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Item
from drivers.clock import SECOND, SystemClock
from drivers.errors import LinkLost, LinkTimeout, RunFailed
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    FirstToken,
    LogLine,
    ModelLoaded,
    OutputText,
    ProcessEnded,
    ProcessStarted,
    TurnEnd,
    TurnEnded,
    TurnStarted,
)
from drivers.links.base import Progress
from drivers.links.local import LocalShell
from drivers.links.remote import RemoteShell
from drivers.model import OnLinkLoss, Prompt, RunSpec, Samples
from drivers.runs.kept import TICK_NS, Kept
from drivers.runtimes.llama_bench.driver import LlamaBench
from drivers.runtimes.llama_cli import keeping
from drivers.runtimes.llama_cli.driver import LlamaCli
from drivers.runtimes.llama_server.driver import LlamaServer
from tests.rigs.llama_cli import PROMPT_TOKENS, WORDS
from tests.rigs.llama_runs import gone, run_spec, workload
from tests.rigs.local_pipes import LocalPipes, userlands
from tests.rigs.programs import install, runtime_of
from tests.rigs.runs import Run, follow, stopping

CLOCK = SystemClock()
LATE_NS = SECOND // 2
"""How late a process of a busy computer may come to its tick."""

AWAY = "the link was away: times are the device's, within 0.2"
FOLLOWED_NS = SECOND
"""How late what comes while the link is there may come: some ``tail -f`` look once a second."""


class Phone(RemoteShell):
    """A device whose files and ports are this computer's."""

    def __init__(self, pipes: LocalPipes, folder: Path) -> None:
        super().__init__(CLOCK, pipes, title="phone", directory=str(folder / "leases"))
        self._here = LocalShell(CLOCK)

    async def push(self, source: Path, target: str, progress: Callable[[Progress], None]) -> None:
        await self._here.push(source, target, progress)

    @asynccontextmanager
    async def forward(self, port: int) -> AsyncIterator[tuple[str, int]]:
        yield ("127.0.0.1", port)


@pytest.fixture(params=[one for one in userlands() if "toybox" in one] or userlands()[:1])
def pipes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalPipes]:
    pipes = LocalPipes(CLOCK, request.param, tmp_path / "bin")
    yield pipes
    pipes.wait()


EVERY_USERLAND = pytest.mark.parametrize("pipes", userlands(), indirect=True)


def bench_spec(folder: Path, repeat: int = 36, **changes: object) -> RunSpec:
    install(runtime_of(folder), "llama_bench.py", "llama-bench", "diary")
    work = workload(conversations=((Prompt(tokens=(1,)),),), max_tokens=25, repeat=repeat, **changes)
    return run_spec(work, home=str(folder), on_link_loss=OnLinkLoss.KEEP)


def cutting(pipes: LocalPipes, turn: int) -> Callable[[object], None]:
    """Pull the cable when that turn ends."""

    def see(item: object) -> None:
        if isinstance(item, TurnEnded) and item.turn == turn:
            pipes.cut()

    return see


async def away(pipes: LocalPipes, seconds: float) -> None:
    await asyncio.sleep(seconds)
    pipes.refusing = False


@EVERY_USERLAND
async def test_rows_that_came_while_the_cable_was_out(pipes: LocalPipes, tmp_path: Path) -> None:
    spec, runtime = bench_spec(tmp_path), LlamaBench()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    assert isinstance(lost.error, LinkLost)
    assert runtime.holding
    await away(pipes, 1.0)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert (again.error, runtime.holding) == (None, False)
    whole = Run([*lost.items, *again.items])
    turns = whole.of(TurnEnded)
    assert [turn.turn for turn in whole.of(TurnStarted)] == [turn.turn for turn in turns] == [*range(1, 37)]
    assert {turn.end for turn in turns} == {TurnEnd.LIMIT}
    written = [int(line) for line in (tmp_path / "models" / "diary").read_text().split()][1:]
    late = [turn for turn in turns if AWAY in turn.detail]
    assert len(late) > 5
    for turn, written_ns in zip(turns, written, strict=True):
        slack_ns = 50_000_000 + (uncertainty(whole) if AWAY in turn.detail else FOLLOWED_NS)
        assert -slack_ns <= turn.t_ns - written_ns <= TICK_NS + LATE_NS + slack_ns
    assert all(earlier.t_ns <= later.t_ns for earlier, later in pairwise(turns))
    assert len(whole.of(ProcessStarted)) == len(whole.of(ProcessEnded)) == 1
    await gone(whole.one(ProcessStarted).pid)
    assert not list((tmp_path / "leases").iterdir())


def uncertainty(run: Run) -> int:
    return max(measured.uncertainty_ns for measured in run.of(ClockMeasured))


async def test_counts_and_readings_are_by_the_devices_clock(pipes: LocalPipes, tmp_path: Path) -> None:
    spec, runtime = bench_spec(tmp_path, repeat=60), LlamaBench()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    cut_ns = CLOCK.now()
    await away(pipes, 2.2)
    back_ns = CLOCK.now()
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    whole = Run([*lost.items, *again.items])
    assert len(lost.of(ClockMeasured)) == 1
    after = again.of(ClockMeasured)[0]
    live, kept = whole.samples("token_arrivals"), whole.samples("kept token_arrivals")
    assert sorted(count for _, count in live + kept) == [25 * turn for turn in range(1, 61)]
    slack_ns = uncertainty(whole) + SECOND // 20
    ended = {turn.t_ns for turn in whole.of(TurnEnded)}
    for t_ns, _ in kept:
        host_ns = t_ns + after.offset_ns
        assert cut_ns - SECOND < host_ns < back_ns + SECOND
        assert min(abs(host_ns - end_ns) for end_ns in ended) < slack_ns
    opened = {c.name: c for event in whole.of(ChannelsOpened) for c in event.channels}
    assert {name for name in opened if opened[name].own_clock} >= {"kept token_arrivals", "kept rss"}
    (rss,) = (block for block in whole.of(Samples) if block.channel == "kept rss")
    assert 2 <= rss.n <= 5
    for at in range(rss.n):
        assert cut_ns - 2 * SECOND < rss.time_at(at) + after.offset_ns < back_ns + SECOND
    assert any("readings that the device kept are merged" in line.text for line in again.of(LogLine))


async def test_stopped_after_the_return_nothing_is_left(pipes: LocalPipes, tmp_path: Path) -> None:
    spec, runtime = bench_spec(tmp_path, repeat=600), LlamaBench()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    await away(pipes, 0.6)
    again = await follow(runtime, spec, Phone(pipes, tmp_path), stopping(runtime, TurnEnded))
    assert again.error is None
    assert again.of(TurnEnded)[-1].end in {TurnEnd.STOPPED, TurnEnd.LIMIT}
    await gone(lost.one(ProcessStarted).pid)
    await left_nothing(pipes, tmp_path)


async def test_stopped_while_away_what_was_missed_is_told_before_it_ends(
    pipes: LocalPipes, tmp_path: Path
) -> None:
    spec, runtime = bench_spec(tmp_path, repeat=600), LlamaBench()
    await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    await away(pipes, 0.8)
    await runtime.stop()
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert again.error is None
    assert sum(turn.end is TurnEnd.LIMIT for turn in again.of(TurnEnded)) > 5
    await left_nothing(pipes, tmp_path)


@pytest.mark.parametrize("server", [False, True])
async def test_a_stop_over_a_link_of_which_nobody_knows_that_it_is_dead(
    pipes: LocalPipes, tmp_path: Path, server: bool
) -> None:
    """What could not be ended may live: it is held, and ended when the device is back."""
    runtime: LlamaServer | LlamaBench = LlamaServer() if server else LlamaBench()
    spec = bench_spec(tmp_path, repeat=600)
    if server:
        install(runtime_of(tmp_path), "llama_server.py", "llama-server")
        spec = run_spec(workload(max_tokens=100_000), home=str(tmp_path), on_link_loss=OnLinkLoss.KEEP)

    stop = stopping(runtime, Samples)

    def see(item: Item) -> None:
        pipes.refusing = pipes.refusing or isinstance(item, Samples)
        stop(item)

    lost = await follow(runtime, spec, Phone(pipes, tmp_path), see)
    assert isinstance(lost.error, LinkLost)
    assert (runtime.holding, lost.of(ProcessEnded)) == (True, [])
    pipes.refusing = False
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert (again.error, runtime.holding) == (None, False)
    assert any("are merged" in line.text for line in again.of(LogLine))
    assert again.one(ProcessEnded).pid == lost.one(ProcessStarted).pid
    await left_nothing(pipes, tmp_path)


async def test_time_that_was_up_meanwhile_ends_it_there(pipes: LocalPipes, tmp_path: Path) -> None:
    spec, runtime = bench_spec(tmp_path, repeat=600, seconds=0.8), LlamaBench()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    await away(pipes, 1.6)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert again.error is None
    begun_ns = lost.of(TurnStarted)[0].t_ns
    last = again.of(TurnEnded)[-1]
    assert last.t_ns - begun_ns < SECOND
    assert last.end in {TurnEnd.TIME, TurnEnd.LIMIT}
    assert len(again.of(TurnEnded)) > 3
    await left_nothing(pipes, tmp_path)


async def test_a_lease_that_expired_is_told_after_the_rows_that_came(
    pipes: LocalPipes, tmp_path: Path
) -> None:
    spec, runtime = bench_spec(tmp_path, repeat=600), LlamaBench()
    spec = run_spec(spec.workload, home=spec.home, on_link_loss=spec.on_link_loss, lease_s=1.0)
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    pid = lost.one(ProcessStarted).pid
    await gone(pid, 10)
    await away(pipes, 0)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert isinstance(again.error, RunFailed)
    told = "the lease of 1 s ran out while the link was away; what the device kept was merged"
    assert again.error.sentence == told
    assert sum(turn.end is TurnEnd.LIMIT for turn in again.of(TurnEnded)) > 5
    assert (again.one(ProcessEnded).pid, again.one(ProcessEnded).returncode) == (pid, -9)
    await left_nothing(pipes, tmp_path)


TALK = ((Prompt("What is a list?"), Prompt("And a 'dict'?")), (Prompt("Hello"),))


def cli_spec(folder: Path, *cues: str, **changes: object) -> RunSpec:
    install(runtime_of(folder), "llama_cli.py", "llama-completion", "diary", *cues)
    work = workload(**{"conversations": TALK, "repeat": 6, "chat": False, "max_tokens": 12, **changes})
    return run_spec(work, home=str(folder), on_link_loss=OnLinkLoss.KEEP)


def diary(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "models" / "diary").read_text().splitlines()]


@EVERY_USERLAND
async def test_turns_that_were_taken_while_the_cable_was_out(pipes: LocalPipes, tmp_path: Path) -> None:
    spec, runtime = cli_spec(tmp_path, warmup=1), LlamaCli()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 3))
    assert isinstance(lost.error, LinkLost)
    assert runtime.holding
    await away(pipes, 1.5)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert (again.error, runtime.holding) == (None, False)
    whole = Run([*lost.items, *again.items])
    starts, turns, firsts = whole.of(TurnStarted), whole.of(TurnEnded), whole.of(FirstToken)
    assert [turn.turn for turn in starts] == [turn.turn for turn in turns] == [*range(1, 20)]
    assert [turn.turn for turn in firsts] == [*range(1, 20)]
    assert {(turn.end, turn.output_tokens, turn.prompt_tokens) for turn in turns} == {
        (TurnEnd.LIMIT, 12, PROMPT_TOKENS)
    }
    said = "".join(WORDS[at % len(WORDS)] for at in range(12))
    for turn in turns:
        assert "".join(item.text for item in whole.of(OutputText) if item.turn == turn.turn) == said
    written = diary(tmp_path)
    assert [one["prompt"] for one in written[1:4]] == [
        "What is a list?", f"What is a list?{said}And a 'dict'?", "Hello",
    ]  # fmt: skip
    late = [turn for turn in turns if AWAY in turn.detail]
    assert len(late) > 2
    for turn, first, one in zip(turns, firsts, written, strict=True):
        slack_ns = 50_000_000 + (uncertainty(whole) if AWAY in turn.detail else FOLLOWED_NS)
        assert -slack_ns <= turn.t_ns - one["end"] <= TICK_NS + LATE_NS + slack_ns
        assert -slack_ns - FOLLOWED_NS <= first.t_ns - one["first"] <= TICK_NS + LATE_NS + slack_ns
    counted = whole.samples("token_arrivals") + whole.samples("kept token_arrivals")
    assert max(count for _, count in counted) == 19 * 12
    assert whole.samples("kept token_arrivals")
    assert len(whole.of(ModelLoaded)) == len(whole.of(ProcessStarted)) == len(whole.of(ProcessEnded)) == 1
    await left_nothing(pipes, tmp_path)


async def test_a_turn_in_progress_when_the_cable_went_and_when_it_came(
    pipes: LocalPipes, tmp_path: Path
) -> None:
    talk = ((Prompt("long"),),)
    spec, runtime = cli_spec(tmp_path, conversations=talk, repeat=1, max_tokens=700), LlamaCli()

    def cut(item: object) -> None:
        if isinstance(item, Samples) and item.last_code >= 20:
            pipes.cut()

    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cut)
    assert isinstance(lost.error, LinkLost)
    assert lost.of(TurnEnded) == []
    await away(pipes, 1.2)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    whole = Run([*lost.items, *again.items])
    assert whole.one(TurnEnded).output_tokens == 700
    text = "".join(item.text for item in whole.of(OutputText))
    assert text == "".join(WORDS[at % len(WORDS)] for at in range(700))
    kept = whole.samples("kept token_arrivals")
    counts = [count for _, count in kept]
    assert len(kept) > 3
    assert counts == sorted(counts)
    offset_ns = again.of(ClockMeasured)[0].offset_ns
    live = whole.samples("token_arrivals")
    told = sorted([*live, *((t_ns + offset_ns, count) for t_ns, count in kept)])
    assert told[-1][1] == 700
    rates = [
        (count - before) * SECOND / (t_ns - t0_ns)
        for (t0_ns, before), (t_ns, count) in zip(kept[1:-1:4], kept[5::4], strict=False)
    ]
    assert all(20 < rate < 500 for rate in rates)


async def test_an_engine_that_dies_while_nobody_is_there(pipes: LocalPipes, tmp_path: Path) -> None:
    folder = tmp_path / "runtimes" / "llama.cpp"
    spec, runtime = cli_spec(tmp_path, conversations=((Prompt("a"),),), repeat=30), LlamaCli()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 2))
    install(folder, "llama_cli.py", "llama-completion", "dies")
    await gone(lost.one(ProcessStarted).pid)
    await away(pipes, 0)
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert isinstance(again.error, RunFailed)
    assert "the engine ended with SIGKILL" in str(again.error)
    assert [turn.end for turn in again.of(TurnEnded)][-1] is TurnEnd.FAILED
    await left_nothing(pipes, tmp_path)


async def test_stopping_a_kept_turn_gets_its_timings(
    pipes: LocalPipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LAST_WORDS_S", 10.0)
    spec, runtime = cli_spec(tmp_path, max_tokens=100_000), LlamaCli()
    run = await follow(runtime, spec, Phone(pipes, tmp_path), stopping(runtime, Samples))
    assert (run.error, run.one(TurnEnded).end) == (None, TurnEnd.STOPPED)
    assert run.one(TurnEnded).output_tokens is not None
    await left_nothing(pipes, tmp_path)


async def test_what_was_read_beside_a_server(pipes: LocalPipes, tmp_path: Path) -> None:
    install(runtime_of(tmp_path), "llama_server.py", "llama-server")
    work = workload(conversations=((Prompt("a"), Prompt("b")),), max_tokens=5, pause_s=0.3)
    spec, runtime = run_spec(work, home=str(tmp_path), on_link_loss=OnLinkLoss.KEEP), LlamaServer()
    lost = await follow(runtime, spec, Phone(pipes, tmp_path), cutting(pipes, 1))
    cut_ns = CLOCK.now()
    await away(pipes, 2.2)
    back_ns = CLOCK.now()
    again = await follow(runtime, spec, Phone(pipes, tmp_path))
    assert (again.error, [turn.turn for turn in again.of(TurnEnded)]) == (None, [2])
    (rss,) = (block for block in again.of(Samples) if block.channel == "kept rss")
    offset_ns = again.of(ClockMeasured)[0].offset_ns
    assert 2 <= rss.n <= 5
    for at in range(rss.n):
        assert cut_ns - SECOND < rss.time_at(at) + offset_ns < back_ns + SECOND
    assert again.one(ProcessEnded).pid == lost.one(ProcessStarted).pid
    await left_nothing(pipes, tmp_path)


async def left_nothing(pipes: LocalPipes, folder: Path) -> None:
    for pid in pipes.children():
        await gone(pid)
    assert not list((folder / "leases").iterdir())


def test_an_error_that_was_raised_again_from_itself_has_an_end() -> None:
    broken, timed = LinkLost("broke off"), LinkTimeout("silent")
    broken.__cause__, timed.__cause__ = LinkLost("gone", told=True), timed
    kept = Kept(run_spec())
    kept.lose(7 * SECOND, timed)
    assert kept._lost_ns < 7 * SECOND
    kept.lose(7 * SECOND, broken)
    assert kept._lost_ns == 7 * SECOND
