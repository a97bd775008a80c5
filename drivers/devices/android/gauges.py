"""What is read again and again with builtins of the phone's shell: how it is asked for, and what its answer means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, repeat
from typing import Protocol, runtime_checkable

from drivers import linux
from drivers.base import Item
from drivers.caps import Judge
from drivers.clock import MILLISECOND, SECOND
from drivers.devices.android import protocol, scripts
from drivers.devices.android.channels import CPU_USE, MEMORY_AVAILABLE, RAIL_ENERGY
from drivers.joining import Moments, joined
from drivers.model import Channel, Samples, code_struct, reading


class Gauge(Protocol):
    """Readings of one round of a fixed number of columns, and what follows from them."""

    @property
    def readings(self) -> Sequence[str]:
        """Shell text that sets ``x``, one for each column."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives."""
        ...

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """What a round read, one text for each column; empty for what gave nothing."""
        ...


Columns = Sequence[tuple[str, ...]]
"""What some rounds read: for each reading its texts, one of each round."""


@runtime_checkable
class Gathering(Gauge, Protocol):
    """One that takes rounds that were told at once for less than each by itself."""

    def gather(self, moments: Moments, columns: Columns) -> list[Item]:
        """What these rounds read, one after the other: as ``drivers.joining.joined`` of all."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """What this phone does not give, said once."""

    what: str
    reason: str
    remedy: str = ""


class Parse(Protocol):
    """From a file's text to a value, None for what is not one."""

    def __call__(self, text: str | None, /) -> float | None:
        """The value in the channel's unit."""
        ...


class _Value:
    """What the text of a file means for a channel. Most say the same again and again: then it is neither read nor packed
    anew."""

    __slots__ = ("_channel", "_code", "_parse", "_text", "value")

    def __init__(self, channel: Channel, parse: Parse) -> None:
        self.value: float | None = None
        self._channel = channel
        self._parse = parse
        self._text: str | None = None
        self._code = b""

    def sample(self, t_ns: int, text: str) -> Samples | None:
        """Its value, if it has one now."""
        channel, code = self._channel, self._code if text == self._text else self._read(text)
        if not code:
            return None
        return Samples(channel.device, channel.name, t_ns, t_ns, channel.dtype, code)

    def samples(self, moments: Moments, texts: Sequence[str]) -> list[Item]:
        """Its values in some rounds, as a block."""
        if self.says(texts):
            return self._as_before(moments, len(texts))
        codes = [self._code if text == self._text else self._read(text) for text in texts]
        return block_of(self._channel, moments, codes)

    def _as_before(self, moments: Moments, n: int) -> list[Item]:
        """What it said last, in so many rounds."""
        if not self._code:
            return []
        (times_ns, own), channel = moments, self._channel
        device, name, dtype = channel.device, channel.name, channel.dtype
        return [Samples(device, name, times_ns[0], times_ns[-1], dtype, n * self._code, own)]

    def says(self, texts: Sequence[str]) -> bool:
        """Whether all of these are what it said last."""
        return texts.count(self._text) == len(texts)

    def _read(self, text: str) -> bytes:
        self._text, self.value = text, self._parse(text)
        self._code = b"" if self.value is None else code_struct(self._channel.dtype).pack(self.value)
        return self._code


class FileGauge:
    """A file that holds one value."""

    def __init__(self, channel: Channel, path: str, parse: Parse) -> None:
        self.channels = (channel,)
        self.readings = (scripts.line(path),)
        self._value = _Value(channel, parse)

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """Its value, if it has one now."""
        sample = self._value.sample(t_ns, texts[0])
        return [] if sample is None else [sample]

    def gather(self, moments: Moments, columns: Columns) -> list[Item]:
        """Its values, of the rounds in which it had one."""
        return self._value.samples(moments, columns[0])


class CapGauge:
    """A file that holds a frequency's upper bound, and the limit that begins when it falls."""

    def __init__(self, channel: Channel, path: str, parse: Parse, judge: Judge) -> None:
        self.channels = (channel,)
        self.readings = (scripts.line(path),)
        self._value = _Value(channel, parse)
        self._judge = judge
        self._seen_hz: float | None = None

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """The cap, and the limit that begins, changes or ends with it."""
        sample = self._value.sample(t_ns, texts[0])
        hertz = self._value.value
        if sample is None or hertz is None:
            return []
        if hertz == self._seen_hz:
            return [sample]
        self._seen_hz = hertz
        return [sample, *self._judge.take(t_ns, hertz)]

    def gather(self, moments: Moments, columns: Columns) -> list[Item]:
        """The caps, and what begins, changes or ends with them."""
        if self._value.says(columns[0]):
            return self._value.samples(moments, columns[0])
        return one_by_one(self, moments, columns)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Processors that share a clock: a policy of cpufreq."""

    policy: str
    """``policy4``."""
    processors: tuple[int, ...]
    highest_hz: float | None
    cap_hz: float | None
    """When the phone was opened."""

    @property
    def title(self) -> str:
        """``cpu4-6`` for people."""
        if not self.processors:
            return self.policy
        low, high = self.processors[0], self.processors[-1]
        return f"cpu{low}" if low == high else f"cpu{low}-{high}"


class UseGauge:
    """Use of each cluster's processors, from ``/proc/stat``."""

    def __init__(self, device: str, clusters: Sequence[Cluster], *, builtin: bool) -> None:
        self._clusters = clusters
        self._before: dict[int, linux.Ticks] = {}
        self.channels = tuple(
            CPU_USE.of(device, f"use {one.policy}", detail=f"of {one.title} together, everything that runs")
            for one in clusters
        )
        self.readings = (scripts.processor_times(builtin=builtin),)

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """The mean since the round before; nothing in the first."""
        return self.gather(Moments.of((t_ns,)), (tuple(texts),))

    def gather(self, moments: Moments, columns: Columns) -> list[Item]:
        """The means of some rounds, each since the one before."""
        rounds = [self._codes(text) for text in columns[0]]
        blocks = map(block_of, self.channels, repeat(moments), zip(*rounds, strict=True))
        return list(chain.from_iterable(blocks))

    def _codes(self, text: str) -> list[bytes]:
        """Of each cluster its share; empty for one that is not known."""
        after = protocol.processor_ticks(f"{text}\n")
        before, self._before = self._before, after or self._before
        shares = [linux.use(before, after, cluster.processors) for cluster in self._clusters]
        return [b"" if share is None else _SHARE.pack(share) for share in shares]


_SHARE = code_struct(CPU_USE.dtype)


class MemoryGauge:
    """Memory that new work could have, by the kernel's own estimate."""

    def __init__(self, device: str, *, builtin: bool) -> None:
        channel = MEMORY_AVAILABLE.of(device)
        self.channels = (channel,)
        self.readings = (scripts.memory_available(builtin=builtin),)
        self._value = _Value(channel, _bytes_of)

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """The estimate, in bytes."""
        sample = self._value.sample(t_ns, texts[0])
        return [] if sample is None else [sample]

    def gather(self, moments: Moments, columns: Columns) -> list[Item]:
        """The estimates of some rounds."""
        return self._value.samples(moments, columns[0])


def _bytes_of(text: str | None) -> int | None:
    kibibytes = linux.integer(text)
    return None if kibibytes is None or kibibytes < 0 else kibibytes * 1024


class RailGauge:
    """Energy counters of one chip that measures power rails."""

    def __init__(self, device: str, path: str, chip: str, rails: Sequence[str], *, builtin: bool) -> None:
        self.readings = (scripts.line("/proc/uptime"), scripts.whole(path, builtin=builtin))
        self._channels = {
            rail: RAIL_ENERGY.of(
                device, f"energy {rail}", point=f"rail:{rail}", detail=f"{RAIL_ENERGY.detail}; {chip}"
            )
            for rail in rails
        }
        self.channels = tuple(self._channels.values())
        self._counted: dict[str, int] = {}
        self._start = Start()

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """Each counter that has counted since, at the time it was counted: by the phone's uptime, read beside it."""
        now_ms = protocol.uptime_ms(f"{texts[0]}\n")
        if now_ms is None:
            return []
        start_ns = self._start.seen(t_ns, now_ms * MILLISECOND)
        items: list[Item] = []
        for rail in protocol.rails(f"{texts[1]}\n"):
            channel = self._channels.get(rail.name)
            counted = self._counted.get(rail.name)
            fresh = counted is None or rail.t_ms > counted
            if channel is not None and fresh and 0 <= now_ms - rail.t_ms + 20 < _STALE_MS:
                self._counted[rail.name] = rail.t_ms
                counted_ns = min(t_ns, start_ns + rail.t_ms * MILLISECOND)
                items.append(reading(channel, counted_ns, rail.energy_uj))
        return items


_STALE_MS = 10_000


class Start:
    """The host's time at which the phone started, by its uptime. That is read after the moment that a round bears, on a
    busy phone tens of ms after it, and cut down to 10 ms: of many rounds the one that was read at once tells best."""

    def __init__(self) -> None:
        self._now_ns: int | None = None
        self._before_ns: int | None = None
        self._count = 0

    def seen(self, t_ns: int, uptime_ns: int) -> int:
        """What this round and those before tell: right to 10 ms as soon as one of them was read at once."""
        told_ns = t_ns - uptime_ns - _UPTIME_STEP_NS
        known_ns = self._now_ns if self._before_ns is None else self._before_ns
        if known_ns is not None and abs(told_ns - known_ns) > _CLOCK_SET_NS:
            self._now_ns = self._before_ns = None
        if self._count >= _BUCKET:
            self._count, self._before_ns, self._now_ns = 0, self._now_ns, None
        self._count += 1
        self._now_ns = told_ns if self._now_ns is None else max(self._now_ns, told_ns)
        return self._now_ns if self._before_ns is None else max(self._now_ns, self._before_ns)


_UPTIME_STEP_NS = 10 * MILLISECOND
_CLOCK_SET_NS = 5 * SECOND
_BUCKET = 60
"""Rounds of which the best is kept: so long, and as long again, do two clocks go together."""


class Rounds:
    """Gauges that are asked together: one shell function, one line of answer."""

    def __init__(self, name: str, gauges: Sequence[Gauge]) -> None:
        self.name = name
        self.gauges = tuple(gauges)
        readings = [text for gauge in gauges for text in gauge.readings]
        self._n = len(readings)
        ends = list(accumulate(len(gauge.readings) for gauge in gauges))
        self._parts = tuple(
            (gauge.take, _gathering(gauge), slice(end - len(gauge.readings), end))
            for gauge, end in zip(gauges, ends, strict=True)
        )
        self.definition = scripts.function(name, readings)

    def take(self, t_ns: int, text: str) -> list[Item] | None:
        """What the round gave; None when its answer came damaged."""
        texts = protocol.columns(text, self._n)
        if texts is None:
            return None
        items: list[Item] = []
        for take, _, part in self._parts:
            items += take(t_ns, texts[part])
        return items

    def gather(self, moments: Moments, texts: Sequence[str]) -> list[Item] | None:
        """What rounds gave that were told at once; None when an answer came damaged."""
        columns = protocol.all_columns(texts, self._n)
        if columns is None:
            return None
        items: list[Item] = []
        for _, gather, part in self._parts:
            items += gather(moments, columns[part])
        return items


def block_of(channel: Channel, moments: Moments, codes: Sequence[bytes]) -> list[Item]:
    """A block of what rounds read, one code for each; where some have none, the others as they stand."""
    times_ns, own = moments
    device, name, dtype = channel.device, channel.name, channel.dtype
    if all(codes):
        return [Samples(device, name, times_ns[0], times_ns[-1], dtype, b"".join(codes), own)]
    if not any(codes):
        return []
    told = [(t_ns, code) for t_ns, code in zip(times_ns, codes, strict=True) if code]
    return joined([[Samples(device, name, t_ns, t_ns, dtype, code)] for t_ns, code in told])


def one_by_one(gauge: Gauge, moments: Moments, columns: Columns) -> list[Item]:
    """One round, then the next."""
    rounds = zip(moments.times_ns, zip(*columns, strict=True), strict=True)
    return joined([gauge.take(t_ns, texts) for t_ns, texts in rounds])


def _gathering(gauge: Gauge) -> Callable[[Moments, Columns], list[Item]]:
    """How a gauge takes rounds that were told at once."""
    return gauge.gather if isinstance(gauge, Gathering) else partial(one_by_one, gauge)
