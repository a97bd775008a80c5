"""Readings that were told at once, of each channel as one block: every block costs whatever takes it the same."""

from collections.abc import Iterable, Sequence
from itertools import chain

from drivers.base import Item
from drivers.model import Samples


def joined(rounds: Sequence[Iterable[Item]]) -> list[Item]:
    """The items of some rounds, in order; a channel's single readings in two rounds are a block of two, where the first
    stood. Nothing else is moved, and no time is changed."""
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
    """Both as a block; None where they do not make an evenly spaced one."""
    if type(one) is not Samples or type(other) is not Samples:
        return None
    if one.device != other.device or one.dtype is not other.dtype:
        return None
    if one.times or other.times or not one.t0_ns == one.t1_ns < other.t0_ns == other.t1_ns:
        return None
    if len(one.codes) != len(other.codes):
        return None
    return Samples(one.device, one.channel, one.t0_ns, other.t0_ns, one.dtype, one.codes + other.codes)
