"""Holes of channels filled with what the device kept by itself while its link was away.

What was kept is recorded as channels of their own, of the device's own clock (``Channel.fills``): nothing is rewritten.
Only who looks sees it in the place of the channel that has the hole.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from drivers.clock import SECOND
from drivers.events import Event
from drivers.model import Channel, ChannelKey
from melt_tui.timeline.model import Interval, Reading, Timeline, View, Window

GAP_PERIODS = 5
"""Samples of a channel that are farther apart than so many of its periods have a hole between them."""


class Announcing(Timeline, Protocol):
    """A Timeline that knows all of its channels."""

    def announced(self) -> Mapping[ChannelKey, Channel]:
        """Every channel, as announced last; the same object as long as there is no other, and never changed."""
        ...


def hole_ns(channel: Channel) -> int:
    """Samples of this channel that are farther apart have a hole between them; 0 where samples come when they come."""
    return round(GAP_PERIODS / channel.rate_hz * SECOND) if channel.rate_hz else 0


def fillers(channels: Mapping[ChannelKey, Channel]) -> Mapping[ChannelKey, Channel]:
    """By channel: what the device kept of it."""
    found: dict[ChannelKey, Channel] = {}
    for kept in channels.values():
        named = (channels.get((kept.device, name)) for name in kept.fills)
        target = next((one for one in named if one is not None and one.unit is kept.unit), None)
        if target is not None and not target.fills:
            found.setdefault(target.key, kept)
    return found


class Filled:
    """A Timeline in which a channel's windows and readings are those that its device kept, where it has a hole itself.

    A channel that fills another one is not shown beside it. In its place a reading bears the rate and the provenance of
    what was kept.
    """

    def __init__(self, timeline: Announcing, span: tuple[int, int] | None = None) -> None:
        """``span``: of what it holds only this is to be looked at; what is before is there to tell how it came about."""
        self._timeline = timeline
        self._span = span
        self._announced: Mapping[ChannelKey, Channel] = {}
        self._fillers: Mapping[ChannelKey, Channel] = {}
        self._shown: tuple[Mapping[ChannelKey, Channel], Mapping[ChannelKey, Channel]] = ({}, {})

    def span(self) -> tuple[int, int]:
        """As ``Timeline.span``."""
        return self._span or self._timeline.span()

    def view(self, t_ns: int) -> View:
        """As ``Timeline.view``."""
        view = self._timeline.view(t_ns)
        found = fillers(view.channels)
        if not found:
            return view
        readings, instead = dict(view.readings), {}
        for key, kept in found.items():
            reading = readings.pop(kept.key, None)
            if reading is not None and _newer(reading, readings.get(key), view.channels[key]):
                readings[key] = reading
                instead[key] = kept
        return replace(view, channels=self._channels(view.channels, found, instead), readings=readings)

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """As ``Timeline.window``; where it is filled, columns of the device's own clock stand between the others."""
        window = self._timeline.window(key, t0_ns, t1_ns, columns)
        announced = self._timeline.announced()
        if announced is not self._announced:
            self._announced, self._fillers = announced, fillers(announced)
        kept = self._fillers.get(key)
        if kept is None:
            return window
        spare = self._timeline.window(kept.key, t0_ns, t1_ns, columns)
        if not spare.starts_ns:
            return window
        width, hole = window.width_ns, hole_ns(announced[key])
        before, after = (hole // width + 2) * width, 2 * (hole // width + 2) + -(-(t1_ns - t0_ns) // width)
        around = self._timeline.window(key, t0_ns - before, t0_ns - before + after * width, after)
        return _merged(window, spare, _in_holes(spare, around, hole))

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """As ``Timeline.intervals``."""
        return self._timeline.intervals(t0_ns, t1_ns)

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """As ``Timeline.events``."""
        return self._timeline.events(t0_ns, t1_ns, kinds=kinds, limit=limit)

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``."""
        return self._timeline.event_after(t_ns, kinds)

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``."""
        return self._timeline.event_before(t_ns, kinds)

    def _channels(
        self,
        channels: Mapping[ChannelKey, Channel],
        found: Mapping[ChannelKey, Channel],
        instead: Mapping[ChannelKey, Channel],
    ) -> Mapping[ChannelKey, Channel]:
        """Without those that fill another one; the same object from look to look as long as nothing changes."""
        if instead or self._shown[0] is not channels:
            hidden = {kept.key for kept in found.values()}
            shown = {
                key: replace(channel, rate_hz=instead[key].rate_hz, provenance=instead[key].provenance)
                if key in instead
                else channel
                for key, channel in channels.items()
                if key not in hidden
            }
            if instead:
                return shown
            self._shown = (channels, shown)
        return self._shown[1]


def _newer(kept: Reading, own: Reading | None, channel: Channel) -> bool:
    return own is None or kept.t_ns - own.t_ns > hole_ns(channel)


def _in_holes(spare: Window, own: Window, hole: int) -> list[int]:
    """Which columns of ``spare`` lie wholly in holes of ``own``."""
    starts, width = own.starts_ns, own.width_ns
    found = []
    for at, start in enumerate(spare.starts_ns):
        after = bisect_left(starts, start - width + 1)
        if after < len(starts) and starts[after] < start + width:
            continue
        apart = after in {0, len(starts)} or starts[after] - starts[after - 1] - width > hole
        if apart:
            found.append(at)
    return found


def _merged(window: Window, spare: Window, chosen: Sequence[int]) -> Window:
    """The columns of a window and the chosen ones of another, by start."""
    parts = [(window, at) for at in range(len(window.starts_ns))] + [(spare, at) for at in chosen]
    parts.sort(key=lambda part: part[0].starts_ns[part[1]])
    return replace(
        window,
        starts_ns=array("q", (one.starts_ns[at] for one, at in parts)),
        counts=array("q", (one.counts[at] for one, at in parts)),
        minima=array("d", (one.minima[at] for one, at in parts)),
        maxima=array("d", (one.maxima[at] for one, at in parts)),
        means=array("d", (one.means[at] for one, at in parts)),
    )
