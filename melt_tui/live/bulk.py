"""A bulk channel in memory: blocks of the last seconds, buckets of longer."""

from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drivers.clock import SECOND
from drivers.model import IDENTITY, Channel, Decoding, DType, Samples, code_struct
from melt_tui.live.levels import Level
from melt_tui.live.series import value_of, whole_from
from melt_tui.timeline.blocks import blocks_of
from melt_tui.timeline.columns import (
    Buckets,
    Columns,
    Times,
    Values,
    bucketed,
    coarser,
    columns_of,
    empty,
    times_of,
    values_of,
)
from melt_tui.timeline.grid import Cut
from melt_tui.timeline.model import EVER
from melt_tui.timeline.summaries import Decoder, summarized

BULK_HZ = 64.0
"""A channel faster than this is kept in bulk."""

RAW_NS = 4 * SECOND
RAW_SAMPLES = 1 << 19
"""Blocks of the last seconds are kept, for windows too narrow for any bucket, but no more samples than this."""

PENDING = 256
"""Small blocks are summed up this many samples at a time, or when somebody looks."""
PENDING_BLOCKS = 8
"""And large ones this many at a time: what summing up costs hangs on how often it is done."""

LEVELS_NS = (10**6, 10**7, 10**8, 10**9)
"""Widths of the buckets: 1 ms for 20 seconds, 10 ms for three minutes, 100 ms for half an hour, 1 s for five. Of those
that are no wider than the channel's period only the widest is kept: finer ones would hold the same samples."""

SURE_HZ, SURE_NS = 1000.0, 10**8
"""The levels of this width and finer are sure to fill of a channel that is so fast. Of slower ones there may be many, in
sessions that last for a minute."""


@dataclass(slots=True)
class _Block:
    """A block that is held, with what its codes meant when it came."""

    number: int
    """Of its arrival."""
    samples: Samples
    decoding: Decoding

    @property
    def t0_ns(self) -> int:
        return self.samples.t0_ns

    @property
    def t1_ns(self) -> int:
        return self.samples.t1_ns

    def value_at(self, at: int) -> float:
        coder = code_struct(self.samples.dtype)
        return value_of(coder.unpack_from(self.samples.codes, at * coder.size)[0], self.decoding)


class BulkSeries:
    """Blocks of the last seconds, and buckets of longer."""

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._decoding = IDENTITY
        self._levels = tuple(Level(width) for width in LEVELS_NS)
        self._blocks: list[_Block] = []
        self._newest: _Block | None = None
        self._held_ns = EVER
        self._held = 0
        self._longest_ns = 0
        self._arrived = 0
        self._pending: list[_Block] = []
        self._waiting = 0
        self._known: tuple[DType, Decoding, Decoder] | None = None

    def open(self, channel: Channel) -> None:
        """From now on codes mean this."""
        self._decoding = channel.decoding
        if self._newest is None and channel.rate_hz:
            self._levels = _levels(channel.rate_hz)

    def take(self, samples: Samples) -> bool:
        """Take a block; False when some of it was too old to be kept, or is late and others were let go: its column may begin
        before what is held."""
        self._arrived += 1
        late = self.last_ns is not None and samples.t0_ns < self.last_ns
        block, n = _Block(self._arrived, samples, self._decoding), samples.n
        self._pending.append(block)
        self._waiting += n
        kept = self._keep(block, n)
        if self._waiting >= PENDING and len(self._pending) >= PENDING_BLOCKS:
            kept = self.settle() and kept
        return kept and not (late and max(self._held_ns, self._levels[0].held_ns) != EVER)

    def reading(self, t_ns: int) -> tuple[int, float] | None:
        """Time and value of the last sample at or before ``t_ns``."""
        newest = self._newest
        if newest is not None and newest.t1_ns <= t_ns:
            return newest.t1_ns, newest.value_at(newest.samples.n - 1)
        return self._search(t_ns)

    def view_from(self) -> int:
        """Earliest moment whose last sample is surely held."""
        if self._held_ns == EVER:
            return EVER
        return next((b.t0_ns for b in self._blocks if b.t0_ns >= self._held_ns), self.last_ns or 0)

    def held_from(self, width_ns: int) -> int:
        """Start of the first column of this width that is wholly held."""
        level = self._level(width_ns)
        return whole_from(self._held_ns if level is None else level.held_ns, width_ns)

    def columns(self, cut: Cut) -> Callable[[], Columns]:
        """The columns of a window, of those wholly held."""
        start, width = max(cut.start_ns, self.held_from(cut.width_ns)), cut.width_ns
        level = self._level(width)
        if level is not None:
            buckets = level.held(start, max(start, cut.stop_ns))
            return lambda: columns_of(coarser(buckets, width))
        blocks = [b for b in self._blocks if b.t1_ns >= start and b.t0_ns < cut.stop_ns]
        return lambda: columns_of(_narrow(blocks, start, cut.stop_ns, width))

    def _level(self, width_ns: int) -> Level | None:
        """The coarsest level that columns of this width can be cut from: it reaches back furthest."""
        return next((level for level in reversed(self._levels) if width_ns % level.width_ns == 0), None)

    def _keep(self, block: _Block, n: int) -> bool:
        if self.last_ns is None or block.t1_ns >= self.last_ns:
            self._newest = block
        self.first_ns = block.t0_ns if self.first_ns is None else min(self.first_ns, block.t0_ns)
        self.last_ns = block.t1_ns if self.last_ns is None else max(self.last_ns, block.t1_ns)
        if block.t1_ns < self._held_ns:
            return False
        if self._blocks and block.t0_ns < self._blocks[-1].t0_ns:
            insort(self._blocks, block, key=_start)
        else:
            self._blocks.append(block)
        self._longest_ns = max(self._longest_ns, block.t1_ns - block.t0_ns)
        self._held += n
        self._drop(self.last_ns - RAW_NS)
        return block.t0_ns >= self._held_ns

    def _drop(self, before_ns: int) -> None:
        old = 0
        while old < len(self._blocks) - 1 and (
            self._blocks[old].t1_ns < before_ns or self._held > RAW_SAMPLES
        ):
            self._held_ns = max(self._held_ns, self._blocks[old].t1_ns + 1)
            self._held -= self._blocks[old].samples.n
            old += 1
        if old:
            del self._blocks[:old]

    def settle(self) -> bool:
        """Sum up what is pending; False when some of it was too old to be kept."""
        if not self._pending:
            return True
        buckets = self._summed(self._pending)
        first_ns = min(block.t0_ns for block in self._pending)
        self._pending.clear()
        self._waiting = 0
        for level in self._levels:
            buckets = coarser(buckets, level.width_ns)
            level.add(buckets)
        return first_ns >= max(level.held_ns for level in self._levels)

    def _summed(self, pending: list[_Block]) -> Buckets:
        """The finest buckets of these blocks; of those whose codes mean the same from the codes themselves."""
        first, width_ns = pending[0], self._levels[0].width_ns
        if all(
            one.decoding is first.decoding and one.samples.dtype is first.samples.dtype for one in pending
        ):
            blocks = blocks_of([one.samples for one in pending])
            return summarized(blocks, self._decoder(first.samples.dtype, first.decoding), width_ns)
        return bucketed(*_together(pending), width_ns)

    def _decoder(self, dtype: DType, decoding: Decoding) -> Decoder:
        """One for each meaning: what is known of its direction is found out once."""
        if self._known is None or self._known[:2] != (dtype, decoding):
            self._known = dtype, decoding, Decoder(dtype, decoding)
        return self._known[2]

    def _search(self, t_ns: int) -> tuple[int, float] | None:
        best: tuple[int, int] = (EVER, 0)
        found: tuple[int, float] | None = None
        for block in reversed(self._blocks[: bisect_right(self._blocks, t_ns, key=_start)]):
            if block.t0_ns + self._longest_ns < best[0]:
                break
            at = int(np.searchsorted(times_of(block.samples), t_ns, "right")) - 1
            moment = (block.samples.time_at(at), block.number)
            if moment > best:
                best, found = moment, (moment[0], block.value_at(at))
        return found


def _levels(rate_hz: float) -> tuple[Level, ...]:
    """Those that serve a channel of this rate."""
    finest_ns = max(width for width in LEVELS_NS if width <= max(SECOND / rate_hz, LEVELS_NS[0]))
    levels = tuple(Level(width) for width in LEVELS_NS if width >= finest_ns)
    for level in levels:
        if rate_hz >= SURE_HZ and level.width_ns <= SURE_NS:
            level.reserve()
    return levels


def _start(block: _Block) -> int:
    return block.samples.t0_ns


def _narrow(blocks: list[_Block], start_ns: int, stop_ns: int, width_ns: int) -> Buckets:
    """Columns cut from the samples themselves."""
    if not blocks:
        return empty()
    times, values = _together(blocks)
    low, high = np.searchsorted(times, (start_ns, max(start_ns, stop_ns)))
    return bucketed(times[low:high], values[low:high], width_ns)


def _together(blocks: list[_Block]) -> tuple[Times, Values]:
    """Times and values of several blocks, in order of time; of equal times in order of arrival."""
    times = np.concatenate([times_of(block.samples) for block in blocks])
    values = np.concatenate([_values(block) for block in blocks])
    if (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        return times[order], values[order]
    return times, values


def _values(block: _Block) -> Values:
    return values_of(block.samples.codes, block.samples.dtype, block.decoding)
