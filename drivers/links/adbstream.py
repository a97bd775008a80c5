"""A connection to an adb server: what arrives is stamped as the loop reads it, and waits until it is taken."""

import asyncio
import os
import select
import socket
from asyncio.trsock import TransportSocket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

BUFFER = 16 * 1024
"""Bytes that are read at once."""
CROWDED = 256 * 1024
"""Bytes that wait before nothing more is read, and the other end has to wait."""

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class AdbStream(asyncio.BufferedProtocol):
    """Bytes both ways. One task takes and one writes at a time; what the system says of a connection is raised as OSError."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(BUFFER))
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._size = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._ended = self._held = self._crowded = False
        self._error: Exception | None = None
        self._now: Callable[[], int] | None = None

    @classmethod
    async def connected(cls, host: str, port: int) -> "AdbStream":
        """A new connection. Raises OSError."""
        _, stream = await asyncio.get_running_loop().create_connection(cls, host, port)
        return stream

    def stamp(self, now: Callable[[], int]) -> None:
        """Stamp by this clock what arrives from now on, and what waits as if it did now; and have the server send the next
        segment at once: it sends its answers in two, and the second would wait 40 ms for the first one's ACK."""
        self._now = now
        self._pieces = deque((t_ns or now(), piece) for t_ns, piece in self._pieces)
        self._acknowledge()

    async def take(self) -> tuple[int, bytes]:
        """The oldest piece that arrived and its stamp (0 without a clock); no bytes at the end."""
        while not self._pieces:
            if self._ended:
                self._check()
                return 0, b""
            await self._arrival()
        piece = self._pieces.popleft()
        self._size -= len(piece[1])
        if self._crowded and self._size < CROWDED:
            self._crowded = False
            self._transport.resume_reading()
        return piece

    async def exactly(self, n: int) -> bytes:
        """So many bytes. Raises asyncio.IncompleteReadError when it ends before."""
        taken = bytearray()
        while len(taken) < n:
            t_ns, piece = await self.take()
            if not piece:
                raise asyncio.IncompleteReadError(bytes(taken), n)
            rest = piece[n - len(taken) :]
            taken += piece[: n - len(taken)]
            if rest:
                self._pieces.appendleft((t_ns, rest))
                self._size += len(rest)
        return bytes(taken)

    async def write(self, data: bytes) -> None:
        """Send; waits while the other end takes nothing."""
        self._check()
        if self._transport.is_closing():
            raise ConnectionResetError("it is closed")
        self._transport.write(data)
        while self._held:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
            self._check()

    def fail(self, reason: str) -> None:
        """Whoever waits for it, or asks anything of it from now on, gets an OSError with that reason."""
        self._error = self._error or ConnectionAbortedError(reason)
        self._ended = True
        self.close()
        self._wake_reader()
        self.resume_writing()

    def close(self) -> None:
        """Let go of it at once, also for a thread that sends over it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._transport.abort()

    def duplicate(self) -> socket.socket:
        """The connection once more, for a thread; it does not block. Raises OSError when it is closed."""
        return socket.socket(fileno=os.dup(self._socket.fileno()))

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(
            0
        )  # what is written has gone when ``write`` returns: a thread may go on
        self._transport = transport
        self._socket: TransportSocket = transport.get_extra_info("socket")

    def get_buffer(self, sizehint: int) -> Any:
        """Where to put what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So much has arrived."""
        now = self._now
        t_ns = 0
        if now is not None:
            t_ns = now()
            self._acknowledge()
        self._pieces.append((t_ns, bytes(self._buffer[:nbytes])))
        self._size += nbytes
        if self._size >= CROWDED and not self._crowded:
            self._crowded = True
            self._transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        """Nothing more arrives; what waits can be taken, and the connection is closed by us."""
        self._ended = True
        self._wake_reader()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._ended, self._error = True, self._error or exc
        self._wake_reader()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The other end takes nothing."""
        self._held = True

    def resume_writing(self) -> None:
        """It does again."""
        self._held = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    async def _arrival(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _acknowledge(self) -> None:
        if _QUICKACK is not None and not self._transport.is_closing():
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def send_parts(connection: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
    """Send them one after the other over a connection that does not block, in a thread that may. Raises OSError."""
    waiting = select.poll()
    waiting.register(connection, select.POLLOUT)
    left = [memoryview(part) for part in parts]
    while left:
        waiting.poll()
        with suppress(BlockingIOError):
            left = _after(left, connection.sendmsg(left))


def _after(parts: list[memoryview], sent: int) -> list[memoryview]:
    for at, part in enumerate(parts):
        if sent < len(part):
            return [part[sent:], *parts[at + 1 :]]
        sent -= len(part)
    return []
