"""What columns of a window tell together: spread and energy, as exactly as columns can. Pure, without numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, fsum, sqrt

SECOND_NS = 1e9


@dataclass(frozen=True, slots=True)
class Weighted:
    """Values, each standing for so many samples; ``n`` of them in all, at least one."""

    n: int
    mean: float
    sigma: float
    """Standard deviation; 0 of one."""
    p50: float
    p95: float
    p99: float


def weighted(values: Sequence[float], counts: Sequence[int]) -> Weighted | None:
    """Of values that each stand for ``counts[i]`` samples; None without one.

    Exact where every count is 1. Otherwise what lies within a column, its mean, is not seen: percentiles (nearest rank)
    and the standard deviation are those of the columns' means, each weighing by its samples.
    """
    n = sum(counts)
    if not n:
        return None
    mean = fsum(value * count for value, count in zip(values, counts, strict=True)) / n
    square = fsum(count * (value - mean) ** 2 for value, count in zip(values, counts, strict=True))
    ordered = sorted(zip(values, counts, strict=True))
    p50, p95, p99 = (_ranked(ordered, ceil(n * percent / 100)) for percent in (50, 95, 99))
    return Weighted(n, mean, sqrt(square / max(1, n - 1)), p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Joules:
    """Energy of the columns of a power, and how much of the time they cover."""

    joules: float
    covered_ns: float


def energy(
    starts_ns: Sequence[int], width_ns: int, means: Sequence[float], t0_ns: int, t1_ns: int, longest_ns: float
) -> Joules:
    """Straight lines from the middle of a column to that of the next, each at its mean; cut at the ends of the span.

    Columns around the span do good: they say what was at its ends. Where columns lie further apart than ``longest_ns``
    (and than two of them) there is a hole: not bridged. At the ends of a stretch a column's mean holds for half of it.
    """
    half, longest = width_ns // 2, max(longest_ns, 2 * width_ns)
    lines: list[tuple[int, float, int, float]] = []
    for i, start in enumerate(starts_ns):
        at, mean = start + half, means[i]
        if i == 0 or start - starts_ns[i - 1] > longest:
            lines.append((at - half, mean, at, mean))
        if i + 1 == len(starts_ns) or starts_ns[i + 1] - start > longest:
            lines.append((at, mean, at + half, mean))
        else:
            lines.append((at, mean, starts_ns[i + 1] + half, means[i + 1]))
    joules = covered = 0.0
    for x0, y0, x1, y1 in lines:
        left, right = max(x0, t0_ns), min(x1, t1_ns)
        if right > left:
            slope = (y1 - y0) / (x1 - x0)
            joules += (y0 + slope * ((left + right) / 2 - x0)) * (right - left)
            covered += right - left
    return Joules(joules / SECOND_NS, covered)


def _ranked(ordered: Sequence[tuple[float, int]], rank: int) -> float:
    passed = 0
    for value, count in ordered:
        passed += count
        if passed >= rank:
            return value
    return ordered[-1][0]
