"""Spliced: memory and recording answer as one, and nothing half known is said."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ClockMeasured
from drivers.model import ChannelKey, block, reading
from melt_tui.events import SELF, Tick
from melt_tui.live import LiveState
from melt_tui.timeline import Window
from melt_tui.timeline.spliced import SETTLED_NS, Spliced
from tests.rigs.brute import Brute
from tests.rigs.looks import Look, assert_same, assert_same_window, looks
from tests.rigs.memory_limits import little_held
from tests.rigs.random_sessions import ALL_RUN, ALL_UP, START_NS, STEADY, Step, channels, session, steps

NEVER = 1 << 61
SOC, ADC, _ = channels("phone")


class Counted(Brute):
    """A recording that counts how often it is asked for a window."""

    asked = 0

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        self.asked += 1
        return super().window(key, t0_ns, t1_ns, columns)


def live_of(items: Sequence[Item]) -> LiveState:
    live = LiveState()
    for item in items:
        live.take(item)
    return live


PROMPT_OUTLIVED = [
    *ALL_RUN,
    Step("prefill", "phone", 1, 1),
    *[Step("prefill", "board", MILLISECOND, by) for by in (2, 3, 4)],
]
"""The newest of a kind that comes often are all of another device."""

PROMPTS_AT_ONCE = [*ALL_RUN, *[Step("prefill", "phone", 0, by) for by in (1, 2, 3)]]


@example(PROMPT_OUTLIVED, [Look(0, 0, -1, 1, (), 0)])
@example(PROMPTS_AT_ONCE, [Look(0, 0, -1, 1, (), 0)])
@given(steps(what=STEADY), looks())
@settings(max_examples=150, deadline=None)
def test_memory_and_recording_answer_as_one(taken: list[Step], seen: list[Look]) -> None:
    items = session(taken)
    with little_held():
        live = live_of(items)
        brute = Brute(items)
        spliced = Spliced(live, brute, lambda: NEVER)
        assert_same(spliced, brute, items, seen)
        assert spliced.span() == brute.span()
        assert_same(spliced, brute, items, seen)


LET_GO_BY_A_LOOK = [
    Step("value", "phone", 0, 0),
    Step("value", "phone", 30 * MILLISECOND, 0),
    Step("late_bulk", "board", 0, 186),
    Step("late_bulk", "board", 0, 583),
    *[Step("value", "phone", 0, 0)] * 3,
]

LET_GO_PAST_ITS_END = [
    *ALL_RUN,
    *[Step("value", "phone", 0, 0)] * 11,
    Step("bulk", "board", 0, 1),
    Step("bulk", "board", 250 * MILLISECOND, 0),
    Step("late_bulk", "board", 0, 141),
    Step("late_bulk", "board", 0, 1445),
    Step("value", "phone", 0, 0),
]

LATE_BESIDE_WHAT_WAS_LET_GO = [
    Step("value", "phone", 0, 0),
    *[Step("values", "board", 0, 129)] * 2,
    *[Step("value", "phone", 0, 0)] * 3,
    Step("value", "board", 1, 0),
]


@example(LATE_BESIDE_WHAT_WAS_LET_GO, [Look(0, MILLISECOND, 0, 2, (), 0)])
@example(LET_GO_BY_A_LOOK, [Look(0, 0, 38, 2, (), 0)])
@example(LET_GO_PAST_ITS_END, [Look(0, 0, 0, 1, (), 0), Look(0, MILLISECOND, 0, 1, (), 0)])
@given(steps(what=("value", "bulk", "late_bulk", "clock", "values"), most=40), looks(3))
@settings(max_examples=60, deadline=None)
def test_it_stays_one_while_the_session_goes_on(taken: list[Step], seen: list[Look]) -> None:
    items = session(ALL_UP + taken)
    with little_held():
        live, brute = LiveState(), Brute()
        spliced = Spliced(live, brute, lambda: NEVER)
        for place, item in enumerate(items):
            live.take(item)
            brute.take(item)
            if place % 5 == 4:
                assert_same(spliced, brute, items[: place + 1], seen)


@pytest.mark.parametrize("late_ms", range(570, 600))
def test_a_late_block_beside_what_was_let_go_is_in_its_column(late_ms: int) -> None:
    items = session(ALL_UP)[:-1]
    for k in range(60):
        t_ns = START_NS + 10 * k * MILLISECOND
        items.append(block(ADC, t_ns, t_ns + 9 * MILLISECOND, [k] * 10))
    end_ns, late_ns = START_NS + 600 * MILLISECOND, START_NS + late_ms * MILLISECOND
    with little_held():
        live, brute = LiveState(), Brute()
        spliced = Spliced(live, brute, lambda: NEVER)
        for item in items:
            live.take(item)
            brute.take(item)
        spliced.window(ADC.key, START_NS, end_ns, 120)
        late = block(ADC, late_ns, late_ns + MILLISECOND, [900, 901])
        live.take(late)
        brute.take(late)
        assert_same_window(
            spliced.window(ADC.key, START_NS, end_ns, 120), brute.window(ADC.key, START_NS, end_ns, 120)
        )


def test_without_a_recording_memory_answers_alone() -> None:
    items = session([*ALL_UP, Step("value", "phone", SECOND, 3)])
    live = live_of(items)
    spliced = Spliced(live, None, lambda: 0)
    assert_same(spliced, Brute(items), items, [Look(0, 0, 10, 5, (), 10)])


def beats(n: int) -> list[Item]:
    """A session of ``n`` tenths of a second with a value and some bulk in each."""
    items = session(ALL_UP)[:-1]
    for k in range(n):
        t_ns = START_NS + k * SECOND // 10
        items += [
            reading(SOC, t_ns, k),
            block(ADC, t_ns, t_ns + 99 * MILLISECOND, [k] * 100),
            Tick(t_ns=t_ns, device=SELF),
        ]
    return items


def test_looks_near_now_never_reach_the_recording() -> None:
    items = beats(600)
    live = live_of(items)
    recording = Counted()
    spliced = Spliced(live, recording, lambda: NEVER)
    end = live.span()[1]
    for span in (SECOND, 10 * SECOND, 60 * SECOND):
        spliced.window(ADC.key, end - span, end, 200)
        spliced.window(SOC.key, end - span, end, 200)
    assert spliced.view(end) == live.view(end)
    assert spliced.events(end - SECOND, end) == live.events(end - SECOND, end)
    assert recording.asked == 0


def test_a_chart_that_follows_now_asks_the_recording_once_in_a_while() -> None:
    items = beats(400)
    with little_held():
        live, recording = live_of(items[:-300]), Counted(items)
        spliced = Spliced(live, recording, lambda: NEVER)
        looked = 0
        for k in range(0, 300, 3):
            for item in items[len(items) - 300 + k : len(items) - 300 + k + 3]:
                live.take(item)
            end = live.span()[1]
            window = spliced.window(SOC.key, end - 20 * SECOND, end, 40)
            assert sum(window.counts) >= 200
            looked += 1
    assert recording.asked * 2 < looked


def test_late_samples_that_memory_no_longer_takes_are_asked_for_again() -> None:
    items = beats(300)
    with little_held():
        live, recording = live_of(items), Counted(items)
        spliced = Spliced(live, recording, lambda: NEVER)
        end = live.span()[1]
        before = spliced.window(SOC.key, START_NS, end, 30)
        late = reading(SOC, START_NS + 1, 999)
        live.take(late)
        recording.take(late)
        after = spliced.window(SOC.key, START_NS, end, 30)
    assert sum(after.counts) == sum(before.counts) + 1
    assert max(after.maxima) == 999 * 0.5 - 3


def test_what_is_not_yet_committed_is_not_said_in_part() -> None:
    items = beats(300)
    settled = START_NS + 10 * SECOND
    with little_held():
        live = live_of(items)
        recording = Counted([item for item in items if moment(item) < settled])
        spliced = Spliced(live, recording, lambda: settled + SETTLED_NS)
        window = spliced.window(ADC.key, START_NS, START_NS + 12 * SECOND, 24)
        assert window.counts.tolist() == [500] * 20
        assert window.starts_ns[-1] + window.width_ns == settled
        old = spliced.view(settled + 1)
        assert SOC.key not in old.readings
        assert (
            spliced.view(settled).readings[SOC.key].value == recording.view(settled).readings[SOC.key].value
        )


def moment(item: Item) -> int:
    return item.t_ns if isinstance(item, Tick) else getattr(item, "t0_ns", START_NS)


def test_a_clock_row_that_the_recording_does_not_know_yet_doubles_no_column() -> None:
    items = beats(300)
    row = ClockMeasured(
        t_ns=START_NS + 30 * SECOND, device="phone", offset_ns=-700_000, uncertainty_ns=1, origin="round trip"
    )
    with little_held():
        live, recording = live_of([*items, row]), Brute(items)
        committed = START_NS + 30 * SECOND + SETTLED_NS
        spliced = Spliced(live, recording, lambda: committed)
        window = spliced.window(SOC.key, START_NS - SECOND, START_NS + 31 * SECOND, 32)
    assert sum(window.counts) == 300
    steps_ns = array("q", (b - a for a, b in zip(window.starts_ns, window.starts_ns[1:], strict=False)))
    assert min(steps_ns) > window.width_ns // 2
    assert max(steps_ns) < window.width_ns * 2
