"""Messages of adb between a server and the device end, and the streams in them."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

A_CNXN, A_AUTH, A_OPEN, A_OKAY, A_CLSE, A_WRTE = (
    int.from_bytes(word, "little") for word in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE")
)
HEADER = struct.Struct("<6I")
VERSION = 0x01000001
MAX_DATA = 1 << 20

Handler = Callable[["Stream"], Awaitable[None]]


class Services(Protocol):
    """What a transport asks of the device behind it."""

    transports: "set[Transport]"

    async def welcome(self, transport: "Transport") -> None: ...

    async def authorise(self, transport: "Transport", kind: int) -> None: ...

    def handler(self, service: str) -> Handler | None: ...

    def keep(self, work: Awaitable[None]) -> None: ...


class Stream:
    """One OPEN: what the host sends waits in ``inbox``, what we send waits for the host's OKAY."""

    def __init__(self, transport: "Transport", local: int, remote: int) -> None:
        self.transport = transport
        self.local = local
        self.remote = remote
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self._granted = asyncio.Event()
        self._granted.set()

    async def write(self, data: bytes) -> None:
        limit = self.transport.max_data
        for at in range(0, len(data), limit):
            await self._granted.wait()
            if self.closed.is_set():
                raise ConnectionResetError
            self._granted.clear()
            await self.transport.send(A_WRTE, self.local, self.remote, data[at : at + limit])

    def granted(self) -> None:
        self._granted.set()

    async def read(self) -> bytes | None:
        """Bytes from the host, acknowledged as they are taken; None when it closed."""
        data = await self.inbox.get()
        if data is not None and not self.closed.is_set():
            await self.transport.send(A_OKAY, self.local, self.remote)
        return data

    async def hang_up(self) -> None:
        """Close it from this end."""
        await self.transport.send(A_CLSE, self.local, self.remote)
        self.end()

    def end(self) -> None:
        self.closed.set()
        self._granted.set()
        self.inbox.put_nowait(None)


class Exactly:
    """Reads so many bytes from a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def __call__(self, size: int) -> bytes:
        while len(self._held) < size:
            data = await self._stream.read()
            if data is None:
                raise EOFError
            self._held += data
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    async def some(self, limit: int) -> bytes:
        """What there is, up to that much."""
        if self._held:
            return await self(min(limit, len(self._held)))
        data = await self._stream.read()
        if data is None:
            raise EOFError
        if len(data) > limit:
            self._held += data[limit:]
            return data[:limit]
        return data


class Transport:
    """A connection from an adb server."""

    def __init__(self, device: Services, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.device = device
        self.max_data = MAX_DATA
        self.reader = reader
        self.writer = writer
        self.streams: dict[int, Stream] = {}
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._next = 1

    async def send(self, command: int, arg0: int, arg1: int, data: bytes = b"", *, sum_off: int = 0) -> None:
        await self.flowing.wait()
        checksum = (sum(data) + sum_off if len(data) < 65536 else sum_off) & 0xFFFFFFFF
        header = HEADER.pack(command, arg0, arg1, len(data), checksum, command ^ 0xFFFFFFFF)
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(header + data)
        await self.writer.drain()

    async def serve(self) -> None:
        try:
            while True:
                await self.flowing.wait()
                command, arg0, arg1, size, _, magic = HEADER.unpack(
                    await self.reader.readexactly(HEADER.size)
                )
                if magic != command ^ 0xFFFFFFFF:
                    return
                data = await self.reader.readexactly(size)
                await self.flowing.wait()
                await self.dispatch(command, arg0, arg1, data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.end()

    async def dispatch(self, command: int, arg0: int, arg1: int, data: bytes) -> None:
        stream = self.streams.get(arg1)
        if command == A_CNXN:
            self.max_data = min(MAX_DATA, arg1)
            await self.device.welcome(self)
        elif command == A_AUTH:
            await self.device.authorise(self, arg0)
        elif command == A_OPEN:
            self.open(arg0, data.rstrip(b"\0").decode(errors="replace"))
        elif stream is None:
            if command == A_WRTE:
                await self.send(A_CLSE, 0, arg0)
        elif command == A_WRTE:
            stream.inbox.put_nowait(data)
        elif command == A_OKAY:
            stream.remote = arg0
            stream.granted()
        elif command == A_CLSE:
            self.streams.pop(arg1, None)
            stream.end()

    def open(self, remote: int, service: str) -> None:
        stream = Stream(self, self._next, remote)
        self._next += 1
        self.device.keep(self.run(stream, service))

    async def run(self, stream: Stream, service: str) -> None:
        handler = self.device.handler(service)
        with suppress(ConnectionError, EOFError, OSError):
            if handler is not None:
                await self.send(A_OKAY, stream.local, stream.remote)
                self.streams[stream.local] = stream
                with suppress(ConnectionError, EOFError):
                    await handler(stream)
            self.streams.pop(stream.local, None)
            if not stream.closed.is_set():
                stream.end()
                await self.send(A_CLSE, stream.local if handler else 0, stream.remote)

    def end(self) -> None:
        """The cable is out: every stream is closed, as adbd does it."""
        self.writer.transport.abort()
        for stream in list(self.streams.values()):
            stream.end()
        self.streams.clear()
        self.device.transports.discard(self)


async def quietly(work: Awaitable[None]) -> None:
    """What ends with its stream or its pipe ends without a word."""
    with suppress(ConnectionError, EOFError, OSError):
        await work
