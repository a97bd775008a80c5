"""The live token rate on the bus: told with tokens and ticks, falling in silence, gone when no turn runs."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, Event, TurnEnd, TurnEnded, TurnStarted
from drivers.model import Channel, DType, Kind, Quantity, RunSpec, Samples, Unit, reading, uneven_block
from melt_tui.detectors.token_rate import TokenRate
from melt_tui.events import SELF, DeviceLost, RunEnded, RunOutcome, RunStarted, Tick
from melt_tui.session.bus import Bus
from tests.rigs.random_sessions import Step, session, steps

S = 1_000_000_000
MS = 1_000_000

TOKENS = Channel(
    device="phone",
    name="tokens",
    quantity=Quantity.TOKENS,
    unit=Unit.TOKENS,
    kind=Kind.COUNTER,
    dtype=DType.I64,
)
SPEC = RunSpec(run="r", device="phone", runtime="x", model=None, workload=None)


class Taken:
    """A sink that keeps what it takes."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, item: Item) -> None:
        self.items.append(item)


def passed(*items: Item) -> list[Item]:
    taken = Taken()
    bus = Bus([taken], [TokenRate()])
    for item in items:
        bus.publish(item)
    return taken.items


def told(items: Sequence[Item]) -> list[tuple[int, Any]]:
    blocks = [item for item in items if isinstance(item, Samples) and item.channel == "token_rate"]
    return [
        (block.time_at(i), value)
        for block in blocks
        for i, value in enumerate(memoryview(block.codes).cast("d").tolist())
    ]


def begun(t_ns: int = 0, *, own_clock: bool = False) -> list[Item]:
    return [
        ChannelsOpened(t_ns=t_ns, device="phone", channels=(replace(TOKENS, own_clock=own_clock),)),
        RunStarted(t_ns=t_ns, device="phone", run="r", spec=SPEC),
        TurnStarted(t_ns=t_ns, device="phone", run="r", turn=1),
    ]


def ended(t_ns: int) -> TurnEnded:
    return TurnEnded(t_ns=t_ns, device="phone", run="r", turn=1, end=TurnEnd.EOS)


def tick(t_ns: int) -> Tick:
    return Tick(t_ns=t_ns, device=SELF)


def stream(n: int, period_ns: int, start_ns: int = S, before: int = 0) -> list[Item]:
    return [reading(TOKENS, start_ns + k * period_ns, before + k + 1) for k in range(n)]


def test_its_channel_is_opened_before_the_first_sample() -> None:
    items = passed(*begun(), *stream(3, 50 * MS))
    opened = next(i for i in items if isinstance(i, ChannelsOpened) and i.channels[0].name == "token_rate")
    channel = opened.channels[0]
    assert (channel.quantity, channel.unit, channel.device) == (
        Quantity.TOKEN_RATE,
        Unit.TOKENS_PER_SECOND,
        "phone",
    )
    assert "8 tokens" in channel.provenance
    assert channel.kind is Kind.INTERVAL_MEAN
    first = next(i for i in items if isinstance(i, Samples) and i.channel == "token_rate")
    assert items.index(opened) < items.index(first)


def test_a_steady_stream_has_its_rate_from_the_second_token_on() -> None:
    rates = told(passed(*begun(), *stream(100, 50 * MS)))
    assert len(rates) == 99
    assert [t for t, _ in rates] == [S + k * 50 * MS for k in range(1, 100)]
    assert [rate for _, rate in rates] == pytest.approx([20.0] * 99)


def test_it_falls_with_every_tick_while_nothing_comes() -> None:
    silence = [tick(6 * S + k * 250 * MS) for k in range(1, 120)]
    items = passed(*begun(), *stream(101, 50 * MS), *silence)
    rates = told(items)[100:]
    assert len(rates) == len(silence)
    assert all(a > b for (_, a), (_, b) in itertools.pairwise(rates))
    assert rates[-1][1] < 0.3


def test_it_is_gone_between_turns_and_begins_anew() -> None:
    again = TurnStarted(t_ns=9 * S, device="phone", run="r", turn=2)
    items = passed(
        *begun(),
        *stream(10, 50 * MS),
        ended(2 * S),
        tick(3 * S),
        tick(4 * S),
        again,
        tick(9 * S + 1),
        *stream(3, 100 * MS, 10 * S, 10),
    )
    rates = [(t, rate) for t, rate in told(items) if t > 2 * S]
    assert rates == [(10 * S + 100 * MS, pytest.approx(10.0)), (10 * S + 200 * MS, pytest.approx(10.0))]


@pytest.mark.parametrize(
    "end",
    [
        RunEnded(t_ns=2 * S, device="phone", run="r", outcome=RunOutcome.DONE),
        DeviceLost(t_ns=2 * S, device="phone", reason="x"),
        ended(2 * S),
    ],
)
def test_it_stops_when_nothing_runs_or_nothing_is_known(end: Event) -> None:
    items = passed(*begun(), *stream(10, 50 * MS), end, *(tick(2 * S + k * S) for k in range(5)))
    assert [t for t, _ in told(items) if t >= 2 * S] == []


def test_it_goes_on_when_a_lost_device_sends_tokens_again() -> None:
    lost = DeviceLost(t_ns=2 * S, device="phone", reason="x")
    items = passed(*begun(), *stream(10, 50 * MS), lost, *stream(3, 50 * MS, 9 * S, 40))
    assert [rate for t, rate in told(items) if t >= 2 * S] == pytest.approx([20.0, 20.0])


def test_tokens_before_any_turn_have_no_rate() -> None:
    opened = ChannelsOpened(t_ns=0, device="phone", channels=(TOKENS,))
    assert told(passed(opened, *stream(10, 50 * MS), tick(5 * S))) == []


def test_a_block_of_tokens_tells_a_rate_for_each() -> None:
    times = [S + k * 100 * MS for k in range(6)]
    items = passed(*begun(), uneven_block(TOKENS, times, [1, 2, 3, 3, 5, 6]))
    assert told(items) == [
        (S + 100 * MS, pytest.approx(10.0)),
        (S + 200 * MS, pytest.approx(10.0)),
        (S + 400 * MS, pytest.approx(10.0)),
        (S + 500 * MS, pytest.approx(10.0)),
    ]


def test_times_rise_even_when_tokens_come_late() -> None:
    items = passed(*begun(), *stream(20, 50 * MS), tick(3 * S), *stream(20, 50 * MS, 2 * S, 20), tick(4 * S))
    times = [t for t, _ in told(items)]
    assert times == sorted(set(times))
    assert times[-1] == 4 * S


def test_a_tick_is_told_at_the_devices_own_time() -> None:
    clock = ClockMeasured(t_ns=0, device="phone", offset_ns=100 * S, uncertainty_ns=1, origin="round trip")
    items = passed(clock, *begun(own_clock=True), *stream(20, 50 * MS), tick(103 * S))
    assert told(items)[-1][0] == 3 * S
    items = passed(clock, *begun(), *stream(20, 50 * MS), tick(3 * S))
    assert told(items)[-1][0] == 3 * S


@given(steps(what=("run", "begin", "first", "count", "tick", "finish", "end", "lose", "up", "clock", "load")))
@settings(max_examples=100, deadline=None)
def test_in_any_session_times_rise_and_rates_are_positive(taken: list[Step]) -> None:
    items = passed(*session(taken))
    for device in ("phone", "board", "meter"):
        rates = told([item for item in items if item.device == device])
        assert all(a[0] < b[0] for a, b in itertools.pairwise(rates))
        assert all(rate > 0 for _, rate in rates)
    assert passed(*session(taken)) == items
