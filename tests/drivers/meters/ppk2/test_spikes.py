"""The spike filter against one that goes sample by sample, written from Nordic's description of it."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.meters.ppk2.frames import Words
from drivers.meters.ppk2.protocol import Fit
from drivers.meters.ppk2.spikes import FILTERED, Encoder, SpikeFilter, Values, amperes

FITS = (
    Fit(1003.35, 0.0, 1.0, 112.94, 4.8e-8, -1.04e-7, 1.0),
    Fit(101.5865, 112.789, 0.9695, 75.4627, 5.96e-7, -1.443e-6, 1.0),
    Fit(10.3027, 18.0115, 0.9609, 64.602, 5.281e-6, 3.6439e-5, 1.0),
    Fit(0.9636, 2.4217, 0.9519, 50.4983, 6.2577e-5, -3.74119e-4, 1.0),
    Fit(0.0564, 0.0729, 0.9582, 87.2177, 2.940743e-3, -9.388455e-3, 1.0),
)
PIECES = tuple(fit.polynomial(3.7) for fit in FITS)
TABLE = amperes(PIECES)


@dataclass
class Scalar:
    """Nordic's filter, one sample after the other."""

    quick: float | None = None
    slow: float | None = None
    before: int | None = None
    left: int = 0
    since: int = 0
    shown: list[float] = field(default_factory=list)

    def take(self, code: int) -> None:
        value, here = float(TABLE[code]), code >> 14
        old = self.quick, self.slow
        self.quick = value if self.quick is None else 0.18 * value + 0.82 * self.quick
        self.slow = value if self.slow is None else 0.06 * value + 0.94 * self.slow
        self.before = here if self.before is None else self.before
        if self.before != here or self.left > 0:
            if self.before != here:
                self.since, self.left = 0, 3
            else:
                self.since += 1
            if here == 4:
                if self.since < 2:
                    self.quick, self.slow = old
                assert self.slow is not None
                value = self.slow
            else:
                assert self.quick is not None
                value = self.quick
            self.left -= 1
        self.before = here
        self.shown.append(value)


def profile(lengths: list[tuple[int, int]], seed: int) -> Words:
    """Stretches of some samples in some range."""
    noise = np.random.default_rng(seed)
    parts = [(meter_range << 14) + noise.integers(50, 16000, length) for meter_range, length in lengths]
    return np.concatenate(parts).astype(np.uint32)


STRETCHES = st.lists(
    st.tuples(st.integers(0, 4), st.one_of(st.integers(1, 6), st.integers(1, 900))), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(lengths=STRETCHES, cuts=st.lists(st.integers(0, 4000), max_size=5), seed=st.integers(0, 5))
def test_same_values_as_sample_by_sample(lengths: list[tuple[int, int]], cuts: list[int], seed: int) -> None:
    codes = profile(lengths, seed)
    reference = Scalar()
    for code in codes.tolist():
        reference.take(code)
    mine = SpikeFilter(TABLE)
    edges = sorted({0, len(codes), *(cut % len(codes) for cut in cuts)})
    shown: Values = np.concatenate([mine.values(codes[a:b]) for a, b in pairwise(edges)])
    np.testing.assert_allclose(shown, reference.shown, rtol=1e-9, atol=1e-15)


def test_three_samples_after_each_change_are_replaced() -> None:
    codes = profile([(2, 50), (4, 50), (3, 2), (4, 50)], 1)
    assert SpikeFilter(TABLE).feed(codes).places.tolist() == [50, 51, 52, 100, 101, 102, 103, 104]


def test_nothing_is_nothing() -> None:
    assert len(SpikeFilter(TABLE).values(np.empty(0, np.uint32))) == 0


def test_another_calibration_holds_from_then_on() -> None:
    one = SpikeFilter(TABLE)
    codes = profile([(2, 10)], 3)
    one.values(codes)
    one.recalibrate(2 * TABLE)
    np.testing.assert_array_equal(one.values(codes), 2 * TABLE[codes])


def test_the_table_is_the_polynomial_of_each_range() -> None:
    c0, c1, c2 = PIECES[3]
    assert TABLE[(3 << 14) + 1000] == pytest.approx(c0 + c1 * 1000 + c2 * 1e6, rel=1e-12)
    assert len(TABLE) == 5 << 14


@given(st.lists(st.floats(-0.01, 1.2), min_size=1, max_size=20))
def test_values_put_in_are_off_by_half_a_step_at_most(values: list[float]) -> None:
    codes = Encoder(TABLE).codes(np.array(values))
    for value, code in zip(values, codes.tolist(), strict=True):
        meter_range, reading = (code >> 14) - FILTERED, code & 0x3FFF
        steps = TABLE.reshape(5, -1)[meter_range]
        shown = steps[reading]
        if value <= steps[0]:
            assert reading == 0
        else:
            assert abs(shown - value) <= np.diff(steps).max() / 2
        finer = TABLE.reshape(5, -1)[:meter_range, -1]
        assert (finer < value).all(), "the finest range that reaches it"
