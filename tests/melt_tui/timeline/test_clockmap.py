"""The clock map: a monotone map and its inverse, whatever was measured."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.events import ClockMeasured
from drivers.model import Channel, Quantity, Unit
from melt_tui.timeline.clockmap import ClockMap, ClockRow

MS = 1_000_000

small_rows = st.builds(ClockRow, st.integers(-40, 60), st.integers(-60, 60), st.just(1), st.just("x"))
great_rows = st.builds(
    ClockRow, st.integers(0, 10**15), st.integers(-(10**15), 10**15), st.just(1), st.just("x")
)


SOC = Channel(device="phone", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, own_clock=True)


def mapped(*rows: ClockRow) -> ClockMap:
    clock = ClockMap()
    clock.open(SOC)
    for row in rows:
        clock.add("phone", row)
    return clock


@given(st.lists(small_rows, max_size=6))
@settings(max_examples=200, deadline=None)
def test_it_never_falls_and_to_device_is_the_latest_that_is_not_later(rows: list[ClockRow]) -> None:
    clock = mapped(*rows)
    hosts = [clock.to_host(SOC.key, t) for t in range(-260, 261)]
    assert hosts == sorted(hosts)
    for t in range(-90, 91):
        own = clock.to_device(SOC.key, t)
        assert clock.to_host(SOC.key, own) <= t < clock.to_host(SOC.key, own + 1)


@given(
    st.lists(great_rows, min_size=1, max_size=8), st.lists(st.integers(-(10**15), 2 * 10**15), max_size=20)
)
@settings(max_examples=200, deadline=None)
def test_it_holds_at_true_magnitudes(rows: list[ClockRow], times: list[int]) -> None:
    clock = mapped(*rows)
    hosts = [clock.to_host(SOC.key, t) for t in sorted(times)]
    assert hosts == sorted(hosts)
    for t in times:
        own = clock.to_device(SOC.key, t)
        assert clock.to_host(SOC.key, own) <= t < clock.to_host(SOC.key, own + 1)


@given(st.lists(small_rows, max_size=7), st.randoms())
def test_the_order_of_measuring_does_not_matter(rows: list[ClockRow], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = mapped(*rows), mapped(*shuffled)
    assert one.rows("phone") == other.rows("phone") == tuple(sorted(rows))
    assert [one.to_host(SOC.key, t) for t in range(-99, 99)] == [
        other.to_host(SOC.key, t) for t in range(-99, 99)
    ]


def test_a_device_without_rows_keeps_host_time() -> None:
    board = replace(SOC, device="board")
    clock = mapped(ClockRow(0, 5, 1, "x"))
    clock.open(board)
    assert (clock.to_host(board.key, 7), clock.to_device(board.key, 7)) == (7, 7)
    assert not clock.moves(board.key)
    assert clock.rows("board") == ()


def test_a_channel_of_host_times_is_left_as_it_is() -> None:
    tokens = replace(SOC, name="tokens", own_clock=False)
    clock = mapped(ClockRow(0, 5, 1, "x"))
    clock.open(tokens)
    assert (clock.to_host(tokens.key, 7), clock.to_device(tokens.key, 7)) == (7, 7)
    assert (clock.moves(tokens.key), clock.moves(SOC.key)) == (False, True)


def test_straight_lines_between_and_constant_outside() -> None:
    clock = mapped(ClockRow(1000, 10, 1, "x"), ClockRow(2000, 30, 1, "x"))
    assert [clock.to_host(SOC.key, t) for t in (0, 1000, 1500, 2000, 5000)] == [10, 1010, 1520, 2030, 5030]
    assert [clock.to_device(SOC.key, t) for t in (10, 1010, 1520, 2030, 5030)] == [0, 1000, 1500, 2000, 5000]


def test_a_measurement_off_the_bus_is_at_host_time() -> None:
    clock = mapped()
    clock.learn(
        ClockMeasured(t_ns=5000, device="phone", offset_ns=200, uncertainty_ns=3, origin="round trip")
    )
    assert clock.rows("phone") == (ClockRow(4800, 200, 3, "round trip"),)
    assert clock.to_host(SOC.key, 4800) == 5000


def test_of_a_clock_set_back_the_newest_measurement_holds_from_then_on() -> None:
    """Host 10 s and 20 s: no offset. Then the clock is set back by 15 s: at host 30 s it shows 15 s."""
    second = 10**9
    clock = mapped(
        ClockRow(10 * second, 0, 1, "x"),
        ClockRow(20 * second, 0, 1, "x"),
        ClockRow(15 * second, 15 * second, 1, "x"),
    )
    assert clock.to_host(SOC.key, 15 * second) == 30 * second
    assert clock.to_host(SOC.key, 16 * second) == 31 * second
    assert clock.to_device(SOC.key, 31 * second) == 16 * second
    assert clock.to_host(SOC.key, 9 * second) == 9 * second
    assert len(clock.rows("phone")) == 3


@given(st.lists(small_rows, max_size=4), st.integers(-50, 50))
def test_a_correction_moves_all_channels_of_its_device_and_is_taken_back(
    rows: list[ClockRow], offset: int
) -> None:
    clock, plain = mapped(*rows), mapped(*rows)
    power = replace(SOC, name="power", own_clock=False)
    clock.correct("phone", ClockRow(0, offset, 1, "power edge"))
    for key in (SOC.key, power.key):
        assert clock.moves(key)
        for t in range(-90, 91, 7):
            assert clock.to_host(key, t) == plain.to_host(key, t) + offset
            own = clock.to_device(key, t)
            assert clock.to_host(key, own) <= t < clock.to_host(key, own + 1)
    assert clock.to_host(("board", "power"), 5) == 5
    assert clock.rows("phone") == plain.rows("phone"), "what was measured stays"
    clock.correct("phone", None)
    assert clock.corrected() == ()
    assert not clock.moves(power.key)
