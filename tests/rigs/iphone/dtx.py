"""DTX from the device's end: channels, messages in fragments, answers and pushes.

A message the host began keeps its channel's number in the answer; one that the device begins bears it negated.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.rigs.iphone.archiving import archive, error, unarchive
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.wire import Gone, Wire

FRAGMENT = struct.Struct("<IIHHIIIiI")
MAGIC = 0x1F3D5B79
PAYLOAD = struct.Struct("<BBBBIII")
OK, DATA, DISPATCH, OBJECT, ERROR, BARRIER = 0, 1, 2, 3, 4, 5
BIGGEST = 128 * 1024
"""Of one fragment's body."""


@dataclass(frozen=True)
class Message:
    """One that the host began."""

    kind: int
    number: int
    channel: int
    selector: str
    arguments: list[Any]
    wants_answer: bool


class Unknown(Exception):
    """A selector that a service does not respond to."""


class Failed(Exception):
    """What a service answers with an NSError: domain, code, sentence."""


class Instrument(Protocol):
    """A service behind a channel."""

    async def call(self, selector: str, arguments: list[Any]) -> Any:
        """Its answer; Unknown for what it does not know, Failed for what it refuses."""
        ...

    def end(self) -> None:
        """The channel or the connection has ended."""
        ...


Opening = Callable[[Phone, "Channel"], Instrument]


class Channel:
    """A service's way to push."""

    def __init__(self, connection: "Connection", code: int, name: str) -> None:
        self.connection = connection
        self.code = code
        self.name = name

    async def push(self, value: Any) -> None:
        """An object that was not asked for."""
        await self.push_archived(archive(value))

    async def push_archived(self, archived: bytes) -> None:
        await self.connection.send(OBJECT, -self.code, archived)

    async def dispatch(self, selector: str, *arguments: Any) -> None:
        """A call of the host, without an answer."""
        await self.connection.send(DISPATCH, -self.code, archive(selector), packed(arguments))


@dataclass
class Buffered:
    """A message of which not all fragments have come."""

    count: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class Connection:
    """One connection of a host to the instruments server."""

    def __init__(self, phone: Phone, wire: Wire, services: Mapping[str, Opening], capabilities: Any) -> None:
        self.phone = phone
        self.wire = wire
        self.services = services
        self.capabilities = capabilities
        self.channels: dict[int, tuple[Channel, Instrument]] = {}
        self.lock = asyncio.Lock()
        self.buffered: dict[int, Buffered] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.numbers = 0

    async def run(self) -> None:
        try:
            await self.send(
                DISPATCH, 0, archive("_notifyOfPublishedCapabilities:"), packed([self.capabilities])
            )
            while True:
                message = await self.receive()
                if message is not None:
                    await self.take(message)
        finally:
            for task in self.tasks:
                task.cancel()
            for _, instrument in self.channels.values():
                instrument.end()

    async def receive(self) -> Message | None:
        """A message, when the fragment that has come was its last."""
        head = FRAGMENT.unpack(await self.wire.read(FRAGMENT.size))
        magic, size, index, count, length, number, conversation, channel, flags = head
        if magic != MAGIC or size < FRAGMENT.size or length > 64 << 20 or index >= count:
            raise Gone
        await self.wire.read(size - FRAGMENT.size)
        if count > 1:
            if index == 0:
                self.buffered[number] = Buffered(count)
                return None
            kept = self.buffered[number]
            kept.pieces[index] = await self.wire.read(length)
            if len(kept.pieces) < count - 1:
                return None
            body = b"".join(piece for _, piece in sorted(self.buffered.pop(number).pieces.items()))
        else:
            body = await self.wire.read(length)
        return parsed(body, number, channel, answer=bool(flags & 1)) if conversation == 0 else None

    async def take(self, message: Message) -> None:
        """In order on the control channel; a service's calls beside each other."""
        if message.channel == 0:
            await self.control(message)
            return
        task = asyncio.create_task(self.serve(message))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def control(self, message: Message) -> None:
        if message.selector == "_requestChannelWithCode:identifier:":
            code, name = int(message.arguments[0]), str(message.arguments[1])
            self.phone.asked.append(name)
            if name not in self.services or self.phone.fault(name) == "refuse":
                await self.send(DISPATCH, 0, archive("_channelCanceled:"), packed([Int32(-code)]))
                return
            channel = Channel(self, code, name)
            self.channels[code] = (channel, self.services[name](self.phone, channel))
        elif message.selector == "_channelCanceled:":
            _, instrument = self.channels.pop(int(message.arguments[0]), (None, None))
            if instrument is not None:
                instrument.end()
        if message.wants_answer:
            await self.reply(message, OK)

    async def serve(self, message: Message) -> None:
        kind, body = OK, b""
        try:
            kind, body = await self.called(message)
        except Unknown:
            sentence = f"Unable to invoke '{message.selector}' - it does not respond to the selector"
            kind, body = ERROR, archive(error("DTXMessage", 1, sentence))
        except Failed as failed:
            kind, body = ERROR, archive(error(*failed.args))
        except Gone:
            return
        if message.wants_answer:
            await gently(self.reply(message, kind, body))

    async def called(self, message: Message) -> tuple[int, bytes]:
        found = self.channels.get(message.channel)
        if found is None:
            raise Failed("DTXMessage", 1, f"There is no channel {message.channel}")
        channel, instrument = found
        if self.phone.fault(channel.name) == "silent":
            raise Gone
        value = await instrument.call(message.selector, message.arguments)
        return (OK, b"") if value is None else (OBJECT, archive(value))

    async def reply(self, message: Message, kind: int, body: bytes = b"") -> None:
        await self.send(kind, message.channel, body, number=message.number, conversation=1)

    async def send(
        self,
        kind: int,
        channel: int,
        body: bytes,
        extra: bytes = b"",
        *,
        number: int = 0,
        conversation: int = 0,
    ) -> None:
        """A message, in as many fragments as it takes."""
        async with self.lock:
            if not number:
                self.numbers += 1
                number = self.numbers
            whole = PAYLOAD.pack(kind, 0, 0, 0, len(extra), len(extra) + len(body), 0) + extra + body
            pieces = [whole[at : at + BIGGEST] for at in range(0, len(whole), BIGGEST)]
            count = 1 if len(pieces) == 1 else len(pieces) + 1
            out = b""
            if count > 1:
                out = FRAGMENT.pack(MAGIC, 32, 0, count, len(whole), number, conversation, channel, 0)
            for index, piece in enumerate(pieces, start=int(count > 1)):
                head = FRAGMENT.pack(MAGIC, 32, index, count, len(piece), number, conversation, channel, 0)
                out += head + piece
            await self.faulty(out)

    async def faulty(self, out: bytes) -> None:
        kind = self.wire.fault()
        if kind == "silent":
            return
        if kind == "half":
            await self.wire.send(out[: len(out) // 2])
        if kind in {"half", "close"}:
            self.wire.end()
            raise Gone
        await self.wire.send(bytes(255 - byte for byte in out) if kind == "garbage" else out)


async def gently(work: Awaitable[None]) -> None:
    """Work whose connection may end meanwhile."""
    with suppress(Gone):
        await work


class Int32(int):
    """A number that goes as a plain 32-bit one, not archived."""


class Int64(int):
    """A number that goes as a plain 64-bit one."""


def packed(arguments: Any) -> bytes:
    """Arguments of a call: a dictionary whose keys are all null."""
    out = b""
    for one in arguments:
        out += struct.pack("<I", 10)
        if isinstance(one, Int32):
            out += struct.pack("<Ii", 3, one)
        elif isinstance(one, Int64):
            out += struct.pack("<Iq", 6, one)
        else:
            body = archive(one)
            out += struct.pack("<II", 2, len(body)) + body
    return struct.pack("<QQ", 0x1F0, len(out)) + out


def unpacked(data: bytes) -> list[Any]:
    """The arguments in there; ValueError for what is none."""
    if not data:
        return []
    found: list[Any] = []
    at = 16
    try:
        while at < len(data):
            value, at = primitive(data, at)
            if value is not KEY:
                found.append(value)
    except struct.error as bad:
        raise ValueError(str(bad)) from None
    return found


KEY = object()


def primitive(data: bytes, at: int) -> tuple[Any, int]:
    """One value of the wire's own types; where the next one begins."""
    (kind,) = struct.unpack_from("<I", data, at)
    kind, at = kind & 0xFF, at + 4
    if kind == 10:
        return KEY, at
    if kind in {1, 2}:
        (size,) = struct.unpack_from("<I", data, at)
        body = data[at + 4 : at + 4 + size]
        if kind == 1:
            return body.decode(), at + 4 + size
        return (unarchive(body) if body else None), at + 4 + size
    form = {3: "<i", 6: "<q", 9: "<d"}.get(kind)
    if form is None:
        raise ValueError(f"a value of type {kind}")
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def parsed(body: bytes, number: int, channel: int, *, answer: bool) -> Message:
    """A whole message; Gone for what is none, as the real one hangs up."""
    try:
        kind, _, _, _, extra, total, _ = PAYLOAD.unpack_from(body)
        if total != len(body) - PAYLOAD.size:
            raise Gone
        rest = body[PAYLOAD.size :]
        selector = unarchive(rest[extra:]) if rest[extra:] else ""
        arguments = unpacked(rest[:extra])
    except (struct.error, ValueError):
        raise Gone from None
    return Message(kind, number, channel, str(selector), arguments, answer)
