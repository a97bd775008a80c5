"""A slow channel in memory, value by value."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import chain

import numpy as np

from drivers.clock import SECOND
from drivers.model import IDENTITY, Channel, DType, Samples, code_struct
from melt_tui.live.newest import Newest
from melt_tui.live.series import value_of, whole_from
from melt_tui.timeline.columns import Columns, bucketed, columns_of, times_of, values_of
from melt_tui.timeline.grid import Cut
from melt_tui.timeline.model import EVER

SLOW_NS = 600 * SECOND
SLOW_SAMPLES = 2048
"""A slow channel keeps the samples of the last ten minutes, but no more than this many."""

UNTIMED_SAMPLES = 8192
"""The same for a channel without a rate: tokens of a fast engine, of which the charts show two minutes."""

SLOW_SLACK = 128
"""The ring grows by so many before its oldest are dropped at once."""


_FEW = 16
"""Samples of a block that are taken one by one: fewer than pay for arrays."""


class SlowSeries:
    """Times and values of every sample of the last minutes."""

    __slots__ = (
        "_check",
        "_codes",
        "_decoding",
        "_dtype",
        "_few",
        "_held_ns",
        "_most",
        "_newest",
        "_times",
        "_values",
        "first_ns",
        "last_ns",
    )

    def __init__(self, most: int) -> None:
        """``most``: samples that are kept."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._decoding = IDENTITY
        self._codes: bytes | None = None
        self._dtype = DType.F64
        self._few: tuple[float, ...] = ()
        """The values of the last block, of one that has only a few."""
        self._times = array("q")
        self._values = array("d")
        self._newest = Newest()
        self._held_ns = EVER
        self._most = most
        self._check = most + SLOW_SLACK

    def open(self, channel: Channel) -> None:
        """From now on codes mean this."""
        self._decoding = channel.decoding
        self._codes = None

    def take(self, samples: Samples) -> bool:
        """Take a block; False when some of it was too old to be kept."""
        _, _, t0_ns, t1_ns, dtype, codes, own = samples
        if codes != self._codes or dtype is not self._dtype:
            self._read(dtype, codes)
        few, times, last_ns = self._few, self._times, self.last_ns
        if not few or last_ns is None or not last_ns <= t0_ns <= t1_ns:
            return self._take_block(samples)
        if own is not None:
            if len(own) != 8 * len(few):
                return self._take_block(samples)
            times.frombytes(own)
        elif len(few) == 1:
            times.append(t0_ns)
        else:
            span_ns, steps = t1_ns - t0_ns, len(few) - 1
            times.extend([t0_ns + span_ns * i // steps for i in range(len(few))])
        self._values.extend(few)
        self.last_ns = t1_ns
        if len(times) >= self._check:
            self._trim()
        return True

    def reading(self, t_ns: int) -> tuple[int, float] | None:
        """Time and value of the last sample at or before ``t_ns``."""
        times = self._times
        if times and times[-1] <= t_ns:
            return times[-1], self._values[-1]
        at = bisect_right(times, t_ns) - 1
        return (times[at], self._values[at]) if at >= 0 else None

    def view_from(self) -> int:
        """Earliest moment whose last sample is surely held."""
        return EVER if self._held_ns == EVER else self._times[0]

    def held_from(self, width_ns: int) -> int:
        """Start of the first column of this width that is wholly held."""
        return whole_from(self._held_ns, width_ns)

    def settle(self) -> bool:
        """Nothing waits."""
        return True

    def columns(self, cut: Cut) -> Callable[[], Columns]:
        """The columns of a window, of those wholly held."""
        times, values = self._times, self._values
        start_ns = max(cut.start_ns, self.held_from(cut.width_ns))
        if times and times[-1] < cut.stop_ns:
            found = self._newest.columns(times, values, start_ns, cut.width_ns)
            return lambda: found
        low = bisect_left(times, start_ns)
        high = max(low, bisect_left(times, cut.stop_ns))
        times, values = times[low:high], values[low:high]
        return lambda: columns_of(
            bucketed(np.frombuffer(times, np.int64), np.frombuffer(values, np.float64), cut.width_ns)
        )

    def _read(self, dtype: DType, codes: bytes) -> None:
        """Of a block that says the same as the one before, as many do, nothing is decoded anew."""
        coder = code_struct(dtype)
        n = len(codes) // coder.size
        few = coder.iter_unpack(codes) if n <= _FEW and len(codes) == n * coder.size else ()
        self._codes, self._dtype = codes, dtype
        self._few = tuple(chain.from_iterable(few))
        if self._decoding is not IDENTITY:
            self._few = tuple([value_of(code, self._decoding) for code in self._few])

    def _take_block(self, samples: Samples) -> bool:
        times = times_of(samples)
        values = values_of(samples.codes, samples.dtype, self._decoding)
        if self.last_ns is not None and samples.t0_ns < self.last_ns:
            kept = [self._insert(t, v) for t, v in zip(times.tolist(), values.tolist(), strict=True)]
            return all(kept)
        self._times.frombytes(times.tobytes())
        self._values.frombytes(values.tobytes())
        self._note(samples.t0_ns, samples.t1_ns)
        if len(self._times) >= self._check:
            self._trim()
        return True

    def _insert(self, t_ns: int, value: float) -> bool:
        """False also for one that is kept once others were let go: its column may begin before what is held."""
        self._note(t_ns, t_ns)
        if t_ns < self._held_ns:
            return False
        at = bisect_right(self._times, t_ns)
        if at < len(self._times):
            self._newest.forget()
        self._times.insert(at, t_ns)
        self._values.insert(at, value)
        if len(self._times) >= self._check:
            self._trim()
        return self._held_ns == EVER

    def _note(self, t0_ns: int, t1_ns: int) -> None:
        self.first_ns = t0_ns if self.first_ns is None else min(self.first_ns, t0_ns)
        self.last_ns = t1_ns if self.last_ns is None else max(self.last_ns, t1_ns)

    def _trim(self) -> None:
        times = self._times
        old = max(bisect_left(times, times[-1] - SLOW_NS), len(times) - self._most)
        if old > 0:
            old = min(bisect_right(times, times[old - 1]), len(times) - 1)
            self._held_ns = times[old - 1] + 1
            del times[:old]
            del self._values[:old]
        self._check = len(times) + SLOW_SLACK
