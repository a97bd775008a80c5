"""Holes of a channel filled with what its device kept: the same live and recorded, and nothing where there is no hole."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import Channel, DeviceInfo, DeviceKind, Kind, Quantity, Unit, reading, uneven_block
from melt_tui.events import SELF, DeviceLost, DeviceUp, SessionStarted
from melt_tui.live import LiveState
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording
from melt_tui.timeline import Window
from melt_tui.timeline.filled import Filled, fillers, hole_ns

RSS = Channel(device="p", name="rss", quantity=Quantity.RSS, unit=Unit.BYTES, rate_hz=10.0)
KEPT = replace(
    RSS, name="kept rss", rate_hz=1.0, own_clock=True, fills=("rss",), provenance="read on the device"
)
OFFSET = 1_000_000 * SECOND + 123
"""Of the device's clock, which is behind by so much."""
AWAY = (20 * SECOND, 50 * SECOND)
BACK = 60 * SECOND
INFO = DeviceInfo(device="p", address="adb:p", kind=DeviceKind.PHONE)


def items() -> Iterator[Item]:
    """Ten a second; the link is away from 20 s to 50 s, and what was kept begins before that: 7 in place of 1."""
    yield SessionStarted(t_ns=0, device=SELF, wall_ns=1, name="s", version="0", host="h")
    yield DeviceUp(t_ns=0, device="p", info=INFO)
    yield ChannelsOpened(t_ns=0, device="p", channels=(RSS,))
    yield from (reading(RSS, at * SECOND // 10, 1.0) for at in range(200))
    yield DeviceLost(t_ns=AWAY[0], device="p", reason="cable")
    yield DeviceUp(t_ns=AWAY[1], device="p", info=INFO)
    yield ClockMeasured(t_ns=AWAY[1], device="p", offset_ns=OFFSET, uncertainty_ns=5, origin="round trip")
    first_ns = 15 * SECOND + 43 * MILLISECOND
    yield ChannelsOpened(t_ns=first_ns, device="p", channels=(KEPT,))
    times = [first_ns + at * SECOND - OFFSET for at in range(37)]
    yield uneven_block(KEPT, times, [7.0] * len(times))
    yield from (reading(RSS, AWAY[1] + at * SECOND // 10, 2.0) for at in range(100))


@pytest.fixture(scope="module")
def live() -> LiveState:
    state = LiveState()
    for item in items():
        state.take(item)
    return state


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    path = tmp_path_factory.mktemp("filled") / "s.melt"
    recorder = Recorder(path)
    for item in items():
        recorder.take(item)
    recorder.close()
    with closing(Recording(path)) as recording:
        yield recording


def columns(window: Window) -> list[tuple[int, int, float]]:
    return list(zip(window.starts_ns, window.counts, window.means, strict=True))


def test_a_hole_is_filled_and_nothing_else(live: LiveState) -> None:
    window = Filled(live).window(RSS.key, 0, BACK, 600)
    assert window.width_ns == 100 * MILLISECOND
    kept = [(start, count) for start, count, mean in columns(window) if mean == 7.0]
    assert [count for _, count in kept] == [1] * 30
    assert all(AWAY[0] <= start and start + window.width_ns <= AWAY[1] for start, _ in kept)
    own = live.window(RSS.key, 0, BACK, 600)
    assert [one for one in columns(window) if one[2] != 7.0] == columns(own)
    assert list(window.starts_ns) == sorted(window.starts_ns)
    for span in ((16 * SECOND, 20 * SECOND), (17 * SECOND + 1, 17 * SECOND + SECOND // 20)):
        assert Filled(live).window(RSS.key, *span, 400) == live.window(RSS.key, *span, 400), "no hole"


@settings(max_examples=60, deadline=None)
@given(
    t0_ns=st.integers(14 * SECOND, 54 * SECOND),
    span_ns=st.sampled_from((SECOND // 5, SECOND, 3 * SECOND, BACK)).flatmap(lambda ns: st.integers(1, ns)),
    n=st.integers(1, 400),
    shift_ns=st.sampled_from((SECOND // 10, SECOND, 9 * SECOND)).flatmap(lambda ns: st.integers(-ns, ns)),
)
def test_live_and_recorded_agree_and_panning_changes_nothing(
    live: LiveState, recording: Recording, t0_ns: int, span_ns: int, n: int, shift_ns: int
) -> None:
    window = Filled(live).window(RSS.key, t0_ns, t0_ns + span_ns, n)
    assert window == Filled(recording).window(RSS.key, t0_ns, t0_ns + span_ns, n)
    starts, width = window.starts_ns, window.width_ns
    assert all(later - start >= width for start, later in pairwise(starts)), "none overlaps"
    panned = Filled(live).window(RSS.key, t0_ns + shift_ns, t0_ns + shift_ns + span_ns, n)
    low, high = max(t0_ns, t0_ns + shift_ns), min(t0_ns, t0_ns + shift_ns) + span_ns - width
    assert within(window, low, high) == within(panned, low, high)


def within(window: Window, t0_ns: int, t1_ns: int) -> Sequence[tuple[int, int, float]]:
    return [one for one in columns(window) if t0_ns <= one[0] <= t1_ns]


@pytest.mark.parametrize("kind", ["live", "recording"])
def test_the_reading_of_a_moment(live: LiveState, recording: Recording, kind: str) -> None:
    filled = Filled(live if kind == "live" else recording)
    for t_ns, value, provenance in (
        (10 * SECOND, 1.0, ""), (19 * SECOND + SECOND // 20, 1.0, ""), (20 * SECOND, 1.0, ""),
        (30 * SECOND, 7.0, "read on the device"), (49 * SECOND, 7.0, "read on the device"),
        (51 * SECOND, 2.0, ""), (BACK, 2.0, ""),
    ):  # fmt: skip
        view = filled.view(t_ns)
        assert list(view.channels) == [RSS.key], "what fills it is not shown beside it"
        assert list(view.readings) == [RSS.key]
        assert view.readings[RSS.key].value == value
        assert (view.channels[RSS.key].provenance, view.channels[RSS.key].rate_hz) == (
            provenance,
            1.0 if provenance else 10.0,
        )
        assert t_ns - view.readings[RSS.key].t_ns < 1.2 * SECOND


def test_the_channels_of_a_view_stay_the_same_object(live: LiveState) -> None:
    filled = Filled(live)
    assert filled.view(BACK).channels is filled.view(BACK - SECOND // 2).channels


def test_nobody_waits_for_more_of_what_was_kept(live: LiveState) -> None:
    assert live.watermark() == BACK - SECOND // 10


def test_what_fills_what() -> None:
    soc = replace(RSS, name="zone soc", unit=Unit.CELSIUS)
    other = replace(KEPT, name="kept soc", fills=("soc", "zone soc"), unit=Unit.CELSIUS)
    alone = replace(KEPT, name="kept fan", fills=("fan",))
    wrong = replace(KEPT, name="kept W", fills=("zone soc",), unit=Unit.WATT)
    counter = replace(KEPT, name="n", kind=Kind.COUNTER, rate_hz=None)
    channels = {channel.key: channel for channel in (RSS, soc, KEPT, wrong, other, alone)}
    assert fillers(channels) == {RSS.key: KEPT, soc.key: other}
    assert (hole_ns(RSS), hole_ns(counter)) == (SECOND // 2, 0)


def test_without_anything_kept_nothing_is_touched() -> None:
    plain = LiveState()
    for item in items():
        if not (isinstance(item, ChannelsOpened) and KEPT in item.channels):
            plain.take(item)
    assert Filled(plain).view(BACK) == plain.view(BACK)
    assert Filled(plain).window(RSS.key, 0, BACK, 60) == plain.window(RSS.key, 0, BACK, 60)
