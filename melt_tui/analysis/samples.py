"""Samples of a channel as arrays, in host time: what of a recording is computed with numpy."""

from itertools import groupby

import numpy as np

from drivers.model import Channel, ChannelKey, Decoding, DType, Samples
from melt_tui.analysis.recorded import Channels, Recorded, blocks
from melt_tui.measures.integral import Times, Values
from melt_tui.timeline.blocks import blocks_of
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.columns import values_of
from melt_tui.timeline.filled import hole_ns

_FAR = 1 << 61
_EXACT = 1 << 62
"""Products below it fit an int64."""


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
    """Exactly ``clock.to_host`` of each."""
    if not clock.moves(key) or not len(times):
        return times
    corners = clock.corners(key)
    if not corners:
        moved: Times = times + clock.to_host(key, 0)
        return moved
    device, host = (np.array(ends, np.int64) for ends in zip(*corners, strict=True))
    shift = clock.to_host(key, corners[0][0]) - corners[0][1]
    after = np.searchsorted(device, times, side="right")
    left = np.clip(after - 1, 0, max(0, len(device) - 2))
    run = np.diff(device, append=device[-1] + 1)[left]
    gained = np.diff(host - device, append=host[-1] - device[-1])[left]
    within = np.where((after > 0) & (after < len(device)), times - device[left], 0)
    if int(np.abs(gained).max()) * int(within.max()) >= _EXACT:
        return np.array([clock.to_host(key, t_ns) for t_ns in times.tolist()], np.int64)
    near = np.where(after < len(device), left, len(device) - 1)
    exact: Times = times + (host - device)[near] + gained * within // run + shift
    return exact


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
