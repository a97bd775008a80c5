"""When each of many phones is heard: what dozens say at one moment keeps the loop from all else."""

from collections.abc import Hashable, Iterator
from itertools import count

from drivers.clock import SECOND


def spread() -> Iterator[float]:
    """Places within a period, at least 0 and below 1: as many as are taken lie as evenly as can be.

    The sequence of van der Corput (1935) in base 2: 0, ½, ¼, ¾, ⅛ …
    """
    for number in count():
        bits = max(1, number.bit_length())
        yield int(f"{number:0{bits}b}"[::-1], 2) / (1 << bits)


class Turns:
    """A place within every period for each phone, the same whenever it comes back."""

    def __init__(self) -> None:
        self._places = spread()
        self._known: dict[Hashable, float] = {}

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
