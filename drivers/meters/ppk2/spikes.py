"""The spike filter of a PPK2: what its own program shows in place of the samples around a change of range. Pure.

After the meter has changed its range, that sample and the two after it are not trusted: Nordic's program shows a running
mean instead (``SerialDevice.getAdcResult`` in the sources that ``protocol`` names). Two means run over all samples, one
quick (weight 0.18) and one slow (0.06); in the highest range the slow one stands, the first two samples after the change
enter neither mean. A change while samples are still not trusted begins the three anew.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.meters.ppk2.frames import CODES, Words
from drivers.meters.ppk2.protocol import ADC_BITS, RANGES

Values = NDArray[np.float64]

SETTLING = 3
"""Samples after a change of range that are not trusted."""

FILTERED = RANGES
"""What the range of a code is raised by when the filter put it there; 14 bits remain for the value."""

_QUICK, _SLOW = 0.18, 0.06
_LEFT_OUT = 2
_TOP = RANGES - 1
_MEMORY = 640
"""Samples after which even the slow mean has forgotten what was before: 0.94 ** 640 < 1e-17."""


def amperes(pieces: tuple[tuple[float, ...], ...]) -> Values:
    """The value of every code by the polynomial of its range."""
    x = np.arange(1 << ADC_BITS, dtype=np.float64)
    return np.concatenate([np.polynomial.polynomial.polyval(x, piece) for piece in pieces[:RANGES]])


@dataclass(frozen=True, slots=True)
class Replaced:
    """Samples that are not to be trusted: where they stand among those that were looked at, and what to show."""

    places: NDArray[np.int64]
    values: Values


class SpikeFilter:
    """Follows the codes of a meter in their order."""

    def __init__(self, table: Values) -> None:
        self._table = table
        self._quick = _Mean(_QUICK)
        self._slow = _Mean(_SLOW)
        self._range: int | None = None
        self._untrusted = 0
        self._since = 0

    def recalibrate(self, table: Values) -> None:
        """From now on codes mean this."""
        self._table = table

    def feed(self, codes: Words) -> Replaced:
        """Look at the next codes."""
        changes = self._changes(codes)
        places: list[int] = []
        values: list[float] = []
        at, n = 0, len(codes)
        while at < n:
            changed = bool(changes) and changes[-1] == at
            if changed or self._untrusted:
                if changed:
                    changes.pop()
                places.append(at)
                values.append(self._settle(int(codes[at]), changed=changed))
                at += 1
            else:
                stop = changes[-1] if changes else n
                self._trust(codes[at:stop])
                at = stop
        return Replaced(np.array(places, np.int64), np.array(values, np.float64))

    def values(self, codes: Words) -> Values:
        """The next codes in amperes, as Nordic's program shows them."""
        values = self._table[codes]
        replaced = self.feed(codes)
        values[replaced.places] = replaced.values
        return values

    def _changes(self, codes: Words) -> list[int]:
        """Where the range is another than before, the last place first."""
        if not len(codes):
            return []
        ranges = (codes >> np.uint32(ADC_BITS)).astype(np.uint8)
        found: list[int] = (np.flatnonzero(ranges[1:] != ranges[:-1]) + 1).tolist()
        if self._range is not None and self._range != ranges[0]:
            found.insert(0, 0)
        self._range = int(ranges[-1])
        return found[::-1]

    def _trust(self, codes: Words) -> None:
        values = self._table[codes[-_MEMORY:]]
        self._quick.take(values, len(codes))
        self._slow.take(values, len(codes))

    def _settle(self, code: int, *, changed: bool) -> float:
        """What to show for a sample that is not trusted."""
        if changed:
            self._untrusted, self._since = SETTLING, 0
        else:
            self._since += 1
        self._untrusted -= 1
        top = code >> ADC_BITS == _TOP
        if not (top and self._since < _LEFT_OUT):
            value = float(self._table[code])
            self._quick.take_one(value)
            self._slow.take_one(value)
        return self._slow.value if top else self._quick.value


class _Mean:
    """A running mean: each value enters with ``weight``, the mean so far with the rest; the first one is the mean."""

    def __init__(self, weight: float) -> None:
        self.value = 0.0
        self._empty = True
        self._keep = 1.0 - weight
        self._weight = weight
        self._weights = weight * self._keep ** np.arange(_MEMORY - 1, -1, -1.0)

    def take_one(self, value: float) -> None:
        self.value = self._weight * value + self._keep * self.value
        self._empty = False

    def take(self, values: Values, n: int) -> None:
        """The last of ``n`` values; of more than ``_MEMORY`` the earlier ones are forgotten."""
        if self._empty:
            self.value, self._empty = float(values[0]), False
            values, n = values[1:], n - 1
        self.value = self.value * self._keep**n + float(self._weights[_MEMORY - len(values) :] @ values)


class Encoder:
    """Values that the filter puts in, as codes of the finest range that reaches them; half a step of it is the error."""

    def __init__(self, table: Values) -> None:
        self._ranges = table[:CODES].reshape(RANGES, 1 << ADC_BITS)

    def codes(self, values: Values) -> Words:
        """``(FILTERED + range) << 14 | reading`` of each value."""
        chosen = np.minimum(np.searchsorted(self._tops, values), _TOP)
        found = [self._nearest(int(r), float(value)) for r, value in zip(chosen, values, strict=True)]
        return np.array(found, np.uint32)

    @property
    def _tops(self) -> Values:
        return np.maximum.accumulate(self._ranges[:, -1])

    def _nearest(self, r: int, value: float) -> int:
        steps = self._ranges[r]
        above = min(max(int(np.searchsorted(steps, value)), 1), len(steps) - 1)
        reading = above - int(value - steps[above - 1] <= steps[above] - value)
        return (FILTERED + r) << ADC_BITS | reading
