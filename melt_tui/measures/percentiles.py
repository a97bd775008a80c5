"""Percentiles of a handful or of a million values."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread; ``n`` of them."""

    n: int
    p50: float
    p95: float
    p99: float
    maximum: float


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value below which ``percent`` (0…100) of the values lie; None without values.

    Interpolated on a straight line between the two nearest ranks: of n values in order, the value at position
    ``(n - 1) · percent / 100``, counted from 0 (type 7 of Hyndman and Fan, numpy's ``linear``).
    """
    return _ranked(sorted(values), percent) if values else None


def spread(values: Sequence[float]) -> Spread | None:
    """Median, 95th, 99th percentile and maximum; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(len(ordered), _ranked(ordered, 50), _ranked(ordered, 95), _ranked(ordered, 99), ordered[-1])


def _ranked(ordered: Sequence[float], percent: float) -> float:
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile is between 0 and 100, not {percent}")
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return low if low == high else low + (high - low) * (place - below)
