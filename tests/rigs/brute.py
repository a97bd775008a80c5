"""A Timeline by brute force: every answer worked out from all items, without an index, a ring or numpy."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

from drivers.base import Item
from drivers.events import ChannelsOpened, ClockMeasured, Event, LimitEngaged, RunEvent
from drivers.model import Channel, ChannelKey, Samples, code_struct
from melt_tui.events import RunStarted, SessionEnded, SessionStarted, ThrottleOnset
from melt_tui.timeline.clockmap import ClockMap
from melt_tui.timeline.fold import (
    DEVICE_STATES,
    LIMIT_BREAKS,
    LIMIT_EVENTS,
    THROTTLE_EVENTS,
    IntervalFold,
    IntervalRow,
    device_view,
    limits_in_force,
    run_view,
    throttled_by,
    touches,
)
from melt_tui.timeline.grid import choose
from melt_tui.timeline.model import DeviceView, Interval, Reading, RunView, View, Window


class Brute:
    """Takes items as a sink does and answers as a Timeline does, slowly and plainly."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self.clock = ClockMap()
        self.published: list[Event] = []
        self.opened: dict[ChannelKey, Channel] = {}
        self.points: dict[ChannelKey, list[tuple[int, int, float]]] = defaultdict(list)
        for item in items:
            self.take(item)

    def take(self, item: Item) -> None:
        if isinstance(item, Samples):
            self._take_samples(item)
            return
        self.published.append(item)
        if isinstance(item, ChannelsOpened):
            for channel in item.channels:
                self.opened[channel.key] = channel
                self.clock.open(channel)
        if isinstance(item, ClockMeasured):
            self.clock.learn(item)

    def span(self) -> tuple[int, int]:
        times = [event.t_ns for event in self.published]
        times += [self.clock.to_host(key, t) for key, points in self.points.items() for t, _, _ in points]
        return min(times, default=0), max(times, default=0)

    def view(self, t_ns: int) -> View:
        events = self._ordered(t_ns)
        channels = self._channels(events)
        return View(
            t_ns=t_ns,
            session=next((e for e in reversed(events) if isinstance(e, SessionStarted)), None),
            devices=self._devices(events),
            channels=channels,
            readings={key: r for key in channels if (r := self._reading(key, t_ns))},
            runs=self._runs(events),
            limits=self._limits(events),
            throttled=self._throttled(events),
        )

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        width, _ = choose(t1_ns - t0_ns, columns)
        d0, d1 = self.clock.to_device(key, t0_ns), self.clock.to_device(key, t1_ns)
        cells: dict[int, list[float]] = defaultdict(list)
        for t, _, value in sorted(self.points[key]):
            start = t // width * width
            if start + width > d0 and (start < d1 or start <= d0):
                cells[start].append(value)
        starts = sorted(cells)
        return Window(
            key=key,
            width_ns=width,
            starts_ns=array("q", [self.clock.to_host(key, start) for start in starts]),
            counts=array("q", [len(cells[start]) for start in starts]),
            minima=array("d", [min(cells[start]) for start in starts]),
            maxima=array("d", [max(cells[start]) for start in starts]),
            means=array("d", [sum(cells[start]) / len(cells[start]) for start in starts]),
        )

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        fold, rows = IntervalFold(), dict[int, IntervalRow]()
        for event in self.published:
            rows.update((row.number, row) for row in fold.take(event))
        chosen = [row for row in rows.values() if touches(row.interval, t0_ns, t1_ns)]
        return tuple(row.interval for row in sorted(chosen, key=lambda row: (row.interval.t0_ns, row.number)))

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        found = [event for event in self._ordered(t1_ns) if event.t_ns >= t0_ns and _of(event, kinds)]
        return tuple(found[len(found) - limit :] if len(found) > limit else found)

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        found = [event for event in self._ordered(1 << 62) if event.t_ns > t_ns and _of(event, kinds)]
        return found[0] if found else None

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        found = [event for event in self._ordered(t_ns - 1) if _of(event, kinds)]
        return found[-1] if found else None

    def _take_samples(self, samples: Samples) -> None:
        channel = self.opened.get(samples.key)
        if channel is None:
            return
        number = sum(map(len, self.points.values()))
        for i, (code,) in enumerate(code_struct(samples.dtype).iter_unpack(samples.codes)):
            self.points[samples.key].append((samples.time_at(i), number + i, channel.decoding.value(code)))

    def _ordered(self, t_ns: int) -> list[Event]:
        known = [(event.t_ns, number, event) for number, event in enumerate(self.published)]
        return [event for t, _, event in sorted(known, key=lambda k: k[:2]) if t <= t_ns]

    def _throttled(self, events: Sequence[Event]) -> dict[str, ThrottleOnset]:
        found = {}
        for device in {event.device for event in events if isinstance(event, THROTTLE_EVENTS)}:
            mine = [event for event in events if event.device == device or isinstance(event, SessionEnded)]
            onset = throttled_by(mine)
            if onset is not None:
                found[device] = onset
        return found

    def _channels(self, events: Sequence[Event]) -> dict[ChannelKey, Channel]:
        channels: dict[ChannelKey, Channel] = {}
        for event in events:
            if isinstance(event, ChannelsOpened):
                channels.update((channel.key, channel) for channel in event.channels)
        return channels

    def _reading(self, key: ChannelKey, t_ns: int) -> Reading | None:
        past = [point for point in self.points[key] if self.clock.to_host(key, point[0]) <= t_ns]
        if not past:
            return None
        t, _, value = max(past)
        return Reading(self.clock.to_host(key, t), value)

    def _devices(self, events: Sequence[Event]) -> dict[str, DeviceView]:
        names = dict.fromkeys(event.device for event in events if isinstance(event, DEVICE_STATES))
        views = {name: device_view(event for event in events if event.device == name) for name in names}
        return {name: view for name, view in views.items() if view}

    def _runs(self, events: Sequence[Event]) -> dict[str, RunView]:
        last = {event.device: event.run for event in events if isinstance(event, RunStarted)}
        views = {
            device: run_view(e for e in events if isinstance(e, RunEvent) and e.run == run)
            for device, run in last.items()
        }
        return {device: view for device, view in views.items() if view}

    def _limits(self, events: Sequence[Event]) -> dict[str, tuple[LimitEngaged, ...]]:
        names = dict.fromkeys(event.device for event in events if isinstance(event, LimitEngaged))
        kinds = (*LIMIT_EVENTS, *LIMIT_BREAKS)
        limits = {
            name: limits_in_force(
                event
                for event in events
                if isinstance(event, kinds) and (event.device == name or isinstance(event, SessionEnded))
            )
            for name in names
        }
        return {name: found for name, found in limits.items() if found}


def _of(event: Event, kinds: Sequence[type[Event]]) -> bool:
    return not kinds or type(event) in kinds
