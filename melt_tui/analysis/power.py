"""What measured the power of a device during a run: its own channels, and the meters that were wired to it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drivers.linux import FULL_BATTERY
from drivers.model import Channel, Kind, Quantity
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.events import DeviceUp, Wired
from melt_tui.measures.points import GAUGE, rank
from melt_tui.timeline.edits import EditKind
from melt_tui.timeline.model import EVER

UNKNOWN_POINT = "unknown"

AT_BATTERY = frozenset({"battery-terminals", GAUGE})
"""Points at which what is measured is drawn from the battery."""

_WATT_HOURS = re.compile(r"(\d{1,5}(?:\.\d{1,3})?) Wh")


@dataclass(frozen=True, slots=True)
class Source:
    """One channel of power, or of energy, and the reference point that it stands at."""

    channel: Channel
    point: str
    meter: bool
    """A meter wired to the device, not the device itself."""
    since_ns: int = EVER
    """Before that the meter was wired to something else."""

    @property
    def name(self) -> str:
        """``meter power``, ``host energy package-0``: device and channel."""
        return f"{self.channel.device} {self.channel.name}"

    @property
    def gauge(self) -> bool:
        """A battery's own, slow and seldom refreshed."""
        return self.point == GAUGE


@dataclass(frozen=True, slots=True)
class Wire:
    """What a meter is wired to, and since when if it was wired to something else before."""

    wired: Wired
    since_ns: int

    def then(self, wired: Wired) -> "Wire":
        """After it was told again: a meter that comes back tells the same."""
        same = (wired.feeds, wired.point) == (self.wired.feeds, self.wired.point)
        return Wire(wired, self.since_ns if same else wired.t_ns)


def wires(recording: Recorded, t1_ns: int) -> Mapping[str, Wire]:
    """By meter, what it was last wired to until then."""
    found: dict[str, Wire] = {}
    for event in recording.events(recording.span()[0], t1_ns, kinds=(Wired,), limit=EVERY):
        if isinstance(event, Wired):
            known = found.get(event.device)
            found[event.device] = known.then(event) if known else Wire(event, EVER)
    return found | dict(_corrected(recording, found))


def sources(recording: Recorded, channels: Channels, device: str, t1_ns: int) -> list[Source]:
    """Everything that measured this device until then, those first that see most of it.

    Where one device tells one point both as power and as a counter of energy, the counter stands if the power is made
    of it, else the power.
    """
    own = _chosen(channels.of(device))
    found = [Source(channel, channel.point or UNKNOWN_POINT, meter=False) for channel in own]
    for meter, wire in wires(recording, t1_ns).items():
        if wire.wired.feeds == device:
            found += [
                Source(
                    channel,
                    channel.point or wire.wired.point or UNKNOWN_POINT,
                    meter=True,
                    since_ns=wire.since_ns,
                )
                for channel in _chosen(channels.of(meter))
            ]
    return sorted(found, key=lambda source: rank(source.point))


def has_battery(channels: Iterable[Channel]) -> bool:
    """Whether a device with these channels draws on a battery of its own."""
    return any(channel.quantity is Quantity.BATTERY_LEVEL or channel.point == GAUGE for channel in channels)


def full_battery(recording: Recorded, device: str, t1_ns: int) -> float | None:
    """What the device said last until then that its battery holds when it is full, Wh."""
    ups = recording.events(recording.span()[0], t1_ns, kinds=(DeviceUp,), limit=EVERY)
    facts = [event.info.facts for event in ups if isinstance(event, DeviceUp) and event.device == device]
    told = dict(facts[-1]).get(FULL_BATTERY, "") if facts else ""
    found = _WATT_HOURS.match(told)
    return float(found[1]) if found else None


def _corrected(recording: Recorded, told: Mapping[str, Wire]) -> Iterator[tuple[str, Wire]]:
    """What people said later of a meter's wires stands for the whole recording."""
    for edit in recording.edits.standing:
        if edit.kind is EditKind.WIRING:
            before = told[edit.meter].wired if edit.meter in told else None
            feeds = edit.feeds or (before.feeds if before else "")
            point = edit.point or (before.point if before else "")
            yield edit.meter, Wire(Wired(t_ns=EVER, device=edit.meter, feeds=feeds, point=point), EVER)


def _chosen(channels: Sequence[Channel]) -> list[Channel]:
    """Of one device: one channel for each thing that is measured."""
    own = [channel for channel in channels if not channel.derived]
    powers = [channel for channel in own if channel.quantity is Quantity.POWER]
    counters = [channel for channel in own if channel.quantity is Quantity.ENERGY]
    sampled = {channel.point for channel in powers if channel.kind is Kind.INSTANT}
    counted = {channel.point for channel in counters} - sampled
    return [
        *(channel for channel in powers if channel.point not in counted),
        *(channel for channel in counters if channel.point in counted),
    ]
