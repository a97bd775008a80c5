"""Seconds per token over the context, and how well they are known."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.measures.pace import Pace


def fitted(slope: float, noise: float, blocks: int, seed: int = 1) -> Pace:
    """Ten tokens a block, 50 ms each without context, one block after the other."""
    pace, random = Pace(), Random(seed)
    for k in range(blocks):
        context = 50 + 10.0 * k
        seconds = 10 * 0.05 * (1 + slope * context) * random.gauss(1, noise)
        pace.add(10, seconds, 10 * context)
    return pace


def test_without_anything_there_is_no_line() -> None:
    assert Pace().line() is None


@given(st.floats(0, 5e-4), st.integers(60, 200))
def test_a_straight_line_is_found(slope: float, blocks: int) -> None:
    line = fitted(slope, 0.0, blocks).line()
    assert line is not None
    for at in (100.0, 500.0, 1000.0):
        assert line.expected_s(1, at) == pytest.approx(0.05 * (1 + slope * at), rel=0.02)
    assert line.expected_s(7, 7 * 300.0) == pytest.approx(7 * line.expected_s(1, 300.0))


def test_little_noisy_data_knows_its_mean_and_says_how_little_it_knows_far_away() -> None:
    line = fitted(0.0, 0.1, 10).line()
    assert line is not None
    assert (line.lowest, line.highest) == (50, 140)
    assert line.expected_s(1, line.middle) == pytest.approx(0.05, rel=0.07)
    assert 0.03 < line.uncertainty(line.middle) < 0.07
    assert line.uncertainty(line.middle + 1000) == line.uncertainty(140), "what is added far away is leeway"
    assert line.expected_s(1, 1140) * line.leeway(1140, 2) > 0.05 * 1.3
    assert [line.leeway(at, 2) for at in (50, 100, 140)] == [1, 1, 1]


def test_before_less_context_no_token_takes_longer() -> None:
    line = fitted(3e-4, 0.0, 100).line()
    assert line is not None
    known, less = line.expected_s(1, line.lowest), line.expected_s(1, 0)
    assert less < known
    assert less * line.leeway(0, 1e6) == pytest.approx(known)
    assert less < less * line.leeway(0, 0.01) < known


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
    assert (pace.tokens, pace.blocks, pace.lowest, pace.highest) == (100, 10, 50, 140)
    assert pace.seconds == pytest.approx(5.0)
