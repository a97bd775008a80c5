"""From bytes to lines, bounded: what comes from outside may never end a line."""

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
