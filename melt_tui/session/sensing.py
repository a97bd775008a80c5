"""What conditions speak of: the newest values of a device's sensors, and their last minutes where somebody asked for them.

Of a channel that nobody asked for the last block is kept, and nothing else.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from weakref import WeakValueDictionary

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import NotSupported
from drivers.events import ChannelsOpened
from drivers.model import Channel, ChannelKey, Quantity, Samples, Unit, code_struct
from melt_tui.events import Sensed, Wired
from melt_tui.measures import sensors
from melt_tui.measures.conditions import Comparison, Condition, comparisons, judge
from melt_tui.measures.cooling import Point, line

SILENT_S = 10.0
"""A sensor with a rate of its own that has said nothing for so long, and for five periods, is silent."""
SILENT_UNEVEN_S = 30.0
"""The same of one that speaks when it does: gauges are slow."""
_FOUND_S = 4.0
"""After so long a device has told of all its sensors."""
_KEPT_S = 120.0
"""At least so much of a sensor is kept, for what it comes to."""


class Sensing:
    """Transform that makes nothing: follows the sensors of every device. Live alone: it stamps by the clock of now."""

    quantities: frozenset[Quantity] = sensors.QUANTITIES

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._channels: dict[str, dict[str, Channel]] = {}
        self._newest: dict[ChannelKey, tuple[int, Samples]] = {}
        """The last block of each, and when it came."""
        self._up_ns: dict[str, int] = {}
        self._meters: dict[str, str] = {}
        """By meter: what it feeds."""
        self._traces: WeakValueDictionary[ChannelKey, _Trace] = WeakValueDictionary()

    def feed(self, item: Item) -> Iterable[Item]:
        """Take what passes."""
        if isinstance(item, Samples):
            key, now_ns = (item.device, item.channel), self._clock.now()
            self._newest[key] = (now_ns, item)
            trace = self._traces.get(key) if self._traces else None
            if trace is not None:
                trace.take(item, now_ns)
        elif isinstance(item, ChannelsOpened):
            self._up_ns.setdefault(item.device, self._clock.now())
            known = self._channels.setdefault(item.device, {})
            for channel in item.channels:
                known[channel.name] = channel
                if channel.key in self._traces:
                    self._traces[channel.key].channel = channel
        elif isinstance(item, Wired):
            self._meters[item.device] = item.feeds
        return ()

    def channels(self, device: str) -> Sequence[Channel]:
        """Of a device, then of the meters that feed it."""
        names = [device, *(meter for meter, fed in self._meters.items() if fed == device)]
        return [channel for name in names for channel in self._channels.get(name, {}).values()]

    def fresh(self, device: str) -> bool:
        """Whether it has just come up: sensors may still be found."""
        up_ns = self._up_ns.get(device)
        return up_ns is None or self._clock.now() - up_ns < _FOUND_S * SECOND

    def probe(self, device: str, condition: Condition) -> "Probe":
        """Follow from now on what the condition speaks of. Raises NotSupported for a sensor that the device has not."""
        channels, traces = self.channels(device), dict[str, _Trace]()
        for one in comparisons(condition):
            channel = sensors.meant(one.sensor, channels)
            if channel is None:
                raise NotSupported(
                    f"{device} has no sensor “{one.sensor[:40]}”", remedy=sensors.offered(channels)
                )
            trace = self._traces.get(channel.key) or self._trace(channel)
            trace.kept_s = max(trace.kept_s, one.span_s or 0.0)
            self._traces[channel.key] = traces[one.sensor] = trace
        return Probe(condition, traces, self._clock)

    def _trace(self, channel: Channel) -> "_Trace":
        """From what it said last, if it is not silent."""
        trace = _Trace(channel, self._clock.now())
        came_ns, samples = self._newest.get(channel.key, (0, None))
        if samples is not None and self._clock.now() - came_ns < trace.patience_s * SECOND:
            trace.take(samples, came_ns)
        return trace


class Probe:
    """A condition on one device, and what its sensors say."""

    def __init__(self, condition: Condition, traces: "dict[str, _Trace]", clock: Clock) -> None:
        self.condition = condition
        self._traces = traces
        self._clock = clock

    def holds(self) -> bool | None:
        """Whether it does now; None where that is not known."""
        return judge(self.condition, self.value)

    def value(self, one: Comparison) -> float | None:
        """What one comparison compares, now; None of a sensor that is silent, and of a slope that is not known yet."""
        trace = self._traces[one.sensor]
        if self.silent_s(one.sensor) is not None:
            return None
        return trace.value if one.span_s is None else line(trace.points, one.span_s)

    def points(self, one: Comparison) -> Sequence[Point]:
        """The last minutes of a sensor, a value a second."""
        return self._traces[one.sensor].points

    def silent_s(self, sensor: str) -> float | None:
        """For how long it has said nothing; None of one that speaks, or has not had the time to be missed."""
        silent_s = self._traces[sensor].silent_s(self._clock.now())
        return silent_s if silent_s > self._traces[sensor].patience_s else None

    def silent(self) -> tuple[str, float] | None:
        """The sensor that is silent, and for how long; of several the first."""
        for one in comparisons(self.condition):
            silent_s = self.silent_s(one.sensor)
            if silent_s is not None:
                return one.sensor, silent_s
        return None

    def sensed(self) -> tuple[Sensed, ...]:
        """What is wanted of each, and what it is."""
        return tuple(dict.fromkeys(self._sensed()))

    def unit(self, one: Comparison) -> str:
        """Of what it compares."""
        unit = self._traces[one.sensor].channel.unit
        return "" if unit is Unit.NONE else unit.value

    def _sensed(self) -> Iterator[Sensed]:
        for one in comparisons(self.condition):
            slope = "" if one.span_s is None else f"slope({one.sensor})/{one.span_s:g}s"
            yield Sensed(
                what=slope or one.sensor,
                unit=self.unit(one),
                value=self.value(one),
                wanted=f"{one.operator}{one.bound:g}",
            )


class _Trace:
    """One sensor: its newest value, and the mean of each of its last seconds."""

    def __init__(self, channel: Channel, now_ns: int) -> None:
        self.channel = channel
        self.kept_s = _KEPT_S
        self.value: float | None = None
        self._last_ns = now_ns
        self._sums: deque[tuple[int, float, int]] = deque()

    @property
    def patience_s(self) -> float:
        """So long it may say nothing."""
        rate_hz = self.channel.rate_hz
        return max(SILENT_S, 5 / rate_hz) if rate_hz else SILENT_UNEVEN_S

    def silent_s(self, now_ns: int) -> float:
        """Since it spoke last."""
        return (now_ns - self._last_ns) / SECOND

    @property
    def points(self) -> list[Point]:
        """Seconds and values."""
        return [(float(second), total / n) for second, total, n in self._sums]

    def take(self, samples: Samples, now_ns: int) -> None:
        """A block that came now. What is not a number is no value."""
        decoded = self.channel.decoding.value
        codes = code_struct(samples.dtype).iter_unpack(samples.codes)
        values = [value for (code,) in codes if isfinite(value := decoded(code))]
        if not values:
            return
        self.value, self._last_ns = values[-1], now_ns
        second, total, n = now_ns // SECOND, sum(values), len(values)
        if self._sums and self._sums[-1][0] == second:
            _, before, count = self._sums.pop()
            total, n = total + before, n + count
        self._sums.append((second, total, n))
        while self._sums[0][0] < second - self.kept_s - 2:
            self._sums.popleft()
