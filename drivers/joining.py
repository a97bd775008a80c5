"""Readings that were told at once, of each channel as one block: every block costs whatever takes it the same."""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from drivers.base import Item
from drivers.model import Samples

_SEVERAL = 2
_EVEN = 2
"""Samples whose first and last time say all."""


class Moments(NamedTuple):
    """When readings were made that are told at once, each after the one before."""

    times_ns: tuple[int, ...]
    own: bytes | None
    """As ``Samples.times``; one object for all that was read together."""

    @classmethod
    def of(cls, times_ns: tuple[int, ...]) -> "Moments":
        """At least one."""
        n = len(times_ns)
        return cls(times_ns, struct.pack(f"<{n}q", *times_ns) if n > _EVEN else None)


def joined(rounds: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of some rounds, in order; a channel's single readings, one in each round, are one block where the first
    stood. Nothing else is moved, and no time is changed."""
    told = [one for one in rounds if one]
    if len(told) < _SEVERAL:
        return list(chain.from_iterable(told))
    rows: dict[str, list[Samples]] = {}
    begun: list[tuple[int, list[Samples]]] = []
    items: list[Item] = []
    for item in chain.from_iterable(told):
        row = rows.get(item.channel) if type(item) is Samples else None
        if type(item) is Samples and row is not None and _follows(row[-1], item):
            row.append(item)
            continue
        if type(item) is Samples:
            rows[item.channel] = row = [item]
            begun.append((len(items), row))
        items.append(item)
    known: dict[tuple[int, ...], Moments] = {}
    for at, row in begun:
        if len(row) > 1:
            items[at] = _block(row, known)
    return items


def _follows(one: Samples, other: Samples) -> bool:
    """Whether both are single readings of one channel, the other one later."""
    return (
        one.t0_ns == one.t1_ns < other.t0_ns == other.t1_ns
        and len(one.codes) == len(other.codes)
        and one.dtype is other.dtype
        and one.device == other.device
        and not (one.times or other.times)
    )


def _block(row: Sequence[Samples], known: dict[tuple[int, ...], Moments]) -> Samples:
    """They as one; what was read together shares its times."""
    device, channel, t0_ns, _, dtype, _, _ = row[0]
    times_ns = tuple(one.t0_ns for one in row)
    moments = known.get(times_ns) or known.setdefault(times_ns, Moments.of(times_ns))
    return Samples(
        device, channel, t0_ns, times_ns[-1], dtype, b"".join([one.codes for one in row]), moments.own
    )
