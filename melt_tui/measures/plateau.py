"""What a run held out: its peak, what it sustained, and whether that is steady."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from melt_tui.measures.heat import STEADY_S, STEADY_SHARE, slope
from melt_tui.measures.integral import Values

LONG_RUN_S = 1200.0
"""What a shorter run shows at its end is not yet sustained."""
SUSTAINED_S = 300.0
_PARTS = 10
_ROUNDING = 1e-9
"""Of sums of many steps."""


class Step(NamedTuple):
    """Some tokens, and how long decoding took for them. Of an hour there are a hundred thousand."""

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
    drift: float | None = None
    """How much it changes in 5 min, as a part of it, without a sign."""


def peak(tokens: Values, seconds: Values, least_s: float, least_tokens: float) -> float | None:
    """The greatest rate over ``least_s`` or ``least_tokens``, whichever is longer; None of less than that.

    ``tokens`` and ``seconds`` of successive steps, none below 0. Of each step that ends a window the shortest is taken.
    """
    came = np.concatenate([[0.0], np.cumsum(tokens)])
    took = np.concatenate([[0.0], np.cumsum(seconds)])
    ends = np.arange(1, len(came))
    long = np.searchsorted(took, took[ends] - least_s + _ROUNDING, "right") - 1
    many = np.searchsorted(came, came[ends] - least_tokens + _ROUNDING, "right") - 1
    starts = np.minimum(long, many)
    whole = starts >= 0
    starts, ends = starts[whole], ends[whole]
    spans = took[ends] - took[starts]
    if not len(ends) or not np.any(spans > 0):
        return None
    return float(np.max((came[ends] - came[starts])[spans > 0] / spans[spans > 0]))


def plateau(steps: Sequence[Step], start_s: float, end_s: float) -> Plateau | None:
    """Decode tokens over decode time in the last 5 min; None of a run shorter than 20 min."""
    last = [step for step in steps if step.t_s > end_s - SUSTAINED_S]
    seconds = sum(step.seconds for step in last)
    if end_s - start_s < LONG_RUN_S or seconds <= 0:
        return None
    rate = sum(step.tokens for step in last) / seconds
    drift = _drift(last, end_s, rate)
    return Plateau(rate, None if drift is None else drift < STEADY_SHARE, drift)


def _drift(last: Sequence[Step], end_s: float, rate: float) -> float | None:
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
    return None if per_s is None else abs(per_s) * STEADY_S / rate
