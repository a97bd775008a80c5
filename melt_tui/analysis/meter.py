"""What must be known of a source of power before its samples are integrated: its clock, its refresh, its accuracy."""

import numpy as np

from drivers.clock import SECOND
from drivers.model import Channel, ChannelKey, Unit
from melt_tui.analysis.power import Source
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.samples import read
from melt_tui.measures.integral import Times, Trace, Values
from melt_tui.measures.metering import TIMING, refresh_name, timing, usual_gap

CLIPPED = "clipped samples"
"""The channel in which a meter counts the samples at the end of its range."""


def about(recording: Recorded, channels: Channels, source: Source, t0_ns: int, t1_ns: int) -> Trace:
    """All of a trace but its samples, for a span of host time."""
    channel = source.channel
    counts_clipped = (channel.device, CLIPPED) in channels.latest
    return Trace(
        kind=channel.kind,
        times_ns=np.empty(0, np.int64),
        values=np.empty(0),
        period_ns=SECOND / channel.rate_hz if channel.rate_hz else 0.0,
        timing_ns=_timing(recording, channels, source, t0_ns, t1_ns),
        refresh_ns=_refresh(recording, channels, channel, t0_ns, t1_ns) if source.gauge else 0.0,
        accuracy=channel.accuracy,
        limit=channel.limit if source.meter and not counts_clipped else None,
    )


class Clipping:
    """How many samples of a meter were at the end of its range, as it counts them itself."""

    def __init__(self, recording: Recorded, channels: Channels, device: str, t0_ns: int, t1_ns: int) -> None:
        self._times, self._counts = _told(recording, channels, (device, CLIPPED), t0_ns, t1_ns + SECOND)

    def within(self, a_ns: int, b_ns: int) -> int:
        """Between two moments: the count's rise from the last word before to the first one after."""
        if not len(self._times):
            return 0
        low = max(0, int(np.searchsorted(self._times, a_ns, "right")) - 1)
        high = min(int(np.searchsorted(self._times, b_ns, "left")), len(self._times) - 1)
        return max(0, round(float(self._counts[high] - self._counts[low])))


def _timing(recording: Recorded, channels: Channels, source: Source, t0_ns: int, t1_ns: int) -> float:
    """± ns: the most that was told of it during the span, by the meter, by measurements of its clock or by its correction."""
    device = source.channel.device
    _, seconds = _told(recording, channels, (device, TIMING), t0_ns, t1_ns)
    known = [float(np.max(seconds)) * SECOND] if len(seconds) else []
    if source.meter or source.channel.own_clock:
        known += recording.clock.uncertainties(device, t0_ns, t1_ns)
    corrected = recording.clock.correction(device)
    known += [float(corrected.uncertainty_ns)] if corrected else []
    seen_ns = 0.0
    if source.meter and not known and not source.channel.rate_hz:
        times, _ = read(recording, channels, source.channel.key, t0_ns, t1_ns)
        seen_ns = usual_gap(np.diff(times).tolist())
    return timing(known, source.channel, meter=source.meter, seen_ns=seen_ns)


def _refresh(recording: Recorded, channels: Channels, channel: Channel, t0_ns: int, t1_ns: int) -> float:
    """How long a gauge's figures stand, as a rule: as it tells it, else as seldom as it speaks."""
    told = channels.latest.get((channel.device, refresh_name(channel)))
    if told is not None and told.unit is Unit.SECOND:
        _, stood = _told(recording, channels, told.key, t0_ns, t1_ns)
        if len(stood):
            return float(np.median(stood)) * SECOND
    times, _ = read(recording, channels, channel.key, t0_ns, t1_ns)
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _told(
    recording: Recorded, channels: Channels, key: ChannelKey, t0_ns: int, t1_ns: int
) -> tuple[Times, Values]:
    """The samples of a slow channel within a span, and the last one before it."""
    if key not in channels.latest:
        return np.empty(0, np.int64), np.empty(0)
    times, values = read(recording, channels, key, recording.span()[0], t1_ns)
    first = max(0, int(np.searchsorted(times, t0_ns, "right")) - 1)
    return times[first:], values[first:]
