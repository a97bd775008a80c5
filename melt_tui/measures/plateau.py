"""What a run held out: its peak, what it sustained, and whether that is steady."""

from collections.abc import Sequence
from dataclasses import dataclass

from melt_tui.measures.heat import STEADY_S, STEADY_SHARE, slope

LONG_RUN_S = 1200.0
"""What a shorter run shows at its end is not yet sustained."""
SUSTAINED_S = 300.0
_PARTS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """Some tokens, and how long decoding took for them."""

    t_s: float
    """When the last of them came."""
    tokens: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plateau:
    """The mean of the last 5 min of a long run."""

    rate_tps: float
    steady: bool | None
    """Its slope is below 1 % in 5 min; None where it is not to be told."""


def peak(steps: Sequence[Step], least_s: float, least_tokens: float) -> float | None:
    """The greatest rate over ``least_s`` or ``least_tokens``, whichever is longer; None of less than that."""
    best: float | None = None
    tokens = seconds = 0.0
    first = 0
    for step in steps:
        tokens, seconds = tokens + step.tokens, seconds + step.seconds
        while seconds - steps[first].seconds >= least_s and tokens - steps[first].tokens >= least_tokens:
            tokens, seconds = tokens - steps[first].tokens, seconds - steps[first].seconds
            first += 1
        if seconds >= least_s and tokens >= least_tokens:
            best = max(best or 0.0, tokens / seconds)
    return best


def plateau(steps: Sequence[Step], start_s: float, end_s: float) -> Plateau | None:
    """Decode tokens over decode time in the last 5 min; None of a run shorter than 20 min."""
    last = [step for step in steps if step.t_s > end_s - SUSTAINED_S]
    seconds = sum(step.seconds for step in last)
    if end_s - start_s < LONG_RUN_S or seconds <= 0:
        return None
    rate = sum(step.tokens for step in last) / seconds
    return Plateau(rate, _steady(last, end_s, rate))


def _steady(last: Sequence[Step], end_s: float, rate: float) -> bool | None:
    """By the rates of ten equal parts of the time."""
    width = SUSTAINED_S / _PARTS
    times, rates = [], []
    for part in range(_PARTS):
        a_s = end_s - SUSTAINED_S + part * width
        some = [step for step in last if a_s < step.t_s <= a_s + width]
        seconds = sum(step.seconds for step in some)
        if seconds > 0:
            times.append(a_s)
            rates.append(sum(step.tokens for step in some) / seconds)
    per_s = slope(times, rates) if len(times) > _PARTS // 2 else None
    return None if per_s is None else abs(per_s) * STEADY_S < STEADY_SHARE * rate
