"""A ring of summary buckets: the newest stretch of one channel at one width."""

from array import array
from bisect import bisect_left

import numpy as np

from melt_tui.timeline.columns import Buckets, joined
from melt_tui.timeline.model import EVER

BUCKETS = 20_480
"""Kept per level. A window is cut from the coarsest level that has five buckets a column, so less than fifty of them:
this many serve any window of 400 columns that ends now, which a chart on 200 characters asks for."""

SLACK = BUCKETS // 32
"""The ring grows by so many before its oldest are dropped at once."""


class Level:
    """Buckets of one width, rising by start; those older than ``held_ns`` are gone or never complete."""

    def __init__(self, width_ns: int) -> None:
        self.width_ns = width_ns
        self.held_ns = EVER
        self._starts = array("q")
        self._counts = array("I")
        self._minima = array("d")
        self._maxima = array("d")
        self._sums = array("d")

    def add(self, buckets: Buckets) -> None:
        """Take buckets of this width; earlier ones are put in order, those before ``held_ns`` passed over."""
        if not len(buckets.starts):
            return
        first = int(buckets.starts[0])
        if self._starts and first < self._starts[-1]:
            self._weave(buckets)
        elif self._starts and first == self._starts[-1]:
            self._raise_last(buckets)
            self._append(buckets, 1)
        else:
            self._append(buckets, 0)
        if len(self._starts) > BUCKETS + SLACK:
            self._trim()

    def held(self, start_ns: int, stop_ns: int) -> Buckets:
        """A copy of the buckets at ``start_ns <= t < stop_ns``."""
        return self._slice(bisect_left(self._starts, start_ns), bisect_left(self._starts, stop_ns))

    def _slice(self, low: int, high: int) -> Buckets:
        return Buckets(
            np.frombuffer(self._starts[low:high], np.int64),
            np.frombuffer(self._counts[low:high], np.uintc).astype(np.int64),
            np.frombuffer(self._minima[low:high], np.float64),
            np.frombuffer(self._maxima[low:high], np.float64),
            np.frombuffer(self._sums[low:high], np.float64),
        )

    def _append(self, buckets: Buckets, skip: int) -> None:
        self._starts.frombytes(buckets.starts[skip:].tobytes())
        self._counts.frombytes(buckets.counts[skip:].astype(np.uintc).tobytes())
        self._minima.frombytes(buckets.minima[skip:].tobytes())
        self._maxima.frombytes(buckets.maxima[skip:].tobytes())
        self._sums.frombytes(buckets.sums[skip:].tobytes())

    def _raise_last(self, buckets: Buckets) -> None:
        self._counts[-1] += int(buckets.counts[0])
        self._minima[-1] = float(np.minimum(self._minima[-1], buckets.minima[0]))
        self._maxima[-1] = float(np.maximum(self._maxima[-1], buckets.maxima[0]))
        self._sums[-1] += float(buckets.sums[0])

    def _weave(self, buckets: Buckets) -> None:
        keep = buckets.starts >= self.held_ns
        late = Buckets(
            buckets.starts[keep],
            buckets.counts[keep],
            buckets.minima[keep],
            buckets.maxima[keep],
            buckets.sums[keep],
        )
        together = joined([self._slice(0, len(self._starts)), late], self.width_ns)
        self._drop(len(self._starts))
        self._append(together, 0)

    def _trim(self) -> None:
        excess = len(self._starts) - BUCKETS
        self.held_ns = self._starts[excess - 1] + self.width_ns
        self._drop(excess)

    def _drop(self, count: int) -> None:
        for ring in (self._starts, self._counts):
            del ring[:count]
        for values in (self._minima, self._maxima, self._sums):
            del values[:count]
