"""LiveState against brute force, and where it stops knowing."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings

from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import (
    Channel,
    DeviceInfo,
    DeviceKind,
    DType,
    Quantity,
    Samples,
    Unit,
    block,
    linear,
    reading,
    uneven_block,
)
from melt_tui.events import SELF, DeviceLost, DeviceUp, SessionStarted, Tick
from melt_tui.live import LiveState
from melt_tui.live.chronicle import PLENTIFUL
from melt_tui.timeline.model import EVER
from melt_tui.timeline.spliced import UNCHANGED
from tests.rigs.brute import Brute
from tests.rigs.looks import KEYS, Look, assert_same, looks
from tests.rigs.memory_limits import everything_held, little_held
from tests.rigs.random_sessions import Step, session, steps


def slow(name: str = "soc", rate_hz: float | None = 10.0) -> Channel:
    return Channel(
        device="phone",
        name=name,
        quantity=Quantity.TEMPERATURE,
        unit=Unit.CELSIUS,
        rate_hz=rate_hz,
        own_clock=True,
    )


FAST = Channel(
    device="phone", name="adc", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=1000.0, dtype=DType.U16
)


def opened(*channels: Channel) -> LiveState:
    live = LiveState()
    live.take(SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="s", version="1", host="h"))
    info = DeviceInfo(device="phone", address="x", kind=DeviceKind.PHONE)
    live.take(DeviceUp(t_ns=0, device="phone", info=info))
    live.take(ChannelsOpened(t_ns=0, device="phone", channels=channels))
    return live


@given(steps(), looks())
@settings(max_examples=150, deadline=None)
def test_answers_as_brute_force_does(taken: list[Step], seen: list[Look]) -> None:
    items = session(taken)
    live = LiveState()
    brute = Brute(items)
    with everything_held():
        for item in items:
            live.take(item)
        assert_same(live, brute, items, seen)
    assert live.span() == brute.span()


@given(steps(most=40), looks(most=2))
@settings(max_examples=40, deadline=None)
def test_answers_alike_while_items_still_come(taken: list[Step], seen: list[Look]) -> None:
    items = session(taken)
    live, brute = LiveState(), Brute()
    with everything_held():
        for place, item in enumerate(items):
            live.take(item)
            brute.take(item)
            if place % 7 == 3:
                assert_same(live, brute, items[: place + 1], seen)


def test_nothing_is_known_before_the_first_item() -> None:
    live = LiveState()
    assert live.span() == (0, 0)
    assert live.watermark() == 0
    assert live.view(5).session is None
    assert list(live.window(("phone", "soc"), 0, SECOND, 10).starts_ns) == []
    assert live.window(("phone", "soc"), 0, SECOND, 10).width_ns == SECOND // 10
    assert (live.view_from(), live.held_from(("phone", "soc"), 1), live.events_from(())) == (EVER,) * 3


def test_samples_of_a_channel_never_opened_are_passed_over() -> None:
    live = opened(slow())
    live.take(reading(slow("other"), SECOND, 1.0))
    assert live.view(2 * SECOND).readings == {}


def test_a_slow_channel_holds_ten_minutes_and_says_from_when() -> None:
    live = opened(slow(rate_hz=1.0))
    for second in range(1300):
        live.take(reading(slow(), second * SECOND, float(second)))
    for extra in range(1400):
        live.take(reading(slow(), 1300 * SECOND + extra * MILLISECOND, 1.0))
    held = live.held_from(("phone", "soc"), SECOND)
    assert 690 * SECOND <= held <= 705 * SECOND
    window = live.window(("phone", "soc"), held - 100 * SECOND, held + 10 * SECOND, 110)
    assert window.width_ns == SECOND
    assert window.starts_ns[0] == held
    assert window.minima[0] == held / SECOND
    assert live.view_from() <= held
    assert live.view(live.view_from()).readings["phone", "soc"].t_ns == live.view_from()
    assert live.view(0).readings == {}


@pytest.mark.parametrize(("rate_hz", "most"), [(10.0, 2048), (None, 8192)])
def test_a_slow_channel_holds_a_bounded_number_of_samples(rate_hz: float | None, most: int) -> None:
    live = opened(slow(rate_hz=rate_hz))
    for i in range(20_000):
        live.take(reading(slow(), i * MILLISECOND, float(i)))
    held = live.held_from(("phone", "soc"), 1)
    assert most <= 20_000 - held // MILLISECOND <= most + 512


def test_a_bulk_channel_holds_seconds_of_samples_and_longer_of_buckets() -> None:
    live = opened(FAST)
    for second in range(60):
        live.take(block(FAST, second * SECOND, second * SECOND + 999 * MILLISECOND, [second % 7] * 1000))
    key = FAST.key
    assert live.window(key, 0, 60 * SECOND, 10).counts.tolist() == [6000] * 10  # a look has all summed up
    assert 54 * SECOND <= live.held_from(key, 100) <= 56 * SECOND
    assert 60 * SECOND - 24 * SECOND <= live.held_from(key, MILLISECOND) <= 60 * SECOND - 20 * SECOND
    assert live.held_from(key, SECOND) == EVER
    narrow = live.window(key, 50 * SECOND, 50 * SECOND + 100, 1)
    assert narrow.starts_ns.tolist() == []
    assert live.view(50 * SECOND).readings == {}
    assert live.view(live.view_from()).readings[key].t_ns == live.view_from()
    assert live.view(60 * SECOND).readings[key].value == 59 % 7


def test_late_samples_older_than_what_is_held_are_noted() -> None:
    live = opened(FAST)
    for second in range(60):
        live.take(block(FAST, second * SECOND, second * SECOND + 999 * MILLISECOND, [1] * 1000))
    assert live.changed(FAST.key) == UNCHANGED
    live.take(Tick(t_ns=60 * SECOND, device=SELF))
    live.take(block(FAST, SECOND, SECOND + 1, [500, 500]))
    assert live.changed(FAST.key).known_ns >= 60 * SECOND
    assert live.window(FAST.key, SECOND, 2 * SECOND, 1).maxima.tolist() == [500.0]


def test_late_samples_are_noted_before_a_look_finds_them_too_old() -> None:
    with little_held():
        live = opened(FAST)
        for ms in range(40):
            live.take(block(FAST, ms * MILLISECOND, ms * MILLISECOND, [1]))
        live.window(FAST.key, 0, 40 * MILLISECOND, 40)
        before = live.changed(FAST.key).number
        live.take(block(FAST, 25 * MILLISECOND, 25 * MILLISECOND, [500]))
        assert live.changed(FAST.key).number == before + 1


def test_the_watermark_is_what_every_live_channel_has_passed() -> None:
    live = opened(slow("a"), slow("b"), slow("whenever", rate_hz=None))
    assert live.watermark() == 0
    live.take(reading(slow("a"), 5 * SECOND, 1.0))
    assert live.watermark() == 0
    live.take(reading(slow("b"), 3 * SECOND, 1.0))
    assert live.watermark() == 3 * SECOND
    live.take(ClockMeasured(t_ns=5 * SECOND, device="phone", offset_ns=7, uncertainty_ns=1, origin="x"))
    assert live.watermark() == 3 * SECOND + 7
    live.take(DeviceLost(t_ns=9 * SECOND, device="phone", reason="x"))
    assert live.watermark() == 9 * SECOND


def test_a_channel_that_is_not_opened_again_holds_the_watermark_no_longer() -> None:
    live = opened(slow("a"), slow("b"))
    live.take(DeviceLost(t_ns=SECOND, device="phone", reason="x"))
    info = DeviceInfo(device="phone", address="x", kind=DeviceKind.PHONE)
    live.take(DeviceUp(t_ns=2 * SECOND, device="phone", info=info))
    live.take(ChannelsOpened(t_ns=2 * SECOND, device="phone", channels=(slow("a"),)))
    live.take(reading(slow("a"), 3 * SECOND, 1.0))
    assert live.watermark() == 3 * SECOND


def test_plentiful_events_are_bounded_and_the_rest_is_kept() -> None:
    live = opened(slow())
    for i in range(4000):
        live.take(Tick(t_ns=i, device=SELF))
    most = PLENTIFUL[Tick]
    assert 4000 - most - most // 8 <= live.events_from((Tick,)) <= 4000 - most
    assert live.events_from((SessionStarted,)) == EVER
    assert len(live.events(0, 10_000, kinds=(Tick,), limit=9999)) == 4000 - live.events_from((Tick,))
    assert live.event_before(1, (Tick,)) is None
    assert live.event_after(-1, (SessionStarted,)) == live.events(0, 0, kinds=(SessionStarted,))[0]


def test_looks_from_other_threads_see_whole_answers() -> None:
    channels = tuple(slow(f"c{i}") for i in range(8))
    live = opened(*channels, FAST)
    wrong: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            now = live.span()[1]
            values = {r.value for key, r in live.view(now).readings.items() if key != FAST.key}
            if values and max(values) - min(values) > 1:
                wrong.append(f"{values}")
            window = live.window(FAST.key, 0, 100 * SECOND, 50)
            if sum(window.counts) % 10:
                wrong.append(f"{window.counts}")

    thread = threading.Thread(target=look)
    thread.start()
    for k in range(1500):
        for channel in channels:
            live.take(reading(channel, k * 10 * MILLISECOND, float(k)))
        live.take(block(FAST, k * 10 * MILLISECOND, k * 10 * MILLISECOND + 9 * MILLISECOND, [k % 9] * 10))
    done.set()
    thread.join()
    assert wrong == []


@pytest.mark.parametrize("key", KEYS[:3])
def test_a_window_of_no_length_is_the_column_that_it_lies_in(key: tuple[str, str]) -> None:
    items = session(
        [Step("up", "phone", 0, 0), Step("value", "phone", SECOND, 9), Step("bulk", "phone", 0, 9)]
    )
    live = LiveState()
    for item in items:
        live.take(item)
    t_ns = next(item.t0_ns for item in items if isinstance(item, Samples))
    expected = Brute(items).window(key, t_ns, t_ns, 5)
    assert live.window(key, t_ns, t_ns, 5) == expected


def test_the_same_codes_mean_what_their_channel_says_now() -> None:
    channel = replace(slow(), dtype=DType.I32)
    live = opened(channel)
    live.take(reading(channel, SECOND, 7))
    assert live.view(SECOND).readings[channel.key].value == 7.0
    halved = replace(channel, decoding=linear(0.5))
    live.take(ChannelsOpened(t_ns=2 * SECOND, device=channel.device, channels=(halved,)))
    live.take(reading(halved, 3 * SECOND, 7))
    assert live.view(3 * SECOND).readings[channel.key].value == 3.5
    as_float = reading(halved, 4 * SECOND, 7)._replace(dtype=DType.F32)
    live.take(as_float)
    assert live.view(4 * SECOND).readings[channel.key].value < 1e-40


def test_readings_that_are_told_at_once_keep_their_own_times() -> None:
    channel = slow()
    live = opened(channel)
    live.take(reading(channel, SECOND, 1.0))
    times = [2 * SECOND, 2 * SECOND + 97 * MILLISECOND, 2 * SECOND + 201 * MILLISECOND]
    live.take(uneven_block(channel, times, [2.0, 3.0, 4.0]))
    live.take(block(channel, 3 * SECOND, 4 * SECOND, [5.0, 6.0, 7.0]))
    told = {t_ns: live.view(t_ns).readings[channel.key] for t_ns in (*times, times[1] - 1, 7 * SECOND // 2)}
    assert [told[t_ns].value for t_ns in times] == [2.0, 3.0, 4.0]
    assert [told[t_ns].t_ns for t_ns in times] == times
    assert told[times[1] - 1].value == 2.0
    assert told[7 * SECOND // 2].value == 6.0
