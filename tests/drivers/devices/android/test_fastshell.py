"""The fast shell: what belongs to an order that was replaced is passed over."""

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from drivers import linux
from drivers.clock import SystemClock
from drivers.devices.android.fastshell import FastShell
from drivers.devices.android.gauges import FileGauge, Rounds
from drivers.devices.android.opening import Opening
from drivers.devices.android.ticking import Tick
from drivers.devices.android.watching import Settings, Watched
from drivers.errors import LinkLost
from drivers.links.base import Lease, Process
from drivers.links.local import LocalShell
from drivers.links.scripted import Exchange, ScriptedShell
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, Samples, Unit

SETTINGS = Settings(page_size=4096, processors=8, user=2000, builtin=True, children=True)
OPENING = Opening(
    info=DeviceInfo(device="phone", address="adb:x", kind=DeviceKind.PHONE),
    fast=Rounds("melt_fast", ()),
    steady=Rounds("melt_steady", ()),
    services=(),
    missing=(),
    settings=SETTINGS,
    own_time=None,
    paced=True,
)
SOC = Channel(device="phone", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS)
ROUND = "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0|900 300 100 1 0 1 0|"


async def test_a_line_for_another_process_of_before_is_not_this_ones() -> None:
    watched = Watched("phone", SETTINGS)
    clock = SystemClock()
    shell = FastShell(OPENING, watched, LocalShell(clock), clock, lambda t_ns, channels: [])
    watched.add(11)
    shell._asked_of, shell._key = (11,), 2
    stale = shell._tick(1, Tick(1, 1, "", mine=("k1", ROUND)))
    assert stale == []
    fresh = shell._tick(2, Tick(2, 2, "", mine=("k2", ROUND)))
    assert [item.channel for item in fresh if isinstance(item, Samples)] == ["rss", "rss_anon", "rss_file"]


class Asked(LocalShell):
    """Tells what it was to start, and starts nothing."""

    @asynccontextmanager
    async def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, lease: Lease | None = None
    ) -> AsyncIterator[Process]:
        if argv:
            raise LinkLost(argv[-1])
        async with super().start(argv, env=env, lease=lease) as process:
            yield process


TICKS = (
    *("F 1700000000.100000|71|", "E", "F 1700000000.201000|72|", "E", "F 1700000000.300000|73|", "E."),
    *("F 1700000000.400000|74|", "E"),
)


@pytest.mark.parametrize("fault", [LinkLost("the cable is out"), None])
async def test_what_is_told_at_once_is_one_block_and_the_last_whole_tick_is_not_lost(
    fault: LinkLost | None,
) -> None:
    clock = SystemClock()
    ticks = Exchange(argv=("sh", "-c", "ticks"), lines=tuple((0, "out", text) for text in TICKS), fault=fault)
    link = ScriptedShell(clock, [ticks])
    opening = replace(OPENING, fast=Rounds("melt_fast", [FileGauge(SOC, "/soc", linux.integer)]))
    shell = FastShell(opening, Watched("phone", SETTINGS), link, clock, lambda t_ns, channels: [])
    async with link.start(["sh", "-c", "ticks"]) as process:
        blocks: list[Samples] = []
        with pytest.raises(LinkLost) if fault else nullcontext():
            async for items in shell._told(process):
                blocks += [item for item in items if isinstance(item, Samples)]
    assert [struct.unpack(f"<{block.n}d", block.codes) for block in blocks] == [(71.0, 72.0, 73.0), (74.0,)]
    times = [blocks[0].time_at(i) for i in range(3)]
    assert blocks[0].times is not None
    assert blocks[0].t0_ns == times[0] < times[1] < times[2] == blocks[0].t1_ns
    assert blocks[0].t1_ns < blocks[1].t0_ns == blocks[1].t1_ns


@pytest.mark.parametrize(
    ("lead_ns", "phase_us"), [(0, 0), (1_700_000_000_912_345_678, 12345), (-1_000_000, 99_000)]
)
async def test_ticks_fall_on_our_grid_whatever_the_phone_s_clock_says(lead_ns: int, phase_us: int) -> None:
    """So that many phones wake us together."""
    script = await _script(replace(OPENING, lead_ns=lead_ns))
    for t_us in (0, 12_345, 99_999, 500_000):
        assert (t_us + _wait_us(script, t_us) - phase_us) % 100_000 == 0


async def test_many_phones_take_turns() -> None:
    """So that what all of them tell does not come at one moment."""
    scripts = [await _script(replace(OPENING, turn=turn)) for turn in (0.0, 0.5, 0.25, 0.99)]
    phases = [int(script.split("1$u - ", 1)[1].split(" ", 1)[0]) for script in scripts]
    assert phases == [0, 500_000, 200_000, 900_000]


async def _script(opening: Opening) -> str:
    """What the phone's shell is given."""
    clock = SystemClock()
    shell = FastShell(opening, Watched("phone", SETTINGS), Asked(clock), clock, lambda t_ns, channels: [])
    with pytest.raises(LinkLost) as started:
        await anext(shell.rounds())
    return str(started.value)


def _wait_us(script: str, t_us: int) -> int:
    """How long it waits when its clock says so many microseconds."""
    return _value(script.split("w=$((", 1)[1].split("))", 1)[0].replace("1$t", f"1{t_us:06}"))


def _value(sum_of: str) -> int:
    """``PERIOD - (a - PHASE) % PERIOD``, as a shell works it out."""
    period, _, rest = sum_of.partition(" - (")
    inner, _, modulus = rest.partition(") % ")
    t_us, _, phase = inner.partition(" - ")
    assert int(t_us) >= int(phase), "the remainder of a negative number is another one in a shell"
    return int(period) - (int(t_us) - int(phase)) % int(modulus)
