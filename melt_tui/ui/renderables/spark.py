"""A row of small bars: the trend of some values in a few cells."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, isfinite

BARS = "▁▂▃▄▅▆▇█"
_HEADROOM = 4 / 3
"""A rise can be seen as a fall can."""


def spark(
    values: Sequence[float | None], width: int, *, low: float | None = None, high: float | None = None
) -> str:
    """Exactly ``width`` cells: one bar a value, or the greatest of those that share a cell; None is a blank.

    Fewer values than cells stand at the right. The scale is ``low`` … ``high``, by default from zero (or the
    least, where that is below it) to the greatest; what is beyond it stays at its edge.
    """
    folded = fold(values, width)
    known = [value for value in folded if value is not None]
    if not known:
        return " " * width
    bottom = min(0.0, *known) if low is None else low
    top = max(known) if high is None else high
    span = top - bottom
    if min(known) < bottom or max(known) > top or not 0 < span < inf:
        return "".join([bar(value, bottom, top) for value in folded])
    last = len(BARS) - 1
    return "".join(
        [" " if value is None else BARS[round((value - bottom) / span * last)] for value in folded]
    )


def trend(values: Sequence[float | None], width: int) -> str:
    """A spark from zero to a third above the greatest value: a steady one does not fill its cells."""
    top = max((value for value in values if value is not None and isfinite(value)), default=0.0)
    return spark(values, width, high=_HEADROOM * top or None)


def fold(values: Sequence[float | None], width: int) -> list[float | None]:
    """Exactly ``width`` values: the greatest of those that share a cell, blanks at the left where there are fewer."""
    known = [value if value is not None and isfinite(value) else None for value in values]
    if len(known) <= width:
        return [None] * (width - len(known)) + known
    edges = [index * len(known) // max(1, width) for index in range(width + 1)]
    return [_greatest(known[first:last]) for first, last in pairwise(edges)]


def bar(value: float | None, low: float, high: float) -> str:
    """One cell for a value on the scale ``low`` … ``high``."""
    if value is None:
        return " "
    if not low < high:
        return BARS[0] if value <= 0 else BARS[len(BARS) // 2]
    share = (min(high, max(low, value)) / 2 - low / 2) / (high / 2 - low / 2)
    return BARS[round(share * (len(BARS) - 1))]


def _greatest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
