"""One command on a board: an SSH channel as a ``Pipe``, its bytes stamped as they come out of the connection."""

import asyncio
from collections import deque
from typing import Literal

import asyncssh

from drivers.clock import Clock
from drivers.errors import LinkLost
from drivers.links.sshfaults import talking

BACKLOG_LIMIT = 1 << 20
"""Unread bytes above which the far end has to wait."""

_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "SEGV": 11, "PIPE": 13}
_SIGNALS |= {"ALRM": 14, "TERM": 15, "USR1": 10, "USR2": 12}
_UNKNOWN_SIGNAL = 9

_Chunk = tuple[int, Literal["out", "err"], bytes]


class SshPipe(asyncssh.SSHClientSession[bytes]):
    """A ``Pipe``; at the same time what asyncssh tells about its channel."""

    def __init__(self, clock: Clock, title: str) -> None:
        self._clock = clock
        self._title = title
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._abandoned = False
        self._chunks: deque[_Chunk] = deque()
        self._backlog = 0
        self._returncode: int | None = None
        self._ended = False
        self._closed = False
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def read(self) -> _Chunk | None:
        """Wait for bytes: ``(arrival in ns, stream, at least one byte)``; None when both streams have ended.

        Raises LinkLost.
        """
        while not self._chunks:
            if self._ended:
                return None
            await self._next_change()
        chunk = self._chunks.popleft()
        self._backlog -= len(chunk[2])
        if self._backlog <= BACKLOG_LIMIT and not self._closed:
            self._open_channel.resume_reading()
        return chunk

    async def write(self, data: bytes) -> None:
        """Write all of ``data``, as fast as the far end takes it. Raises LinkLost."""
        await self._writable.wait()
        if self._closed or self._open_channel.is_closing():
            raise self._lost()
        with talking(self._title):
            self._open_channel.write(data)

    async def close_stdin(self) -> None:
        """Close its standard input, behind what was written."""
        if not self._closed and not self._open_channel.is_closing():
            with talking(self._title):
                self._open_channel.write_eof()

    async def returncode(self) -> int:
        """How the command line ended: 128 + n for signal n. Raises LinkLost."""
        while self._returncode is None:
            if self._closed:
                raise self._lost()
            await self._wait()
        return self._returncode

    def end(self) -> None:
        """Close the channel, or as soon as it is open; the far end sees the end of its input."""
        self._abandoned = True
        if self._channel is not None and not self._closed:
            self._channel.close()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """asyncssh: the channel is open, and nothing runs in it yet."""
        self._channel = chan
        if self._abandoned:
            chan.close()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """asyncssh: bytes of one stream."""
        stream: Literal["out", "err"] = "err" if datatype == asyncssh.EXTENDED_DATA_STDERR else "out"
        self._chunks.append((self._clock.now(), stream, data))
        self._backlog += len(data)
        if self._backlog > BACKLOG_LIMIT:
            self._open_channel.pause_reading()
        self._changed.set()

    def eof_received(self) -> bool:
        """asyncssh: both streams have ended; what we write goes on."""
        self._ended = True
        self._changed.set()
        return True

    def exit_status_received(self, status: int) -> None:
        """asyncssh: it has ended by itself."""
        self._returncode = status
        self._changed.set()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: FBT001
        """asyncssh: a signal has ended it."""
        self._returncode = 128 + _SIGNALS.get(signal, _UNKNOWN_SIGNAL)
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncssh: the channel is closed, or the connection."""
        self._closed = True
        self._ended = self._ended or self._returncode is not None
        self._writable.set()
        self._changed.set()

    def pause_writing(self) -> None:
        """asyncssh: the far end does not read fast enough."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """asyncssh: it has read."""
        self._writable.set()

    @property
    def _open_channel(self) -> asyncssh.SSHClientChannel[bytes]:
        if self._channel is None:
            raise RuntimeError("the pipe has not been opened")
        return self._channel

    async def _next_change(self) -> None:
        if self._closed:
            raise self._lost()
        await self._wait()

    async def _wait(self) -> None:
        """Of several who wait, each looks again."""
        self._changed.clear()
        await self._changed.wait()

    def _lost(self) -> LinkLost:
        return LinkLost(f"the connection to {self._title} is gone")
