"""The bus: a synchronous ordered loop. Sources publish, sinks store and show, transforms derive."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import ChannelKey, Quantity, Samples


class Sink(Protocol):
    """Takes every item, in order. Returns at once: it buffers, never waits, never raises."""

    def take(self, item: Item) -> None:
        """Take one item."""
        ...


class Transform(Protocol):
    """Derives items from passing ones. Knows only the items' own times, never a clock."""

    quantities: frozenset[Quantity]
    """Samples of these quantities reach it; events always do."""

    def feed(self, item: Item) -> Iterable[Item]:
        """What follows from ``item``, in order."""
        ...


class Source(Protocol):
    """Puts items on the bus until it ends or is cancelled."""

    async def run(self, bus: "Bus") -> None:
        """Publish in order."""
        ...


class Bus:
    """Hands each item to the sinks in turn, then what the transforms derive from it."""

    def __init__(self, sinks: Sequence[Sink], transforms: Sequence[Transform] = ()) -> None:
        self._takes = tuple(sink.take for sink in sinks)
        self._transforms = tuple(transforms)
        self._routes: dict[ChannelKey, tuple[Transform, ...]] = {}
        """Who takes a channel's samples."""

    def publish(self, item: Item) -> None:
        """Deliver ``item`` and all that follows from it before returning."""
        for take in self._takes:
            take(item)
        if type(item) is Samples:
            takers = self._routes.get(item[:2], ())
        else:
            takers = self._transforms
            if isinstance(item, ChannelsOpened):
                item = _of_now(item)
                self._routes.update(
                    (channel.key, self._takers(channel.quantity)) for channel in item.channels
                )
        for transform in takers:
            for derived in transform.feed(item):
                self.publish(derived)

    def _takers(self, quantity: Quantity) -> tuple[Transform, ...]:
        return tuple(transform for transform in self._transforms if quantity in transform.quantities)


def _of_now(event: ChannelsOpened) -> ChannelsOpened:
    """Without what a device kept while its link was away: it comes late, and no transform looks back."""
    if not any(channel.fills for channel in event.channels):
        return event
    return replace(event, channels=tuple(channel for channel in event.channels if not channel.fills))
