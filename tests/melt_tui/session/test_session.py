"""A session owns its sources."""

import pytest

from drivers.clock import SECOND
from drivers.errors import Refused
from melt_tui.events import (
    SELF,
    SessionEnded,
    SessionStarted,
    Tick,
)
from melt_tui.session.bus import Bus
from melt_tui.session.sampler import Sampler
from melt_tui.session.session import Session
from tests.rigs.session_parts import Collected, ScriptedDevice, SteppedClock, opener, settle


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def bus(collected: Collected) -> Bus:
    return Bus((collected,))


def started(clock: SteppedClock) -> SessionStarted:
    return SessionStarted(
        t_ns=clock.now(), device=SELF, wall_ns=clock.wall(), name="n", version="0", host="h"
    )


async def test_session_starts_ticks_four_times_a_second_and_ends(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    async with Session(bus, clock, started(clock)):
        await clock.run_until(SECOND)
    assert isinstance(collected.items[0], SessionStarted)
    assert [tick.t_ns for tick in collected.of(Tick)] == [
        0,
        SECOND // 4,
        SECOND // 2,
        3 * SECOND // 4,
        SECOND,
    ]
    assert isinstance(collected.items[-1], SessionEnded)


async def test_removing_a_source_waits_for_its_cleaning_up(
    clock: SteppedClock, bus: Bus, collected: Collected
) -> None:
    device = ScriptedDevice()
    async with Session(bus, clock, started(clock)) as session:
        session.add("dev", Sampler("dev", "a", opener(device), clock))
        await settle()
        await session.remove("dev")
        assert device.closed
        await session.remove("dev")


async def test_a_name_runs_once_and_nothing_begins_while_the_session_is_left(
    clock: SteppedClock, bus: Bus
) -> None:
    session = Session(bus, clock, started(clock))
    async with session:
        for taken in ("ticks", "dev"):
            if taken == "dev":
                session.add("dev", Sampler("dev", "a", opener(ScriptedDevice()), clock))
            with pytest.raises(Refused, match=taken):
                session.add(taken, Sampler(taken, "a", opener(ScriptedDevice()), clock))
        await settle()
    with pytest.raises(Refused, match="ending"):
        session.add("late", Sampler("late", "a", opener(ScriptedDevice()), clock))
