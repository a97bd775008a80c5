"""Before a run: waits for a time, or until a condition holds; a stop ends them at once."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.events import ChannelsOpened
from drivers.fair import Fair
from drivers.links.base import ShellLink
from drivers.model import RunSpec, Samples, reading
from melt_tui.events import RunEnded, RunOutcome, RunStarted, RunWaited, RunWaiting, Wait
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.sensing import Sensing
from melt_tui.session.series import Series
from tests.rigs.fair_phone import LIMIT_S, fair_phone
from tests.rigs.session_parts import (
    CHANNEL,
    SPEC,
    Collected,
    NoShell,
    ScriptedDevice,
    ScriptedRuntime,
    SteppedClock,
    settle,
)
from tests.rigs.virtual_clock import VirtualClock


class Remembering(ScriptedRuntime):
    """Notes on which shells it was run."""

    def __init__(self) -> None:
        super().__init__()
        self.shells: list[ShellLink] = []

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        self.shells.append(shell)
        async for item in super().run(spec, shell, clock):
            yield item


IDLE = replace(SPEC, baseline_s=25.0)


async def test_a_run_begins_after_the_idle_time_on_the_link_as_it_is_then() -> None:
    clock, collected = SteppedClock(), Collected()
    later, runtime = NoShell(), Remembering()
    source = RunSource(IDLE, runtime, ScriptedDevice(), NoShell(), clock, reach=lambda: later)
    async with asyncio.TaskGroup() as group:
        group.create_task(source.run(Bus((collected,))))
        await clock.run_until(24 * SECOND)
        assert collected.of(RunStarted) == []
        await clock.run_until(25 * SECOND)
        await settle()
    assert [event.t_ns for event in collected.of(RunStarted)] == [25 * SECOND]
    assert [event.outcome for event in collected.of(RunEnded)] == [RunOutcome.DONE]
    assert runtime.shells == [later]
    told = collected.of(RunWaiting)
    assert [(one.why, one.eta_s) for one in told[:3]] == [
        (Wait.IDLE, 25.0),
        (Wait.IDLE, 23.0),
        (Wait.IDLE, 21.0),
    ]
    assert told[-1].done == pytest.approx(24 / 25)
    assert [(one.met, one.waited_s) for one in collected.of(RunWaited)] == [(True, 25.0)]


async def test_a_run_that_is_stopped_meanwhile_never_begins() -> None:
    clock, collected, runtime = SteppedClock(), Collected(), ScriptedRuntime(wait=True)
    source = RunSource(IDLE, runtime, ScriptedDevice(), NoShell(), clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(source.run(Bus((collected,))))
        await clock.run_until(5 * SECOND)
        await source.stop()
    (started,), (ended,) = collected.of(RunStarted), collected.of(RunEnded)
    assert (started.t_ns, ended.t_ns) == (5 * SECOND, 5 * SECOND)
    assert (ended.outcome, ended.reason) == (RunOutcome.STOPPED, "stopped before it began")
    assert [(one.met, one.reason) for one in collected.of(RunWaited)] == [(False, "stopped")]
    assert not runtime.closed


async def test_a_session_that_ends_meanwhile_ends_the_run() -> None:
    clock, collected = SteppedClock(), Collected()
    source = RunSource(IDLE, ScriptedRuntime(), ScriptedDevice(), NoShell(), clock)
    task = asyncio.ensure_future(source.run(Bus((collected,))))
    await clock.run_until(5 * SECOND)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (started,), (ended,) = collected.of(RunStarted), collected.of(RunEnded)
    assert (started.run, ended.reason) == ("r1", "ended with the session")


async def test_a_warm_phone_cools_to_the_gate_and_the_time_was_foretold(virtual_clock: VirtualClock) -> None:
    fair = Fair(gate="soc<=40 and slope<6/60s", planned=2)
    async with fair_phone(virtual_clock) as phone:
        first, second = (
            phone.source(Fair(), seconds=60),
            phone.source(replace(fair, place=2), run="r2", seconds=2),
        )
        await Series((first, second)).run(phone.bus)
    before = [one for one in phone.seen.of(RunWaiting) if one.run == "r2"]
    (waited,) = phone.seen.of(RunWaited)
    started = next(one for one in phone.seen.of(RunStarted) if one.run == "r2")
    assert waited.met
    assert waited.t_ns == started.t_ns
    soc, slope = waited.sensed
    assert (soc.what, soc.unit, soc.wanted) == ("soc", "°C", "<=40")
    assert soc.value is not None
    assert 35 < soc.value <= 40
    assert slope.value is not None
    assert 3 < slope.value < 6
    warm = before[0].sensed[0].value
    assert warm is not None
    assert warm > 45
    assert [one.done for one in before] == sorted(one.done for one in before)
    left_s = [(one.eta_s, waited.waited_s - one.waited_s) for one in before if one.waited_s > 65]
    assert left_s
    assert all(eta_s == pytest.approx(true_s, rel=0.35, abs=6) for eta_s, true_s in left_s)
    ends = [one.outcome for one in phone.seen.of(RunEnded)]
    assert ends == [RunOutcome.DONE, RunOutcome.DONE]


async def test_a_gate_that_is_never_met_says_so(virtual_clock: VirtualClock) -> None:
    async with fair_phone(virtual_clock) as phone:
        await phone.source(Fair(gate="soc<=20", gate_timeout_s=90)).run(phone.bus)
    (ended,) = phone.seen.of(RunEnded)
    assert ended.outcome is RunOutcome.FAILED
    assert "sim-phone did not come to soc<=20 within 90 s (gate): soc 35.4 °C; soc " in ended.reason
    assert ended.reason.endswith("soc<=20 may never hold")
    assert ended.remedy.endswith("--gate-timeout")
    assert [one.met for one in phone.seen.of(RunWaited)] == [False]
    assert len([one for one in phone.seen.of(Samples) if one.channel == "tokens"]) == 0


async def test_a_sensor_that_falls_silent_is_told_and_ends_the_wait() -> None:
    clock, collected = VirtualClock(), Collected()
    sensing = Sensing(clock)
    bus = Bus((collected,), (sensing,))
    bus.publish(ChannelsOpened(t_ns=clock.now(), device="dev", channels=(CHANNEL,)))
    source = RunSource(
        replace(SPEC, fair=Fair(gate="soc<=40")), ScriptedRuntime(), ScriptedDevice(), NoShell(), clock, sensing=sensing
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        group.create_task(source.run(bus))
        for _ in range(20):
            await clock.run_for(1)
            bus.publish(reading(CHANNEL, clock.now(), 50.0))
    (ended,) = collected.of(RunEnded)
    assert ended.outcome is RunOutcome.FAILED
    assert ended.reason == "soc of dev has said nothing for 60 s: it cannot be told whether soc<=40"
    assert "soc silent for 12 s" in [one.note for one in collected.of(RunWaiting)]
    assert clock.now() - collected.of(RunStarted)[0].t_ns == 0


async def test_between_runs_it_cools_down_by_time_and_a_stop_ends_all_at_once(
    virtual_clock: VirtualClock,
) -> None:
    async with fair_phone(virtual_clock) as phone:
        series = Series(
            [
                phone.source(Fair(cooldown="30", place=place, planned=3), run=f"r{place}", seconds=1)
                for place in (1, 2, 3)
            ]
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(series.run(phone.bus))
            while len(phone.seen.of(RunEnded)) < 2:
                await virtual_clock.run_for(0.5)
            assert not series.ended
            await virtual_clock.run_for(4.6)
            asked_ns = virtual_clock.now()
            await series.stop()
    ends = phone.seen.of(RunEnded)
    assert [(one.run, one.outcome) for one in ends] == [
        ("r1", RunOutcome.DONE), ("r2", RunOutcome.DONE), ("r3", RunOutcome.STOPPED),
    ]  # fmt: skip
    assert ends[2].t_ns == asked_ns
    assert series.ended is ends[2]
    first, second = phone.seen.of(RunWaited)
    assert (first.run, first.why, first.waited_s, first.met) == ("r2", Wait.COOLDOWN, 30.0, True)
    assert (second.run, second.met) == ("r3", False)
