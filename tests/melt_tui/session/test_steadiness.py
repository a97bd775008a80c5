"""A run that is to last until it is steady ends then: 20 minutes at the earliest."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace

import pytest

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.events import ChannelsOpened, LogLine, ModelLoaded, TurnStarted
from drivers.fair import Fair
from drivers.links.base import ShellLink
from drivers.model import Channel, Prompt, Quantity, RunSpec, Unit, Workload, uneven_block
from melt_tui.events import RunEnded, RunOutcome, RunSteady
from melt_tui.session.bus import Bus
from melt_tui.session.run import RunSource
from melt_tui.session.steadiness import Steadiness
from tests.rigs.session_parts import SPEC, Collected, NoShell, ScriptedDevice, ScriptedRuntime
from tests.rigs.virtual_clock import VirtualClock

ARRIVALS = Channel(device="dev", name="arrivals", quantity=Quantity.TOKEN_ARRIVALS, unit=Unit.TOKENS)
TURN_S = 30


def turns(start_ns: int, seconds: int, slower: float) -> Iterator[Item]:
    """Half a minute of decoding each, at 10 tok/s and slower by a share per hour; a pause of 3 s between."""
    count, t_s = 0, 0.0
    yield ChannelsOpened(t_ns=start_ns, device="dev", channels=(ARRIVALS,))
    yield ModelLoaded(t_ns=start_ns, device="dev", load_s=1.0)
    for turn in range(1, seconds // TURN_S + 1):
        yield TurnStarted(t_ns=start_ns + round(t_s * SECOND), device="dev", turn=turn)
        rate = 10 * (1 - slower * t_s / 3600)
        tokens = round((TURN_S - 3) * rate)
        times = [start_ns + round((t_s + 3 + i / rate) * SECOND) for i in range(tokens)]
        yield uneven_block(ARRIVALS, times, range(count + 1, count + 1 + tokens))
        count, t_s = count + tokens, t_s + TURN_S


@pytest.mark.parametrize(("slower", "steady"), [(0.0, True), (0.05, True), (0.5, False)])
def test_steady_is_a_slope_under_one_per_cent_in_five_minutes(*, slower: float, steady: bool) -> None:
    known = Steadiness()
    for item in turns(0, 1500, slower):
        known.take(item)
    assert known.plateau(1199 * SECOND) is None
    told = known.plateau(1500 * SECOND)
    assert told is not None
    assert told.steady is steady
    assert told.drift == pytest.approx(slower * 300 / 3600 * 10 / told.rate_tps, rel=0.05, abs=0.001)
    assert told.rate_tps == pytest.approx(10 * (1 - slower * 1350 / 3600), rel=0.01)


class Decoding(ScriptedRuntime):
    """Tells of its tokens as time goes by."""

    def __init__(self, slower: float) -> None:
        super().__init__()
        self._slower = slower

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        for item in turns(clock.now(), 2400, self._slower):
            if self._stop.is_set():
                return
            t_ns = getattr(item, "t1_ns", None)
            if t_ns is not None:
                await clock.sleep_until(t_ns)
            yield item


async def test_the_run_ends_when_it_is_steady(virtual_clock: VirtualClock) -> None:
    collected = Collected()
    spec = replace(SPEC, fair=Fair(until="steady"))
    begun_ns = virtual_clock.now()
    await RunSource(spec, Decoding(0.0), ScriptedDevice(), NoShell(), virtual_clock).run(Bus((collected,)))
    (told,), (ended,) = collected.of(RunSteady), collected.of(RunEnded)
    assert (told.t_ns - begun_ns) / SECOND == pytest.approx(1200, abs=40)
    assert told.rate_tps == pytest.approx(10.0, rel=0.01)
    assert ended.outcome is RunOutcome.DONE


async def test_until_then_it_is_told_how_far_it_is_and_the_time_still_ends_it(
    virtual_clock: VirtualClock,
) -> None:
    collected = Collected()
    workload = Workload(name="w", conversations=((Prompt("hi"),),), max_tokens=9, seconds=1400.0)
    spec = replace(SPEC, fair=Fair(until="steady"), workload=workload)
    await RunSource(spec, Decoding(0.5), ScriptedDevice(), NoShell(), virtual_clock).run(Bus((collected,)))
    assert collected.of(RunSteady) == []
    said = [line.text for line in collected.of(LogLine)]
    assert 3 <= len(said) <= 4
    assert said[0].startswith("r1 is not steady yet: 8.")
    assert said[0].endswith("tok/s, changes by 4.9 % in 5 min")
    assert [one.outcome for one in collected.of(RunEnded)] == [RunOutcome.DONE]
