"""What the script of ``lookout`` wrote on a device while nobody was there, as channels of the device's own clock. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

from drivers import linux, zones
from drivers.model import Channel, Kind, Quantity, Unit
from drivers.runs import shares
from drivers.runs.lookout import ASKED
from drivers.runs.sheet import Column, Sheet

POLICIES_APART: Final = 8
"""Of more policies a board tells means of several: no clock of one is such a mean."""
PREFIX: Final = "kept "
PROVENANCE: Final = (
    "read on the device by a script of ours while its link was away, at the times of its own clock"
)
MILLIAMPERES_BELOW: Final = 20_000
"""A busy phone draws more than so many µA, and never so many mA."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one channel of the device's own clock got: times in ns, values in its unit."""

    channel: Channel
    times_ns: Sequence[int]
    values: Sequence[float]
    pace_s: int = 1
    """Between two lines, when these were read."""


@dataclass(frozen=True, slots=True)
class _Sort:
    quantity: Quantity
    unit: Unit
    parse: Callable[[str | None], float | None]


def _scaled(scale: float) -> Callable[[str | None], float | None]:
    def parse(text: str | None) -> float | None:
        value = linux.integer(text)
        return None if value is None else value * scale

    return parse


def _volts(text: str | None) -> float | None:
    """Of a gauge in µV, or in mV as the battery's service has it."""
    value = linux.integer(text)
    if value is None or value <= 0:
        return None
    return value / 1e6 if value > 100_000 else value / 1e3


_SORTS: Final = {
    "frequency": _Sort(Quantity.FREQUENCY, Unit.HERTZ, linux.kilohertz),
    "cap": _Sort(Quantity.FREQUENCY_CAP, Unit.HERTZ, linux.kilohertz),
    "level": _Sort(Quantity.BATTERY_LEVEL, Unit.PERCENT, linux.percent),
    "voltage": _Sort(Quantity.VOLTAGE, Unit.VOLT, _volts),
    "current": _Sort(Quantity.CURRENT, Unit.AMPERE, _scaled(1e-6)),
    "tenths": _Sort(Quantity.BATTERY_TEMPERATURE, Unit.CELSIUS, linux.tenths_celsius),
    "milliampere": _Sort(Quantity.CURRENT, Unit.AMPERE, _scaled(1e-3)),
    "millivolt": _Sort(Quantity.VOLTAGE, Unit.VOLT, _scaled(1e-3)),
    "zone": _Sort(Quantity.TEMPERATURE, Unit.CELSIUS, linux.celsius),
    "thermal": _Sort(Quantity.LIMIT_LEVEL, Unit.NONE, linux.percent),
    "available": _Sort(Quantity.MEMORY_AVAILABLE, Unit.BYTES, _scaled(1024)),
}
"""By the kind of column."""
_NAMES: Final = {
    "level": "battery level",
    "voltage": "battery voltage",
    "current": "battery current",
    "tenths": "battery temperature",
    "available": "memory_available",
    "thermal": "thermal status",
}


class Beside:
    """Reads what the script wrote, piece by piece."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._sheet = Sheet()

    def take(self, text: str, from_ns: int, until_ns: int) -> list[Series]:
        """What whole lines tell of a span of the device's clock, both ends included; empty series of what they tell at
        other times alone. Lines from outside the span count for means that reach into it, and for a gauge's unit.

        From where on lines come half as often a channel is of another rate: another series, behind all those of the first.
        """
        found: dict[Column, list[tuple[int, str]]] = {}
        for line in text.splitlines():
            for t_ns, column, value in self._sheet.take(line):
                found.setdefault(column, []).append((t_ns, value))
        within = [_within(one, from_ns, until_ns) for one in self._series(found) if one.times_ns]
        return sorted((part for one in within for part in self._paced(one)), key=lambda part: part.pace_s)

    def _paced(self, series: Series) -> Iterator[Series]:
        """By how often lines came; one without readings as they come now."""
        paces = self._sheet.paces
        ends = [t_ns for t_ns, _ in paces[1:]]
        for (_, pace_s), (first, end) in zip(
            paces, pairwise([0, *_places(series.times_ns, ends)]), strict=True
        ):
            if first < end or (not series.times_ns and pace_s == paces[-1][1]):
                channel = replace(series.channel, rate_hz=(series.channel.rate_hz or 1) / pace_s)
                yield Series(channel, series.times_ns[first:end], series.values[first:end], pace_s)

    def _series(self, found: dict[Column, list[tuple[int, str]]]) -> Iterator[Series]:
        statuses = dict(found.pop(Column("status"), ()))
        processors = self._processors(found.get(Column("use"), ()))
        for column, cells in found.items():
            if column.kind == "current":
                volts = found.get(replace(column, kind="voltage"), [])
                yield from self._current(column, cells, statuses, volts)
            elif column.kind == "millivolt":
                yield from self._rail(column, cells, found.get(replace(column, kind="milliampere"), []))
            elif column.kind == "use":
                yield from self._used(cells)
            elif column.kind == "spent":
                yield from self._spent(cells, processors)
            elif column.kind != "milliampere" and (sort := self._sort(column)) is not None:
                yield self._read(column, sort, cells)

    def _sort(self, column: Column) -> "_Sort | None":
        """How a column is read that stands for itself; None of a zone that is no temperature."""
        if column.kind == "rss":
            return _Sort(Quantity.RSS, Unit.BYTES, _scaled(self._sheet.page))
        if column.kind == "sensor":
            return _Sort(self._sheet.sensors[column], Unit.CELSIUS, linux.celsius)
        if column.kind != "zone":
            return _SORTS[column.kind]
        if not self._sheet.phone:
            parse = partial(zones.board_celsius, column.label)
            return _Sort(zones.board_quantity(column.label), Unit.CELSIUS, parse)
        quantity = zones.phone_quantity(column.label)
        return None if quantity is None else _Sort(quantity, Unit.CELSIUS, zones.phone_celsius)

    def _read(self, column: Column, sort: "_Sort", cells: shares.Cells) -> Series:
        kind = column.kind if column.kind != "zone" else ""
        name = _NAMES.get(column.kind) or " ".join(filter(None, (kind, column.label)))
        read = [(t_ns, value) for t_ns, text in cells if (value := sort.parse(text)) is not None]
        channel = self._channel(_numbered(name, column), sort.quantity, sort.unit, self._fills(column, name))
        return _series(replace(channel, rate_hz=self._rate_hz(column)), read)

    def _used(self, cells: shares.Cells) -> Iterator[Series]:
        """All processors together, then those of each policy."""
        wanted = {"cpu": (shares.ALL,)} | {
            f"use {policy}": tuple(cores)
            for policy, cores in self._sheet.cores.items()
            if shares.numbered(cells) & {*cores}
        }
        for name, processors in wanted.items():
            yield _series(self._mean(name), shares.used(cells, processors))

    def _spent(self, cells: shares.Cells, processors: int) -> Iterator[Series]:
        if processors:
            channel = replace(
                self._mean("process_cpu"), detail="of all cores together, the engine's one process"
            )
            yield _series(channel, shares.spent(cells, self._sheet.hertz, processors))

    def _processors(self, cells: shares.Cells) -> int:
        """How many the device has; 0 where it does not say."""
        told = sum(len(cores) for cores in self._sheet.cores.values())
        return max(told, len(shares.numbered(cells) - {shares.ALL}))

    def _mean(self, name: str) -> Channel:
        return replace(
            self._channel(name, Quantity.CPU_USE, Unit.PERCENT, (name,)),
            kind=Kind.INTERVAL_MEAN,
            detail="mean since the reading before",
        )

    def _current(
        self,
        column: Column,
        cells: Sequence[tuple[int, str]],
        statuses: dict[int, str],
        volts: Sequence[tuple[int, str]],
    ) -> Iterator[Series]:
        """By the status of the same moment, since gauges disagree on the sign; in mA where it is never as large as µA.

        The power with it, where ``volts`` of the same moments are told.
        """
        numbers = [abs(value) for _, text in cells if (value := linux.integer(text)) is not None]
        unit = 1 if max(numbers, default=0) >= MILLIAMPERES_BELOW else 1_000
        read = {}
        for t_ns, text in cells:
            value = linux.integer(text)
            scaled = None if value is None else str(value * unit)
            directed = linux.flow(statuses.get(t_ns), None, scaled, None).amperes
            if directed is not None:
                read[t_ns] = directed
        detail = (
            "positive = leaving the battery, by its status; gauge taken for one in "
            f"{'µA' if unit == 1 else 'mA'} by its size"
        )
        channel = self._channel(_NAMES[column.kind], Quantity.CURRENT, Unit.AMPERE, (_NAMES[column.kind],))
        rate_hz = self._rate_hz(column)
        channel = replace(channel, rate_hz=rate_hz, detail=detail, point="battery-gauge")
        yield _series(channel, read.items())
        known = {t_ns: level for t_ns, text in volts if (level := _volts(text)) is not None}
        products = {t_ns: known[t_ns] * amperes for t_ns, amperes in read.items() if t_ns in known}
        power = replace(
            self._channel("battery power", Quantity.POWER, Unit.WATT, ("battery power",)),
            rate_hz=rate_hz,
            detail=detail,
            point="battery-gauge",
            provenance=f"voltage × current of one moment, {PROVENANCE}",
        )
        yield _series(power, products.items())

    def _rail(
        self, column: Column, volts: Sequence[tuple[int, str]], amperes: Sequence[tuple[int, str]]
    ) -> Iterator[Series]:
        if not column.label or column.label == "NC":
            return
        currents = dict(amperes)
        read = [
            (t_ns, millivolts * milliamperes / 1e6)
            for t_ns, text in volts
            if (millivolts := linux.integer(text)) is not None
            and (milliamperes := linux.integer(currents.get(t_ns))) is not None
        ]
        channel = replace(
            self._channel(
                _numbered(column.label, column), Quantity.POWER, Unit.WATT, self._fills(column, column.label)
            ),
            point=f"rail:{column.label}",
            provenance=f"voltage × current of one moment, {PROVENANCE}",
        )
        yield _series(channel, read)

    def _rate_hz(self, column: Column) -> float:
        return 1 / ASKED if self._sheet.asked(column) else 1

    def _fills(self, column: Column, name: str) -> tuple[str, ...]:
        """What the drivers of phones and boards call the channel of the same sensor; nothing where several bear its
        name, since they may be numbered otherwise there."""
        if self._sheet.alike(column) > 1:
            return ()
        names = [name]
        if column.kind == "zone":
            names = [f"zone {name}", name, f"{name} temp"]
        elif column.kind == "sensor":
            names = [column.label]
        elif column.kind == "millivolt":
            names.append(f"{name} rail")
        elif column.kind == "frequency" and self._policies <= POLICIES_APART:
            names.append(f"cpu clock {column.label}")
        return tuple(names)

    @property
    def _policies(self) -> int:
        return sum(column.kind == "frequency" for column in self._sheet.columns)

    def _channel(self, name: str, quantity: Quantity, unit: Unit, fills: tuple[str, ...]) -> Channel:
        return Channel(
            device=self._device,
            name=PREFIX + name,
            quantity=quantity,
            unit=unit,
            kind=Kind.INSTANT,
            rate_hz=1,
            provenance=PROVENANCE,
            own_clock=True,
            fills=fills,
        )


def _series(channel: Channel, read: Iterable[tuple[int, float]]) -> Series:
    cells = list(read)
    return Series(channel, [t_ns for t_ns, _ in cells], [value for _, value in cells])


def _within(series: Series, from_ns: int, until_ns: int) -> Series:
    cells = zip(series.times_ns, series.values, strict=True)
    return _series(series.channel, [cell for cell in cells if from_ns <= cell[0] <= until_ns])


def _places(times_ns: Sequence[int], ends_ns: Sequence[int]) -> list[int]:
    """How many of the times lie before each end, and how many there are."""
    return [*(bisect_left(times_ns, end) for end in ends_ns), len(times_ns)]


def _numbered(name: str, column: Column) -> str:
    return f"{name} {column.number + 1}" if column.number else name
