"""RemoteXPC from the device's end: XPC messages in the data frames of HTTP/2 streams 1 (both ways) and 3 (replies)."""

import struct
from typing import Any

from tests.rigs.iphone.wire import Gone, Wire
from tests.rigs.iphone.xpc import ALWAYS, DATA, INIT, REPLY, Wrapped, unwrap, wrap

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
F_DATA, F_HEADERS, F_RESET, F_SETTINGS, F_PING, F_GOAWAY, F_WINDOW = 0, 1, 3, 4, 6, 7, 8
ACK, END_HEADERS = 1, 4
WINDOW = 16 << 20
BIGGEST = 16384


class RemoteXpc:
    """One connection that a host opened."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.parts: dict[int, bytearray] = {}
        self.seen: set[int] = set()
        self.numbers = 0

    async def greet(self) -> None:
        """The host's preface, and our settings."""
        if await self.wire.read(len(PREFACE)) != PREFACE:
            raise Gone
        await self.frame(F_SETTINGS, 0, struct.pack(">HIHI", 3, 100, 4, WINDOW))
        await self.frame(F_WINDOW, 0, struct.pack(">I", WINDOW - 65535))

    async def receive(self) -> Wrapped:
        """The next message that carries something. The streams' openings are answered meanwhile."""
        while True:
            size_kind, flags, stream = struct.unpack(">IBI", await self.wire.read(9))
            body = await self.wire.read(size_kind >> 8)
            kind = size_kind & 0xFF
            if kind == F_GOAWAY:
                raise Gone
            found = await self.taken(kind, flags, stream, body)
            if found is not None:
                return found

    async def taken(self, kind: int, flags: int, stream: int, body: bytes) -> Wrapped | None:
        """What a frame completes."""
        if kind == F_SETTINGS and not flags & ACK:
            await self.frame(F_SETTINGS, 0, b"", ACK)
        elif kind == F_PING and not flags & ACK:
            await self.frame(F_PING, 0, body, ACK)
        elif kind == F_HEADERS and stream not in self.seen:
            if stream % 2 == 0:
                raise Gone
            self.seen.add(stream)
            await self.frame(F_HEADERS, stream, b"", END_HEADERS)
        elif kind == F_DATA:
            if stream not in self.seen:
                raise Gone
            return await self.data(stream, body)
        return None

    async def data(self, stream: int, body: bytes) -> Wrapped | None:
        if body:
            grant = struct.pack(">I", len(body))
            await self.frame(F_WINDOW, 0, grant)
            await self.frame(F_WINDOW, stream, grant)
        kept = self.parts.setdefault(stream, bytearray())
        kept += body
        while True:
            try:
                found = unwrap(kept)
            except ValueError:
                raise Gone from None
            if found is None:
                return None
            message, size = found
            del kept[:size]
            if message.value:
                return message
            await self.opened(stream, message)

    async def opened(self, stream: int, message: Wrapped) -> None:
        """An empty message opens a stream: it is answered in kind."""
        if message.flags & INIT:
            await self.wrapped(stream, wrap(ALWAYS | INIT, 0))
        elif message.value is not None:
            await self.wrapped(stream, wrap(ALWAYS, 0, {}))

    async def push(self, value: dict[str, Any]) -> None:
        """A message of our own."""
        self.numbers += 2
        await self.wrapped(1, wrap(ALWAYS | DATA, self.numbers, value))

    async def reply(self, to: Wrapped, value: dict[str, Any]) -> None:
        """The answer to a message that wants one."""
        await self.wrapped(3 if 3 in self.seen else 1, wrap(ALWAYS | DATA | REPLY, to.number, value))

    async def wrapped(self, stream: int, data: bytes) -> None:
        fault = self.wire.fault()
        if fault == "silent":
            return
        if fault in {"half", "close"}:
            await self.wire.send(
                struct.pack(">IBI", (len(data) << 8) | F_DATA, 0, stream) + data[: len(data) // 2]
            )
            raise Gone
        if fault == "garbage":
            data = bytes(255 - byte for byte in data)
        for at in range(0, len(data), BIGGEST):
            await self.frame(F_DATA, stream, data[at : at + BIGGEST])

    async def frame(self, kind: int, stream: int, body: bytes, flags: int = 0) -> None:
        await self.wire.send(struct.pack(">IBI", (len(body) << 8) | kind, flags, stream) + body)
