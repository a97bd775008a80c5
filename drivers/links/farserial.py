"""pyserial's client of RFC 2217, with a reader for fast meters: whole pieces go through it, not single bytes.

pyserial's own takes a quarter of a core for 50 kB/s, and cannot carry the 400 kB/s of a PPK2. Opening, settings and their
negotiation stay its own.
"""

import queue
from contextlib import suppress

from serial import SerialException, rfc2217

from drivers.clock import nap
from drivers.links.telnet import NEGOTIATING, SUB, split

PIECE = 1 << 16
PIECES = 256
"""Pieces that wait to be read; past that nothing is received, so that the server waits."""

LONGEST_COMMAND = 1 << 12
"""Bytes of a command. A stream with a longer one is no telnet."""

_FULL_S = 0.01


class FarSerial(rfc2217.Serial):  # type: ignore[misc]
    """A port of another machine, for one reader that does not wait: its ``timeout`` is 0."""

    _settled = False

    def open(self) -> None:
        """Connect and negotiate, some seconds at most. Raises SerialException, ValueError."""
        super().open()
        self._settled = True

    def read(self, size: int = 1) -> bytes:
        """What has come: whole pieces until they are ``size`` bytes or more; empty when nothing has.

        Raises SerialException after the last piece of a connection that has ended.
        """
        data = bytearray()
        while len(data) < size:
            try:
                piece = self._read_buffer.get_nowait()
            except queue.Empty:
                break
            if piece is None:
                self._read_buffer.put(None)
                if data:
                    break
                raise SerialException("the connection has ended")
            data += piece
        return bytes(data)

    def _telnet_read_loop(self) -> None:
        """What pyserial runs on its reading thread from ``open`` to ``close``."""
        rest = b""
        with suppress(
            OSError, EOFError, ValueError
        ):  # the connection's end, of which the reader is told in its turn
            while self.is_open and len(rest) <= LONGEST_COMMAND:
                if came := self._received():
                    data, commands, rest = split(rest + came)
                    self._pass_on(data, commands)
        self._read_buffer.put(None)

    def _received(self) -> bytes:
        """Empty when nothing came for some seconds. Raises EOFError, OSError at the connection's end."""
        try:
            came: bytes = self._socket.recv(PIECE)
        except TimeoutError:
            return b""
        if not came:
            raise EOFError
        return came

    def _pass_on(self, data: bytes, commands: list[bytes]) -> None:
        if data:
            self._read_buffer.put(data)
        for command in commands:
            self._obey(command)
        while self._settled and self.is_open and self._read_buffer.qsize() > PIECES:
            nap(_FULL_S)

    def _obey(self, command: bytes) -> None:
        kind, said = command[:1], command[1:]
        if kind in NEGOTIATING:
            self._telnet_negotiate_option(kind, said)
        elif kind == SUB:
            self._telnet_process_subnegotiation(said)
        else:
            self._telnet_process_command(kind)
