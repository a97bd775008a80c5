"""Power edges against what a device did: the offset that was put in comes out, or it is said that it cannot."""

from dataclasses import replace

import numpy as np
import pytest

from melt_tui.measures.alignment import MILLISECOND, SURE, Alignment, Power, Values, align, joined

IDLE, PREFILL, DECODE = 0.3, 3.1, 1.9


def story(
    seed: int,
    offset_ms: float,
    *,
    step_ms: int = 1,
    turns: int = 3,
    noise_w: float = 0.3,
    strangers: int = 0,
    rise_ms: float = 1.0,
    scale: float = 1.0,
) -> tuple[Power, list[int]]:
    """Turns with bursts of tokens, as a meter tells them whose times are to be moved by ``offset_ms``."""
    rng = np.random.default_rng(seed)
    t = np.arange(240_000) / 10.0
    watts = np.full(len(t), IDLE)
    at, moments = 4000 + rng.uniform(0, 100), []
    for _ in range(turns):
        first, last = at + rng.uniform(150, 700), 0.0
        last = first + rng.uniform(1500, 3500)
        bursts = DECODE * np.where((t - first) % 45 < 32, 1.2, 0.5)
        watts += scale * (PREFILL - IDLE) * (_rise(t, at, rise_ms) - _rise(t, first, rise_ms))
        watts += scale * (bursts - IDLE) * (_rise(t, first, rise_ms) - _rise(t, last, rise_ms))
        moments += [at, first, last]
        at = last + rng.uniform(400, 2000)
    for _ in range(strangers):
        begins, lasts = rng.uniform(0, 24_000), rng.uniform(200, 3000)
        watts += 2.0 * ((t > begins) & (t < begins + lasts))
    means = watts.reshape(-1, 10 * step_ms).mean(axis=1)
    power = Power(
        -round(offset_ms * MILLISECOND), step_ms * MILLISECOND, means + rng.normal(0, noise_w, len(means))
    )
    return power, [round(moment * MILLISECOND) for moment in moments]


def _rise(t: Values, at: float, over: float) -> Values:
    return np.clip((t - at) / over, 0, 1)


def error_ms(found: Alignment, offset_ms: float) -> float:
    assert found.offset_ns is not None
    assert found.uncertainty_ns is not None
    error_ns = abs(found.offset_ns - offset_ms * MILLISECOND)
    assert error_ns <= found.uncertainty_ns
    return error_ns / MILLISECOND


@pytest.mark.parametrize(
    ("offset_ms", "turns", "noise_w", "strangers"),
    [(0.0, 3, 0.3, 0), (-37.0, 1, 0.3, 0), (211.0, 3, 1.5, 0), (-1300.0, 2, 0.5, 0), (64.0, 4, 0.3, 3)],
)
def test_the_offset_is_found_within_5_ms(
    offset_ms: float, turns: int, noise_w: float, strangers: int
) -> None:
    power, moments = story(5, offset_ms, turns=turns, noise_w=noise_w, strangers=strangers)
    found = align(power, moments)
    assert error_ms(found, offset_ms) < 5
    assert found.confidence >= SURE
    assert found.edges >= turns
    assert found.worth == (abs(offset_ms) > 5)


def test_a_slower_meter_is_less_sure_and_a_gauge_cannot_say() -> None:
    fast, slow = (align(*story(2, 40.0, step_ms=step_ms)) for step_ms in (1, 50))
    assert error_ms(slow, 40.0) < 25
    assert (fast.uncertainty_ns or 0) < 5 * MILLISECOND < (slow.uncertainty_ns or 0)
    gauge = align(Power(0, 2000 * MILLISECOND, np.ones(12)), [5 * 10**9])
    assert gauge.offset_ns is None
    assert "every 2 s" in gauge.reason


def test_power_that_rises_slowly_widens_the_uncertainty() -> None:
    found = align(*story(1, 0.0, rise_ms=60.0))
    assert abs(found.offset_ns or 0) < (found.uncertainty_ns or 0)
    assert (found.uncertainty_ns or 0) > 25 * MILLISECOND


@pytest.mark.parametrize("strangers", [0, 6])
def test_power_that_knows_nothing_of_the_work_is_not_believed(strangers: int) -> None:
    for seed in range(3):
        power, moments = story(seed, 0.0, scale=0.0, strangers=strangers)
        found = align(power, moments)
        assert not found.sure
        assert found.reason


def test_holes_and_silence() -> None:
    power, moments = story(3, 20.0)
    power.watts[:5000] = np.nan
    power.watts[9000:9500] = np.nan
    assert error_ms(align(power, moments), 20.0) < 5
    assert align(replace(power, watts=power.watts * np.nan), moments).offset_ns is None
    assert align(power, []).offset_ns is None


def test_runs_that_differ_by_more_than_they_promise_widen_each_other() -> None:
    def one(offset_ms: int, within_ms: int, confidence: float = 1.0) -> Alignment:
        return Alignment(
            offset_ns=offset_ms * MILLISECOND,
            uncertainty_ns=within_ms * MILLISECOND,
            confidence=confidence,
            edges=3,
        )

    both = joined([one(10, 1), one(20, 1), one(500, 1, confidence=0.5)])
    assert both.offset_ns == 15 * MILLISECOND
    assert both.uncertainty_ns == 5 * MILLISECOND
    assert both.edges == 6
    unsure = one(5, 1, confidence=0.2)
    assert joined([unsure]) is unsure
