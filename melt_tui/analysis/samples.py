"""Samples of a channel as arrays, in host time: what of a recording is computed with numpy."""

from itertools import groupby

import numpy as np

from drivers.model import Channel, ChannelKey, Decoding, DType, Samples
from melt_tui.analysis.recorded import Channels, Recorded, blocks
from melt_tui.measures.integral import Times, Values
from melt_tui.store.blocks import blocks_of
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.columns import values_of
from melt_tui.timeline.filled import hole_ns

_FAR = 1 << 61


def read(
    recording: Recorded, channels: Channels, key: ChannelKey, t0_ns: int, t1_ns: int
) -> tuple[Times, Values]:
    """Every sample of ``t0_ns <= t <= t1_ns``, by time, in the channel's unit as it was announced then; in its holes what
    the device kept of it while its link was away."""
    kept = channels.kept(key)
    if kept is None:
        return _own(recording, channels, key, t0_ns, t1_ns)
    hole = hole_ns(channels.latest[key])
    around = _own(recording, channels, key, t0_ns - hole, t1_ns + hole)
    spare = _own(recording, channels, kept.key, t0_ns, t1_ns)
    return _within(*filled(around, spare, hole), t0_ns, t1_ns)


def read_as(recording: Recorded, channel: Channel, t0_ns: int, t1_ns: int) -> tuple[Times, Values]:
    """The same of a channel that has meant one thing all along, without what was kept: a count."""
    times, values = [np.empty(0, np.int64)], [np.empty(0)]
    solid = (block for block in blocks(recording, channel.key, t0_ns, t1_ns) if block.codes)
    for dtype, some in groupby(solid, key=lambda block: block.dtype):
        part = blocks_of(list(some))
        times.append(part.times)
        values.append(values_of(part.codes, dtype, channel.decoding))
    host = to_host(recording.clock, channel.key, np.concatenate(times))
    return _within(host, np.concatenate(values), t0_ns, t1_ns)


def filled(own: tuple[Times, Values], spare: tuple[Times, Values], hole: int) -> tuple[Times, Values]:
    """Samples, and between two of them that are farther apart than ``hole``, before and after them the spare ones."""
    times, values = own
    after = np.searchsorted(times, spare[0])
    padded = np.concatenate([[-_FAR], times, [_FAR]])
    chosen = (padded[after + 1] - padded[after] > hole) & (padded[after + 1] != spare[0])
    if not chosen.any():
        return own
    together = np.concatenate([times, spare[0][chosen]])
    order = np.argsort(together, kind="stable")
    return together[order], np.concatenate([values, spare[1][chosen]])[order]


def to_host(clock: ClockMap, key: ChannelKey, times: Times) -> Times:
    """As ``clock.to_host`` of each: the map is a straight line between the moments at which the clock was measured."""
    if not clock.moves(key) or not len(times):
        return times
    ends = (int(times.min()), int(times.max()))
    knots = sorted({*ends, *(row.t_ns for row in clock.rows(key[0]) if ends[0] < row.t_ns < ends[1])})
    offsets = [clock.to_host(key, knot) - knot for knot in knots]
    drift = np.interp(times - knots[0], np.array(knots) - knots[0], np.array(offsets) - offsets[0])
    host: Times = times + offsets[0] + np.rint(drift).astype(np.int64)
    return host


def _own(
    recording: Recorded, channels: Channels, key: ChannelKey, t0_ns: int, t1_ns: int
) -> tuple[Times, Values]:
    times, values = [np.empty(0, np.int64)], [np.empty(0)]
    for (dtype, decoding), some in groupby(
        blocks(recording, key, t0_ns, t1_ns), key=lambda block: _meaning(recording, channels, block)
    ):
        part = blocks_of([block for block in some if block.codes])
        times.append(part.times)
        values.append(values_of(part.codes, dtype, decoding))
    return _within(to_host(recording.clock, key, np.concatenate(times)), np.concatenate(values), t0_ns, t1_ns)


def _meaning(recording: Recorded, channels: Channels, block: Samples) -> tuple[DType, Decoding]:
    channel: Channel = channels.at(block.key, recording.clock.to_host(block.key, block.t0_ns))
    return block.dtype, channel.decoding


def _within(times: Times, values: Values, t0_ns: int, t1_ns: int) -> tuple[Times, Values]:
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
    low, high = np.searchsorted(times, [t0_ns, t1_ns + 1]).tolist()
    return times[low:high], values[low:high]
