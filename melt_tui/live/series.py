"""The newest stretch of one channel in memory: what every series can tell.

All times in here are the channel's own; ``EVER`` stands for "nothing was dropped yet".
"""

import math
from collections.abc import Callable
from typing import Protocol

from drivers.model import IDENTITY, Channel, Decoding, Samples
from melt_tui.timeline.columns import Columns
from melt_tui.timeline.grid import Cut, ceil_to
from melt_tui.timeline.model import EVER


class Series(Protocol):
    """What is held of one channel."""

    first_ns: int | None
    """Earliest sample that ever came."""
    last_ns: int | None
    """Latest sample that ever came."""

    def open(self, channel: Channel) -> None:
        """From now on codes mean this."""
        ...

    def take(self, samples: Samples) -> bool:
        """Take a block; False when some of it was too old to be kept."""
        ...

    def reading(self, t_ns: int) -> tuple[int, float] | None:
        """Time and value of the last sample at or before ``t_ns``; exact from ``view_from`` on."""
        ...

    def view_from(self) -> int:
        """Earliest moment whose last sample is surely held."""
        ...

    def held_from(self, width_ns: int) -> int:
        """Start of the first column of this width that is wholly held."""
        ...

    def settle(self) -> bool:
        """Sum up what waits for it; False when some of it was too old to be kept."""
        ...

    def columns(self, cut: Cut) -> Callable[[], Columns]:
        """The columns of a window, of those wholly held, once ``settle`` was called: gathered now, worked out when called."""
        ...


def value_of(code: float, decoding: Decoding) -> float:
    """Of one code, as ``values_of`` says it."""
    if decoding is IDENTITY or decoding == IDENTITY:
        return float(code)
    if decoding.bits is not None and not 0 <= int(code) >> decoding.bits < len(decoding.pieces):
        return math.nan
    return decoding.value(code)


def whole_from(held_ns: int, width_ns: int) -> int:
    """Start of the first column of this width that lies after ``held_ns``."""
    return EVER if held_ns == EVER else ceil_to(held_ns, width_ns)
