"""Columns up to the newest sample: what is whole is worked out once, only what still grows at every look."""

from array import array
from bisect import bisect_left
from math import isnan

import numpy as np

from melt_tui.timeline.columns import Columns, bucketed, columns_of, no_columns
from melt_tui.timeline.grid import floor_to

WIDTHS = 4
"""Of so many widths columns are kept: a chart's, a small trend's, the time strip's."""

SPARE = 1024
"""Columns that lie before what was asked for last are dropped when they are more than this many."""

FEW = 16
"""Up to so many samples are put into columns one by one: numpy's first step costs as much."""


class Newest:
    """Of one series. Samples are told by all their times and values, in order of time; late ones ``forget``."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def forget(self) -> None:
        """Something changed among the samples that came before the newest."""
        self._kept.clear()

    def columns(self, times: "array[int]", values: "array[float]", start_ns: int, width_ns: int) -> Columns:
        """The columns from ``start_ns`` on, a whole multiple of ``width_ns``. There is at least one sample."""
        kept = self._kept.get(width_ns)
        if kept is None or start_ns < kept.first_ns:
            if len(self._kept) >= WIDTHS:
                self._kept.clear()
            kept = self._kept[width_ns] = _Kept(start_ns, width_ns)
        kept.grow(times, values, floor_to(times[-1], width_ns))
        return kept.seen(times, values, start_ns)


class _Kept:
    """The whole columns from ``first_ns`` up to ``edge_ns``, where the one begins that holds the newest sample."""

    __slots__ = ("_edge_ns", "_whole", "_width_ns", "first_ns")

    def __init__(self, first_ns: int, width_ns: int) -> None:
        self.first_ns = self._edge_ns = first_ns
        self._width_ns = width_ns
        self._whole = no_columns()

    def grow(self, times: "array[int]", values: "array[float]", edge_ns: int) -> None:
        """Take the samples before ``edge_ns`` that were not taken yet."""
        if edge_ns > self._edge_ns:
            low, high = bisect_left(times, self._edge_ns), bisect_left(times, edge_ns)
            self._whole = self._whole.followed_by(_columns(times[low:high], values[low:high], self._width_ns))
            self._edge_ns = edge_ns

    def seen(self, times: "array[int]", values: "array[float]", start_ns: int) -> Columns:
        """The columns from ``start_ns`` on, with the one that still grows."""
        at = bisect_left(self._whole.starts, start_ns)
        if at > SPARE:
            self._whole = self._whole.followed_by(no_columns(), at)
            self.first_ns, at = start_ns, 0
        low = bisect_left(times, max(start_ns, self._edge_ns))
        return self._whole.followed_by(_columns(times[low:], values[low:], self._width_ns), at)


def _columns(times: "array[int]", values: "array[float]", width_ns: int) -> Columns:
    """The columns of some samples in order of time; of a few, or of one column, without a detour by numpy."""
    made = no_columns()
    if not times:
        return made
    one = times[-1] < floor_to(times[0], width_ns) + width_ns
    if not (one or len(times) <= FEW) or isnan(sum(values)):
        return columns_of(
            bucketed(np.frombuffer(times, np.int64), np.frombuffer(values, np.float64), width_ns)
        )
    low, n = 0, len(times)
    while low < n:
        start_ns = floor_to(times[low], width_ns)
        high = bisect_left(times, start_ns + width_ns, low)
        part = values[low:high]
        made.starts.append(start_ns)
        made.counts.append(high - low)
        made.minima.append(min(part))
        made.maxima.append(max(part))
        made.means.append(sum(part) / (high - low))
        low = high
    return made
