"""Samples of a recording as arrays, a chunk at a time: what exports are made of. Nothing is held but one chunk."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from drivers.model import Channel, ChannelKey
from melt_tui.analysis.recorded import Recorded
from melt_tui.analysis.samples import to_host
from melt_tui.measures.integral import Times, Values
from melt_tui.timeline.blocks import Blocks
from melt_tui.timeline.columns import values_of

FAR = 1 << 60
"""Further off than any moment of a recording."""


class Stored(Recorded, Protocol):
    """A recording that gives its samples side by side."""

    def announced(self) -> Mapping[ChannelKey, Channel]:
        """Every channel, as announced last."""
        ...

    def blocks(self, key: ChannelKey, t0_ns: int, t1_ns: int) -> Iterator[tuple[Channel, Blocks]]:
        """As ``Recording.blocks``."""
        ...


class Part(NamedTuple):
    """Some samples of a channel: in host time, in the unit that it had then, in order of publication."""

    channel: Channel
    times: Times
    values: Values


def parts(recording: Stored, key: ChannelKey, t0_ns: int = -FAR, t1_ns: int = FAR) -> Iterator[Part]:
    """The samples of ``t0_ns <= t < t1_ns`` of one channel, exactly as often as they were published."""
    clock = recording.clock
    inside = t0_ns <= -FAR and t1_ns >= FAR
    span = (t0_ns, t1_ns) if inside else (clock.to_device(key, t0_ns - 1), clock.to_device(key, t1_ns))
    for channel, blocks in recording.blocks(key, *span):
        if not blocks.n:
            continue
        times = to_host(clock, key, blocks.times)
        values = values_of(blocks.codes, blocks.dtype, channel.decoding)
        if not inside:
            chosen = (times >= t0_ns) & (times < t1_ns)
            times, values = times[chosen], values[chosen]
        if len(times):
            yield Part(channel, times, values)


def seconds_of(times: Times, zero_ns: int) -> Values:
    """Seconds since ``zero_ns``; the nearest numbers to what a table of samples tells."""
    told: Values = (times - zero_ns) / np.float64(1e9)
    return told
