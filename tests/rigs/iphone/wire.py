"""A connection to something on a phone: bytes and plists, and the faults that were asked for on it."""

import asyncio
import os
import plistlib
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + one, b"&%c;" % (97 + one) * 16) for one in range(8))
    + b']><plist version="1.0"><dict><key>Value</key><string>&i;</string></dict></plist>'
)
"""16^9 letters of text in 1.5 kB, for a reader that expands entities."""


class Writer(Protocol):
    """What a connection is written to: a socket, or a stream in a tunnel."""

    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


class Gone(Exception):
    """The other end has ended, or this one was cut."""


class Wire:
    """One connection. ``fault`` is asked before each answer, so that it may be changed while something runs."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: Writer,
        fault: Callable[[], str] = lambda: "",
        flowing: asyncio.Event | None = None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.fault = fault
        self.flowing = flowing
        self.name = ""
        """Of what serves it."""
        self.number = 0
        """Of the phone at usbmuxd; 0 in a tunnel."""
        self.certificate: bytes | None = None
        """Of the host, after TLS."""

    async def read(self, size: int) -> bytes:
        """Exactly that many bytes."""
        with lost():
            return await self.reader.readexactly(size)

    async def read_some(self, most: int = 65536) -> bytes:
        """What has come; Gone at the end."""
        with lost():
            data = await self.reader.read(most)
        if not data:
            raise Gone
        return data

    async def swallow(self) -> None:
        """Take in and answer nothing, until Gone."""
        while True:
            await self.read_some()

    async def receive(self) -> dict[str, Any]:
        """A plist with its length before it."""
        size = struct.unpack(">I", await self.read(4))[0]
        if size > 1 << 24:
            raise Gone
        try:
            value = plistlib.loads(await self.read(size))
        except (plistlib.InvalidFileException, ValueError, OverflowError):
            raise Gone from None
        return value if isinstance(value, dict) else {}

    async def answer(self, value: dict[str, Any], *, binary: bool = False) -> None:
        """A plist with its length before it; or what is asked for in its stead."""
        body = plistlib.dumps(value, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML)
        await self._faulty(self.fault(), body)

    async def _faulty(self, fault: str, body: bytes) -> None:
        kind, _, rest = fault.partition(":")
        whole = struct.pack(">I", len(body)) + body
        if kind == "silent":
            return
        if kind == "slow":
            await asyncio.sleep(float(rest))
        if kind == "half":
            await self.send(whole[: len(whole) // 2])
        if kind in {"half", "close"}:
            self.end()
            raise Gone
        whole = {
            "bomb": struct.pack(">I", len(BOMB)) + BOMB,
            "deep": framed(nested(50_000)),
            "huge": struct.pack(">I", 0x7FFFFFFF) + body,
            "garbage": struct.pack(">I", len(body)) + os.urandom(len(body)),
            "list": framed(plistlib.dumps([1, 2, 3])),
            "empty": framed(plistlib.dumps({})),
        }.get(kind, whole)
        await self.send(whole)

    async def send(self, data: bytes) -> None:
        """As it is; waits while the cable carries nothing."""
        if self.flowing is not None:
            await self.flowing.wait()
        with lost():
            self.writer.write(data)
            await self.writer.drain()

    def hold(self) -> None:
        """Take no more in, so that nothing of the TLS to come is read before its time."""
        if isinstance(self.writer, asyncio.StreamWriter):
            assert isinstance(self.writer.transport, asyncio.Transport)
            self.writer.transport.pause_reading()

    def release(self) -> None:
        """Take in again."""
        if isinstance(self.writer, asyncio.StreamWriter):
            assert isinstance(self.writer.transport, asyncio.Transport)
            self.writer.transport.resume_reading()

    async def secure(self, context: ssl.SSLContext) -> None:
        """TLS from here on, as its server."""
        assert isinstance(self.writer, asyncio.StreamWriter)
        try:
            await self.writer.start_tls(context, ssl_handshake_timeout=10)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, AttributeError):
            self.end()  # Python 3.11 finds no transport where the other end went meanwhile
            raise Gone from None
        found = self.writer.get_extra_info("ssl_object")
        self.certificate = found.getpeercert(binary_form=True)

    def end(self) -> None:
        """At once, without a farewell."""
        if isinstance(self.writer, asyncio.StreamWriter):
            if self.writer.transport is not None:
                self.writer.transport.abort()
        else:
            self.writer.close()


@contextmanager
def lost() -> Iterator[None]:
    """Whatever way a connection ends, it is Gone."""
    try:
        yield
    except (OSError, asyncio.IncompleteReadError, EOFError, RuntimeError):
        raise Gone from None


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def nested(depth: int) -> bytes:
    """A plist that deep where an answer's contents are looked for."""
    deep = b"<array>" * depth + b"</array>" * depth
    inner = b"<dict><key>IORegistry</key><dict><key>Voltage</key>" + deep + b"</dict></dict>"
    return (
        b'<plist version="1.0"><dict><key>Status</key><string>Success</string><key>Diagnostics</key>'
        + inner
        + b"<key>Value</key>"
        + deep
        + b"</dict></plist>"
    )
