"""Live energy on the bus: by the point of each source, told as far as it has come, per token only where it may be."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from drivers.base import Item
from drivers.events import (
    ChannelsOpened,
    ClockMeasured,
    Event,
    ModelLoaded,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    DType,
    Kind,
    Quantity,
    RunSpec,
    Samples,
    Unit,
    block,
    code_struct,
    reading,
)
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, Tick, Wired
from melt_tui.session.bus import Bus
from tests.rigs.random_sessions import Step, session, steps

S = 1_000_000_000
MS = 1_000_000
METER = Channel(
    device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=100.0, point="battery-terminals"
)  # fmt: skip
TOKENS = Channel(
    device="phone", name="token_arrivals", quantity=Quantity.TOKEN_ARRIVALS, unit=Unit.TOKENS, kind=Kind.COUNTER,
    dtype=DType.I64,
)  # fmt: skip
SPEC = RunSpec(run="r", device="phone", runtime="x", model=None, workload=None)
Story = list[tuple[int, Item]]


class Taken:
    """A sink that keeps what it takes."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, item: Item) -> None:
        self.items.append(item)


def passed(items: Iterable[Item]) -> list[Item]:
    taken = Taken()
    bus = Bus([taken], [LiveEnergy()])
    for item in items:
        bus.publish(item)
    return taken.items


def told(items: Iterable[Item], name: str) -> list[tuple[int, Any]]:
    return [
        (item.t0_ns, code_struct(item.dtype).unpack(item.codes)[0])
        for item in items
        if isinstance(item, Samples) and item.channel == name
    ]


def opened(items: Iterable[Item]) -> list[Channel]:
    return [c for item in items if isinstance(item, ChannelsOpened) for c in item.channels if c.derived]


def watts(t_ns: int) -> float:
    """1 W, and 3 W from the first token at 12 s to the last at 16 s."""
    return 3.0 if 12 * S < t_ns <= 16 * S else 1.0


def metered(
    channel: Channel,
    *,
    late_ns: int = 0,
    hole: tuple[int, int] = (0, 0),
    until_s: int = 20,
    behind_ns: int = 0,
) -> Story:
    """Blocks of 0.1 s from the session's start on."""
    step = 10 * MS
    times = [[k * 100 * MS + i * step for i in range(10)] for k in range(until_s * 10)]
    return [
        (
            t[-1] + late_ns,
            block(channel, t[0] - behind_ns, t[-1] - behind_ns, [watts(one + step // 2) for one in t]),
        )
        for t in times
        if not hole[0] <= t[0] < hole[1]
    ]


def the_run(end: TurnEnd = TurnEnd.LIMIT, **started: Any) -> Story:
    """Asked for at 5 s, loaded from 6 to 9 s, prompt sent at 10 s, 41 tokens from 12 to 16 s, over at 18 s."""
    last = TurnEnded(
        t_ns=16 * S + MS, device="phone", run="r", turn=1, end=end, prompt_tokens=8, output_tokens=41,
        first_token_ns=12 * S, last_token_ns=16 * S, decode_s=4.0,
    )  # fmt: skip
    events: list[Event] = [
        RunStarted(t_ns=5 * S, device="phone", run="r", spec=SPEC),
        ModelLoaded(t_ns=9 * S, device="phone", run="r", load_s=3.0),
        TurnStarted(t_ns=10 * S, device="phone", run="r", turn=1, **started),
        last,
        RunEnded(t_ns=18 * S, device="phone", run="r", outcome=RunOutcome.DONE),
    ]
    tokens = [reading(TOKENS, 12 * S + k * 100 * MS, k + 1) for k in range(41)]
    return [*((e.t_ns, e) for e in events), *((one.t0_ns, one) for one in tokens)]


def played(*parts: Story, wired: Sequence[Wired] = (), channels: Sequence[Channel] = (METER,)) -> list[Item]:
    devices = {channel.device for channel in channels}
    beginning: list[Item] = [
        ChannelsOpened(t_ns=0, device=one, channels=tuple(c for c in channels if c.device == one))
        for one in sorted(devices)
    ]
    ticks = [(t * S // 4, Tick(t_ns=t * S // 4, device=SELF)) for t in range(200)]
    story = sorted(itertools.chain(ticks, *parts), key=lambda one: one[0])
    told_of = ChannelsOpened(t_ns=0, device="phone", channels=(TOKENS,))
    return passed([told_of, *beginning, *wired, *(item for _, item in story)])


WIRED = Wired(t_ns=0, device="meter", feeds="phone", point="battery-terminals")


def test_joules_of_a_run_and_for_each_token() -> None:
    items = played(metered(METER), the_run(), wired=[WIRED])
    energy = told(items, "energy battery-terminals")
    assert energy[-1] == (18 * S, pytest.approx(13 + 8, rel=1e-4))
    at_15 = next(joules for t_ns, joules in energy if t_ns > 15 * S)
    assert at_15 == pytest.approx(7 + 3 * (next(t for t, _ in energy if t > 15 * S) - 12 * S) / S, rel=1e-3)
    assert 12 <= len(energy) <= 15
    assert told(items, "coverage battery-terminals") == []
    so_far = told(items, "J/token battery-terminals")
    assert [value for _, value in so_far] == pytest.approx([0.3] * len(so_far), rel=1e-3)
    assert so_far[-1][0] == 16 * S
    assert told(items, "J/token decode battery-terminals") == [(16 * S, pytest.approx(12 / 40, rel=1e-3))]
    assert told(items, "J/token whole battery-terminals") == [(16 * S, pytest.approx(14 / 41, rel=1e-3))]
    for name, value in (("J/token melt", 14 / 40), ("J/token prefill", 2 / 8), ("energy turn", 14.0),
                        ("energy prefill", 2.0), ("energy decode", 12.0)):  # fmt: skip
        assert told(items, f"{name} battery-terminals") == [(16 * S, pytest.approx(value, rel=6e-3))]
    assert told(items, "energy load battery-terminals") == [(9 * S, pytest.approx(3.0, rel=1e-3))]


def test_its_channels_belong_to_the_device_that_is_fed_and_say_where_they_come_from() -> None:
    channels = opened(played(metered(METER), the_run(), wired=[WIRED]))
    assert {c.device for c in channels} == {"phone"}
    assert {c.point for c in channels} == {"battery-terminals"}
    assert all("from meter power" in c.provenance for c in channels)
    energy = channels[0]
    assert (energy.quantity, energy.unit, energy.kind) == (Quantity.ENERGY, Unit.JOULE, Kind.COUNTER)
    assert energy.rate_hz is None
    assert {c.unit for c in channels if c.quantity is Quantity.ENERGY_PER_TOKEN} == {Unit.JOULES_PER_TOKEN}


def test_a_meter_that_is_behind_tells_the_same_later() -> None:
    here, behind = (played(metered(METER, late_ns=late), the_run(), wired=[WIRED]) for late in (0, 900 * MS))
    for name in ("J/token decode battery-terminals", "J/token whole battery-terminals"):
        assert told(here, name) == told(behind, name)
    assert told(here, "energy battery-terminals")[-1] == told(behind, "energy battery-terminals")[-1]


def test_a_meter_that_nobody_wired_measures_no_device() -> None:
    assert opened(played(metered(METER), the_run())) == []


def test_a_hole_is_said_and_leaves_no_figure_per_token() -> None:
    items = played(metered(METER, hole=(13 * S, 15 * S)), the_run(), wired=[WIRED])
    assert told(items, "coverage battery-terminals")[-1][1] == pytest.approx(100 * 11 / 13, abs=0.2)
    assert told(items, "energy battery-terminals")[-1][1] == pytest.approx(21 - 6, rel=1e-2)
    assert told(items, "J/token decode battery-terminals") == []
    assert told(items, "J/token whole battery-terminals") == []
    assert told(items, "energy turn battery-terminals") + told(items, "energy decode battery-terminals") == []
    assert told(items, "energy prefill battery-terminals") == [(16 * S, pytest.approx(2.0, rel=6e-3))]


def test_a_source_that_stops_tells_what_it_saw() -> None:
    items = played(metered(METER, until_s=14), the_run(), wired=[WIRED])
    assert told(items, "energy battery-terminals")[-1] == (14 * S - 10 * MS, pytest.approx(13.0, rel=1e-2))
    assert told(items, "J/token decode battery-terminals") == []
    times = [t_ns for t_ns, _ in told(items, "energy battery-terminals")]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("end", "started"),
    [
        (TurnEnd.STOPPED, {}),
        (TurnEnd.FAILED, {}),
        (TurnEnd.LIMIT, {"purpose": TurnPurpose.WARMUP}),
    ],
)
def test_turns_that_do_not_count_have_no_figure(end: TurnEnd, started: dict[str, Any]) -> None:
    items = played(metered(METER), the_run(end, **started), wired=[WIRED])
    assert told(items, "J/token decode battery-terminals") == []
    assert told(items, "energy turn battery-terminals") == []
    assert told(items, "energy battery-terminals")[-1][1] == pytest.approx(21.0, rel=1e-3)


def test_a_charger_is_told_but_not_for_tokens_and_points_stay_apart() -> None:
    usb = replace(METER, device="tc66", point="usb-input")
    phone = DeviceInfo(device="phone", address="x", kind=DeviceKind.PHONE)
    wired = [WIRED, Wired(t_ns=0, device="tc66", feeds="phone", point="usb-input")]
    up: Story = [(0, DeviceUp(t_ns=0, device="phone", info=phone))]
    parts = (up, metered(METER), metered(usb), the_run())
    items = played(*parts, wired=wired, channels=(METER, usb))
    for point in ("battery-terminals", "usb-input"):
        assert told(items, f"energy {point}")[-1][1] == pytest.approx(21.0, rel=1e-3)
    assert told(items, "J/token decode battery-terminals")
    assert not told(items, "J/token usb-input") + told(items, "J/token decode usb-input")
    for name in ("energy load", "energy turn"):
        assert told(items, f"{name} battery-terminals")
        assert not told(items, f"{name} usb-input")
    board = DeviceInfo(device="phone", address="x", kind=DeviceKind.BOARD)
    items = played(
        [(0, DeviceUp(t_ns=0, device="phone", info=board))], *parts[1:], wired=wired, channels=(METER, usb)
    )
    assert told(items, "J/token decode usb-input") == [(16 * S, pytest.approx(0.3, rel=1e-3))]


def test_two_meters_at_one_point_are_not_added() -> None:
    other = replace(METER, device="second")
    wired = [WIRED, Wired(t_ns=0, device="second", feeds="phone", point="battery-terminals")]
    items = played(metered(METER), metered(other), the_run(), wired=wired, channels=(METER, other))
    names = {c.name for c in opened(items) if c.quantity is Quantity.ENERGY}
    assert names == {"energy battery-terminals", "energy battery-terminals (second power)"}
    for name in names:
        assert told(items, name)[-1][1] == pytest.approx(21.0, rel=1e-3)


def test_a_counter_stands_for_the_power_of_its_point() -> None:
    power = replace(METER, device="phone", point="package")
    counter = replace(
        power, name="energy", quantity=Quantity.ENERGY, unit=Unit.JOULE, kind=Kind.COUNTER, rate_hz=10.0
    )
    counts: Story = [(t * S // 10, reading(counter, t * S // 10, 7.0 + t / 5)) for t in range(200)]
    items = played(metered(power), counts, the_run(), channels=(power, counter))
    assert told(items, "energy package")[-1] == (18 * S, pytest.approx(26.0))
    assert len([c for c in opened(items) if c.quantity is Quantity.ENERGY]) == 1


def test_a_rail_is_divided_by_tokens_only_where_nothing_sees_the_whole() -> None:
    rail = replace(METER, device="phone", point="rail:CPU")
    alone = played(metered(rail), the_run(), channels=(rail,))
    assert told(alone, "J/token decode rail:CPU") == [(16 * S, pytest.approx(0.3, rel=1e-3))]
    both = played(metered(METER), metered(rail), the_run(), wired=[WIRED], channels=(METER, rail))
    assert told(both, "energy rail:CPU")[-1][1] == pytest.approx(21.0, rel=1e-3)
    assert told(both, "J/token decode rail:CPU") == []
    assert told(both, "J/token decode battery-terminals")


def test_a_device_with_a_clock_of_its_own_is_told_in_host_time() -> None:
    own = replace(METER, device="phone", own_clock=True)
    behind = ClockMeasured(t_ns=0, device="phone", offset_ns=3 * S, uncertainty_ns=1, origin="round trip")
    items = played([(0, behind)], metered(own, behind_ns=3 * S), the_run(), channels=(own,))
    assert told(items, "J/token decode battery-terminals") == [(16 * S, pytest.approx(0.3, rel=1e-3))]
    assert told(items, "energy battery-terminals")[-1] == (18 * S, pytest.approx(21.0, rel=1e-3))


def test_the_next_run_begins_at_nothing() -> None:
    again = [
        (t + 20 * S, replace(item, t_ns=item.t_ns + 20 * S))
        for t, item in the_run()
        if isinstance(item, RunStarted | RunEnded)
    ]
    items = played(metered(METER, until_s=40), the_run(), [*again], wired=[WIRED])
    energy = told(items, "energy battery-terminals")
    assert next(joules for t, joules in energy if 25 * S < t < 26.5 * S) < 2.0
    assert energy[-1] == (38 * S, pytest.approx(13.0, rel=1e-3))


@given(steps(what=("run", "begin", "first", "count", "tick", "finish", "end", "lose", "up", "clock", "wire", "bulk",
                   "late_bulk", "bulk_uneven")))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_in_any_session_times_rise_and_it_is_the_same_again(taken: list[Step]) -> None:
    items = passed(session(taken))
    for channel in opened(items):
        times = [t_ns for t_ns, _ in told([i for i in items if i.device == channel.device], channel.name)]
        assert times == sorted(set(times))
    assert passed(session(taken)) == items
