"""Rates and times of inference, by hand."""

import subprocess
import sys
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.measures import rates

S = 1_000_000_000


def test_times() -> None:
    assert rates.ttft(10 * S, 10 * S + 410_000_000) == 0.41
    assert rates.ttft(10 * S, None) is None
    assert rates.e2e(10 * S, 9 * S) is None
    assert rates.between(5, 5) == 0.0


def test_tpot_is_over_decode_tokens() -> None:
    assert rates.tpot(2.5, 0.5, 101) == pytest.approx(0.02)
    assert rates.tpot(2.5, 0.5, 1) is None
    assert rates.tpot(None, 0.5, 100) is None
    assert rates.tpot(0.4, 0.5, 100) is None


def test_rates() -> None:
    assert rates.prefill_rate(512, 2.0) == 256.0
    assert rates.prefill_rate(0, 2.0) is None
    assert rates.prefill_rate(512, 0.0) is None
    assert rates.decode_rate(129, 10 * S, 14 * S) == 32.0
    assert rates.decode_rate(1, 10 * S, 10 * S) is None
    assert rates.decode_rate(2, 10 * S, 10 * S) is None
    assert rates.decode_rate(None, 10 * S, 14 * S) is None
    assert rates.reported_decode_rate(129, 4.0) == 32.0
    assert rates.reported_decode_rate(129, None) is None


def test_figures_differ_from_five_per_cent_of_the_reported_one() -> None:
    assert rates.differ(105.0, 100.0) is False
    assert rates.differ(105.1, 100.0) is True
    assert rates.differ(94.9, 100.0) is True
    assert rates.differ(None, 100.0) is None
    assert rates.differ(100.0, None) is None


def test_a_steady_stream_has_its_rate() -> None:
    times = [k * S // 20 for k in range(200)]
    counts = [float(k + 1) for k in range(200)]
    assert rates.live_rate(times, counts, times[-1]) == pytest.approx(20.0)
    assert rates.live_start(times, counts, times[-1]) == 199 - 40


def test_a_slow_stream_is_measured_over_eight_tokens() -> None:
    times = [k * S for k in range(30)]
    counts = [float(k + 1) for k in range(30)]
    assert rates.live_rate(times, counts, times[-1]) == pytest.approx(1.0)
    assert rates.live_start(times, counts, times[-1]) == 29 - 8


def test_no_rate_before_the_second_arrival() -> None:
    assert rates.live_rate([], [], 5 * S) is None
    assert rates.live_rate([S], [1.0], 5 * S) is None
    assert rates.live_rate([S, S], [1.0, 2.0], S) is None
    assert rates.live_rate([S, 2 * S], [1.0, 2.0], 2 * S) == 1.0


def test_tokens_that_come_together_are_counted_together() -> None:
    assert rates.live_rate([0, S // 2, S], [3.0, 8.0, 13.0], S) == 10.0


@given(
    st.lists(st.tuples(st.integers(1, 3 * S), st.integers(1, 5)), min_size=2, max_size=60),
    st.integers(1000, 100 * S),
)
def test_it_falls_while_nothing_comes_and_never_freezes(steps: list[tuple[int, int]], later: int) -> None:
    times = list(accumulate(gap for gap, _ in steps))
    counts = [float(c) for c in accumulate(n for _, n in steps)]
    moments = [times[-1] + later * k // 3 for k in range(5)]
    told = [rates.live_rate(times, counts, now) for now in moments]
    assert all(rate is not None and rate > 0 for rate in told)
    final = rates.live_rate(times, counts, times[-1] + 10**6 * S)
    assert final is not None
    assert final < 0.001
    start = rates.live_start(times, counts, moments[-1])
    assert start >= rates.live_start(times, counts, moments[0])
    frozen = [
        rate for now, rate in zip(moments, told, strict=True) if rates.live_start(times, counts, now) == start
    ]
    assert all(a > b for a, b in pairwise(frozen) if a is not None and b is not None)


def test_the_formulas_need_no_numpy() -> None:
    code = (
        "import sys, melt_tui.measures.turns, melt_tui.measures.rates, melt_tui.timeline, melt_tui.timeline.fold, "
        "melt_tui.timeline.spliced, melt_tui.timeline.clockmap, melt_tui.timeline.grid, "
        "melt_tui.detectors.token_rate; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
