"""Lines of numbers, as bytes come: cut into lines, read, or counted as damaged. Pure, and never raises on any input.

A line is ``field separator field … newline`` (LF or CR LF), as many fields as there are columns, each a decimal number (with a point, or with
a comma where that is told) within its column's bounds. Empty lines, lines that begin with ``#`` and a header of the columns' own names are no
samples and no damage. The piece before the first newline is where we came in, and no damage either.
"""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

LINE_LIMIT = 4096
"""Bytes of a line; a longer one is one damaged line."""

_NUMBER = (
    rb"[ \t]{0,8}([+-]?(?:[0-9]{1,18}(?:%b[0-9]{0,18})?|%b[0-9]{1,18})(?:[eE][+-]?[0-9]{1,3})?)[ \t]{0,8}"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading and the least and greatest number that it may hold. A blank heading is skipped."""

    heading: str
    low: float = -1e6
    high: float = 1e6


@dataclass(frozen=True, slots=True)
class Rows:
    """What some bytes held: numbers by column (skipped ones left out), all of one length, and the lines lost."""

    columns: tuple["array[float]", ...]
    damaged: int

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.columns[0])


class LineReader:
    """Takes bytes in any pieces and gives the rows that they complete. Keeps at most ``LINE_LIMIT`` bytes."""

    def __init__(self, columns: Sequence[Column], separator: str, *, comma: bool = False) -> None:
        self._columns = [column for column in columns if column.heading]
        self._header = separator.join(column.heading for column in columns).encode().lower()
        self._row = _row_pattern(columns, separator.encode(), rb"," if comma else rb"\.")
        self._comma = comma
        self._rest = b""
        self._skipping = True
        self._overlong = False

    def feed(self, data: bytes) -> Rows:
        """Read what ``data`` completes."""
        columns: tuple[array[float], ...] = tuple(array("d") for _ in self._columns)
        damaged = 0
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._skipping:
                damaged += self._overlong
                self._skipping = self._overlong = False
            elif not self._read(line.rstrip(b"\r"), columns):
                damaged += 1
        self._bound()
        return Rows(columns, damaged)

    def _bound(self) -> None:
        if len(self._rest) > LINE_LIMIT:
            self._overlong = self._overlong or not self._skipping
            self._skipping = True
            self._rest = b""

    def _read(self, line: bytes, columns: Sequence["array[float]"]) -> bool:
        """Append a row's numbers; False for a line that is neither a row nor one of the harmless ones."""
        if len(line) > LINE_LIMIT:
            return False
        match = self._row.fullmatch(line)
        if match is None:
            return not line.strip() or line.startswith(b"#") or line.strip().lower() == self._header
        fields = [field.replace(b",", b".") for field in match.groups()] if self._comma else match.groups()
        numbers = [float(field) for field in fields]
        if not all(c.low <= x <= c.high for c, x in zip(self._columns, numbers, strict=True)):
            return False
        for column, number in zip(columns, numbers, strict=True):
            column.append(number)
        return True


def _row_pattern(columns: Sequence[Column], separator: bytes, point: bytes) -> re.Pattern[bytes]:
    skipped = rb"[^\n" + re.escape(separator) + rb"]*"
    number = _NUMBER % (point, point)
    fields = [number if column.heading else skipped for column in columns]
    joint = rb"[ \t]{1,8}" if separator.isspace() and separator != b"\t" else re.escape(separator)
    return re.compile(joint.join(fields))
