"""A session as it is drafted from files, and its way into a recording: by the bus, so that what is derived is derived."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened
from drivers.model import Channel, DeviceInfo, Samples
from melt_tui import __version__
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.detectors.net_power import NetPower
from melt_tui.detectors.power_edge import PowerEdge
from melt_tui.detectors.throttling import Throttling
from melt_tui.detectors.token_rate import TokenRate
from melt_tui.errors import BadImport
from melt_tui.events import SELF, DeviceUp, Imported, SessionEnded, SessionStarted, Tick, Wired
from melt_tui.session.bus import Bus
from melt_tui.store.making import making

START_NS = 1_000 * SECOND
"""Of every imported session, on its own clock."""

LONGEST_NS = 7 * 24 * 3600 * SECOND
"""Of a session: one that seems longer has a clock that jumped."""

MARK = "imported"
"""The setting of an imported session that says what it came from."""

_TICK_NS = SECOND // 4
_PAUSE_NS = 60 * SECOND
"""Of silence after which no more ticks are told until something happens."""

Stream = Iterable[Samples]


@dataclass(slots=True, kw_only=True)
class Draft:
    """What is known before the samples are read. All times are those of the session: ``START_NS`` and later."""

    name: str
    origin: str
    wall_ns: int
    """When it began, since the epoch; of files that do not say so, when they were written."""
    host: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    sources: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    devices: list[tuple[DeviceInfo, Sequence[Channel]]] = field(default_factory=list)
    wires: list[tuple[str, str, str]] = field(default_factory=list)
    """Meter, what it feeds, reference point."""
    items: list[Item] = field(default_factory=list)
    """Events, and samples that are few; in any order."""
    streams: list[Stream] = field(default_factory=list)
    """Samples that are many, each in order of time."""

    def opening(self) -> Iterator[Item]:
        """What is told first."""
        settings = ((MARK, self.origin), *self.settings)
        yield SessionStarted(
            t_ns=START_NS,
            device=SELF,
            wall_ns=self.wall_ns,
            name=self.name,
            version=__version__,
            host=self.host,
            settings=settings,
        )
        yield Imported(
            t_ns=START_NS,
            device=SELF,
            origin=self.origin,
            sources=tuple(self.sources),
            notes=tuple(dict.fromkeys(self.notes)),
        )
        for info, channels in self.devices:
            yield DeviceUp(t_ns=START_NS, device=info.device, info=info)
            if channels:
                yield ChannelsOpened(t_ns=START_NS, device=info.device, channels=tuple(channels))
        for meter, feeds, point in self.wires:
            yield Wired(t_ns=START_NS, device=meter, feeds=feeds, point=point)


def write(path: Path, draft: Draft) -> Path:
    """The recording of a draft, at ``path``. Raises BadImport, CannotWrite; nothing is left then."""
    with making(path) as maker:
        bus = Bus((maker,), transforms())
        last_ns = START_NS
        for item in ticked(chain_of(draft), START_NS):
            last_ns = max(last_ns, moment(item))
            bus.publish(item)
        wall_ns = draft.wall_ns + last_ns - START_NS
        bus.publish(SessionEnded(t_ns=last_ns, device=SELF, wall_ns=wall_ns, reason=MARK))
    return path


def transforms() -> tuple[TokenRate, NetPower, LiveEnergy, Throttling, PowerEdge]:
    """What a session derives while it is recorded."""
    return TokenRate(), NetPower(), LiveEnergy(), Throttling(), PowerEdge()


def chain_of(draft: Draft) -> Iterator[Item]:
    """Everything, in order of time; what happens at one moment in the order in which it was drafted."""
    yield from draft.opening()
    yield from merge(sorted(draft.items, key=moment), *draft.streams, key=moment)


def moment(item: Item) -> int:
    """When an item is told."""
    return item.t1_ns if isinstance(item, Samples) else item.t_ns


def ticked(items: Iterable[Item], start_ns: int) -> Iterator[Item]:
    """With ticks between them, as a session that began at ``start_ns`` has them. Raises BadImport where a clock jumped."""
    next_ns = start_ns + _TICK_NS
    for item in items:
        t_ns = moment(item)
        if not 0 <= t_ns - start_ns <= LONGEST_NS:
            raise BadImport(
                f"its times span more than {LONGEST_NS // (24 * 3600 * SECOND)} days: a clock jumped",
                "leave out the files that are of another day",
            )
        quiet_ns = min(t_ns, next_ns + _PAUSE_NS)
        while next_ns <= quiet_ns:
            yield Tick(t_ns=next_ns, device=SELF)
            next_ns += _TICK_NS
        next_ns = max(next_ns, t_ns // _TICK_NS * _TICK_NS)
        yield item
