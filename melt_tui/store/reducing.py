"""Fast channels reduced: for every step its mean in place of its samples; least, greatest and mean of all samples stay.

The summaries of a step and of all that is coarser are those of the samples themselves, so a window that is not finer tells
what it told of the recording that was reduced.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import IDENTITY, Channel, ChannelKey, DType, Kind, Quantity, Samples
from melt_tui.store.eventcodec import to_json
from melt_tui.store.ingest import Transaction
from melt_tui.store.making import Maker
from melt_tui.store.pyramid import PyramidWriter
from melt_tui.store.tiles import merged
from melt_tui.timeline.blocks import Blocks, blocks_of
from melt_tui.timeline.columns import Buckets, Times
from melt_tui.timeline.summaries import Decoder, summarized

RATES_HZ = (1, 10, 100, 1000)
"""Means a second: their steps are those of the summaries."""

_NEVER = {
    Quantity.TOKENS,
    Quantity.TOKEN_ARRIVALS,
    Quantity.ENERGY_PER_TOKEN,
    Quantity.LIMIT_LEVEL,
    Quantity.THROTTLE_COUNT,
    Quantity.LOSS_COUNT,
    Quantity.LOGIC,
    Quantity.OTHER,
}
"""Of these a mean means nothing."""

_STEPS = 10
"""So many steps become a block, or as many as a second has."""
_HELD = 256
"""Summaries that are written together."""
_PLACE = 1 << 40
"""Numbers of series that a recording does not have: summaries wait there for theirs."""


def is_fast(channel: Channel, hz: float, crowded: Container[ChannelKey] = ()) -> bool:
    """Whether it is reduced: a value that changes with time, of more samples a second. ``crowded``: those that are found
    to be fast without a nominal rate."""
    if channel.kind is Kind.COUNTER or channel.quantity in _NEVER:
        return False
    return channel.rate_hz > hz if channel.rate_hz else channel.key in crowded


def reduced_channel(channel: Channel, hz: float) -> Channel:
    """What the means are a channel of; it says so."""
    of = f"{channel.rate_hz:g} Hz" if channel.rate_hz else "the full rate"
    said = f"downsampled: means at {hz:g} Hz of {of}"
    return replace(
        channel,
        kind=Kind.INTERVAL_MEAN,
        rate_hz=float(hz),
        dtype=DType.F64,
        decoding=IDENTITY,
        provenance=f"{channel.provenance}; {said}" if channel.provenance else said,
        detail=f"{channel.detail}; {said}" if channel.detail else said,
    )


@dataclass
class _Kept:
    """Of one channel in one meaning: the summaries that no block tells yet."""

    channel: Channel
    made: Channel
    place: int
    decoders: dict[DType, Decoder] = field(default_factory=dict)
    waiting: list[Buckets] = field(default_factory=list)
    seconds: list[Buckets] = field(default_factory=list)
    last_ns: int = 0
    """Newest sample."""


class Reducing:
    """Turns samples of fast channels into means, and writes what is known of the samples beside them."""

    def __init__(self, maker: Maker, hz: int, crowded: Container[ChannelKey] = ()) -> None:
        self._crowded = crowded
        self._connection = maker.connection
        self._pyramid = PyramidWriter(maker.connection)
        self._hz = hz
        self._step_ns = SECOND // hz
        self._current: dict[ChannelKey, _Kept | None] = {}
        self._known: dict[Channel, _Kept] = {}
        self._held: list[tuple[int, Buckets]] = []
        maker.last.append(self._settle)

    def take(self, item: Item) -> Iterable[Item]:
        """Another item; the means of a fast channel come when there are some."""
        if isinstance(item, ChannelsOpened):
            return self._opened(item)
        if not isinstance(item, Samples):
            return (item,)
        kept = self._current.get(item.key)
        return (item,) if kept is None else self._means(kept, item)

    def rest(self) -> Iterator[Item]:
        """The last means of every channel."""
        for kept in self._current.values():
            if kept is not None:
                yield from self._emitted(kept, all_of_it=True)
        self._write()

    def _opened(self, event: ChannelsOpened) -> Iterator[Item]:
        channels: list[Channel] = []
        for channel in event.channels:
            before = self._current.get(channel.key)
            if before is not None and before.channel != channel:
                yield from self._emitted(before, all_of_it=True)
            kept = self._kept(channel) if is_fast(channel, self._hz, self._crowded) else None
            self._current[channel.key] = kept
            channels.append(channel if kept is None else kept.made)
        yield replace(event, channels=tuple(channels))

    def _kept(self, channel: Channel) -> _Kept:
        if channel not in self._known:
            place = _PLACE + len(self._known)
            self._known[channel] = _Kept(channel, reduced_channel(channel, self._hz), place)
        return self._known[channel]

    def _means(self, kept: _Kept, block: Samples) -> Iterator[Samples]:
        decoder = kept.decoders.setdefault(block.dtype, Decoder(block.dtype, kept.channel.decoding))
        blocks = blocks_of([block])
        kept.last_ns = max(kept.last_ns, blocks.bounds[1])
        kept.waiting.append(summarized(blocks, decoder, self._step_ns))
        first_ns, last_ns = int(kept.waiting[0].starts[0]), int(kept.waiting[-1].starts[-1])
        if last_ns - first_ns >= max(SECOND, _STEPS * self._step_ns):
            yield from self._emitted(kept)

    def _emitted(self, kept: _Kept, *, all_of_it: bool = False) -> Iterator[Samples]:
        """What waits as a block; the last step may go on, unless it is ``all_of_it``."""
        if not kept.waiting:
            return
        whole = merged(kept.waiting, self._step_ns)
        n = len(whole.starts) if all_of_it else len(whole.starts) - 1
        kept.waiting = [] if all_of_it else [_part(whole, n, None)]
        if not n:
            return
        told = _part(whole, 0, n)
        kept.seconds.append(merged([told], SECOND))
        self._held.append((kept.place, told))
        if len(self._held) >= _HELD:
            self._write()
        yield _block(kept.made, np.minimum(told.starts + self._step_ns, kept.last_ns), told)

    def _write(self) -> None:
        with Transaction(self._connection):
            for place, buckets in self._held:
                self._pyramid.tile(place, self._step_ns, buckets)
        self._held = []

    def _settle(self) -> None:
        """Give every series the summaries of its samples in place of those of its means."""
        with Transaction(self._connection):
            for kept in self._known.values():
                row = self._connection.execute(_SERIES, (to_json(kept.made),)).fetchone()
                if row is not None:
                    self._settle_one(kept, *row)

    def _settle_one(self, kept: _Kept, series: int, channel: int) -> None:
        run = self._connection.execute
        run("DELETE FROM tiles WHERE series = ?", (series,))
        run("DELETE FROM pyramid WHERE series = ? AND level >= 0", (series,))
        run("UPDATE tiles SET series = ? WHERE series = ?", (series, kept.place))
        run("UPDATE pyramid SET series = ? WHERE series = ?", (series, kept.place))
        run("UPDATE series SET base_ns = ? WHERE id = ?", (self._step_ns, series))
        run("DELETE FROM seconds WHERE channel = ?", (channel,))
        self._connection.executemany(_SECOND, _rows(channel, merged(kept.seconds, SECOND)))


def _part(buckets: Buckets, first: int, stop: int | None) -> Buckets:
    chosen = slice(first, stop)
    return Buckets(
        buckets.starts[chosen],
        buckets.counts[chosen],
        buckets.minima[chosen],
        buckets.maxima[chosen],
        buckets.sums[chosen],
    )


def _block(channel: Channel, times: Times, told: Buckets) -> Samples:
    """A mean stands at the end of its step."""
    means = (told.sums / told.counts).astype("<f8").tobytes()
    ends = int(times[0]), int(times[-1])
    even = Samples(channel.device, channel.name, *ends, DType.F64, means)
    if np.array_equal(_times(even), times):
        return even
    return even._replace(times=times.astype("<i8").tobytes())


def _times(block: Samples) -> Times:
    one: Blocks = blocks_of([block])
    return one.times


def _rows(channel: int, told: Buckets) -> Sequence[tuple[int, int, int, float, float, float]]:
    columns = (told.counts, told.minima, told.sums / told.counts, told.maxima)
    starts = (told.starts // SECOND).tolist()
    return [
        (second, channel, n, low, mean, high)
        for second, n, low, mean, high in zip(starts, *(c.tolist() for c in columns), strict=True)
    ]


_SERIES = """
    SELECT series.id, channel FROM series JOIN channels ON channels.id = channel
    WHERE definition = ? AND bulk = 0 AND dtype = 'd'"""
_SECOND = "INSERT INTO seconds VALUES (?, ?, ?, ?, ?, ?)"
