"""A meter's clock against the device's that it feeds: power changes at once when work begins and ends. Pure.

What the device did is known as moments at which its power should have changed: prompt sent, first token, last token. Power
is taken for a level between each two of them, levels unknown, and all moments are shifted together: the shift that leaves
least of the power unexplained is where they lie by the meter's clock (cross-correlation with a template whose heights are
fitted). How much better it is than the others, by as many independent readings as the noise leaves, is the confidence.
Then every edge is looked for by itself nearby. That they agree is the proof; their scatter, the noise, the width of a
sample and the time that power takes to rise make up the uncertainty.

What lies between a prompt and the work on it is no matter of clocks and enters all the same: some milliseconds, more over
a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MILLISECOND = 1_000_000

Values = NDArray[np.float64]

POWER_EDGE = "power edge"

REACH_NS = 2_000 * MILLISECOND
"""Offsets up to this are looked for."""

AROUND_NS = 1_000 * MILLISECOND
"""Power is looked at this much farther than an edge may be shifted."""

SURE = 0.95
"""Confidence from which an offset may be believed."""

WORTH_NS = 5 * MILLISECOND
WORTH_TIMES = 3
"""An offset smaller than this, or than so many times its uncertainty, is nothing to correct by."""

SLOWEST_NS = 100 * MILLISECOND
"""A meter with fewer readings than one in this time tells nothing of clocks."""

_COARSE_NS = 4 * MILLISECOND
"""Steps in which the place is looked for; each edge is found in the meter's own steps then."""

_NEAR_NS = 25 * MILLISECOND
_FINE_NS = 100 * MILLISECOND
_SIDE_NS = 500 * MILLISECOND
_MOST = 0.75
"""This part of the changes that are found one by one must be where all together are."""

_LEAST = 8
_FINE_STEPS, _SIDE_STEPS = 5, 20
_BLOCKS = (1, 4, 16, 64)


@dataclass(frozen=True, slots=True)
class Power:
    """Mean power in steps of ``step_ns``, the first of which begins at ``t0_ns``; NaN where there is none."""

    t0_ns: int
    step_ns: int
    watts: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """What was found. With no ``offset_ns`` nothing can be said, and ``reason`` says why."""

    offset_ns: int | None
    """``device = meter + offset_ns``."""
    uncertainty_ns: int | None
    """Of the offset: ± this holds in 95 of 100 cases, as far as power can tell."""
    confidence: float
    """0…1: that the moments lie here and nowhere else."""
    edges: int
    """How many of them were found and agree."""
    reason: str = ""
    evidence: str = POWER_EDGE
    """By what it was found."""

    @property
    def sure(self) -> bool:
        """Whether it may be believed."""
        return self.offset_ns is not None and self.confidence >= SURE

    @property
    def worth(self) -> bool:
        """Whether it may be believed and is no nothing: then it is offered as a correction."""
        if not self.sure or self.offset_ns is None or self.uncertainty_ns is None:
            return False
        return abs(self.offset_ns) > max(WORTH_NS, WORTH_TIMES * self.uncertainty_ns)


def align(power: Power, moments_ns: Sequence[int], reach_ns: int = REACH_NS) -> Alignment:
    """Where the moments at which power should have changed lie in it. ``moments_ns`` by the device's clock."""
    if power.step_ns > SLOWEST_NS:
        every_s = power.step_ns / 1e9
        return nothing(f"the meter reads power every {every_s:.2g} s: too seldom to compare clocks by it")
    # np.unique would load numpy's masked arrays: 2 MB
    moments = np.array(sorted({(moment - power.t0_ns) / power.step_ns for moment in moments_ns}), np.float64)
    if not len(moments) or not np.isfinite(power.watts).any():
        return nothing("there is no power beside a beginning or end of work")
    by = max(1, _COARSE_NS // power.step_ns)
    place, confidence = _Look(_coarser(power, by), moments / by, reach_ns).place()
    if confidence < SURE:
        return nothing(
            "power does not change when work begins and ends, or does so elsewhere too", confidence
        )
    return _refined(power, moments, place * by, confidence)


def joined(found: Sequence[Alignment]) -> Alignment:
    """What several runs say of one meter, at least one: those that are sure, the surer the more.

    Where they differ by more than they promise, the uncertainty grows until it covers them.
    """
    told = [(one.offset_ns, one.uncertainty_ns) for one in found if one.sure]
    known = [(offset, within) for offset, within in told if offset is not None and within is not None]
    if not known:
        return max(found, key=lambda one: one.confidence)
    offsets, bounds = np.array(known, np.float64).T
    weights = 1 / np.maximum(bounds, 1.0) ** 2
    offset = float(weights @ offsets / weights.sum())
    return Alignment(
        offset_ns=round(offset),
        uncertainty_ns=round(max(float(bounds.min()), float(np.abs(offsets - offset).max()))),
        confidence=min(one.confidence for one in found if one.sure),
        edges=sum(one.edges for one in found if one.sure),
        evidence=", ".join(dict.fromkeys(one.evidence for one in found if one.sure)),
    )


def nothing(reason: str, confidence: float = 0.0) -> Alignment:
    """Nothing can be said, for this reason."""
    return Alignment(offset_ns=None, uncertainty_ns=None, confidence=confidence, edges=0, reason=reason)


def _coarser(power: Power, by: int) -> Power:
    """Means of so many steps each; of those that are known."""
    whole = len(power.watts) // by
    parts = power.watts[: whole * by].reshape(whole, by)
    known = np.isfinite(parts)
    n = known.sum(axis=1)
    sums = np.where(known, parts, 0.0).sum(axis=1)
    watts = np.divide(sums, n, out=np.full(whole, np.nan), where=n > 0)
    return Power(power.t0_ns, power.step_ns * by, watts)


class _Sums:
    """Sums of power over any stretch at once."""

    def __init__(self, watts: Values) -> None:
        known = np.isfinite(watts)
        self.n = np.concatenate([[0], np.cumsum(known)]).astype(np.float64)
        self.sum = np.concatenate([[0.0], np.cumsum(np.where(known, watts, 0.0))])
        self.total = float((watts[known] ** 2).sum())

    def explained(self, bounds: NDArray[np.int64]) -> Values:
        """Of each row of bounds: the sum of squares that a level between each two of them explains."""
        n, s = np.diff(self.n[bounds], axis=-1), np.diff(self.sum[bounds], axis=-1)
        parts: Values = np.divide(s * s, n, out=np.zeros_like(s), where=n > 0)
        return np.asarray(parts.sum(axis=-1))

    def levels(self, bounds: NDArray[np.int64]) -> Values:
        """The mean power at every step."""
        n, s = np.diff(self.n[bounds]), np.diff(self.sum[bounds])
        return np.repeat(np.divide(s, n, out=np.zeros_like(s), where=n > 0), np.diff(bounds))


class _Look:
    """Power around the moments, and the moments in it, in steps."""

    def __init__(self, power: Power, moments: Values, reach_ns: int) -> None:
        self.step_ns = power.step_ns
        self.moments = moments
        self.reach = max(1, round(reach_ns / power.step_ns))
        side = self.reach + max(round(AROUND_NS / power.step_ns), _LEAST)
        mean = float(np.nanmean(power.watts))
        self.watts = power.watts - mean
        self._fixed = _apart(moments, side, len(power.watts))
        _blank(self.watts, moments, side)
        self._sums = _Sums(self.watts)

    def place(self) -> tuple[int, float]:
        """The shift in steps that explains most, and how sure it is that it is this one."""
        lags = np.arange(-self.reach, self.reach + 1)
        moved = np.rint(self.moments).astype(np.int64) + lags[:, None]
        fixed = np.broadcast_to(self._fixed, (len(lags), len(self._fixed)))
        bounds = np.sort(np.clip(np.concatenate([fixed, moved], axis=1), 0, len(self.watts)), axis=1)
        left = self._sums.total - self._sums.explained(bounds)
        best = int(np.argmin(left))
        n = _independent(self.watts - self._sums.levels(bounds[best]))
        floor = max(float(left[best]), 1e-12 * self._sums.total, 1e-300)
        without = self._sums.total - float(self._sums.explained(self._fixed))
        odds = -n / 2 * np.log(np.maximum(left, floor) / floor)
        none = -n / 2 * np.log(max(without, floor) / floor) + len(self.moments) / 2 * np.log(max(n, 2.0))
        near = np.abs(lags - lags[best]) * self.step_ns <= max(_FINE_NS, 2 * self.step_ns)
        likely = np.exp(odds)
        with_edges = float(likely.mean())
        return int(lags[best]), float(
            likely[near].sum() / likely.sum() * with_edges / (with_edges + np.exp(min(none, 700.0)))
        )


def _apart(moments: Values, side: int, n: int) -> NDArray[np.int64]:
    """Where stretches of power begin and end that have nothing to do with one another."""
    gaps = np.flatnonzero(np.diff(moments) > 2 * side)
    middles = (moments[gaps] + moments[gaps + 1]) / 2
    return np.concatenate([[0], np.rint(middles), [n]]).astype(np.int64)


def _blank(watts: Values, moments: Values, side: int) -> None:
    """Forget power that is far from all moments."""
    steps = np.arange(len(watts))
    after = np.searchsorted(moments, steps)
    before = moments[np.maximum(after - 1, 0)]
    following = moments[np.minimum(after, len(moments) - 1)]
    watts[np.minimum(np.abs(steps - before), np.abs(steps - following)) > side] = np.nan


def _independent(rest: Values) -> float:
    """How many independent readings the noise is made of: means of several vary more than they should."""
    known = rest[np.isfinite(rest)]
    single = float(known.var())
    if single == 0.0:
        return float(len(known))
    worst = 1.0
    for block in _BLOCKS:
        whole = len(known) // block
        if whole >= _LEAST:
            means = known[: whole * block].reshape(whole, block).mean(axis=1)
            worst = max(worst, float(means.var()) * block / single)
    return len(known) / worst


@dataclass(frozen=True, slots=True)
class _Edge:
    """One of the moments as found by itself, in steps: how far it is shifted, its variance, how long power rose."""

    shift: float
    variance: float
    rise: float


def _refined(power: Power, moments: Values, place: int, confidence: float) -> Alignment:
    found = [edge for i in range(len(moments)) if (edge := _edge(power, moments, i, place)) is not None]
    if not found:
        return nothing("no single change of power is plain enough to say when it was", confidence)
    shifts = np.array([edge.shift for edge in found])
    variances = np.array([edge.variance for edge in found])
    agreeing = np.abs(shifts - _middle(shifts, 1 / variances)) <= _allowed(power.step_ns, variances)
    if np.count_nonzero(agreeing) < max(min(2.0, len(moments)), len(moments) / 2, _MOST * len(found)):
        return nothing("changes of power and of work do not agree one by one", confidence)
    shifts, weights = shifts[agreeing], 1 / variances[agreeing]
    offset = place + float(weights @ shifts / weights.sum())
    rises = np.array([edge.rise for edge in found])[agreeing]
    scatter = 2 * np.sqrt(_variance(shifts + place - offset, weights))
    return Alignment(
        offset_ns=-round(offset * power.step_ns),
        uncertainty_ns=round((scatter + 0.6 * _middle(rises, weights) + 0.5) * power.step_ns),
        confidence=confidence,
        edges=len(shifts),
    )


def _allowed(step_ns: int, variances: Values) -> Values:
    return 5 * np.sqrt(variances) + _NEAR_NS / step_ns


def _variance(off: Values, weights: Values) -> float:
    """Of the mean: by what each edge promises, and by how they scatter, whichever is more."""
    promised = 1 / float(weights.sum())
    if len(off) == 1:
        return promised
    return max(promised, float(weights @ off**2) / (len(off) - 1) * promised)


def _middle(values: Values, weights: Values) -> float:
    """The weighted median."""
    order = np.argsort(values)
    heavy = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(heavy, heavy[-1] / 2))])


def _edge(power: Power, moments: Values, i: int, place: int) -> _Edge | None:
    """One moment, looked for around the place of all; None where power does not change plainly."""
    at = moments[i] + place
    sides = max(_SIDE_NS / power.step_ns, _SIDE_STEPS)
    before = min([sides, *(moments[i] - moments[max(0, i - 1) : i])])
    after = min([sides, *(moments[i + 1 : i + 2] - moments[i])])
    first, stop = int(np.ceil(at - before)), int(at + after)
    part = power.watts[max(0, first) : max(0, stop)]
    part = part if np.isfinite(part).all() else part[:0]
    centre = at - max(0, first)
    fine = int(min(max(_FINE_NS / power.step_ns, _FINE_STEPS), centre / 2, (len(part) - centre) / 2))
    return _step(part - part.mean(), centre, fine) if fine > 1 and len(part) >= 2 * _LEAST else None


def _step(part: Values, centre: float, fine: int) -> _Edge | None:
    """One change of level within ``fine`` steps of ``centre``."""
    middle = round(centre)
    places = np.arange(middle - fine, middle + fine + 1)
    sums = _Sums(part)
    ends = np.full((len(places), 1), len(part))
    bounds = np.concatenate([0 * ends, places[:, None], ends], axis=1)
    left = sums.total - sums.explained(bounds)
    best = int(np.argmin(left))
    rest = part - sums.levels(bounds[best])
    n = _independent(rest)
    floor = max(float(left[best]), 1e-12 * sums.total, 1e-300)
    likely = np.exp(-n / 2 * np.log(np.maximum(left, floor) / floor))
    likely /= likely.sum()
    mean = float(likely @ places)
    variance = float(likely @ (places - mean) ** 2)
    if variance > (fine / 4) ** 2 or best in {0, len(places) - 1}:
        return None
    return _Edge(mean - centre, variance + 1 / 12, _rise(part, int(places[best]), fine))


def _rise(part: Values, at: int, fine: int) -> float:
    """Steps that power took from level to level, if it rose straight: four times what is missing from a sharp edge."""
    low, high = part[: max(1, at - fine)].mean(), part[min(len(part) - 1, at + fine) :].mean()
    if low == high:
        return 0.0
    risen = (part[max(0, at - fine) : at + fine] - low) / (high - low)
    sharp = np.arange(max(0, at - fine), at + fine) >= at
    missing = float(np.where(sharp, 1 - risen, risen).sum())
    return min(max(0.0, 4 * missing), 2.0 * fine)
