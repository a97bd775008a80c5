"""Readings that were told at once, of each channel as one block: every block costs whatever takes it the same."""

from collections.abc import Sequence
from itertools import chain

from drivers.base import Item
from drivers.model import Samples


def joined(rounds: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of some rounds, in order; a channel's single readings in two rounds are a block of two, where the first
    stood. Nothing else is moved, and no time is changed."""
    paired = _paired(*rounds) if len(rounds) == 2 else None
    return _searched(rounds) if paired is None else paired


def _paired(one: Sequence[Item], other: Sequence[Item]) -> list[Item] | None:
    """Of two rounds that read the same channels, as they nearly always do; None where one lacks any but the last ones."""
    pairs: list[Item] = []
    channels: set[str] = set()
    for first, second in zip(one, other, strict=False):
        pair = _pair(first, second)
        if pair is None or pair.channel in channels:
            return None
        channels.add(pair.channel)
        pairs.append(pair)
    rest = (*one[len(pairs) :], *other[len(pairs) :])
    if any(type(item) is Samples and item.channel in channels for item in rest):
        return None
    return [*pairs, *rest]


def _searched(rounds: Sequence[Sequence[Item]]) -> list[Item]:
    """Whatever the rounds read."""
    places: dict[str, int] = {}
    items: list[Item] = []
    for item in chain.from_iterable(rounds):
        at = places.pop(item.channel, None) if type(item) is Samples else None
        both = _pair(items[at], item) if at is not None else None
        if at is not None and both is not None:
            items[at] = both
            continue
        if type(item) is Samples:
            places[item.channel] = len(items)
        items.append(item)
    return items


def _pair(one: Item, other: Item) -> Samples | None:
    """Both as a block; None where they do not make an evenly spaced one of one channel."""
    if type(one) is not Samples or type(other) is not Samples:
        return None
    device, channel, t0_ns, t1_ns, dtype, codes, times = one
    device_2, channel_2, t2_ns, t3_ns, dtype_2, codes_2, times_2 = other
    if channel != channel_2 or device != device_2 or dtype is not dtype_2 or times or times_2:
        return None
    if not t0_ns == t1_ns < t2_ns == t3_ns or len(codes) != len(codes_2):
        return None
    return Samples(device, channel, t0_ns, t2_ns, dtype, codes + codes_2)
