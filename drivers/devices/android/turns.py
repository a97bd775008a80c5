"""When each of many phones is heard: what dozens say at one moment keeps the loop from all else."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from drivers.clock import SECOND

_TOGETHER: Final = ((2, 1), (6, 2), (12, 5), (1 << 30, 10))
"""Up to so many phones, so many ticks at once; a second holds a whole number of such groups."""


def spread() -> Iterator[float]:
    """Places within a period, at least 0 and below 1: as many as are taken lie as evenly as can be.

    The sequence of van der Corput (1935) in base 2: 0, ½, ¼, ¾, ⅛ …
    """
    for number in count():
        bits = max(1, number.bit_length())
        yield int(f"{number:0{bits}b}"[::-1], 2) / (1 << bits)


class Turns:
    """A place within every period for each phone, the same whenever it comes back, and how many ticks it tells at once."""

    def __init__(self) -> None:
        self._places = spread()
        self._known: dict[Hashable, float] = {}
        self._open = 0

    @contextmanager
    def taken(self, phone: Hashable) -> Iterator[float]:
        """Its place, as long as it is open."""
        self._open += 1
        try:
            yield self.of(phone)
        finally:
            self._open -= 1

    def together(self) -> int:
        """Ticks that a phone tells at once, with as many as are open now: each time that one is heard costs the same. Each
        tick bears its own time; the older ones are seen that much later."""
        return next(ticks for most, ticks in _TOGETHER if self._open <= most)

    def of(self, phone: Hashable) -> float:
        """Its place: of the period, at least 0 and below 1."""
        if phone not in self._known:
            self._known[phone] = next(self._places)
        return self._known[phone]


def in_turn(place: float, period_ns: int, now_ns: int) -> int:
    """Since when something is due, so that it is asked now, and from then on once a period, at that place within it and
    within a second: what one phone is asked in periods of whole seconds falls together."""
    at_ns = int(place * SECOND) + SECOND * int(place * (period_ns // SECOND))
    return now_ns - (now_ns - at_ns) % period_ns


def next_turn(due_ns: int, period_ns: int, now_ns: int) -> int:
    """When something is due again that was due then and is done now: at the same place, not sooner than in half a period."""
    return due_ns + period_ns * max(1, -((due_ns - now_ns - period_ns // 2) // period_ns))
