"""Where in a session a meter's capture lies: by the power edge of what its device did then.

First the whole capture against all that the device was busy with, in coarse steps; then edge by edge, as ``melt align`` does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers.clock import MILLISECOND, SECOND
from drivers.model import Quantity, Samples
from melt_tui.analysis.runevents import RunEvents
from melt_tui.measures.alignment import AROUND_NS, REACH_NS, Alignment, Power, align

STEP_NS = 100 * MILLISECOND
MOST_NS = 20 * SECOND
"""Of each run, its beginning: clocks drift."""
_BRIDGED = 2
"""Steps without a reading that are bridged."""
_LONGEST = 5_000_000
"""Coarse steps of a capture: some days."""

Values = NDArray[np.float64]
Watts = Callable[[], Iterable[Samples]]
"""Gives the samples of power of a capture from its start, in watts, at its own times."""


@dataclass(frozen=True, slots=True)
class Placed:
    """``session = capture + offset_ns``."""

    offset_ns: int
    found: Alignment


def placed(watts: Watts, runs: Sequence[RunEvents], offset_ns: int | None) -> Placed | None:
    """``offset_ns``: about where it is known to be. None where nothing in it can be what the device did."""
    busy = [span for run in runs for span in _busy(run)]
    if not busy:
        return None
    about_ns = offset_ns if offset_ns is not None else _coarse(watts, busy)
    if about_ns is None:
        return None
    moments = sorted({moment for run in runs for moment in _moments(run)})
    found = align(_power(watts, moments, about_ns), moments)
    return Placed(about_ns + (found.offset_ns or 0), found)


def _busy(run: RunEvents) -> Iterator[tuple[int, int]]:
    for turn in run.turns:
        ended = run.turn_ends.get(turn.turn)
        last_ns = (ended.last_token_ns or ended.t_ns) if ended else None
        if last_ns is not None and last_ns > turn.t_ns:
            yield turn.t_ns, last_ns


def _moments(run: RunEvents) -> Iterator[int]:
    first_ns = run.turns[0].t_ns if run.turns else 0
    for turn in run.turns:
        if turn.t_ns > first_ns + MOST_NS:
            return
        yield turn.t_ns
        first, ended = run.first.get(turn.turn), run.turn_ends.get(turn.turn)
        if first is not None:
            yield first.t_ns
        if ended is not None and ended.last_token_ns is not None:
            yield ended.last_token_ns


def _coarse(watts: Watts, busy: Sequence[tuple[int, int]]) -> int | None:
    """The shift at which power is highest where the device was busy."""
    begin_ns, means = _means(watts, STEP_NS)
    if len(means) < 2 or not np.ptp(means):
        return None
    first_ns, last_ns = busy[0][0], max(end for _, end in busy)
    template = np.zeros(min(_LONGEST, (last_ns - first_ns) // STEP_NS + 1))
    for a_ns, b_ns in busy:
        template[(a_ns - first_ns) // STEP_NS : (b_ns - first_ns) // STEP_NS + 1] = 1.0
    wide = np.concatenate([[0.0] * 20, template, [0.0] * 20])
    wide -= wide.mean()
    signal = means - np.median(means)
    size = 1 << (len(signal) + len(wide)).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(wide, size))
    score = np.fft.irfft(spectrum, size)
    best = int(np.argmax(score))
    lag = best if best < size // 2 else best - size
    return int(first_ns - 20 * STEP_NS - (begin_ns + lag * STEP_NS))


def _means(watts: Watts, step_ns: int) -> tuple[int, Values]:
    """From the capture's first step: the mean of each, that of all where nothing was measured."""
    sums: list[tuple[int, float, int]] = []
    for block in _powers(watts):
        times, values = block
        places = times // step_ns
        steps, first = np.unique(places, return_index=True)
        totals = np.add.reduceat(values, first)
        counts = np.diff([*first.tolist(), len(values)])
        sums += zip(steps.tolist(), totals.tolist(), counts.tolist(), strict=True)
    if not sums:
        return 0, np.empty(0)
    low = sums[0][0]
    n = min(_LONGEST, sums[-1][0] - low + 1)
    total, count = np.zeros(n), np.zeros(n)
    for step, value, some in sums:
        if step - low < n:
            total[step - low] += value
            count[step - low] += some
    mean = float(total.sum() / count.sum())
    return low * step_ns, np.where(count > 0, total / np.maximum(count, 1), mean)


def _power(watts: Watts, moments: Sequence[int], offset_ns: int) -> Power:
    """Around these moments, in ms."""
    begin_ns = moments[0] - REACH_NS - AROUND_NS
    n = (moments[-1] + REACH_NS + AROUND_NS - begin_ns) // MILLISECOND
    total, count = np.zeros(n), np.zeros(n)
    period_ns = 1
    for times, values in _powers(watts):
        places = (times + (offset_ns - begin_ns)) // MILLISECOND
        inside = (places >= 0) & (places < n)
        np.add.at(total, places[inside], values[inside])
        np.add.at(count, places[inside], 1)
        if len(times) > 2:
            period_ns = max(period_ns, int(np.median(np.diff(times))))
    step = max(1, round(period_ns / MILLISECOND))
    cut = n // step * step
    total, count = total[:cut].reshape(-1, step).sum(axis=1), count[:cut].reshape(-1, step).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Power(begin_ns, step * MILLISECOND, _bridged(np.where(count > 0, total / count, np.nan)))


def _bridged(watts: Values) -> Values:
    """With the steps filled in that no reading fell on, for it came a little early or late."""
    known = np.flatnonzero(np.isfinite(watts))
    if len(known) < 2:
        return watts
    places = np.arange(len(watts))
    after = np.clip(np.searchsorted(known, places), 1, len(known) - 1)
    near = (known[after] - known[after - 1] <= _BRIDGED + 1) & (places >= known[0]) & (places <= known[-1])
    return np.where(near, np.interp(places, known, watts[known]), watts)


def _powers(watts: Watts) -> Iterator[tuple[NDArray[np.int64], Values]]:
    for block in watts():
        if block.times is not None:
            yield np.frombuffer(block.times, "<i8"), np.frombuffer(block.codes, "<f8")


def power_of(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """The samples of power among those of a capture."""
    return (block for block in blocks if block.channel == Quantity.POWER)
