"""A ceiling ends a run: when it is passed, and when nobody can tell any more."""

import asyncio
from dataclasses import replace

import pytest

from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ProcessEnded, ProcessStarted
from drivers.fair import Fair
from drivers.model import reading
from melt_tui.events import RunEnded, RunOutcome, SafetyStop
from melt_tui.measures.conditions import parse
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.safety import breach
from melt_tui.session.sensing import Sensing
from tests.rigs.fair_phone import LIMIT_S, fair_phone
from tests.rigs.session_parts import CHANNEL, SPEC, Collected, NoShell, ScriptedDevice, ScriptedRuntime
from tests.rigs.virtual_clock import VirtualClock


async def test_a_run_that_passes_its_ceiling_is_stopped_and_nothing_stays(
    virtual_clock: VirtualClock,
) -> None:
    async with fair_phone(virtual_clock) as phone:
        await phone.source(Fair(ceiling="soc<=40 and slope<100/60s")).run(phone.bus)
    (stop,), (ended,) = phone.seen.of(SafetyStop), phone.seen.of(RunEnded)
    assert not stop.lost
    assert stop.sensed[0].value is not None
    assert 40 < stop.sensed[0].value < 41
    assert ended.outcome is RunOutcome.STOPPED
    assert ended.reason == stop.reason
    assert ended.reason.startswith("safety stop: soc 40.")
    assert 0 <= ended.t_ns - stop.t_ns < SECOND
    assert len(phone.seen.of(ProcessStarted)) == len(phone.seen.of(ProcessEnded)) == 1


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_run_whose_sensor_is_lost_is_stopped_also_one_that_does_not_listen(
    virtual_clock: VirtualClock, *, deaf: bool
) -> None:
    collected, sensing = Collected(), Sensing(virtual_clock)
    bus, runtime = Bus((collected,), (sensing,)), ScriptedRuntime(wait=True)
    runtime.deaf = deaf
    bus.publish(ChannelsOpened(t_ns=virtual_clock.now(), device="dev", channels=(CHANNEL,)))
    spec = replace(SPEC, fair=Fair(ceiling="soc<=85"))
    source = RunSource(spec, runtime, ScriptedDevice(), NoShell(), virtual_clock, sensing=sensing)
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        group.create_task(source.run(bus))
        for _ in range(20):
            await virtual_clock.run_for(1)
            bus.publish(reading(CHANNEL, virtual_clock.now(), 50.0))
    (stop,), (ended,) = collected.of(SafetyStop), collected.of(RunEnded)
    assert stop.lost
    assert ended.outcome is RunOutcome.STOPPED
    assert ended.reason == "safety stop: soc has said nothing for 10 s, the ceiling soc<=85 cannot be watched"
    assert ended.t_ns - stop.t_ns == (3 * SECOND if deaf else 0)
    assert runtime.closed


def test_a_slope_that_is_not_known_yet_stops_nothing(virtual_clock: VirtualClock) -> None:
    sensing = Sensing(virtual_clock)
    bus = Bus((), (sensing,))
    bus.publish(ChannelsOpened(t_ns=0, device="dev", channels=(CHANNEL,)))
    probe = sensing.probe("dev", parse("soc<=85 and slope<9/60s"))
    bus.publish(reading(CHANNEL, 0, 50.0))
    assert breach(probe) is None
    bus.publish(reading(CHANNEL, 0, 85.1))
    found = breach(probe)
    assert found is not None
    assert found.reason == "safety stop: soc 85.1 °C, the ceiling is soc<=85 and slope(soc)<9/60s"
