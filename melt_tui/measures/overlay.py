"""Samples put onto a grid that several runs share, each run by its own way along the axis. Pure; imports numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from melt_tui.measures.integral import Times, Values


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """By time; each stands for ``counts`` of them. Further apart than ``hole_ns`` there is a gap between two."""

    times_ns: Times
    low: Values
    mean: Values
    high: Values
    counts: Values
    hole_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """A value for each column of the grid; not a number where there is none."""

    low: Values
    mean: Values
    high: Values


def when(edges: Values, times_ns: Times, along: Values) -> tuple[Times, Values]:
    """When a run was first at each edge of the grid, and for each column whether it was there at all (1 or 0).

    ``along`` never falls: where it stood at each of ``times_ns``. Edges beyond its ends are taken as these.
    """
    after = np.searchsorted(along, edges)
    inner = (after > 0) & (after < len(along))
    right = after[inner]
    left = np.searchsorted(along, along[right - 1])
    since = (times_ns[left] - times_ns[0]).astype(np.float64)
    share = (edges[inner] - along[left]) / (along[right] - along[left])
    moments = np.full(len(edges), times_ns[0])
    moments[inner] += np.rint(since + share * (times_ns[right] - times_ns[left])).astype(np.int64)
    # What stands still at its end is over only with the last moment.
    moments[edges >= along[-1]] = times_ns[-1]
    there = (edges[1:] > along[0]) & (edges[:-1] < along[-1])
    return moments, there.astype(np.float64)


def binned(samples: Samples, moments: Times, there: Values) -> Binned:
    """Least, mean and greatest of each column; in one without a sample of its own what lies on the line between the two
    around it, as long as these are no hole apart."""
    n = len(moments) - 1
    low, mean, high = (np.full(n, np.nan) for _ in range(3))
    inside = np.flatnonzero(there > 0)
    if not len(inside):
        return Binned(low, mean, high)
    cuts = np.searchsorted(samples.times_ns, moments)
    end = int(inside[-1]) + 1
    cuts[end:] = np.searchsorted(samples.times_ns, moments[end], "right")
    full = np.flatnonzero((np.diff(cuts) > 0) & (there > 0))
    if len(full):
        starts, stop = cuts[full], int(cuts[full[-1] + 1])
        weights = samples.counts[:stop]
        low[full] = np.minimum.reduceat(samples.low[:stop], starts)
        high[full] = np.maximum.reduceat(samples.high[:stop], starts)
        mean[full] = np.add.reduceat(samples.mean[:stop] * weights, starts) / np.add.reduceat(weights, starts)
    empty = np.flatnonzero((np.diff(cuts) == 0) & (there > 0))
    between = _between(samples, (moments[empty] + moments[empty + 1]) // 2)
    for part in (low, mean, high):
        part[empty] = between
    return Binned(low, mean, high)


def mean_of(lines: Sequence[Values]) -> Values | None:
    """Column by column, where all have a value; None of none."""
    return np.asarray(np.mean(lines, axis=0), np.float64) if lines else None


def difference(base: Values, other: Values) -> Values:
    """``other - base``, where both have a value."""
    return other - base


def _between(samples: Samples, at_ns: Times) -> Values:
    """On the straight line between neighbours that are no hole apart; else not a number."""
    times = samples.times_ns
    found = np.full(len(at_ns), np.nan)
    after = np.searchsorted(times, at_ns)
    inner = np.flatnonzero((after > 0) & (after < len(times)))
    near = inner[times[after[inner]] - times[after[inner] - 1] <= samples.hole_ns]
    if len(near):
        found[near] = np.interp(at_ns[near] - times[0], times - times[0], samples.mean)
    return found
