"""LiveState: takes what passes on the bus and answers looks at it."""

from collections.abc import Mapping, Sequence
from threading import Lock

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured, Event
from drivers.model import Channel, ChannelKey, Samples
from melt_tui.events import DeviceFailed, DeviceLost, DeviceUp
from melt_tui.live import slow
from melt_tui.live.bulk import BULK_HZ, BulkSeries
from melt_tui.live.chronicle import Chronicle
from melt_tui.live.intervals import IntervalLog
from melt_tui.live.series import Series
from melt_tui.live.slow import SlowSeries
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.columns import empty, told, window_of
from melt_tui.timeline.grid import choose, cut, floor_to
from melt_tui.timeline.model import EVER, Interval, Reading, View, Window
from melt_tui.timeline.spliced import UNCHANGED, Changed

SETTLING_NS = SECOND // 2
"""What came out of order is surely on its way to a recording this long after."""

Opening = tuple[int, int, int, Channel]
"""``(t_ns, number of publication, place, channel)``."""


class LiveState:
    """What is known now: a Sink, and a Timeline over the stretch that it holds.

    One thread takes, any thread looks. Of a slow channel it holds some minutes, of a bulk channel some seconds of
    samples and longer of buckets (``live.series``); events all but the plentiful ones (``live.chronicle``). What is
    asked of an earlier time is answered by what is left: columns that are not wholly held are absent, and so are
    readings.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clock = ClockMap()
        self._chronicle = Chronicle()
        self._intervals = IntervalLog()
        self._series: dict[ChannelKey, Series] = {}
        self._openings: dict[ChannelKey, list[Opening]] = {}
        self._opened = 0
        self._channels: dict[ChannelKey, Channel] = {}
        self._channels_ns = EVER
        self._due: dict[str, dict[ChannelKey, int]] = {}
        self._changed: dict[str | ChannelKey, Changed] = {}

    def take(self, item: Item) -> None:
        """Take the next item off the bus. Samples of a channel that was never opened are passed over."""
        with self._lock:
            if isinstance(item, Samples):
                series = self._series.get(item[:2])
                if series is not None and not series.take(item):
                    self._note_change(item.key)
            else:
                self._take_event(item)

    def span(self) -> tuple[int, int]:
        """As ``Timeline.span``."""
        with self._lock:
            firsts = [self._host(key, series.first_ns) for key, series in self._series.items()]
            lasts = [self._host(key, series.last_ns) for key, series in self._series.items()]
            first_ns, last_ns = self._chronicle.first_ns, self._chronicle.last_ns
        if first_ns is None or last_ns is None:
            return 0, 0
        return min([first_ns, *(t for t in firsts if t != EVER)]), max([last_ns, *lasts])

    def view(self, t_ns: int) -> View:
        """As ``Timeline.view``; exact from ``view_from`` on."""
        with self._lock:
            devices, runs, limits, throttled = self._chronicle.standings(t_ns)
            channels = self._channels if t_ns >= self._channels_ns else self._channels_at(t_ns)
            return View(
                t_ns=t_ns,
                session=self._chronicle.session(t_ns),
                devices=devices,
                channels=channels,
                readings=self._readings(channels, t_ns),
                runs=runs,
                limits=limits,
                throttled=throttled,
            )

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """As ``Timeline.window``, of the columns from ``held_from`` on."""
        with self._lock:
            series = self._series.get(key)
            if series is None:
                return window_of(key, choose(t1_ns - t0_ns, columns)[0], empty(), self._clock)
            if not series.settle():
                self._note_change(key)
            d0_ns, d1_ns = self._clock.to_device(key, t0_ns), self._clock.to_device(key, t1_ns)
            part = cut(t1_ns - t0_ns, columns, d0_ns, d1_ns)
            gathered = series.columns(part)
        return told(key, part.width_ns, gathered(), self._clock)

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """As ``Timeline.intervals``."""
        with self._lock:
            return self._intervals.touching(t0_ns, t1_ns)

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """As ``Timeline.events``, of those from ``events_from`` on."""
        with self._lock:
            return tuple(self._chronicle.events(t0_ns, t1_ns, kinds, limit))

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_after``, of those from ``events_from`` on."""
        with self._lock:
            return self._chronicle.event_after(t_ns, kinds)

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """As ``Timeline.event_before``, of those from ``events_from`` on."""
        with self._lock:
            return self._chronicle.event_before(t_ns, kinds)

    def announced(self) -> Mapping[ChannelKey, Channel]:
        """As ``timeline.filled.Announcing.announced``."""
        with self._lock:
            return self._channels

    def watermark(self) -> int:
        """Every channel with a rate, of every device that is up, has delivered up to this moment."""
        with self._lock:
            due = [
                max(opened_ns, self._host(key, self._series[key].last_ns))
                for channels in self._due.values()
                for key, opened_ns in channels.items()
            ]
        return min(due) if due else self.span()[1]

    def view_from(self) -> int:
        """Earliest moment from which ``view`` knows everything."""
        with self._lock:
            exact = [self._host(key, series.view_from()) for key, series in self._series.items()]
            return max([self._chronicle.view_from(), *exact])

    def held_from(self, key: ChannelKey, width_ns: int) -> int:
        """Start, in host time, of the first column of this width that is wholly held; ``EVER`` when all are."""
        with self._lock:
            series = self._series.get(key)
            return EVER if series is None else self._host(key, series.held_from(width_ns))

    def column_at(self, key: ChannelKey, t_ns: int, width_ns: int) -> int:
        """Start, in host time, of the column of this width that holds ``t_ns``."""
        with self._lock:
            return self._host(key, floor_to(self._clock.to_device(key, t_ns), width_ns))

    def events_from(self, kinds: Sequence[type[Event]]) -> int:
        """Earliest moment from which all events of these kinds, or of any, are held."""
        with self._lock:
            return self._chronicle.held_from(kinds)

    def changed(self, key: ChannelKey) -> Changed:
        """What came of times before ``held_from``, or moved them."""
        with self._lock:
            late, moved = self._changed.get(key, UNCHANGED), self._changed.get(key[0], UNCHANGED)
            return Changed(late.number + moved.number, max(late.known_ns, moved.known_ns))

    def _take_event(self, event: Event) -> None:
        self._chronicle.take(event)
        self._intervals.take(event)
        if isinstance(event, ChannelsOpened):
            self._open(event)
        elif isinstance(event, ClockMeasured):
            self._clock.learn(event)
            self._note_change(event.device)
        elif isinstance(event, DeviceUp):
            self._due[event.device] = {}
        elif isinstance(event, DeviceLost | DeviceFailed):
            self._due.pop(event.device, None)

    def _open(self, event: ChannelsOpened) -> None:
        self._opened += 1
        for place, channel in enumerate(event.channels):
            key = channel.key
            self._clock.open(channel)
            if key not in self._series:
                self._series[key], self._openings[key] = _series_of(channel), []
            self._series[key].open(channel)
            self._openings[key].append((event.t_ns, self._opened, place, channel))
            self._openings[key].sort(key=_moment)
            if channel.rate_hz is not None and not channel.fills and channel.device in self._due:
                self._due[channel.device][key] = event.t_ns
        self._channels_ns = max(self._channels_ns, event.t_ns)
        self._channels = self._channels_at(self._channels_ns)

    def _channels_at(self, t_ns: int) -> dict[ChannelKey, Channel]:
        """By key, in order of their first opening."""
        by_then = [[o for o in openings if o[0] <= t_ns] for openings in self._openings.values()]
        opened = sorted((o for o in by_then if o), key=_first)
        return {openings[-1][3].key: openings[-1][3] for openings in opened}

    def _readings(self, channels: dict[ChannelKey, Channel], t_ns: int) -> dict[ChannelKey, Reading]:
        readings = {}
        for key in channels:
            found = self._series[key].reading(self._clock.to_device(key, t_ns))
            if found is not None:
                readings[key] = Reading(self._clock.to_host(key, found[0]), found[1])
        return readings

    def _host(self, key: ChannelKey, t_ns: int | None) -> int:
        return EVER if t_ns is None or t_ns == EVER else self._clock.to_host(key, t_ns)

    def _note_change(self, what: str | ChannelKey) -> None:
        number = self._changed.get(what, UNCHANGED).number + 1
        self._changed[what] = Changed(number, (self._chronicle.last_ns or 0) + SETTLING_NS)


def _series_of(channel: Channel) -> Series:
    """A new, empty series, fit for the channel's rate."""
    if channel.rate_hz is None:
        return SlowSeries(slow.UNTIMED_SAMPLES)
    return BulkSeries() if channel.rate_hz > BULK_HZ else SlowSeries(slow.SLOW_SAMPLES)


def _moment(opening: Opening) -> tuple[int, int, int]:
    return opening[:3]


def _first(openings: list[Opening]) -> tuple[int, int, int]:
    return openings[0][:3]
