"""Files sent by adb's ``sync`` service, one after the other over one stream.

Source: AOSP packages/modules/adb, SYNC.TXT, file_sync_protocol.h. The phone's daemon removes what a file was of which the
end never came, and what was there before.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from drivers.errors import Garbled, LinkLost
from drivers.foreign import printable
from drivers.links.adbserver import translated
from drivers.links.adbstream import AdbStream, send_parts

BLOCK = 64 * 1024
"""Bytes of one DATA: the most that the daemon takes."""
SAID_LIMIT = 4096
"""Bytes of a refusal: more is nonsense."""

_WORD = struct.Struct("<4sI")
_MODE = 0o100644


class AdbFiles:
    """A ``FileStream`` over one stream of the ``sync`` service."""

    def __init__(self, stream: AdbStream, title: str) -> None:
        self._stream = stream
        self._title = title
        self._unanswered = 0
        self.all_sent = False
        """As every one."""

    async def send(self, files: Iterator[tuple[str, Iterator[memoryview]]]) -> None:
        """As every one. What ``files`` raises comes out."""
        with translated(self._title):
            await asyncio.to_thread(self._send, self._stream.duplicate(), files)

    async def kept(self) -> str | None:
        """As every one. Raises Garbled for what is no answer."""
        try:
            word, size = _WORD.unpack(await self._stream.exactly(_WORD.size))
            said = await self._stream.exactly(size) if word == b"FAIL" and size <= SAID_LIMIT else b""
        except asyncio.IncompleteReadError:
            if self.all_sent and not self._unanswered:
                return None
            raise LinkLost(f"the connection to {self._title} was cut") from None
        except OSError as error:
            raise LinkLost(f"{self._title} is out of reach: {error.strerror or error}") from error
        self._unanswered -= 1
        if word == b"OKAY" and size == 0:
            return ""
        if word != b"FAIL" or size > SAID_LIMIT:
            raise Garbled(f"{self._title} answered a file with {printable(repr(word), 40)} and {size} bytes")
        return printable(said.decode(errors="replace"), 200) or "it does not say why"

    def _send(self, connection: socket.socket, files: Iterator[tuple[str, Iterator[memoryview]]]) -> None:
        with connection:
            for path, pieces in files:
                where = f"{path},{_MODE}".encode()
                self._unanswered += 1
                send_parts(connection, [_WORD.pack(b"SEND", len(where)), where])
                for piece in pieces:
                    send_parts(connection, list(_blocks(piece)))
                send_parts(connection, [_WORD.pack(b"DONE", 0)])
            self.all_sent = True
            with suppress(OSError):  # it may have hung up by itself; every answer is waited for
                send_parts(connection, [_WORD.pack(b"QUIT", 0)])


def _blocks(piece: memoryview) -> Iterator[bytes | memoryview]:
    for at in range(0, len(piece), BLOCK):
        block = piece[at : at + BLOCK]
        yield _WORD.pack(b"DATA", len(block))
        yield block
