"""What analysis asks of a recording, beyond what a screen does."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from drivers.base import Item
from drivers.events import ChannelsOpened, Event
from drivers.model import Channel, ChannelKey, Samples
from melt_tui.analysis.edited import as_edited, factor
from melt_tui.timeline import Timeline
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.edits import Edits
from melt_tui.timeline.filled import fillers

EVERY = 1 << 62
"""More events than a recording holds."""


class Told(Protocol):
    """What a recording says of itself, as its user named and tagged it last."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        ...

    @property
    def state(self) -> str:
        """How its session ended, or that it has not."""
        ...

    @property
    def lost(self) -> str:
        """What may be missing; empty when nothing is."""
        ...


class Recorded(Timeline, Protocol):
    """A recording: a timeline that also gives back the very items that were put in."""

    @property
    def meta(self) -> Told:
        """What it says of itself."""
        ...

    @property
    def clock(self) -> ClockMap:
        """What was measured of every device's clock."""
        ...

    @property
    def edits(self) -> Edits:
        """What people corrected in it."""
        ...

    def items(self) -> Iterator[Item]:
        """Every item, in the order of publication, as it was published: times are not corrected."""
        ...

    def told(self) -> Iterator[Event]:
        """Every event but the Ticks, in the order of publication."""
        ...

    def samples(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
        """Blocks of one channel as they were published, that touch the span of its device's own clock."""
        ...


class Channels:
    """Every channel of a recording, and what it meant when: one may be announced anew with another meaning.

    What people corrected of them is in force.
    """

    def __init__(self, recording: Recorded) -> None:
        self._meanings: dict[ChannelKey, list[tuple[int, Channel]]] = {}
        self._factors: dict[ChannelKey, set[float]] = {}
        edits = recording.edits
        for event in recording.events(*recording.span(), kinds=(ChannelsOpened,), limit=EVERY):
            for channel in event.channels if isinstance(event, ChannelsOpened) else ():
                meant = as_edited(channel, edits)
                self._meanings.setdefault(channel.key, []).append((event.t_ns, meant))
                self._factors.setdefault(channel.key, set()).add(factor(channel, edits))
        self._kept = fillers(self.latest)

    @property
    def latest(self) -> Mapping[ChannelKey, Channel]:
        """Each as it was announced last."""
        return {key: meanings[-1][1] for key, meanings in self._meanings.items()}

    @property
    def every(self) -> Sequence[Channel]:
        """All of them, in every meaning."""
        return [channel for meanings in self._meanings.values() for _, channel in meanings]

    def of(self, device: str) -> Sequence[Channel]:
        """Those of one device, as announced last, in the order in which they first appeared; without what it kept of
        another one of them."""
        hidden = {kept.key for kept in self._kept.values()}
        return [channel for key, channel in self.latest.items() if key[0] == device and key not in hidden]

    def kept(self, key: ChannelKey) -> Channel | None:
        """What the device read of this channel by itself while its link was away."""
        return self._kept.get(key)

    def factor(self, key: ChannelKey) -> float | None:
        """By what to multiply what a window of the recording tells, for the channel's voltage was another one; None where
        it changed: then its samples must be read."""
        found = self._factors[key]
        return next(iter(found)) if len(found) == 1 else None

    def at(self, key: ChannelKey, t_ns: int) -> Channel:
        """What the channel meant at a moment of host time; before it was announced, what it was announced as first."""
        meanings = self._meanings[key]
        return meanings[max(0, bisect_right(meanings, t_ns, key=lambda meaning: meaning[0]) - 1)][1]


def blocks(recording: Recorded, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[Samples]:
    """Blocks of one channel that touch a span of host time; their own times are still those of its device."""
    clock = recording.clock
    return recording.samples(key, clock.to_device(key, t0_ns), clock.to_device(key, t1_ns))
