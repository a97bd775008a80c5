import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.meters.monsoon.protocol import KEPT, Gain, Stretch


@given(
    zero=st.integers(0, 5000),
    span=st.integers(1000, 60000),
    offset=st.floats(-100, 100),
    raw=st.integers(-32768, 65535),
)
def test_zero_is_nothing_and_the_reference_is_the_scale(
    zero: int, span: int, offset: float, raw: int
) -> None:
    gain = Gain(6.4, offset)
    gain.zeros.append(zero)
    gain.references.append(zero + span)
    assert gain.known
    read = gain.amperes(np.array([raw, zero + span]))
    assert read[0] == pytest.approx((raw - zero - offset) * 6.4 / (span - offset), rel=1e-9, abs=1e-12)
    assert read[1] == pytest.approx(6.4)


def test_the_mean_of_the_last_readings_counts() -> None:
    gain = Gain(1.0)
    gain.zeros.extend([1000] * KEPT + [0] * (KEPT - 1) + [50])
    gain.references.append(1010)
    assert gain.amperes(np.array([10])).tolist() == [0.0]


def test_what_is_not_calibrated_is_not_known() -> None:
    gain = Gain(1.0)
    assert not gain.known
    gain.zeros.append(100)
    assert not gain.known
    gain.references.append(100)
    assert not gain.known, "a reference that is zero is none"


def test_a_stretch_is_as_long_as_its_voltage() -> None:
    assert Stretch(0, {}, {"main": np.arange(7)}).n == 7
