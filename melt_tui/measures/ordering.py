"""In which order the runs of two sides took place: whoever runs later runs on a warmer device. Pure."""

from collections.abc import Sequence
from enum import StrEnum

MOST_LEANING = 0.35
"""Beyond it the order may make a difference: ABBA has 0, ABAB 0.25, AB and AABB 0.5."""


def leaning(a: Sequence[float], b: Sequence[float]) -> float:
    """How far B's runs come after A's, of the moments at which they began: 0 balanced, 0.5 all after, -0.5 all before.

    The share of pairs of runs in which B's is the later one, less a half; 0 where a side is empty.
    """
    pairs = len(a) * len(b)
    if not pairs:
        return 0.0
    later = sum((y > x) + (y == x) / 2 for x in a for y in b)
    return later / pairs - 0.5


class Order(StrEnum):
    """In which order variants take turns on a device."""

    ABBA = "abba"
    """There and back again: none is later on the whole."""
    ABAB = "abab"
    AABB = "aabb"
    """One after the other: whoever comes later runs on a warmer device."""


def turns(variants: int, runs: int, order: Order) -> list[int]:
    """Which variant each run is of, by its number from 0; each has ``runs`` of them."""
    every = list(range(variants))
    if order is Order.AABB:
        return [one for one in every for _ in range(runs)]
    back = order is Order.ABBA
    return [one for lap in range(runs) for one in (reversed(every) if back and lap % 2 else every)]
