"""What a small script reads on a device beside a run, while nobody is there: its text, and what it wrote. Pure.

Once a second: memory of the engine, thermal zones, clocks of the processor and their caps, battery, rails of an INA3221.
Builtins alone, but on a phone whose battery only its service tells.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from drivers import linux
from drivers.links.stamping import read_time
from drivers.model import Channel, Kind, Quantity, Unit

LINES: Final = 20_000
"""Lines after which they come half as often."""
FILES: Final = 48
POLICIES_APART: Final = 8
"""Of more policies a board tells means of several: no clock of one is such a mean."""
PREFIX: Final = "kept "
PROVENANCE: Final = (
    "read on the device by a script of ours while its link was away, at the times of its own clock"
)
MILLIAMPERES_BELOW: Final = 20_000
"""A busy phone draws more than so many µA, and never so many mA."""

SCRIPT: Final = f"""
LC_ALL=C; export LC_ALL; files= bat= ask= n=0 k=0 pace=1
add() {{ x=; read -r x <"$2"; case $x in ''|*[!0-9-]*) return ;; esac
  [ "$n" -lt {FILES} ] || return; n=$((n+1)) files="$files $2"; echo "# $1 $3"; }}
for f in /sys/devices/system/cpu/cpufreq/policy*; do
  add frequency "$f/scaling_cur_freq" "${{f##*/}}"; add cap "$f/scaling_max_freq" "${{f##*/}}"; done
for f in /sys/class/power_supply/*; do x=; read -r x <"$f/type"; [ "$x" = Battery ] || continue
  x=; read -r x <"$f/capacity"; [ -n "$x" ] || continue
  bat=$f; add level "$f/capacity"; add voltage "$f/voltage_now"; add current "$f/current_now"
  add tenths "$f/temp"; break; done
for f in /sys/class/hwmon/hwmon*; do x=; read -r x <"$f/name"; [ "$x" = ina3221 ] || continue
  for i in 1 2 3; do x=; read -r x <"$f/in${{i}}_label"
    add millivolt "$f/in${{i}}_input" "$x"; add milliampere "$f/curr${{i}}_input" "$x"; done; done
for f in /sys/class/thermal/thermal_zone*; do x=; read -r x <"$f/type"; add zone "$f/temp" "$x"; done
[ -n "$bat" ] || ! command -v dumpsys >/dev/null || ask=1
echo "# page $(getconf PAGESIZE)"
while :; do
  w=; read -r w <"$d/watch" || read -r w <"$d/pid"
  now; line=$t y=; read -r x y x <"/proc/$w/statm"; line="$line ${{y:--}}"
  x=; [ -z "$bat" ] || read -r x <"$bat/status"; x=${{x%% *}}; line="$line ${{x:--}}"
  for f in $files; do x=; read -r x <"$f"; x=${{x%% *}}; line="$line ${{x:--}}"; done
  echo "S $line"
  case $ask$k in 1*0) echo "B $t $(dumpsys -t 3 battery 2>/dev/null | head -c 2000 | tr '\\n' ';')" ;; esac
  k=$((k+1)); case $k in {LINES}|{2 * LINES}|{3 * LINES}|{4 * LINES}) pace=$((pace*2)) ;; esac
  nap "$pace"
done
"""
"""For ``Lease.beside``. ``$d/watch`` may name the process whose memory is wanted, in place of the lease's own."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one channel of the device's own clock got: times in ns, values in its unit."""

    channel: Channel
    times_ns: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class _Column:
    kind: str
    label: str = ""
    number: int = 0
    """Among those of the same name."""


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
}
_NAMES: Final = {
    "level": "battery level",
    "voltage": "battery voltage",
    "current": "battery current",
    "tenths": "battery temperature",
}
_SERVICE: Final = {"level": "level", "voltage": "voltage", "temperature": "tenths", "current now": "current"}
_STATUS: Final = {"2": "Charging", "3": "Discharging"}
_HEADER = re.compile(r"# ([a-z]{1,16}) ?([^\n]{0,200})")
_LINE = re.compile(r"([SB]) ([0-9.,]{1,24}) ([^\n]*)")


class Beside:
    """Reads what the script wrote, piece by piece; its first lines say what the columns are."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._columns: list[_Column] = []
        self._page = 4096

    def take(self, text: str, from_ns: int, until_ns: int) -> list[Series]:
        """What whole lines tell of a span of the device's clock, both ends included."""
        found: dict[_Column, list[tuple[int, str]]] = {}
        statuses: list[tuple[int, str]] = []
        for line in text.splitlines():
            self._head(line)
            for t_ns, column, value in self._cells(line):
                if not from_ns <= t_ns <= until_ns:
                    continue
                if column.kind == "status":
                    statuses.append((t_ns, value))
                else:
                    found.setdefault(column, []).append((t_ns, value))
        return [one for one in self._series(found, dict(statuses)) if one.times_ns]

    def _head(self, line: str) -> None:
        match = _HEADER.fullmatch(line)
        if match is None:
            return
        if match[1] == "page":
            self._page = linux.integer(match[2]) or self._page
        elif match[1] in _SORTS and len(self._columns) < FILES:
            label = linux.name(match[2])
            number = sum((one.kind, one.label) == (match[1], label) for one in self._columns)
            self._columns.append(_Column(match[1], label, number))

    def _cells(self, line: str) -> Iterator[tuple[int, _Column, str]]:
        match = _LINE.fullmatch(line)
        t_ns = read_time(match[2]) if match else None
        if match is None or t_ns is None:
            return
        if match[1] == "B":
            yield from ((t_ns, column, value) for column, value in _service(match[3]))
            return
        words = match[3].split()
        columns = (_Column("rss"), _Column("status"), *self._columns)
        if len(words) == len(columns):
            yield from (
                (t_ns, column, word) for column, word in zip(columns, words, strict=True) if word != "-"
            )

    def _series(
        self, found: dict[_Column, list[tuple[int, str]]], statuses: dict[int, str]
    ) -> Iterator[Series]:
        for column, cells in found.items():
            if column.kind == "rss":
                yield self._read(_Column("rss"), Quantity.RSS, Unit.BYTES, cells, _scaled(self._page))
            elif column.kind == "current":
                volts = found.get(replace(column, kind="voltage"), [])
                yield from self._current(column, cells, statuses, volts)
            elif column.kind == "millivolt":
                yield from self._rail(column, cells, found.get(replace(column, kind="milliampere"), []))
            elif column.kind != "milliampere":
                sort = _SORTS[column.kind]
                yield self._read(column, sort.quantity, sort.unit, cells, sort.parse)

    def _read(
        self,
        column: _Column,
        quantity: Quantity,
        unit: Unit,
        cells: Sequence[tuple[int, str]],
        parse: Callable[[str | None], float | None],
    ) -> Series:
        name = _NAMES.get(column.kind) or " ".join(
            word for word in (column.kind if column.kind != "zone" else "", column.label) if word
        )
        if column.kind == "zone":
            quantity = linux.temperature_quantity("", column.label)
        read = [(t_ns, value) for t_ns, text in cells if (value := parse(text)) is not None]
        channel = self._channel(_numbered(name, column), quantity, unit, self._fills(column, name))
        return Series(channel, [t_ns for t_ns, _ in read], [value for _, value in read])

    def _current(
        self,
        column: _Column,
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
        yield Series(replace(channel, detail=detail, point="battery-gauge"), list(read), list(read.values()))
        known = {t_ns: level for t_ns, text in volts if (level := _volts(text)) is not None}
        products = {t_ns: known[t_ns] * amperes for t_ns, amperes in read.items() if t_ns in known}
        power = replace(
            self._channel("battery power", Quantity.POWER, Unit.WATT, ("battery power",)),
            detail=detail,
            point="battery-gauge",
            provenance=f"voltage × current of one moment, {PROVENANCE}",
        )
        yield Series(power, list(products), list(products.values()))

    def _rail(
        self, column: _Column, volts: Sequence[tuple[int, str]], amperes: Sequence[tuple[int, str]]
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
        yield Series(channel, [t_ns for t_ns, _ in read], [value for _, value in read])

    def _fills(self, column: _Column, name: str) -> tuple[str, ...]:
        """What the drivers of phones and boards call the channel of the same sensor; nothing where several bear its
        name, since they may be numbered otherwise there."""
        if sum((one.kind, one.label) == (column.kind, column.label) for one in self._columns) > 1:
            return ()
        names = [name]
        if column.kind == "zone":
            names = [f"zone {name}", name, f"{name} temp"]
        elif column.kind == "millivolt":
            names.append(f"{name} rail")
        elif column.kind == "frequency" and self._policies <= POLICIES_APART:
            names.append(f"cpu clock {column.label}")
        return tuple(names)

    @property
    def _policies(self) -> int:
        return sum(column.kind == "frequency" for column in self._columns)

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


def _numbered(name: str, column: _Column) -> str:
    return f"{name} {column.number + 1}" if column.number else name


def _service(text: str) -> Iterator[tuple[_Column, str]]:
    """``level: 57; voltage: 3912; …`` of the battery's service; nothing where somebody froze it."""
    if "UPDATES STOPPED" in text:
        return
    for field in text.split(";"):
        name, colon, value = field.strip().partition(":")
        if colon and name in _SERVICE:
            yield _Column(_SERVICE[name]), value.strip()
        elif colon and name == "status":
            yield _Column("status"), _STATUS.get(value.strip(), "")
