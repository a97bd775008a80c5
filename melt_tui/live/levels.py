"""A ring of summary buckets: the newest stretch of one channel at one width."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from melt_tui.timeline.columns import Buckets, Times, Values, joined
from melt_tui.timeline.model import EVER

BUCKETS = 20_480
"""Kept per level. A window is cut from the coarsest level that has five buckets a column, so less than fifty of them:
this many serve any window of 400 columns that ends now, which a chart on 200 characters asks for."""

SLACK = BUCKETS // 32
"""The ring grows by so many before its oldest are dropped at once."""

FIRST = 64
"""Room for so many at first; doubled when it is used up, to at most what a full ring needs."""

_FULL = BUCKETS + 2 * SLACK
_Kind = TypeVar("_Kind", bound=np.generic)


class Level:
    """Buckets of one width, rising by start; those older than ``held_ns`` are gone or never complete."""

    def __init__(self, width_ns: int) -> None:
        self.width_ns = width_ns
        self.held_ns = EVER
        self._n = 0
        self._room = 0
        self._starts: Times = np.empty(0, np.int64)
        self._counts: NDArray[np.uintc] = np.empty(0, np.uintc)
        self._minima: Values = np.empty(0)
        self._maxima: Values = np.empty(0)
        self._sums: Values = np.empty(0)

    def reserve(self) -> None:
        """Take the memory of a full ring at once: for one that is sure to fill, so that memory does not seem to leak."""
        self._make_room(_FULL)

    def add(self, buckets: Buckets) -> None:
        """Take buckets of this width; earlier ones are put in order, those before ``held_ns`` passed over."""
        if not len(buckets.starts):
            return
        first, last = int(buckets.starts[0]), int(self._starts[self._n - 1]) if self._n else EVER
        if first < last:
            self._weave(buckets)
        elif first == last:
            self._raise_last(buckets)
            self._append(buckets, 1)
        else:
            self._append(buckets, 0)
        if self._n > BUCKETS + SLACK:
            self._trim()

    def held(self, start_ns: int, stop_ns: int) -> Buckets:
        """A copy of the buckets at ``start_ns <= t < stop_ns``."""
        return self._slice(*self._starts[: self._n].searchsorted((start_ns, max(start_ns, stop_ns))))

    def _slice(self, low: int, high: int) -> Buckets:
        return Buckets(
            self._starts[low:high].copy(),
            self._counts[low:high].astype(np.int64),
            self._minima[low:high].copy(),
            self._maxima[low:high].copy(),
            self._sums[low:high].copy(),
        )

    def _append(self, buckets: Buckets, skip: int) -> None:
        low = self._n
        high = low + len(buckets.starts) - skip
        if high > self._room:
            self._make_room(max(FIRST, min(2 * self._room, _FULL), high))
        self._starts[low:high] = buckets.starts[skip:]
        self._counts[low:high] = buckets.counts[skip:]
        self._minima[low:high] = buckets.minima[skip:]
        self._maxima[low:high] = buckets.maxima[skip:]
        self._sums[low:high] = buckets.sums[skip:]
        self._n = high

    def _make_room(self, room: int) -> None:
        if room > self._room:
            self._room = room
            self._starts = _longer(self._starts, room)
            self._counts = _longer(self._counts, room)
            self._minima = _longer(self._minima, room)
            self._maxima = _longer(self._maxima, room)
            self._sums = _longer(self._sums, room)

    def _raise_last(self, buckets: Buckets) -> None:
        last = self._n - 1
        self._counts[last] += buckets.counts[0]
        self._minima[last] = np.minimum(self._minima[last], buckets.minima[0])
        self._maxima[last] = np.maximum(self._maxima[last], buckets.maxima[0])
        # as Python's own numbers: numpy's would warn, in the midst of the screen, of sums that are none
        self._sums[last] = float(self._sums[last]) + float(buckets.sums[0])

    def _weave(self, buckets: Buckets) -> None:
        keep = buckets.starts >= self.held_ns
        late = Buckets(
            buckets.starts[keep],
            buckets.counts[keep],
            buckets.minima[keep],
            buckets.maxima[keep],
            buckets.sums[keep],
        )
        together = joined([self._slice(0, self._n), late], self.width_ns)
        self._n = 0
        self._append(together, 0)

    def _trim(self) -> None:
        excess = self._n - BUCKETS
        self.held_ns = int(self._starts[excess - 1]) + self.width_ns
        for ring in (self._starts, self._counts, self._minima, self._maxima, self._sums):
            ring[:BUCKETS] = ring[excess : self._n]
        self._n = BUCKETS


def _longer(ring: NDArray[_Kind], room: int) -> NDArray[_Kind]:
    """The same with room for so many: touched, so that the memory is really taken."""
    longer = np.full(room, 0, ring.dtype)
    longer[: len(ring)] = ring
    return longer
