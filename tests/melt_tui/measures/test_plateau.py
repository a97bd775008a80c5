"""Peak and plateau of a run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.measures.plateau import Step, peak, plateau


def steps(seconds: float, rate: float, start_s: float = 0.0) -> list[Step]:
    """Four steps a second."""
    return [Step(start_s + (k + 1) / 4, rate / 4, 0.25) for k in range(round(4 * seconds))]


def greatest(run: list[Step], least_s: float, least_tokens: float) -> float | None:
    tokens, seconds = (np.array([getattr(step, name) for step in run]) for name in ("tokens", "seconds"))
    return peak(tokens, seconds, least_s, least_tokens)


@settings(max_examples=60)
@given(
    some=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 12)), max_size=40),
    least_s=st.integers(1, 5),
    least_tokens=st.integers(1, 8),
)
def test_the_peak_is_the_greatest_of_all_shortest_windows(
    some: list[tuple[int, int]], least_s: int, least_tokens: int
) -> None:
    """By trying every window."""
    rates = []
    for end in range(1, len(some) + 1):
        for start in range(end - 1, -1, -1):
            tokens = sum(n for n, _ in some[start:end])
            seconds = sum(quarters for _, quarters in some[start:end]) / 4
            if seconds >= least_s and tokens >= least_tokens:
                rates.append(tokens / seconds)
                break
    run = [Step(0.0, tokens, quarters / 4) for tokens, quarters in some]
    assert greatest(run, least_s, least_tokens) == (pytest.approx(max(rates)) if rates else None)


def test_the_peak_is_that_of_a_window_not_of_a_token() -> None:
    run = [*steps(60, 10), *steps(1, 40, 60), *steps(60, 10, 61)]
    assert greatest(run, 5, 8) == pytest.approx((4 * 10 + 40) / 5)
    assert greatest(steps(4, 10), 5, 8) is None
    assert greatest(steps(60, 1), 5, 8) == pytest.approx(1.0)
    assert greatest([], 5, 8) is None


def test_a_plateau_is_the_last_five_minutes_of_a_long_run() -> None:
    run = [*steps(900, 20), *steps(400, 12, 900)]
    held = plateau(run, 0, 1300)
    assert held is not None
    assert held.rate_tps == pytest.approx(12.0)
    assert held.steady is True
    assert plateau(run[:4000], 0, 1000) is None
    assert plateau([], 0, 2000) is None


def test_pauses_are_no_part_of_it_and_a_fall_is_not_steady() -> None:
    apart = [Step(4.0 * k, 10, 0.5) for k in range(400)]
    held = plateau(apart, 0, 1600)
    assert held is not None
    assert held.rate_tps == pytest.approx(20.0)
    assert held.steady is True
    falling = [Step((k + 1) / 4, 5 * (1 - k / 4 * 5e-5), 0.25) for k in range(4 * 1300)]
    sinking = plateau(falling, 0, 1300)
    assert sinking is not None
    assert sinking.steady is False
    few = plateau([*steps(900, 20), Step(1290, 10, 0.5)], 0, 1300)
    assert few is not None
    assert few.steady is None
