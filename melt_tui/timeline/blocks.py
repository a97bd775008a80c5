"""Blocks of one series side by side: what a chunk holds, in order of publication."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drivers.model import ChannelKey, DType, Samples, code_struct

Ints = NDArray[np.int64]

_EXACT = 1 << 62
"""Products below fit 64 bits."""


class Counted:
    """Blocks of which it is known how many samples each holds."""

    counts: Ints

    @cached_property
    def ends(self) -> Ints:
        """Up to which sample each block reaches."""
        return np.cumsum(self.counts)

    @property
    def n(self) -> int:
        """Samples of all blocks."""
        return int(self.ends[-1])


@dataclass(frozen=True)
class Blocks(Counted):
    """``k`` blocks of one series. ``counts``, ``t0``, ``t1`` and ``uneven`` have a place for each.

    ``own`` holds the times of the uneven ones one after the other, ``codes`` the codes of all.
    """

    dtype: DType
    counts: Ints
    t0: Ints
    t1: Ints
    uneven: NDArray[np.bool_]
    own: Ints
    codes: bytes

    @cached_property
    def single(self) -> bool:
        """Whether each block is one plain reading, so that ``t0`` holds all the times that there are."""
        return bool(
            self.counts[0] == 1
            and (self.counts == 1).all()
            and not self.uneven.any()
            and (self.t0 == self.t1).all()
        )

    @cached_property
    def axis(self) -> Ints | None:
        """What tells all its times, beside counts and which are uneven, and may be shared: ``t0`` of plain readings, first
        and last time of each block in turn, or every time where some blocks bring their own; None where those do not tell
        the ends of a block."""
        if len(self.own):
            return self.times if self._ends_told else None
        return self.t0 if self.single else np.stack([self.t0, self.t1], axis=1).ravel()

    @property
    def _ends_told(self) -> bool:
        """Whether each block begins with its first time and ends with its last."""
        times = self.times
        begins, ends = times[self.ends - self.counts], times[self.ends - 1]
        return bool((begins == self.t0).all() and (ends == self.t1).all())

    @cached_property
    def times(self) -> Ints:
        """The time of every sample, in order of publication: exactly ``Samples.time_at``."""
        if self.single:
            return self.t0
        if len(self.own) == self.n:
            return self.own
        if self._alike:
            place = np.arange(self.counts[0])
            rises = (self.t1 - self.t0)[:, None] * place // max(1, len(place) - 1)
            return (self.t0[:, None] + rises).ravel()
        steps = np.maximum(self.counts - 1, 1)
        whole, rest = np.divmod(self.t1 - self.t0, steps)
        place = np.arange(self.n) - np.repeat(self.ends - self.counts, self.counts)
        rises = np.repeat(whole, self.counts) * place
        rises += np.repeat(rest, self.counts) * place // np.repeat(steps, self.counts)
        times: Ints = np.repeat(self.t0, self.counts) + rises
        if len(self.own):
            times[np.repeat(self.uneven, self.counts)] = self.own
        return times

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest time of a sample or end of a block."""
        low, high = min(int(self.t0.min()), int(self.t1.min())), max(int(self.t0.max()), int(self.t1.max()))
        if len(self.own):
            low, high = min(low, int(self.own.min())), max(high, int(self.own.max()))
        return low, high

    @property
    def _alike(self) -> bool:
        """Whether all hold as many samples, evenly spaced, so that their times are one product: a channel that is read
        so many times a second makes such blocks all day."""
        if len(self.own) or (self.counts != self.counts[0]).any():
            return False
        spans = self.t1 - self.t0
        return max(int(spans.max()), -int(spans.min())) * int(self.counts[0]) < _EXACT

    def part(self, first: int, stop: int) -> "Blocks":
        """Some blocks in a row."""
        size = code_struct(self.dtype).size
        a, b = int(self.ends[first] - self.counts[first]), int(self.ends[stop - 1])
        own_ends = np.cumsum(np.where(self.uneven, self.counts, 0))
        own_a = int(own_ends[first] - (self.counts[first] if self.uneven[first] else 0))
        return Blocks(
            self.dtype,
            self.counts[first:stop],
            self.t0[first:stop],
            self.t1[first:stop],
            self.uneven[first:stop],
            self.own[own_a : int(own_ends[stop - 1])],
            self.codes[a * size : b * size],
        )

    def samples(self, key: ChannelKey) -> Iterator[Samples]:
        """The blocks as they were published."""
        size, start, own = code_struct(self.dtype).size, 0, 0
        columns = (self.counts.tolist(), self.t0.tolist(), self.t1.tolist(), self.uneven.tolist())
        for n, t0, t1, uneven in zip(*columns, strict=True):
            codes = self.codes[start * size : (start + n) * size]
            times = self.own[own : own + n].astype("<i8").tobytes() if uneven else None
            yield Samples(key[0], key[1], t0, t1, self.dtype, codes, times)
            start, own = start + n, own + (n if uneven else 0)


def blocks_of(samples: Sequence[Samples]) -> Blocks:
    """Published blocks of one series, at least one, none of them empty."""
    _, _, t0, t1, _, codes, times = zip(*samples, strict=True)
    own = [each for each in times if each is not None] if times.count(None) < len(times) else []
    return Blocks(
        samples[0].dtype,
        np.array(list(map(len, codes)), np.int64) // code_struct(samples[0].dtype).size,
        np.array(t0, np.int64),
        np.array(t1, np.int64),
        np.array([each is not None for each in times], np.bool_) if own else np.zeros(len(times), np.bool_),
        np.frombuffer(b"".join(own), "<i8"),
        b"".join(codes),
    )


def together(parts: Sequence[Blocks]) -> Blocks:
    """The blocks of several, at least one, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Blocks(
        parts[0].dtype,
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.t0 for part in parts]),
        np.concatenate([part.t1 for part in parts]),
        np.concatenate([part.uneven for part in parts]),
        np.concatenate([part.own for part in parts]),
        b"".join([part.codes for part in parts]),
    )


def runs_of(blocks: Blocks, gap_ns: int, most: int) -> Iterator[Blocks]:
    """Blocks cut where they lie further apart than ``gap_ns``, forwards or backwards, or are more than ``most`` samples."""
    if _even(blocks, gap_ns) and blocks.n <= most:
        yield blocks
        return
    first, low, high, n = 0, *_ends(blocks, 0), int(blocks.counts[0])
    for i in range(1, len(blocks.counts)):
        a, b = _ends(blocks, i)
        if a - high > gap_ns or low - b > gap_ns or n + int(blocks.counts[i]) > most:
            yield blocks.part(first, i)
            first, low, high, n = i, a, b, 0
        low, high, n = min(low, a), max(high, b), n + int(blocks.counts[i])
    yield blocks if first == 0 else blocks.part(first, len(blocks.counts))


def _even(blocks: Blocks, gap_ns: int) -> bool:
    steps = blocks.t0[1:] - blocks.t1[:-1]
    return bool((blocks.t1 >= blocks.t0).all() and (steps >= 0).all() and (steps <= gap_ns).all())


def _ends(blocks: Blocks, i: int) -> tuple[int, int]:
    a, b = int(blocks.t0[i]), int(blocks.t1[i])
    return (a, b) if a <= b else (b, a)
