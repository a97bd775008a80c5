"""How far the times of a source of power may be off, by what its device tells of them. Pure."""

from collections.abc import Iterable
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


def timing(told_ns: Iterable[float], channel: Channel, *, meter: bool) -> float:
    """± ns: the most that was told of it. Of a meter of which nothing is told, its period: its samples may be that much
    older than their times."""
    period_ns = 1e9 / channel.rate_hz if meter and channel.rate_hz else 0.0
    return max(told_ns, default=period_ns)
