"""Figures of a run whose device was away for a while: what it kept counts where there is nothing else, and is told."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, RunSpec, Unit, reading, uneven_block
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.samples import filled, read
from melt_tui.analysis.session import summarise
from melt_tui.events import SELF, DeviceUp, RunEnded, RunOutcome, RunStarted, SessionStarted
from melt_tui.store.recorder import Recorder
from melt_tui.store.recording import Recording

SOC = Channel(device="p", name="zone soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=10.0)
RSS = replace(SOC, name="rss", quantity=Quantity.RSS, unit=Unit.BYTES)
KEPT = {
    SOC: replace(SOC, name="kept soc", own_clock=True, rate_hz=1.0, fills=("zone soc", "soc")),
    RSS: replace(RSS, name="kept rss", own_clock=True, rate_hz=1.0, fills=("rss",)),
}
ALONE = replace(SOC, name="kept skin", own_clock=True, rate_hz=1.0, fills=("zone skin",))
OFFSET = 7 * SECOND
SPEC = RunSpec(run="r1", device="p", runtime="t", model=None, workload=None)
NOTE = "rss_peak_bytes, temperatures: in part read on the device by a script of ours while its link was away"


def items(*, kept: bool) -> Iterator[Item]:
    """Read from 0 s to 10 s and from 30 s on; the device kept what it read from 5 s to 30 s."""
    yield SessionStarted(t_ns=0, device=SELF, wall_ns=1, name="s", version="0", host="h")
    info = DeviceInfo(device="p", address="adb:p", kind=DeviceKind.PHONE)
    yield DeviceUp(t_ns=0, device="p", info=info)
    yield ChannelsOpened(t_ns=0, device="p", channels=(SOC, RSS))
    yield ClockMeasured(t_ns=0, device="p", offset_ns=OFFSET, uncertainty_ns=1, origin="round trip")
    yield RunStarted(t_ns=SECOND, device="p", run="r1", spec=SPEC)
    for at in (*range(100), *range(300, 400)):
        yield reading(SOC, at * SECOND // 10, 40.0 + at / 100)
        yield reading(RSS, at * SECOND // 10, 1000.0)
    if kept:
        yield ChannelsOpened(t_ns=5 * SECOND, device="p", channels=(*KEPT.values(), ALONE))
        times = [at * SECOND + SECOND // 20 - OFFSET for at in range(5, 30)]
        yield uneven_block(KEPT[SOC], times, [99.0 if at < 10 else 60.0 for at in range(5, 30)])
        yield uneven_block(KEPT[RSS], times, [float(at) * 1000 for at in range(5, 30)])
        yield uneven_block(ALONE, times, [33.0] * 25)
    yield RunEnded(t_ns=39 * SECOND, device="p", run="r1", outcome=RunOutcome.DONE)


def recorded(path: Path, *, kept: bool) -> Recording:
    recorder = Recorder(path)
    for item in items(kept=kept):
        recorder.take(item)
    recorder.close()
    return Recording(path)


def test_what_was_kept_counts_in_the_hole_alone(tmp_path: Path) -> None:
    with closing(recorded(tmp_path / "s.melt", kept=True)) as recording:
        (run,) = summarise(recording).runs
    found = {one.sensor: (one.start_c, one.max_c, one.end_c) for one in run.temperatures}
    assert found == {"zone soc": (40.1, 60.0, 43.9), "kept skin": (33.0, 33.0, 33.0)}
    assert run.rss_peak_bytes == 29_000
    assert NOTE in run.notes


def test_without_a_hole_nothing_is_said(tmp_path: Path) -> None:
    with closing(recorded(tmp_path / "s.melt", kept=False)) as recording:
        (run,) = summarise(recording).runs
    assert run.rss_peak_bytes == 1000
    assert not any("read on the device" in note for note in run.notes)


def test_a_trace_is_filled_where_it_has_a_hole(tmp_path: Path) -> None:
    with closing(recorded(tmp_path / "s.melt", kept=True)) as recording:
        times, values = read(recording, Channels(recording), SOC.key, 8 * SECOND + SECOND // 25, 32 * SECOND)
    assert (np.diff(times) > 0).all()
    assert values.tolist() == [
        *(40.0 + at / 100 for at in range(81, 100)),
        *[60.0] * 20,
        *(40.0 + at / 100 for at in range(300, 321)),
    ]


@settings(max_examples=80, deadline=None)
@given(
    own=st.lists(st.integers(0, 300), max_size=12).map(sorted),
    spare=st.lists(st.integers(0, 300), max_size=12).map(sorted),
    hole=st.integers(0, 60),
)
def test_only_in_holes_and_all_of_it(own: list[int], spare: list[int], hole: int) -> None:
    times, values = filled(
        (np.array(own, np.int64), np.zeros(len(own))), (np.array(spare, np.int64), np.ones(len(spare))), hole
    )
    ends = [-(1 << 61), *own, 1 << 61]
    expected = [
        t
        for t in spare
        if t not in own and min(e for e in ends if e > t) - max(e for e in ends if e < t) > hole
    ]
    assert times.tolist() == sorted([*own, *expected])
    assert values.sum() == len(expected)
