"""When each of many phones is heard, and asked."""

from collections import Counter
from contextlib import ExitStack
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.devices.android.channels import FAST_HZ
from drivers.devices.android.turns import Turns, in_turn, next_turn, spread


def test_the_first_places_are_those_of_van_der_corput() -> None:
    assert list(islice(spread(), 8)) == [0, 1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8, 7 / 8]


@given(st.integers(2, 200))
def test_however_many_phones_there_are_they_lie_evenly(n: int) -> None:
    places = sorted(islice(spread(), n))
    assert places[0] == 0
    steps = [b - a for a, b in pairwise([*places, 1.0])]
    assert max(steps) <= 2 * min(steps)


@pytest.mark.parametrize(("period_ns", "slots"), [(SECOND, 10), (5 * SECOND, 50), (60 * SECOND, 32)])
def test_many_phones_are_asked_at_different_times(period_ns: int, slots: int) -> None:
    now_ns, turns = 123 * SECOND + 1, Turns()
    due = [in_turn(turns.of(f"phone-{k}"), period_ns, now_ns) for k in range(32)]
    assert all(now_ns - period_ns < ns <= now_ns for ns in due)
    in_each = Counter(ns % period_ns * slots // period_ns for ns in due)
    assert max(in_each.values()) <= max(4, 32 // slots + 1)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**18), st.integers(2, 60))
def test_what_one_phone_is_asked_falls_together(place: float, now_ns: int, seconds: int) -> None:
    often, seldom = (in_turn(place, n * SECOND, now_ns) for n in (1, seconds))
    assert (often - seldom) % SECOND == 0
    assert in_turn(place, seconds * SECOND, now_ns + 5 * seconds * SECOND) == seldom + 5 * seconds * SECOND


def test_the_more_phones_are_open_the_more_ticks_each_tells_at_once() -> None:
    turns, told = Turns(), [1]
    with ExitStack() as stack:
        for phone in range(20):
            stack.enter_context(turns.taken(phone))
            told.append(turns.together())
    assert told == [1, 1, 1, *4 * [2], *6 * [5], *8 * [10]]
    assert all(SECOND // FAST_HZ * ticks * (10 // ticks) == SECOND for ticks in told), (
        "a second holds whole groups"
    )
    assert turns.together() == 1, "those that are closed do not count"


def test_a_phone_that_comes_back_has_its_place() -> None:
    turns = Turns()
    first = turns.of("a")
    assert turns.of("b") != first == turns.of("a")


@given(st.integers(0, 10**12), st.integers(2, 60), st.integers(0, 10**12))
def test_what_is_done_late_keeps_its_place(due_ns: int, seconds: int, late_ns: int) -> None:
    period_ns, now_ns = seconds * SECOND, due_ns + late_ns
    again_ns = next_turn(due_ns, period_ns, now_ns)
    assert (again_ns - due_ns) % period_ns == 0
    assert period_ns // 2 <= again_ns - now_ns < 3 * period_ns // 2 or again_ns == due_ns + period_ns


def test_the_next_turn_is_a_period_after_one_that_was_kept() -> None:
    assert next_turn(100, 10, 101) == 110
    assert next_turn(100, 10, 105) == 110
    assert next_turn(100, 10, 106) == 120
    assert next_turn(100, 10, 92) == 110, "one that was done early"
