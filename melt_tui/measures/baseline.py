"""What the time before a run has to be like to be taken for idle, and how well it tells idle power. Pure."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance
from typing import Final

from drivers.clock import SECOND
from melt_tui.measures.energy import Amount, student

SCREEN: Final = ("screen", "brightness")
"""Channels in which a device tells the state of its screen."""

ROUNDING_NS: Final = SECOND // 10
"""A baseline may be that much shorter: whoever waits for it does so to a beat."""

_PARTS: Final = 6
_LEAST_PARTS: Final = 3


def bounds(t0_ns: int, t1_ns: int) -> Sequence[int]:
    """The ends of the parts, equally long, by which it is seen how steady a baseline is."""
    return [t0_ns + (t1_ns - t0_ns) * k // _PARTS for k in range(_PARTS + 1)]


def steadied(mean: Amount, parts: Sequence[Amount]) -> Amount:
    """The mean power of a baseline, widened by what it may be off from that of all idle time.

    An idle device is not still: what it does in one minute it does not in another. The means of the ``parts`` tell by how
    much (batch means), what they are off by themselves left out. Of fewer than three nothing can be told.
    """
    n = len(parts)
    if n < _LEAST_PARTS:
        return mean
    own = fmean((part.integration / 2) ** 2 for part in parts)
    moved = max(0.0, variance(part.value for part in parts) - own)
    return mean.widened(student(n - 1) * sqrt(moved / n))
