"""What analysis asks of a recording, beyond what a screen does."""

from collections.abc import Iterator
from typing import Protocol

from drivers.base import Item
from drivers.events import ClockMeasured
from drivers.model import ChannelKey, Samples
from melt_tui.timeline import Timeline
from melt_tui.timeline.clockmap import ClockMap

EVERY = 1 << 62
"""More events than a recording holds."""


class Recorded(Timeline, Protocol):
    """A recording: a timeline that also gives back the very items that were put in."""

    def items(self) -> Iterator[Item]:
        """Every item, in the order of publication, as it was published: times are not corrected."""
        ...

    def samples(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """Blocks of one channel as they were published, that touch the span of its device's own clock."""
        ...


def clocks(recording: Recorded) -> ClockMap:
    """What was measured of every device's clock, over the whole recording."""
    known = ClockMap()
    for event in recording.events(*recording.span(), kinds=(ClockMeasured,), limit=EVERY):
        if isinstance(event, ClockMeasured):
            known.learn(event)
    return known


def blocks(
    recording: Recorded, key: ChannelKey, clock: ClockMap, t0_ns: int, t1_ns: int
) -> Iterator[Samples]:
    """Blocks of one channel that touch a span of host time; their own times are still those of its device."""
    return recording.samples(key, clock.to_device(key[0], t0_ns), clock.to_device(key[0], t1_ns))
