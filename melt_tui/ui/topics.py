"""Which charts there are and which channels each draws: chosen by quantity, from a view."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from drivers.model import Channel, ChannelKey, DeviceKind, Quantity
from melt_tui.events import SELF
from melt_tui.measures import points
from melt_tui.timeline import DeviceView, View

NOTHING_CHOSEN: Mapping[str, int] = {}
CHANNELS_OF_ONE = 4
"""Series that a chart of one device shows at most."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A chart: what it is called, the quantities that it draws, and the words by which an absence is told."""

    title: str
    quantities: tuple[Quantity, ...]
    unit: str
    absent_words: tuple[str, ...] = ()
    always: bool = False
    """Has its place even when no device gives it; it then says why."""
    noun: str = ""
    """What is missing then, where the title does not say it."""


TOPICS = (
    Topic("token rate", (Quantity.TOKEN_RATE,), "tok/s", ("token",), always=True),
    Topic("SoC", (Quantity.TEMPERATURE,), "°C", ("temperature", "thermal"), always=True, noun="temperature"),
    Topic("power", (Quantity.POWER,), "W", ("power", "energy", "rapl", "current"), always=True),
    Topic("RSS", (Quantity.RSS,), "B", ("rss", "memory of"), always=True),
    Topic("CPU", (Quantity.CPU_USE,), "%"),
    Topic("frequency", (Quantity.FREQUENCY,), "Hz"),
    Topic("J/token", (Quantity.ENERGY_PER_TOKEN,), "J/tok"),
    Topic("physFootprint", (Quantity.FOOTPRINT,), "B"),
    Topic("memory available", (Quantity.MEMORY_AVAILABLE,), "B"),
    Topic("skin", (Quantity.SKIN_TEMPERATURE,), "°C"),
    Topic("battery", (Quantity.BATTERY_TEMPERATURE,), "°C"),
    Topic("battery level", (Quantity.BATTERY_LEVEL,), "%"),
    Topic("voltage", (Quantity.VOLTAGE,), "V"),
    Topic("current", (Quantity.CURRENT,), "A"),
    Topic("frequency cap", (Quantity.FREQUENCY_CAP,), "Hz"),
    Topic("fan", (Quantity.FAN,), "rpm"),
    Topic("GPU memory", (Quantity.GPU_MEMORY,), "B"),
    Topic("memory pressure", (Quantity.MEMORY_PRESSURE,), "%"),
    Topic("limit level", (Quantity.LIMIT_LEVEL,), "1"),
    Topic("other temperatures", (Quantity.OTHER_TEMPERATURE, Quantity.AMBIENT_TEMPERATURE), "°C"),
)

_DERIVED_ENERGIES = frozenset({Quantity.ENERGY, Quantity.ENERGY_PER_TOKEN})
_WHOLE_CHIP = ("package", "pkg", "soc", "tj", "cpu", "total")
"""Names by which the channel that stands for a whole chip is known, best first."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with the channels that it draws, in the order of the devices' appearance."""

    topic: Topic
    channels: tuple[Channel, ...]

    @property
    def point(self) -> str:
        """The reference point that all its channels share; empty where they have none or differ."""
        known = {channel.point for channel in self.channels}
        return known.pop() if len(known) == 1 else ""

    @property
    def title(self) -> str:
        """What stands above it: where the reference points differ it says so, and each series names its own."""
        return f"{self.topic.title} {self.where}".rstrip()

    @property
    def brief(self) -> str:
        """The same where there is little room: a power is nothing without its point."""
        return self.where or self.topic.title

    @property
    def where(self) -> str:
        """The reference point, or that there are several; empty where there is none."""
        many = len({channel.point for channel in self.channels})
        return self.point if many < 2 else f"at {many} points"


def devices(view: View) -> list[DeviceView]:
    """The devices on the desk, in order of appearance; melt itself is none of them."""
    return [
        device
        for name, device in view.devices.items()
        if name != SELF and (device.info is None or device.info.kind is not DeviceKind.SELF)
    ]


def colours(view: View, chosen: Mapping[str, int] = NOTHING_CHOSEN) -> Mapping[str, int]:
    """Each device's colour: the one ``chosen`` by its name or address, else by order of appearance.

    A device whose place somebody chose changes with it, so that all others stay as they are.
    """
    known = devices(view)
    found = {device.device: i for i, device in enumerate(known)}
    for device in known if chosen else ():
        wanted = chosen.get(device.device, chosen.get(device.info.address if device.info else ""))
        if wanted is not None and wanted != found[device.device]:
            other = next((name for name, colour in found.items() if colour == wanted), None)
            if other is not None:
                found[other] = found[device.device]
            found[device.device] = wanted
    return found


class _Shelf:
    """Channels by device and quantity; those that stand for a device are chosen once."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels: dict[tuple[str, Quantity], list[Channel]] = {}
        self._mains: dict[tuple[str, tuple[Quantity, ...]], Channel | None] = {}
        for channel in channels:
            self._channels.setdefault((channel.device, channel.quantity), []).append(channel)

    def of(self, device: str, quantities: tuple[Quantity, ...]) -> list[Channel]:
        return [channel for quantity in quantities for channel in self._channels.get((device, quantity), ())]

    def main(self, device: str, quantities: tuple[Quantity, ...]) -> Channel | None:
        key = (device, quantities)
        if key not in self._mains:
            self._mains[key] = representative(self.of(device, quantities))
        return self._mains[key]


class _Same:
    """Channels that are the same only when they are the same object: from look to look they seldom change."""

    __slots__ = ("channels",)

    def __init__(self, channels: Mapping[ChannelKey, Channel]) -> None:
        self.channels = channels

    def __hash__(self) -> int:
        return id(self.channels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.channels is self.channels


@lru_cache(maxsize=2)
def _shelved(same: _Same) -> _Shelf:
    return _Shelf(same.channels.values())


class Stock:
    """The channels of a view, found by device and quantity without looking at each: a desk may hold hundreds."""

    def __init__(self, view: View, chosen: Mapping[str, int] = NOTHING_CHOSEN) -> None:
        self.view = view
        self.shades = colours(view, chosen)
        """Each device's colour."""
        self._shelf = _shelved(_Same(view.channels))

    def of(self, device: str, *quantities: Quantity) -> list[Channel]:
        """A device's channels of these quantities, in the order of their announcement; none that hold no longer."""
        found = self._shelf.of(device, quantities)
        return [one for one in found if not outdated(self.view, one)] if self.view.corrected else found

    def main(self, device: str, *quantities: Quantity) -> Channel | None:
        """The one of them that stands for the device."""
        if device in self.view.corrected:
            return representative(self.of(device, *quantities))
        return self._shelf.main(device, quantities)

    def rate(self, device: str) -> Channel | None:
        """The live token rate of a device."""
        return self.main(device, Quantity.TOKEN_RATE)

    def power(self, device: str) -> Channel | None:
        """A device's power where most of it is seen: by its own sensor, or by a meter that feeds it."""
        metered = [c for meter in meters_of(self.view, device) for c in self.of(meter, Quantity.POWER)]
        return representative([*self.of(device, Quantity.POWER), *metered])


def outdated(view: View, channel: Channel) -> bool:
    """Whether it tells an energy as it was derived before a meter of its device was corrected."""
    return channel.derived and channel.device in view.corrected and channel.quantity in _DERIVED_ENERGIES


def panels(stock: Stock, only: str = "") -> list[Panel]:
    """The charts that there are, best first; of one device and its meters when ``only`` names it."""
    chosen = []
    for topic in TOPICS:
        channels = tuple(_of_one(stock, topic, only) if only else _of_all(stock, topic))
        if channels or topic.always:
            chosen.append(Panel(topic, channels))
    return chosen


def representative(channels: Iterable[Channel]) -> Channel | None:
    """The channel that stands for a device: one with a limit, or of the whole chip, or the first announced."""
    ranked = sorted(enumerate(channels), key=lambda pair: (_rank(pair[1]), pair[0]))
    return ranked[0][1] if ranked else None


def meters_of(view: View, device: str) -> list[str]:
    """The meters that measure what a device draws."""
    return [one.device for one in devices(view) if one.feeds == device]


def _of_all(stock: Stock, topic: Topic) -> Iterator[Channel]:
    for device in devices(stock.view):
        channel = stock.main(device.device, *topic.quantities)
        if channel is not None:
            yield channel


def _of_one(stock: Stock, topic: Topic, device: str) -> list[Channel]:
    own = stock.of(device, *topic.quantities)
    first = representative(own)
    ordered = [first] if first else []
    for meter in meters_of(stock.view, device):
        ordered += stock.of(meter, *topic.quantities)[:1]
    ordered += [channel for channel in own if channel is not first]
    return ordered[:CHANNELS_OF_ONE]


def _rank(channel: Channel) -> int:
    if channel.point:
        return points.rank(channel.point)
    if channel.limit is not None:
        return 0
    name = channel.name.lower()
    places = [i for i, word in enumerate(_WHOLE_CHIP) if word in name]
    return 1 + (places[0] if places else len(_WHOLE_CHIP))
