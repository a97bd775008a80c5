"""What the script of ``lookout`` wrote, as columns and cells. Its first lines say what the columns are. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from drivers import linux, thermalservice
from drivers.links.stamping import read_time
from drivers.model import Quantity
from drivers.runs.lookout import FILES, pace_s

COLUMNS: Final = FILES + 3
"""With those that are no file's."""
FILE_KINDS: Final = frozenset(
    ("frequency", "cap", "level", "voltage", "current", "tenths", "milliampere", "millivolt", "zone")
)
KINDS: Final = FILE_KINDS | {"available", "spent", "use"}

_SERVICE: Final = {"level": "level", "voltage": "voltage", "temperature": "tenths", "current now": "current"}
_STATUS: Final = {"2": "Charging", "3": "Discharging"}
_HEADER = re.compile(r"# ([a-z]{1,16}) ?([^\n]{0,200})")
_LINE = re.compile(r"([SBT]) ([0-9.,]{1,24}) ([^\n]*)")


@dataclass(frozen=True, slots=True)
class Column:
    """What stands below one another: of a file, of the engine, of a service."""

    kind: str
    label: str = ""
    number: int = 0
    """Among those of the same name."""


Cell = tuple[int, Column, str]
"""The device's own time in ns, where it stands, and what."""


class Sheet:
    """Reads line by line; what the first ones say holds for all that follow."""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        """Those of every line."""
        self.page = 4096
        """Bytes."""
        self.hertz = 100
        """Of the clock by which the kernel counts processors' time."""
        self.phone = False
        self.cores: dict[str, list[int]] = {}
        """Processors by policy of cpufreq."""
        self.sensors: dict[Column, Quantity] = {}
        """Of the thermal service."""
        self.paces: list[tuple[int, int]] = []
        """From which time of the device's own on how many seconds lie between two lines."""
        self._lines = 0

    def take(self, line: str) -> Iterator[Cell]:
        """The cells of a whole line; none of any other."""
        if line.startswith("#"):
            self._head(line)
            return
        match = _LINE.fullmatch(line)
        t_ns = read_time(match[2]) if match else None
        if match is None or t_ns is None:
            return
        if match[1] == "S":
            self._count(t_ns)
        cells = {"S": self._line, "B": _battery, "T": self._thermal}[match[1]](match[3])
        yield from ((t_ns, column, text) for column, text in cells)

    def alike(self, column: Column) -> int:
        """How many columns have its name."""
        return sum((one.kind, one.label) == (column.kind, column.label) for one in self._all)

    def asked(self, column: Column) -> bool:
        """Whether a service was asked for it, now and then; everything else stands in every line."""
        return column.kind != "rss" and column not in self.columns

    @property
    def _all(self) -> Iterator[Column]:
        yield from self.columns
        yield from self.sensors

    def _count(self, t_ns: int) -> None:
        pace = pace_s(self._lines)
        if not self.paces or self.paces[-1][1] != pace:
            self.paces.append((t_ns, pace))
        self._lines += 1

    def _head(self, line: str) -> None:
        match = _HEADER.fullmatch(line)
        if match is None:
            return
        word, rest = match[1], match[2]
        if word == "page":
            self.page = linux.integer(rest) or self.page
        elif word == "hertz":
            self.hertz = linux.integer(rest) or self.hertz
        elif word == "phone":
            self.phone = True
        elif word == "cores":
            policy, _, processors = rest.partition(" ")
            self.cores[linux.name(policy)] = linux.numbers(processors)
        elif word in KINDS and len(self.columns) < COLUMNS:
            column = Column(word, linux.name(rest))
            self.columns.append(Column(word, column.label, self.alike(column)))

    def _line(self, text: str) -> Iterator[tuple[Column, str]]:
        words = text.split()
        columns = (Column("rss"), Column("status"), *self.columns)
        if len(words) == len(columns):
            yield from ((column, word) for column, word in zip(columns, words, strict=True) if word != "-")

    def _thermal(self, text: str) -> Iterator[tuple[Column, str]]:
        """Sensors that have a value now, and the status where nobody set it by a command."""
        told = thermalservice.parse(text.replace(";", "\n"))
        if not told.ready:
            return
        if told.status is not None and not told.overridden:
            yield Column("thermal"), str(told.status)
        seen: dict[str, int] = {}
        for sensor in told.temperatures:
            number = seen[sensor.name] = seen.get(sensor.name, -1) + 1
            if sensor.celsius is not None:
                column = Column("sensor", sensor.name, number)
                self.sensors[column] = sensor.quantity
                yield column, str(round(1000 * sensor.celsius))


def _battery(text: str) -> Iterator[tuple[Column, str]]:
    """``level: 57; voltage: 3912; …`` of the battery's service; nothing where somebody froze it."""
    if "UPDATES STOPPED" in text:
        return
    for field in text.split(";"):
        name, colon, value = field.strip().partition(":")
        if colon and name in _SERVICE:
            yield Column(_SERVICE[name]), value.strip()
        elif colon and name == "status":
            yield Column("status"), _STATUS.get(value.strip(), "")
