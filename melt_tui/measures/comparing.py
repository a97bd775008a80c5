"""Is B better than A? Differences of two sides of runs, with 95 % intervals. Pure; imports scipy, so only on asking.

The run is the unit: turns of one run share its heat and its placement, so that twenty of them are not twenty
measurements. A run's figure is the mean over the prompts that all runs of both sides have, each prompt once, so that
like is compared with like. Of fewer than ``ENOUGH_RUNS`` runs a side nothing can be said of other runs: then the turns
are paired by prompt, and the interval is about these runs only.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import copysign, isfinite, sqrt
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Numbers = NDArray[np.float64]
Turns = Mapping[Hashable, float]
"""A figure of one run: by prompt, or under one key where the run has only one of it."""

CONFIDENCE = 0.95
ENOUGH_RUNS = 3
"""Runs a side from which on something can be said of runs like these."""

SKEW_RUNS = 8
"""With fewer a skewness cannot be told from chance, nor a distribution be drawn from."""
SKEW_Z = 2.576
"""Standard errors of a skewness beyond which it is not chance: 1 in 100."""

_ROUNDING = 1e-9
"""Values that are no further apart, as a part of them, are the same."""

RESAMPLES = 9999
SEED = 20


class Method(StrEnum):
    """Where an interval comes from."""

    WELCH = "Welch's t over runs"
    BOOTSTRAP = "bootstrap-t over runs"
    PAIRED = "t over turns paired by prompt"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """B against A, for one figure. Intervals are for 95 %; what cannot be said is None."""

    a: float
    b: float
    """Means over the runs, of the prompts that all have."""
    absolute: float
    """``b - a``."""
    relative: float | None
    """The same as a fraction of ``a``; None for a figure without a true zero, or where ``a`` is not positive."""
    interval: tuple[float, float] | None
    relative_interval: tuple[float, float] | None
    """By Fieller: it holds 0 exactly when ``interval`` does. None where ``a`` itself is not surely above 0."""
    effect: float | None
    """Hedges' g over runs, or of the paired turns; None where nothing varies or there are too few."""
    method: Method
    runs_a: int
    runs_b: int
    prompts: int
    """That all runs have; 0: they have none in common, and every turn was taken."""
    left_out: int
    """Prompts that some run has and another has not."""

    @property
    def general(self) -> bool:
        """It is about runs like these, not about these runs only."""
        return min(self.runs_a, self.runs_b) >= ENOUGH_RUNS

    @property
    def shown(self) -> bool:
        """The interval does not hold 0: chance does not explain it."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def compare(a: Sequence[Turns], b: Sequence[Turns], *, ratio: bool = True) -> Difference | None:
    """The difference of two sides; runs without the figure are passed over. None where a side has none with it.

    ``ratio``: the figure has a true zero, so that a percentage means something.
    """
    side_a, side_b = [run for run in a if run], [run for run in b if run]
    if not side_a or not side_b:
        return None
    every = [*side_a, *side_b]
    common = set(every[0]).intersection(*every[1:])
    prompts = sorted(common, key=repr)
    left_out = len(set().union(*every) - common) if common else 0
    means_a, means_b = _means(side_a, prompts), _means(side_b, prompts)
    moments, effect, ends, method = _estimated(means_a, means_b, side_a, side_b, prompts)
    difference = moments.b - moments.a
    if not moments.error and abs(difference) <= _ROUNDING * abs(moments.a):
        difference = 0.0
    of_ratio = ratio and moments.a > 0
    return Difference(
        a=moments.a,
        b=moments.b,
        absolute=difference,
        relative=difference / moments.a if of_ratio else None,
        interval=(difference - ends[1] * moments.error, difference - ends[0] * moments.error)
        if ends
        else None,
        relative_interval=moments.ratio_interval(ends) if ends and of_ratio else None,
        effect=effect,
        method=method,
        runs_a=len(side_a),
        runs_b=len(side_b),
        prompts=len(prompts),
        left_out=left_out,
    )


def skewed(values: Numbers) -> bool:
    """Whether a skewness is too great to be chance; never of fewer than ``SKEW_RUNS`` values."""
    n = len(values)
    spread = float(np.std(values)) if n else 0.0
    if n < SKEW_RUNS or not spread:
        return False
    third = float(np.mean(((values - values.mean()) / spread) ** 3))
    adjusted = third * sqrt(n * (n - 1)) / (n - 2)
    error = sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    return abs(adjusted) > SKEW_Z * error


@dataclass(frozen=True, slots=True)
class _Moments:
    """Two means, and how surely they are known: variances of the means and their covariance."""

    a: float
    b: float
    var_a: float
    var_b: float
    covariance: float = 0.0

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return sqrt(max(0.0, self.var_a + self.var_b - 2 * self.covariance))

    def ratio_interval(self, ends: tuple[float, float]) -> tuple[float, float] | None:
        """Of ``b / a - 1``, between quantiles of the studentised difference; None where ``a`` may be 0."""
        low, high = self._ratio(ends[1]), self._ratio(ends[0])
        return None if low is None or high is None else (low - 1, high - 1)

    def _ratio(self, t: float) -> float | None:
        """The ratio r at which ``b - r·a`` lies t standard errors above 0, after Fieller."""
        square = t * t
        lead = self.a**2 - square * self.var_a
        middle = self.a * self.b - square * self.covariance
        spread = self.a**2 * self.var_b + self.b**2 * self.var_a - 2 * self.a * self.b * self.covariance
        inside = square * (spread - square * (self.var_a * self.var_b - self.covariance**2))
        if lead <= 0 or inside < -_ROUNDING * middle**2:
            return None
        return (middle - copysign(sqrt(max(0.0, inside)), t)) / lead


_Estimate = tuple[_Moments, float | None, tuple[float, float] | None, Method]


def _estimated(
    a: Numbers, b: Numbers, side_a: Sequence[Turns], side_b: Sequence[Turns], prompts: Sequence[Hashable]
) -> _Estimate:
    """Moments, effect, and between which quantiles of the studentised difference it lies."""
    if min(len(a), len(b)) >= ENOUGH_RUNS:
        return _over_runs(a, b)
    if len(prompts) > 1:
        return _over_turns(_by_prompt(side_a, prompts), _by_prompt(side_b, prompts))
    return _Moments(float(a.mean()), float(b.mean()), 0.0, 0.0), None, None, Method.NONE


def _over_runs(a: Numbers, b: Numbers) -> _Estimate:
    moments = _Moments(float(a.mean()), float(b.mean()), _variance(a) / len(a), _variance(b) / len(b))
    if moments.error and (skewed(a) or skewed(b)):
        return moments, _hedges(a, b), _bootstrapped(a, b), Method.BOOTSTRAP
    freedom = _welch_freedom(moments, len(a), len(b))
    return moments, _hedges(a, b), _student(freedom), Method.WELCH


def _over_turns(a: Numbers, b: Numbers) -> _Estimate:
    n, var_a, var_b = len(a), _variance(a), _variance(b)
    steps = _variance(b - a) if (_ROUNDING * float(np.max(np.abs(a)))) ** 2 < float(np.var(b - a)) else 0.0
    moments = _Moments(
        float(a.mean()), float(b.mean()), var_a / n, var_b / n, (var_a + var_b - steps) / (2 * n)
    )
    effect = _unbiased(n - 1) * float((b - a).mean()) / sqrt(steps) if steps else None
    return moments, effect, _student(n - 1), Method.PAIRED


def _means(side: Sequence[Turns], prompts: Sequence[Hashable]) -> Numbers:
    """A figure for each run."""
    return np.array([fmean([run[key] for key in prompts or list(run)]) for run in side], np.float64)


def _by_prompt(side: Sequence[Turns], prompts: Sequence[Hashable]) -> Numbers:
    """A figure for each prompt."""
    return np.array([fmean([run[key] for run in side]) for key in prompts], np.float64)


def _variance(values: Numbers) -> float:
    """Of a sample; what comes of rounding is none."""
    found = float(np.var(values, ddof=1))
    return found if found > (_ROUNDING * float(np.max(np.abs(values)))) ** 2 else 0.0


def _welch_freedom(moments: _Moments, n_a: int, n_b: int) -> float:
    """Degrees of freedom after Welch and Satterthwaite."""
    both = moments.var_a + moments.var_b
    if not both:
        return n_a + n_b - 2
    share_a, share_b = moments.var_a / both, moments.var_b / both
    return 1 / (share_a**2 / (n_a - 1) + share_b**2 / (n_b - 1))


def _student(freedom: float) -> tuple[float, float]:
    t = float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
    return -t, t


def _bootstrapped(a: Numbers, b: Numbers) -> tuple[float, float]:
    """Quantiles of the studentised difference over resampled runs; the same runs give the same."""
    from scipy.stats import bootstrap

    with np.errstate(invalid="ignore"):  # scipy takes the spread of all of them, which is told nowhere
        found = bootstrap(
            (a - a.mean(), b - b.mean()),
            _studentised,
            n_resamples=RESAMPLES,
            method="percentile",
            random_state=np.random.default_rng(SEED),
        )
    drawn = found.bootstrap_distribution
    low, high = np.quantile(drawn[np.isfinite(drawn)], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _studentised(a: Numbers, b: Numbers, axis: int = -1) -> Numbers:
    """The difference of means in its standard errors; not finite where neither side varies."""
    error = np.sqrt(a.var(axis=axis, ddof=1) / a.shape[axis] + b.var(axis=axis, ddof=1) / b.shape[axis])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((b.mean(axis=axis) - a.mean(axis=axis)) / error)


def _hedges(a: Numbers, b: Numbers) -> float | None:
    freedom = len(a) + len(b) - 2
    pooled = sqrt(((len(a) - 1) * _variance(a) + (len(b) - 1) * _variance(b)) / freedom)
    effect = _unbiased(freedom) * float(b.mean() - a.mean()) / pooled if pooled else float("nan")
    return effect if isfinite(effect) else None


def _unbiased(freedom: int) -> float:
    """Hedges' factor: an effect of few values is too great."""
    return 1 - 3 / (4 * freedom - 1)
