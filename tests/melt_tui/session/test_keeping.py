"""A run that keeps: waited for, taken up, given up; and a device that was seen."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.errors import DriverError, LinkLost, RunFailed
from drivers.events import ChannelsOpened, LogLine, ProcessStarted, TurnStarted
from drivers.links.base import ShellLink
from drivers.model import OnLinkLoss, RunSpec, Sampling
from melt_tui.events import DeviceFailed, DeviceUp, RunEnded, RunOutcome
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.sampler import Sampler
from tests.rigs.session_parts import SPEC, Collected, NoShell, ScriptedDevice, SteppedClock, opener, settle

LOST = LinkLost("dev: the cable was pulled")
TURN = TurnStarted(t_ns=1, device="dev", turn=1)


class Holding:
    """A runtime whose engine lives on: each call of ``run`` plays the next act, items and then an error or the end."""

    def __init__(self, *acts: tuple[Item | Exception, ...]) -> None:
        self.holding = True
        self.shells: list[ShellLink] = []
        self.stopped = False
        self._acts = list(acts)

    def objection(self, spec: RunSpec) -> DriverError | None:
        return None

    def sampling(self, spec: RunSpec) -> Sampling:
        return spec.sampling

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        self.shells.append(shell)
        for step in self._acts.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step

    async def stop(self) -> None:
        self.stopped = True


class Deaf(Holding):
    """One whose link is dead without anybody having noticed."""

    def __init__(self, *acts: tuple[Item | Exception, ...]) -> None:
        super().__init__(*acts)
        self.silent = asyncio.Event()

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        async for item in super().run(spec, shell, clock):
            yield item
        await self.silent.wait()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


class Away:
    """The device of a run, there or not."""

    def __init__(self) -> None:
        self.shell: ShellLink | None = None

    def __call__(self) -> ShellLink | None:
        return self.shell


def source(runtime: Holding, clock: SteppedClock, reach: Away, lease_s: float = 60.0) -> RunSource:
    spec = replace(SPEC, lease_s=lease_s, on_link_loss=OnLinkLoss.KEEP)
    return RunSource(spec, runtime, ScriptedDevice(), NoShell(), clock, reach=reach)


async def test_it_is_taken_up_with_the_shell_that_the_device_has_then(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    away, runtime = Away(), Holding((TURN, LOST), (TURN,))
    task = asyncio.ensure_future(source(runtime, clock, away).run(bus))
    await clock.run_until(20 * SECOND)
    assert collected.of(RunEnded) == []
    away.shell = NoShell()
    await clock.run_until(23 * SECOND)
    await task
    assert runtime.shells[1] is away.shell
    assert [end.outcome for end in collected.of(RunEnded)] == [RunOutcome.DONE]
    assert len(collected.of(TurnStarted)) == 2
    assert [line.text for line in collected.of(LogLine)] == [
        "dev: the cable was pulled: it goes on there, for at most 60 s"
    ]


async def test_what_nobody_sampled_meanwhile_is_said_when_it_is_back(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    kept = replace(ScriptedDevice().channels[0], name="kept rss", fills=("rss",))
    back = ChannelsOpened(t_ns=5, device="dev", channels=(kept,))
    away = Away()
    away.shell = NoShell()
    task = asyncio.ensure_future(source(Holding((TURN, LOST), (back, LOST), (back,)), clock, away).run(bus))
    await clock.run_until(30 * SECOND)
    await task
    names = ", ".join(channel.name for channel in ScriptedDevice().channels)
    said = [line.text for line in collected.of(LogLine) if "not sampled" in line.text]
    assert said == [f"not sampled while dev was away: {names}"], "once, over two losses"


async def test_what_a_lease_left_is_asked_for_however_late_the_device_is_back(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    away, runtime = Away(), Holding((TURN, LOST), (TURN, RunFailed("the lease ran out")))
    task = asyncio.ensure_future(source(runtime, clock, away, 10.0).run(bus))
    await clock.run_until(500 * SECOND)
    assert collected.of(RunEnded) == []
    said = [(line.t_ns, line.text) for line in collected.of(LogLine)]
    assert [text for _, text in said] == [
        "dev: the cable was pulled: it goes on there, for at most 10 s",
        "the lease of 10 s has run out: what dev kept is waited for",
    ]
    assert 11 * SECOND <= said[1][0] <= 13 * SECOND
    away.shell = NoShell()
    await clock.run_until(503 * SECOND)
    await task
    (end,) = collected.of(RunEnded)
    assert (end.outcome, end.reason, len(collected.of(TurnStarted))) == (
        RunOutcome.FAILED,
        "the lease ran out",
        2,
    )


async def test_a_device_that_is_there_and_cannot_be_talked_to_is_not_hammered(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    away, runtime = Away(), Holding((TURN, LOST), *[(LOST,)] * 40, (TURN,))
    away.shell = NoShell()
    task = asyncio.ensure_future(source(runtime, clock, away, 10.0).run(bus))
    await clock.run_until(60 * SECOND)
    assert len(runtime.shells) < 40
    assert len(collected.of(LogLine)) == 1
    await clock.run_until(90 * SECOND)
    await task
    assert [end.outcome for end in collected.of(RunEnded)] == [RunOutcome.DONE]


async def test_what_holds_nothing_fails_at_once(clock: SteppedClock, bus: Bus, collected: Collected) -> None:
    for error, holding in ((LOST, False), (RunFailed("the engine died"), True)):
        runtime = Holding((TURN, error))
        runtime.holding = holding
        await source(runtime, clock, Away()).run(bus)
        assert collected.of(RunEnded)[-1].outcome is RunOutcome.FAILED
        assert collected.of(RunEnded)[-1].reason == error.sentence


async def test_it_can_be_stopped_while_it_is_away(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    away, runtime = Away(), Holding((TURN, LOST), (TURN,))
    run = source(runtime, clock, away)
    task = asyncio.ensure_future(run.run(bus))
    await settle()
    stopping = asyncio.ensure_future(run.stop())
    await settle()
    ends = latest(clock, 66)
    left = f"dev is away: its engine is ended when it is back, and ends itself with its lease at {ends} at the latest"
    assert (stopping.result(), runtime.stopped) == (left, True)
    assert [line.text for line in collected.of(LogLine)][1:] == [left]
    assert collected.of(RunEnded) == [], "its rows are still to come"
    await clock.run_until(40 * SECOND)
    away.shell = NoShell()
    await clock.run_until(43 * SECOND)
    await task
    (end,) = collected.of(RunEnded)
    assert (end.outcome, end.reason, len(collected.of(TurnStarted))) == (RunOutcome.STOPPED, "", 2)


def latest(clock: SteppedClock, seconds: int) -> str:
    """The first whole second that is so long after now."""
    return time.strftime("%H:%M:%S", time.localtime(-(-clock.wall() // SECOND) + seconds))


async def test_a_device_of_which_nobody_knows_yet_that_it_is_away_keeps_no_stop_waiting(
    clock: SteppedClock, bus: Bus, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("melt_tui.session.run.STOP_LIMIT_S", 0.01)
    deaf = Deaf((TURN,))
    run = source(deaf, clock, Away())
    task = asyncio.ensure_future(run.run(bus))
    await settle()
    assert (await run.stop()).startswith(
        "dev does not answer: its engine is ended when it is back, and ends itself"
    )
    assert not task.done()
    deaf.silent.set()
    await task
    assert [end.outcome for end in collected.of(RunEnded)] == [RunOutcome.STOPPED]


async def test_what_is_left_is_said_when_the_session_ends_before_the_device_is_back(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    task = asyncio.ensure_future(source(Holding((TURN, LOST)), clock, Away()).run(bus))
    await settle()
    task.cancel()
    await asyncio.wait([task])
    (end,) = collected.of(RunEnded)
    assert (end.outcome, end.reason) == (
        RunOutcome.STOPPED,
        f"dev is away: its engine ends itself with its lease at {latest(clock, 66)} at the latest",
    )


async def test_a_stopped_run_of_which_nothing_is_left_ends_as_stopped(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    away = Away()
    run = source(Holding((TURN, LOST), (RunFailed("nothing is left"),)), clock, away)
    task = asyncio.ensure_future(run.run(bus))
    await settle()
    await run.stop()
    away.shell = NoShell()
    await clock.run_until(3 * SECOND)
    await task
    (end,) = collected.of(RunEnded)
    assert (end.outcome, end.reason) == (RunOutcome.STOPPED, "nothing is left")


async def test_a_watched_process_is_followed_again_after_a_loss(clock: SteppedClock, bus: Bus) -> None:
    first, second = ScriptedDevice(end=LOST), ScriptedDevice()
    sampler = Sampler("dev", "a", opener(first, second), clock)
    runtime = Holding((ProcessStarted(t_ns=0, device="dev", pid=42, command="llama"), LOST))
    runtime.holding = False
    await RunSource(SPEC, runtime, sampler, NoShell(), clock).run(bus)
    task = asyncio.ensure_future(sampler.run(bus))
    await clock.run_until(SECOND)
    assert (first.watched, second.watched) == ([42], [42])
    sampler.unwatch(42)
    sampler.unwatch(42)
    assert second.watched == []
    task.cancel()


async def test_a_device_that_was_seen_is_tried_at_once(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    steps = (LOST, LOST, LOST, LOST, ScriptedDevice())
    sampler = Sampler("dev", "a", opener(*steps), clock)
    task = asyncio.ensure_future(sampler.run(bus))
    await clock.run_until(3 * SECOND)
    sampler.retry()
    await settle()
    assert [up.t_ns for up in collected.of(DeviceUp)] == [3 * SECOND], "not a moment later"
    sampler.retry()
    await clock.run_until(9 * SECOND)
    assert len(collected.of(DeviceUp)) == 1
    task.cancel()


async def test_without_being_seen_it_waits_two_seconds_at_most(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    losses = [LOST] * 6
    task = asyncio.ensure_future(Sampler("dev", "a", opener(*losses, ScriptedDevice()), clock).run(bus))
    await clock.run_until(20 * SECOND)
    assert [up.t_ns for up in collected.of(DeviceUp)] == [(250 + 500 + 1000 + 3 * 2000) * MILLISECOND]
    task.cancel()


async def test_what_was_given_up_can_be_tried_again(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    sampler = Sampler("dev", "a", opener(RunFailed("no"), ScriptedDevice()), clock)
    await sampler.run(bus)
    assert [fail.reason for fail in collected.of(DeviceFailed)] == ["no"]
    task = asyncio.ensure_future(sampler.run(bus))
    await settle()
    assert not sampler.failed
    await sampler.until_up()
    assert len(collected.of(DeviceUp)) == 1
    task.cancel()
