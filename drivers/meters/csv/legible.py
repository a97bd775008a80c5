"""Whether what comes can be read at all: a wrong baud rate or separator is named, not counted for hours."""

import re

from drivers.clock import SECOND
from drivers.errors import NotSupported
from drivers.foreign import printable
from drivers.meters.csv.channels import SEPARATORS, Format
from drivers.meters.csv.protocol import Rows

GRACE_NS = 3 * SECOND
"""A board may say what it likes while it starts."""

LINES = 20
BYTES = 4096
"""So much without a single row is enough to judge."""

LONG_NS = 10 * SECOND
SECONDS = 5
"""So long without a single row, and rubbish in so many seconds of it, is enough too: of a meter that writes seldom. What a
board says while it starts, and a wait after that, is not."""

_ENDLESS = 64
"""Bytes in which at least one line ends."""

_KEPT = 1024
_TEXT_SHARE = 0.9


class Legible:
    """Watches the beginning of what a meter writes, until its first row."""

    def __init__(self, device: str, form: Format, start_ns: int) -> None:
        self._device = device
        self._form = form
        self._start_ns = start_ns
        self._read = False
        self._lines = 0
        self._bytes = 0
        self._tail = b""
        self._seconds: set[int] = set()

    def judge(self, t_ns: int, data: bytes, rows: Rows) -> None:
        """Take note of these bytes and of what was read from them. Raises NotSupported, saying what they look like."""
        self._read = self._read or rows.n > 0
        if self._read:
            return
        self._lines += rows.damaged
        self._bytes += len(data)
        self._tail = (self._tail + data)[-_KEPT:]
        enough = self._lines >= LINES or self._bytes >= BYTES
        if self._for_long(t_ns, data, rows) or (enough and t_ns - self._start_ns >= GRACE_NS):
            raise self._objection()

    def _for_long(self, t_ns: int, data: bytes, rows: Rows) -> bool:
        endless = self._bytes >= _ENDLESS and b"\n" not in self._tail
        if not (rows.damaged or endless or not _is_text(data)):
            return False
        self._seconds.add((t_ns - self._start_ns) // SECOND)
        lasted = (max(self._seconds) - min(self._seconds)) * SECOND
        return len(self._seconds) >= SECONDS and lasted >= LONG_NS

    def _objection(self) -> NotSupported:
        if not _is_text(self._tail):
            return NotSupported(
                f"{self._device} sends what is no text",
                remedy="put its baud rate in its address: baud=9600, 57600, 230400 …",
            )
        if b"\n" not in self._tail:
            return NotSupported(
                f"{self._device} ends no line: no newline is in what it sends",
                remedy="have it write LF or CR LF after each line, or put its baud rate in its address",
            )
        lines = self._tail.splitlines()
        middle = lines[len(lines) // 2]
        shown = printable(middle.decode("ascii", "replace"), 60)
        if re.search(rb"nan|inf", middle, re.IGNORECASE):
            return NotSupported(
                f"{self._device} writes {shown!r}: its sensor gives no numbers",
                remedy="check the sensor and its wiring",
            )
        separator = next(name for name, sign in SEPARATORS.items() if sign == self._form.separator)
        return NotSupported(
            f"{self._device} writes {shown!r}, which is not {','.join(self._form.headings)[:60]} with sep={separator}",
            remedy="put columns=…, sep=… or decimal=comma in its address",
        )


def _is_text(data: bytes) -> bool:
    text = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)
    return text >= _TEXT_SHARE * len(data)
