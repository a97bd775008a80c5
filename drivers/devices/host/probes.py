"""The shape of everything that is read again and again, and the probe of plain gauges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.errors import Refused
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, reading


class Probe(Protocol):
    """One round of readings. A sensor that fails is left out of the round; it never ends it."""

    @property
    def period_ns(self) -> int:
        """How often a round is due."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether a round may take long and belongs on a thread."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives from the start."""
        ...

    def read(self, clock: Clock) -> list[Item]:
        """One round, each reading stamped when it was taken."""
        ...


@dataclass(frozen=True, slots=True)
class Missing:
    """What this computer does not give, said once."""

    what: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look for one sort of sensor found."""

    probes: Sequence[Probe] = ()
    missing: Sequence[Missing] = ()
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)


def period_ns(rate_hz: float) -> int:
    """The period of a rate."""
    return round(SECOND / rate_hz)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A file that holds one value. ``fault`` is a file that reads 1 while the value is void."""

    channel: Channel
    path: str
    parse: Callable[[str | None], float | None]
    fault: str = ""


class GaugeProbe:
    """Gauges of one rate."""

    blocking = True

    def __init__(self, files: SysFiles, gauges: Sequence[Gauge], rate_hz: float) -> None:
        self._files = files
        self._gauges = gauges
        self.period_ns = period_ns(rate_hz)
        self.channels = tuple(gauge.channel for gauge in gauges)

    def read(self, clock: Clock) -> list[Item]:
        """Each gauge that has a value now."""
        items: list[Item] = []
        for gauge in self._gauges:
            t_ns = clock.now()
            value = self._value(gauge)
            if value is not None:
                items.append(reading(gauge.channel, t_ns, value))
        return items

    def _value(self, gauge: Gauge) -> float | None:
        if gauge.fault and (readable(self._files, gauge.fault) or "").strip() == "1":
            return None
        return gauge.parse(readable(self._files, gauge.path))


def readable(files: SysFiles, path: str) -> str | None:
    """A file's text, None also where it may not be read: for what is asked again and again."""
    try:
        return files.read(path)
    except Refused:
        return None


def gauge_probes(files: SysFiles, gauges: Sequence[Gauge]) -> list[Probe]:
    """Gauges sorted by their channels' rates into probes."""
    rates = sorted({gauge.channel.rate_hz for gauge in gauges if gauge.channel.rate_hz}, reverse=True)
    return [
        GaugeProbe(files, [gauge for gauge in gauges if gauge.channel.rate_hz == rate], rate)
        for rate in rates
    ]
