"""What a device with a battery takes itself while it is fed over USB: the input less what goes into the battery."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import Channel, ChannelKey, Kind, Quantity, Samples, Unit, code_struct, reading
from melt_tui.detectors.marks import Source
from melt_tui.events import Wired
from melt_tui.measures import points
from melt_tui.measures.energy import LEAST_COVERAGE, net_device_power
from melt_tui.timeline.clockmap import ClockMap

NAME: Final = "net device power"
PROVENANCE: Final = (
    "usb-input - power into the battery, by its gauge; an upper bound: with the charger's loss"
)
_WAITING: Final = 64
"""Readings of a gauge for which the input may be late; older ones are given up."""


@dataclass(slots=True)
class _Span:
    """From one reading of a gauge to the next, host time, with the battery's mean power."""

    t0_ns: int
    t1_ns: int
    battery_w: float


@dataclass(slots=True)
class _Gauge:
    """A device's gauge, and its last reading."""

    channel: Channel
    t_ns: int | None = None
    value: float = 0.0
    waiting: deque[_Span] = field(default_factory=lambda: deque(maxlen=_WAITING))
    net: Channel | None = None


class NetPower:
    """Transform: a channel ``net device power`` where a device has both ``usb-input`` and ``battery-gauge``.

    Told for every reading of the gauge, as the mean since the one before, as soon as the input is known so far: the
    gauge's sign is positive for what leaves the battery. Nothing is told over a hole of either.
    """

    quantities = frozenset({Quantity.POWER})

    def __init__(self) -> None:
        self._clock = ClockMap()
        self._gauges: dict[str, _Gauge] = {}
        self._inputs: dict[ChannelKey, Source] = {}
        self._channels: dict[ChannelKey, Channel] = {}
        """Of power, not derived."""
        self._wires: dict[str, Wired] = {}

    def feed(self, item: Item) -> Iterable[Item]:
        """The net power that follows from ``item``."""
        if isinstance(item, Samples):
            return list(self._take(item))
        if isinstance(item, ChannelsOpened):
            self._open(item)
        elif isinstance(item, Wired):
            self._wires[item.device] = item
            self._choose()
        elif isinstance(item, ClockMeasured):
            self._clock.learn(item)
        return ()

    def _open(self, event: ChannelsOpened) -> None:
        for channel in event.channels:
            if channel.quantity is Quantity.POWER and channel.unit is Unit.WATT and not channel.derived:
                self._clock.open(channel)
                self._channels[channel.key] = channel
        self._choose()

    def _choose(self) -> None:
        """Which channels are gauges and inputs now: what was taken of those that stay is kept."""
        before, self._inputs = self._inputs, {}
        for key, channel in self._channels.items():
            fed, point = self._wiring(channel)
            gauge = self._gauges.get(fed)
            if point == points.GAUGE and (gauge is None or gauge.channel.key == key):
                self._gauges[fed] = gauge = gauge or _Gauge(channel)
                gauge.channel = channel
            elif point == points.USB:
                self._inputs[key] = source = before.get(key) or Source(channel, self._clock)
                source.integral.open(channel)

    def _take(self, samples: Samples) -> Iterator[Item]:
        source = self._inputs.get(samples.key)
        if source is not None:
            fed, _ = self._wiring(source.channel)
            if fed in self._gauges:
                source.integral.take(samples)
                yield from self._tell(fed)
            return
        gauge = self._gauges.get(samples.device)
        if gauge is not None and gauge.channel.key == samples.key:
            self._read(gauge, samples)
            yield from self._tell(samples.device)

    def _read(self, gauge: _Gauge, samples: Samples) -> None:
        channel = gauge.channel
        codes: Iterable[tuple[Any, ...]] = code_struct(samples.dtype).iter_unpack(samples.codes)
        for i, (code,) in enumerate(codes):
            t_ns = self._clock.to_host(channel.key, samples.time_at(i))
            value, before = channel.decoding.value(code), gauge.t_ns
            if isnan(value) or (before is not None and t_ns <= before):
                continue
            if before is not None and t_ns - before <= _longest_ns(channel):
                mean = value if channel.kind is Kind.INTERVAL_MEAN else (value + gauge.value) / 2
                gauge.waiting.append(_Span(before, t_ns, mean))
            gauge.t_ns, gauge.value = t_ns, value

    def _tell(self, device: str) -> Iterator[Item]:
        gauge = self._gauges[device]
        inputs = [s for s in self._inputs.values() if self._wiring(s.channel)[0] == device]
        source = inputs[0] if len(inputs) == 1 else None
        while gauge.waiting and source is not None and (source.newest_ns or 0) >= gauge.waiting[0].t1_ns:
            span = gauge.waiting.popleft()
            usb_w = _mean_w(source, span)
            if usb_w is None:
                continue
            if gauge.net is None:
                gauge.net = _net(device)
                yield ChannelsOpened(t_ns=span.t1_ns, device=device, channels=(gauge.net,))
            yield reading(gauge.net, span.t1_ns, net_device_power(usb_w, span.battery_w))

    def _wiring(self, channel: Channel) -> tuple[str, str]:
        """The device whose power it is, and the reference point."""
        wired = self._wires.get(channel.device)
        return (wired.feeds, channel.point or wired.point) if wired else (channel.device, channel.point)


def _longest_ns(channel: Channel) -> float:
    """Readings of a gauge that lie further apart have a hole between them."""
    return 5 * max(SECOND / channel.rate_hz if channel.rate_hz else 0.0, points.SLOWEST_GAUGE_NS)


def _mean_w(source: Source, span: _Span) -> float | None:
    start, end = source.at(span.t0_ns), source.at(span.t1_ns)
    if start is None or end is None:
        return None
    covered_ns = end.covered_ns - start.covered_ns
    if covered_ns < LEAST_COVERAGE * (span.t1_ns - span.t0_ns):
        return None
    return (end.joules - start.joules) * SECOND / covered_ns


def _net(device: str) -> Channel:
    return Channel(
        device=device,
        name=NAME,
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        kind=Kind.INTERVAL_MEAN,
        point=points.NET,
        provenance=PROVENANCE,
        derived=True,
    )
