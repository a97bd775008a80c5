"""Seconds per token over the context, and how well they are known."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.measures.pace import Pace


def fitted(slope: float, noise: float, stretches: int, seed: int = 1) -> Pace:
    """Ten tokens a stretch, 50 ms each without context, one stretch after the other."""
    pace, random = Pace(), Random(seed)
    for k in range(stretches):
        context = 50 + 10.0 * k
        seconds = 10 * 0.05 * (1 + slope * context) * random.gauss(1, noise)
        pace.add(10, seconds, 10 * context)
    return pace


def test_without_anything_there_is_no_line() -> None:
    assert Pace().line() is None


@given(st.floats(0, 5e-4), st.integers(60, 200))
def test_a_straight_line_is_found(slope: float, stretches: int) -> None:
    line = fitted(slope, 0.0, stretches).line()
    assert line is not None
    for at in (100.0, 500.0, 1000.0):
        assert line.expected_s(1, at) == pytest.approx(0.05 * (1 + slope * at), rel=0.02)
    assert line.expected_s(7, 7 * 300.0) == pytest.approx(7 * line.expected_s(1, 300.0))


def test_little_noisy_data_knows_its_mean_and_says_how_little_it_knows_far_away() -> None:
    line = fitted(0.0, 0.1, 10).line()
    assert line is not None
    assert line.expected_s(1, line.middle) == pytest.approx(0.05, rel=0.07)
    near, far = line.uncertainty(line.middle), line.uncertainty(line.middle + 1000)
    assert near < 0.07 < far
    assert abs(line.expected_s(1, line.middle + 1000) / 0.05 - 1) < 2 * far


def test_a_slope_is_never_negative_and_scatter_falls_with_tokens() -> None:
    line = fitted(-3e-4, 0.0, 100).line()
    assert line is not None
    assert line.slope == 0
    noisy = fitted(0.0, 0.2, 100).line()
    assert noisy is not None
    assert noisy.scatter(100) == pytest.approx(noisy.scatter(1) / 10)
    assert noisy.scatter(1) == pytest.approx(2 * 0.2 * 10**0.5, rel=0.25), (
        "of ten together it was 0.2, and four are one"
    )
    assert noisy.scatter(0) == 1


def test_what_it_was_fitted_from_is_kept() -> None:
    pace = fitted(0.0, 0.0, 10)
    assert (pace.tokens, pace.stretches, pace.highest) == (100, 10, 140)
    assert pace.seconds == pytest.approx(5.0)
