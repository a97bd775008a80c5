"""Counts of energy as they come: of which steps nothing is known is told by the counts after them, as of recordings."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, nan

import numpy as np

from drivers.model import Decoding, Samples, code_struct
from melt_tui.measures.counts import broken_steps
from melt_tui.timeline.columns import Times, Values, times_of, values_of

_BEFORE = 2
_Counted = tuple[Times, Values]


class Counts:
    """Holds back the last block of a counter: a count that stands alone, above or below both of its neighbours, is only
    known by the one after it."""

    def __init__(self) -> None:
        self._held: Samples | None = None
        self._before: _Counted = np.empty(0, np.int64), np.empty(0)
        """The last counts before that block."""

    def after(
        self, samples: Samples, decoding: Decoding, longest_ns: float
    ) -> Iterator[tuple[Samples, bool]]:
        """What was held back, now that the next block has come: whole, or one by one where a step is broken; and whether
        nothing is known of the step that leads to it."""
        held, self._held = self._held, samples
        if held is None:
            return
        times, counts = _counted(held, decoding)
        following = _counted(samples, decoding)
        all_times = np.concatenate((self._before[0], times, following[0][:1]))
        known = np.concatenate((self._before[1], counts, following[1][:1]))
        steps = broken_steps(all_times, known, longest_ns)
        first, stop = len(self._before[0]), len(self._before[0]) + len(times)
        broken = np.concatenate((np.zeros(1, np.bool_), steps))[first:stop]
        self._before = all_times[:stop][-_BEFORE:], known[:stop][-_BEFORE:]
        if broken.any():
            yield from zip(_singly(held, decoding), broken.tolist(), strict=True)
        else:
            yield held, False


@dataclass(slots=True)
class Steps:
    """How a counter rises."""

    _last: float = nan
    _stood: int = 0
    """Counts like the one before."""
    _rose: int = 0
    """Counts that were more."""
    _least_j: float = inf

    @property
    def coarse_j(self) -> float:
        """The step of a counter that stands more often than it rises: a count may be as much less than what went through;
        0 of others."""
        return self._least_j if self._stood > self._rose > 0 else 0.0

    def see(self, counts: Values | list[float]) -> None:
        """The next counts."""
        rises = np.diff(np.append(self._last, counts))
        up = rises[rises > 0]
        self._last = float(counts[-1])
        self._stood += int(np.count_nonzero(rises == 0))
        self._rose += len(up)
        self._least_j = min(self._least_j, float(np.min(up, initial=inf)))


def _counted(samples: Samples, decoding: Decoding) -> _Counted:
    """Those that are numbers."""
    times, counts = times_of(samples), values_of(samples.codes, samples.dtype, decoding)
    good = np.isfinite(counts)
    return times[good], counts[good]


def _singly(samples: Samples, decoding: Decoding) -> Iterator[Samples]:
    """The same, each as a block."""
    size, times = code_struct(samples.dtype).size, times_of(samples).tolist()
    counts = values_of(samples.codes, samples.dtype, decoding)
    for i in np.flatnonzero(np.isfinite(counts)).tolist():
        codes = samples.codes[i * size : (i + 1) * size]
        yield Samples(samples.device, samples.channel, times[i], times[i], samples.dtype, codes)
