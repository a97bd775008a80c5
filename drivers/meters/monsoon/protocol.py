"""What both Monsoons have in common: samples with two gains each, and calibration readings among them. Pure.

Each current is read twice, finely and coarsely; the fine one counts until it nears its end. From time to time the meter
reads its own zero and its own reference instead of the current, and means of the last ``KEPT`` of these turn readings into
amperes. Until both are known there are no samples; while it reads them there is a gap.

This module imports numpy; it is reached only when such a meter is opened, on the session's thread.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Raw = NDArray[np.int64]

RATE_HZ = 5000
KEPT = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples without a gap. ``first`` counts from the first one, calibration readings and lost ones included."""

    first: int
    amperes: dict[str, Values]
    """By rail: ``main``, ``usb``, ``aux``."""
    voltages: dict[str, Raw]
    """By rail, as read."""

    @property
    def n(self) -> int:
        """How many."""
        return len(self.voltages["main"])


@dataclass(frozen=True, slots=True)
class Heard:
    """What some bytes held."""

    stretches: tuple[Stretch, ...] = ()
    lost: int = 0
    """Samples that the meter says it dropped, or that are missing by its count of packets."""
    damaged: int = 0
    """Packets that cannot be."""
    overloaded: bool = False
    """The meter has cut its output: too much current, or too hot."""


@dataclass(slots=True)
class Gain:
    """One gain of one rail: ``amperes = (raw - zero) · scale / (reference - zero)``, ``zero`` its reading plus ``offset``."""

    scale: float
    """Amperes at the reference."""
    offset: float = 0.0
    zeros: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    references: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def known(self) -> bool:
        """Whether readings can be turned into amperes."""
        return bool(self.zeros and self.references) and self._span != 0

    def amperes(self, raw: Raw) -> Values:
        """Of a gain that is known."""
        amperes: Values = (raw - self._zero).astype(np.float64) * (self.scale / self._span)
        return amperes

    @property
    def _zero(self) -> float:
        return sum(self.zeros) / len(self.zeros) + self.offset

    @property
    def _span(self) -> float:
        return sum(self.references) / len(self.references) - self._zero
