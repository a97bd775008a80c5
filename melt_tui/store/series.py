"""Which channel a sample belongs to, how its codes read and where it is kept."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from operator import eq, floordiv, gt, is_not, mod, mul
from typing import NamedTuple, cast

from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey, DType, Kind, Quantity, Samples, Unit, code_struct
from melt_tui.store.eventcodec import from_json, plain, to_json
from melt_tui.store.journal import kind_of
from melt_tui.timeline.summaries import DENSE, FAST_DENSE, SLOW_HZ, Decoder, base_of

_MANY = 1000
"""Samples of one block from which on a channel without a nominal rate is a fast one."""

SeriesKey = tuple[str, str, DType]
"""Device, channel and type of codes of a block."""

_SECOND = 1_000_000_000
_EVER = 1 << 63
_FAR = 1 << 62


@dataclass
class Series:
    """The samples of one channel with codes of one type. ``id`` and ``channel_id`` are rows of the recording."""

    id: int
    channel_id: int
    channel: Channel
    dtype: DType
    bulk: bool
    base_ns: int | None
    ticks: bool = False
    """Whether these are no samples but the Ticks of a device."""

    @property
    def key(self) -> ChannelKey:
        """``(device, channel)``."""
        return self.channel.key

    @cached_property
    def size(self) -> int:
        """Bytes of a code."""
        return code_struct(self.dtype).size

    @cached_property
    def kind(self) -> int:
        """How the journal tells the type of its codes."""
        return kind_of(self.dtype)

    @property
    def place(self) -> "Place":
        """Where its blocks go as long as it is kept as it is now."""
        may_show = not self.bulk and self.channel.rate_hz is None
        number = -self.id if self.bulk else self.id
        return Place(number, self.kind, self.size, _MANY - 1 if may_show else _EVER)

    def count(self, block: Samples) -> int:
        """How many samples a block of this series holds; 0 for one that is malformed."""
        _, _, t0_ns, t1_ns, _, codes, times = block
        n, rest = divmod(len(codes), self.size)
        if rest or (times is not None and len(times) != 8 * n):
            return 0
        return n if -_FAR < t0_ns < _FAR and -_FAR < t1_ns < _FAR else 0

    @cached_property
    def decoder(self) -> Decoder:
        """From codes to values."""
        return Decoder(self.dtype, self.channel.decoding)

    def crowds(self, width_ns: int) -> bool:
        """Whether columns of this width hold so many samples of a fast channel that they are better summed up than read."""
        return self.bulk and width_ns * (self.channel.rate_hz or 0.0) >= DENSE * _SECOND

    @property
    def gap_ns(self) -> int:
        """Blocks further apart than this do not share a chunk."""
        if not self.bulk:
            return 60 * _SECOND
        return max(20_000_000, round(5 * _SECOND / (self.channel.rate_hz or SLOW_HZ)))


class Place(NamedTuple):
    """Where the blocks of a series go."""

    number: int
    """In the order of publication: negative of a fast series."""
    kind: int
    size: int
    """Bytes of a code."""
    most: int
    """Samples of a block that says nothing new of the series: with more it may show that it is a fast one."""


class Run(NamedTuple):
    """Blocks that were published one after the other, none of them malformed: where each goes, and how many samples it has."""

    numbers: tuple[int, ...]
    kinds: tuple[int, ...]
    counts: Sequence[int]


class Registry:
    """The channels and series of a recording in the making; new ones become rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._current: dict[ChannelKey, tuple[int, Channel]] = {}
        self._opened_ns: dict[ChannelKey, int] = {}
        self._known: dict[Channel, int] = {}
        self._series: dict[tuple[int, DType], Series] = {}
        self._recent: dict[SeriesKey, Series] = {}
        self._places: dict[SeriesKey, Place] = {}
        self._ticks: dict[str, Series] = {}
        self.by_id: dict[int, Series] = {}

    def load(self) -> None:
        """Take over what an earlier writer has left."""
        for number, definition in self._connection.execute("SELECT id, definition FROM channels"):
            self._known[from_json(Channel, definition)] = number
        for series in load_series(self._connection):
            self.by_id[series.id] = series

    def open(self, event: ChannelsOpened) -> None:
        """From now on channels are as this event says."""
        for channel in event.channels:
            known = self._current.get(channel.key)
            if (
                known is not None
                and known[1] == channel
                and event.t_ns >= self._opened_ns.get(channel.key, _EVER)
            ):
                continue
            number = self._channel(channel)
            self._current[channel.key] = (number, channel)
            self._forget()
            self._opened_ns[channel.key] = event.t_ns
            self._connection.execute(
                "INSERT INTO openings (t_ns, channel) VALUES (?, ?)", (event.t_ns, number)
            )

    def run(self, blocks: Sequence[Samples]) -> Run | None:
        """What is known of blocks, at least one, looked at all together; None where one of them has to be looked at by itself:
        of a channel that was not met before, malformed, or one that may show that its channel is fast."""
        devices, names, t0, t1, dtypes, codes, times = zip(*blocks, strict=True)
        places = list(map(self._places.get, zip(devices, names, dtypes, strict=True)))
        if None in places:
            return None
        numbers, kinds, sizes, most = zip(*cast("list[Place]", places), strict=True)
        lengths = list(map(len, codes))
        counts = list(map(floordiv, lengths, sizes))
        odd = 0 in counts or any(map(mod, lengths, sizes)) or any(map(gt, counts, most))
        if odd or min(*t0, *t1) <= -_FAR or max(*t0, *t1) >= _FAR or not _whole(times, counts):
            return None
        return Run(numbers, kinds, counts)

    def series(self, block: Samples) -> Series:
        """Where this block belongs; a channel that nobody announced is kept as plain numbers."""
        key = (block.device, block.channel, block.dtype)
        return self._recent.get(key) or self._found(key, block)

    def _found(self, key: SeriesKey, block: Samples) -> Series:
        known = self._current.get(block.key)
        if known is None:
            channel = unannounced(block)
            known = self._current[block.key] = (self._channel(channel), channel)
        series = self._series.get((known[0], block.dtype)) or self._new(*known, block)
        self._recent[key] = series
        self._places[key] = series.place
        return series

    def _forget(self) -> None:
        """What was met is looked up anew: something else is known of it."""
        self._recent.clear()
        self._places.clear()

    def ticks(self, device: str) -> Series:
        """Where the Ticks of a device belong."""
        if device not in self._ticks:
            cursor = self._connection.execute(_NEW_TICKS, (plain(device), DType.I64))
            (series,) = load_series(self._connection, int(cursor.lastrowid or 0) - 1)
            self._ticks[device] = self.by_id[series.id] = series
        return self._ticks[device]

    def fix(self, series: Series, *, bulk: bool | None = None, base_ns: int | None = None) -> None:
        """Say how a series is kept from now on."""
        series.bulk = series.bulk if bulk is None else bulk
        series.base_ns = series.base_ns if base_ns is None else base_ns
        if bulk is not None:
            self._forget()
        row = (series.bulk, series.base_ns, series.id)
        self._connection.execute("UPDATE series SET bulk = ?, base_ns = ? WHERE id = ?", row)

    def _channel(self, channel: Channel) -> int:
        if channel not in self._known:
            texts = (channel.device, channel.name, channel.quantity, channel.unit, channel.kind)
            row = (
                *map(plain, texts),
                channel.rate_hz,
                plain(channel.point),
                channel.limit,
                plain(channel.provenance),
                channel.derived,
                to_json(channel),
                channel.accuracy.gain_fraction if channel.accuracy else None,
                channel.accuracy.offset if channel.accuracy else None,
            )
            cursor = self._connection.execute(_CHANNEL, row)
            self._known[channel] = int(cursor.lastrowid or 0)
        return self._known[channel]

    def _new(self, number: int, channel: Channel, block: Samples) -> Series:
        bulk = (channel.rate_hz or 0) > SLOW_HZ or crowded(channel, block)
        base = bulk_base(channel, block) if bulk else base_of(channel.rate_hz) if channel.rate_hz else None
        cursor = self._connection.execute(
            "INSERT INTO series (channel, dtype, bulk, base_ns) VALUES (?, ?, ?, ?)",
            (number, block.dtype, bulk, base),
        )
        series = Series(int(cursor.lastrowid or 0), number, channel, block.dtype, bulk, base)
        self._series[number, block.dtype] = self.by_id[series.id] = series
        return series


def _whole(times: Sequence[bytes | None], counts: Sequence[int]) -> bool:
    """Whether the blocks that bring their own times bring one for each sample."""
    if times.count(None) == len(times):
        return True
    bringing = list(map(is_not, times, repeat(None)))
    lengths = map(len, cast("Iterable[bytes]", compress(times, bringing)))
    return all(map(eq, lengths, map(mul, compress(counts, bringing), repeat(8))))


def load_series(connection: sqlite3.Connection, after: int = 0) -> list[Series]:
    """The series of a recording whose number is greater than ``after``."""
    rows = connection.execute(_SERIES, (after,)).fetchall()
    return [
        Series(number, 0, tick_channel(ticks), DType(dtype), bool(bulk), base, ticks=True)
        if channel is None
        else Series(number, channel, from_json(Channel, definition), DType(dtype), bool(bulk), base)
        for number, channel, ticks, dtype, bulk, base, definition in rows
    ]


def unannounced(block: Samples) -> Channel:
    """What is known of a channel that was never announced."""
    return Channel(
        device=block.device,
        name=block.channel,
        quantity=Quantity.OTHER,
        unit=Unit.NONE,
        dtype=block.dtype,
        detail="never announced",
    )


def tick_channel(device: str) -> Channel:
    """What stands for the Ticks of a device."""
    return Channel(
        device=device, name="", quantity=Quantity.OTHER, unit=Unit.NONE, kind=Kind.COUNTER, dtype=DType.I64
    )


def crowded(channel: Channel, block: Samples) -> bool:
    """Whether a block shows that a channel without a nominal rate is a fast one."""
    return channel.rate_hz is None and block.n >= _MANY and observed_hz(block.n, block) > SLOW_HZ


def bulk_base(channel: Channel, block: Samples) -> int:
    """Width of the finest summaries of a fast channel: a second at most, so that seconds can be told from them."""
    rate_hz = channel.rate_hz or observed_hz(block.n, block)
    return base_of(rate_hz, most_ns=_SECOND, dense=FAST_DENSE)


def observed_hz(n: int, block: Samples) -> float:
    """Samples per second of ``n`` samples over the span of a block."""
    return (n - 1) * 1e9 / max(1, block.t1_ns - block.t0_ns)


_CHANNEL = """
    INSERT INTO channels (device, name, quantity, unit, kind, rate_hz, point, limit_value, provenance, derived,
    definition, accuracy_gain, accuracy_offset) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_NEW_TICKS = "INSERT INTO series (ticks, dtype, bulk) VALUES (?, ?, FALSE)"
_SERIES = """
    SELECT series.id, channel, ticks, dtype, bulk, base_ns, definition
    FROM series LEFT JOIN channels ON channels.id = channel WHERE series.id > ? ORDER BY series.id"""
