"""From bytes to lines, bounded: what comes from outside may never end a line. Or to pieces, as they come."""

from typing import Protocol

LINE_LIMIT = 64 * 1024
"""Bytes of a line that are kept; the rest of it is left out."""


class LineSplitter:
    """Cuts a byte stream at line feeds. Lines lose their line end; what exceeds ``limit`` bytes of one is dropped."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.cut = 0
        """How many lines were longer than the limit."""
        self._limit = limit
        self._rest = bytearray()
        self._over = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, in order."""
        *whole, rest = data.split(b"\n")
        lines = [self._completed(piece) for piece in whole]
        self._keep(rest)
        return lines

    def flush(self) -> list[bytes]:
        """The last line, when the stream ended without a line end."""
        return [self._completed(b"")] if self._rest else []

    def _completed(self, piece: bytes) -> bytes:
        self._keep(piece)
        line = bytes(self._rest).removesuffix(b"\r")
        self._rest.clear()
        self._over = False
        return line

    def _keep(self, piece: bytes) -> None:
        room = self._limit - len(self._rest)
        if len(piece) > room and not self._over:
            self._over = True
            self.cut += 1
        self._rest += piece[:room]


class Splitter(Protocol):
    """Cuts a byte stream into parts that can be decoded each by itself."""

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that ``data`` completes, in order."""
        ...

    def flush(self) -> list[bytes]:
        """What is left when the stream has ended."""
        ...


class PieceSplitter:
    """Gives every piece as it comes, line ends included; of UTF-8 whole characters alone."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The piece, without a character at its end that is not whole yet."""
        whole = self._rest + data
        cut = len(whole) - _unfinished(whole)
        self._rest = whole[cut:]
        return [whole[:cut]] if cut else []

    def flush(self) -> list[bytes]:
        """Half a character, if the stream ended in one."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def _unfinished(data: bytes) -> int:
    """Bytes at the end that begin a character of UTF-8 and do not end it: at most 3."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            needed = (
                2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
            )
            return back if needed > back else 0
    return 0
