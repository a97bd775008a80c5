"""Ticks that a phone prints by itself: cut out of its lines, placed in the host's time."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.android.ticking import LIMIT, Cutter, Placing, Tick, clock_ns


def cut(*lines: str) -> list[Tick | str]:
    """What lines come to that arrive one after the other."""
    cutter = Cutter()
    return [one for number, line in enumerate(lines) for one in cutter.feed(number, f"{line}\n")]


def test_a_tick_of_every_sort_of_line() -> None:
    ticks = cut("F 1700000000.100020|1|2|", "M k3|a|", "K k3|b|", "S cpu 1", "cpu0 2", "Eight", "|7|", "E")
    assert ticks == [
        Tick(1_700_000_000_100_020_000, 7, "1|2|", ("k3", "a|"), ("k3", "b|"), "cpu 1\ncpu0 2\nEight\n|7|"),
    ]


def test_the_last_tick_that_is_told_at_once() -> None:
    told = "F 1700000000.100000|1|", "E", "F 1700000000.200000|2|", "E."
    ticks = cut(*told)
    assert ticks == [
        Tick(1_700_000_000_100_000_000, 1, "1|"),
        Tick(1_700_000_000_200_000_000, 3, "2|", last=True),
    ]
    whole = Cutter().feed(3, "".join(f"{line}\r\n" for line in told))
    assert whole == [replace(tick, arrival_ns=3) for tick in ticks if isinstance(tick, Tick)]


def test_a_comma_locale() -> None:
    (tick,) = cut("F 1700000000,100020|1|", "E")
    assert isinstance(tick, Tick)
    assert tick.device_ns == 1_700_000_000_100_020_000


def test_a_damaged_tick_is_told_and_the_next_one_counts() -> None:
    assert cut("F 17|1|", "E", "F 1700000000.200000|1|", "E") == [
        "F 17|1|",
        Tick(1_700_000_000_200_000_000, 3, "1|"),
    ]
    assert cut("E") == [""]


def test_a_tick_that_never_ends_is_dropped() -> None:
    cutter = Cutter()
    assert cutter.feed(1, "x" * LIMIT) == []
    assert cutter.feed(2, "y") == ["x" * LIMIT + "y"]
    assert cutter.feed(3, "F 1700000000.200000|1|\nE\n") == [Tick(1_700_000_000_200_000_000, 3, "1|")]


@given(st.lists(st.text()))
def test_any_pieces_are_cut_without_an_error(pieces: list[str]) -> None:
    cutter = Cutter()
    for number, piece in enumerate(pieces):
        cutter.feed(number, piece)
        clock_ns(piece)


TOLD = (
    "F 1700000000.100000|1|2|\nM k3|a|\nS cpu 1\ncpu0 2\n|7|\nE\nF 17|damaged\nE\n"
    "F 1700000000,200000|3|\nK k3|b|\nE.\n"
)


@given(st.lists(st.integers(0, len(TOLD)), max_size=12))
def test_it_is_all_one_into_which_pieces_it_falls(cuts: list[int]) -> None:
    cutter, places = Cutter(), [0, *sorted(cuts), len(TOLD)]
    ticks = [tick for a, b in pairwise(places) for tick in cutter.feed(0, TOLD[a:b])]
    assert ticks == Cutter().feed(0, TOLD)
    assert [tick if isinstance(tick, str) else (tick.fast, tick.last) for tick in ticks] == [
        ("1|2|", False),
        "F 17|damaged",
        ("3|", True),
    ]


PHONE_NS = 1_700_000_000 * SECOND
"""The phone's time when the host's is 0."""


def placed(*delays_ms: int) -> list[int]:
    """Where ticks of every 100 ms are placed that take so long to arrive."""
    placing = Placing()
    sent = [number * 100 * MILLISECOND for number in range(len(delays_ms))]
    return [
        placing.place(PHONE_NS + t_ns, t_ns + delay * MILLISECOND)
        for t_ns, delay in zip(sent, delays_ms, strict=True)
    ]


def test_a_stall_of_the_link_moves_no_tick() -> None:
    late = [1, 1, 1, 800, 700, 600, 500, 400, 300, 200, 100, 1]
    times = placed(*late)
    assert times == [number * 100 * MILLISECOND + MILLISECOND for number in range(len(late))]


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=400))
def test_ticks_stay_in_order_and_never_lie_after_they_arrived(delays: list[int]) -> None:
    arrivals = [number * 100 * MILLISECOND + delay * MILLISECOND for number, delay in enumerate(delays)]
    in_order = [max(arrivals[: number + 1]) // MILLISECOND - number * 100 for number in range(len(arrivals))]
    times = placed(*in_order)
    assert times == sorted(set(times))
    assert all(t_ns <= max(arrivals[: number + 1]) + len(times) for number, t_ns in enumerate(times))


def test_a_clock_that_is_set_is_followed() -> None:
    for step_ns in (3600 * SECOND, -3600 * SECOND):
        placing = Placing()
        for number in range(5):
            placing.place(PHONE_NS + number * SECOND // 10, number * SECOND // 10)
        after = [
            placing.place(PHONE_NS + step_ns + number * SECOND // 10, number * SECOND // 10)
            for number in range(5, 9)
        ]
        assert after == [number * SECOND // 10 for number in range(5, 9)]


def test_a_phone_whose_clock_runs_slow_is_followed_within_half_a_minute() -> None:
    placing = Placing()
    for number in range(1000):
        t_ns = number * 100 * MILLISECOND
        placed_ns = placing.place(PHONE_NS + t_ns - t_ns // 10_000, t_ns)
    assert abs(placed_ns - t_ns) < 4 * MILLISECOND
