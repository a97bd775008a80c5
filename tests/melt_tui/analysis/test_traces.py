"""A trace of very many samples, told by sums of the pyramid, against the same trace read whole."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.accuracy import Accuracy
from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import Channel, Decoding, DType, Kind, Quantity, Samples, Unit
from melt_tui.analysis import traces
from melt_tui.analysis.recorded import Channels
from melt_tui.analysis.traces import Read, Summed, measured
from melt_tui.events import SELF, SessionStarted
from melt_tui.measures.integral import Trace, integrate
from melt_tui.store.recording import Recording
from tests.rigs.written import folder, write

RATE_HZ = 20_000
SECONDS = 3
HOLE = (1.3107, 1.5004)
POWER = Channel(
    device="meter",
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=float(RATE_HZ),
    dtype=DType.U32,
    decoding=Decoding(((0.0, 1e-3), (0.5, 2e-3)), 14),
)
T0 = 7_000 * SECOND
ABOUT = Trace(
    kind=Kind.INSTANT,
    times_ns=np.empty(0, np.int64),
    values=np.empty(0),
    period_ns=SECOND / RATE_HZ,
    timing_ns=2e6,
    accuracy=Accuracy(0.01, 0.001),
    limit=16.0,
)


def blocks() -> Iterator[Samples]:
    """Two ranges, noise, one spike, and a hole; blocks of 20 ms."""
    random = np.random.default_rng(5)
    n, step = RATE_HZ // 50, SECOND // RATE_HZ
    for first in range(0, SECONDS * RATE_HZ, n):
        t = (first + np.arange(n)) / RATE_HZ
        busy = (t % 0.11 < 0.06).astype(np.uint32)
        codes = (2000 + 5000 * busy + random.normal(0, 12, n)).astype("<u4") | (busy << 14)
        codes[(t > 2.2) & (t <= 2.2 + 1 / RATE_HZ)] = (1 << 14) | 8000
        start = T0 + first * step
        for some in (t < HOLE[0], t >= HOLE[1]):
            inside = np.flatnonzero(some)
            if len(inside):
                a, b = start + int(inside[0]) * step, start + int(inside[-1]) * step
                yield Samples("meter", "power", a, b, DType.U32, codes[some].astype("<u4").tobytes())


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Read, Summed]]:
    started = SessionStarted(t_ns=T0, device=SELF, wall_ns=0, name="", version="", host="")
    opened = ChannelsOpened(t_ns=T0, device="meter", channels=(POWER,))
    with folder() as place, pytest.MonkeyPatch.context() as patch:
        path: Path = place / "fast.melt"
        write(path, [started, opened, *blocks()], size=12)
        with closing(Recording(path)) as recording:
            asked = (recording, Channels(recording), POWER, ABOUT, T0 - SECOND, T0 + (SECONDS + 1) * SECOND)
            whole = measured(*asked)
            patch.setattr(traces, "MANY", 10_000)
            summed = measured(*asked)
            assert isinstance(whole, Read)
            assert isinstance(summed, Summed)
            yield whole, summed


def test_what_lies_between_samples_is_in_the_sums_too(both: tuple[Read, Summed]) -> None:
    """Of whole columns: what some of them tell, never less than what all samples do."""
    read, summed = both
    timely = replace(read.trace, timing_ns=0.0)
    for column in (0.2, 0.5):
        a, b = T0 + round(column * SECOND), T0 + round((column + 0.4) * SECOND)
        (part,) = (part for part in summed._parts(a, b) if part is not None)
        exact = integrate(timely, a, b)
        assert exact is not None
        assert 0.9 < part.joules.integration / exact.joules.integration < 3


WINDOW = st.tuples(st.floats(-0.2, SECONDS + 0.2), st.floats(0.0003, 3.3))


@settings(max_examples=40, deadline=None)
@given(WINDOW)
def test_sums_and_samples_tell_the_same(both: tuple[Read, Summed], window: tuple[float, float]) -> None:
    a, b = (T0 + round(t * SECOND) for t in (window[0], window[0] + window[1]))
    read, summed = (one.energy(a, b) for one in both)
    assert (read is None) == (summed is None)
    if read is None or summed is None:
        return
    assert summed.joules.value == pytest.approx(read.joules.value, rel=1e-4, abs=1e-3)
    assert summed.covered_ns == pytest.approx(read.covered_ns, abs=6 * SECOND / RATE_HZ)
    assert summed.peak_w == pytest.approx(read.peak_w)
    assert bool(summed.clipped) == bool(read.clipped)
    assert summed.joules.accuracy == pytest.approx(read.joules.accuracy, rel=1e-4, abs=1e-4)
    assert abs(summed.joules.value - read.joules.value) <= summed.joules.integration + 1e-9


def test_what_is_summed_is_what_was_played(both: tuple[Read, Summed]) -> None:
    """From 0.11 s to 1.1 s, nine periods of 0.06 s at 14.5 W and 0.05 s at 2 W."""
    _, summed = both
    energy = summed.energy(T0 + round(0.11 * SECOND), T0 + round(1.1 * SECOND))
    assert energy is not None
    assert energy.joules.value == pytest.approx(9 * (0.06 * 14.5 + 0.05 * 2.0), rel=1e-3)
    assert energy.clipped == 0
    spiked = summed.energy(T0 + 2 * SECOND, T0 + 3 * SECOND)
    assert spiked is not None
    assert (spiked.peak_w, spiked.clipped) == pytest.approx((16.5, 1))


def test_the_hole_is_not_covered(both: tuple[Read, Summed]) -> None:
    for one in both:
        energy = one.energy(T0 + SECOND, T0 + 2 * SECOND)
        assert energy is not None
        assert energy.coverage == pytest.approx(1 - (HOLE[1] - HOLE[0]), abs=2e-4)
        assert one.energy(T0 + round(1.32 * SECOND), T0 + round(1.49 * SECOND)) is None


def test_a_channel_that_gave_nothing_is_none() -> None:
    started = SessionStarted(t_ns=T0, device=SELF, wall_ns=0, name="", version="", host="")
    opened = ChannelsOpened(t_ns=T0, device="meter", channels=(POWER,))
    with folder() as place:
        write(place / "empty.melt", [started, opened])
        with closing(Recording(place / "empty.melt")) as recording:
            assert measured(recording, Channels(recording), POWER, ABOUT, T0, T0 + SECOND) is None
