"""How far the times of a source of power may be off, by what its device tells of them. Pure."""

from collections.abc import Iterable
from math import ceil
from typing import Final

from drivers.model import Channel

TIMING: Final = "time uncertainty"
"""The channel in which a fast meter tells how far its times may be off."""

REFRESH: Final = "refresh"
"""The last word of the channel in which a gauge tells how long its figures had stood."""

BEYOND_NS: Final = 60_000_000_000
"""What was told so long before a run still counts for it, and samples so far beyond it: a slow gauge speaks seldom."""


def refresh_name(gauge: Channel) -> str:
    """In which channel of its device the refresh of a gauge is told."""
    return f"{gauge.name.rpartition(' ')[0]} {REFRESH}"


def timing(told_ns: Iterable[float], channel: Channel, *, meter: bool, seen_ns: float = 0.0) -> float:
    """± ns: the most that was told of it. Of a meter of which nothing is told, its period: its samples may be that much
    older than their times. ``seen_ns``: that of one whose rate nobody knows, by its samples."""
    period_ns = 0.0
    if meter:
        period_ns = 1e9 / channel.rate_hz if channel.rate_hz else seen_ns
    return max(told_ns, default=period_ns)


def usual_gap(gaps_ns: Iterable[float]) -> float:
    """Half of all time lies in gaps that are at least so long, but for the longest of them: holes; 0 without any.

    What comes in bunches has many short gaps and says little of when each was measured: the long ones tell it.
    """
    known = sorted(gap for gap in gaps_ns if gap > 0)
    known = known[: max(1, len(known) - ceil(len(known) / _HOLES))]
    half, reached = sum(known) / 2, 0.0
    for gap in known:
        reached += gap
        if reached >= half:
            return gap
    return 0.0


_HOLES: Final = 8
"""One gap of so many may be a hole."""
