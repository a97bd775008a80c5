"""TCP over IPv6 packets, as far as the phone's end of a tunnel needs it: it listens, the host connects.

The tunnel under it loses nothing and keeps the order, so a segment out of order is only answered, not kept; what is not
acknowledged for a while is sent again.
"""

import asyncio
import ipaddress
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

IPV6 = struct.Struct(">IHBB16s16s")
TCP = struct.Struct(">HHIIBBHHH")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SCALE = 7
WINDOW = 65535
PATIENCE_S = 0.6
ENOUGH = 256 * 1024
MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Segment:
    """What has come."""

    source: bytes
    port: int
    to: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    data: bytes


def parse(packet: bytes, ours: bytes) -> Segment | None:
    """The TCP segment in a packet for us; None for anything else."""
    if len(packet) < IPV6.size + TCP.size:
        return None
    first, size, following, _, source, target = IPV6.unpack_from(packet)
    if first >> 28 != 6 or following != 6 or target != ours or len(packet) != IPV6.size + size:
        return None
    body = packet[IPV6.size :]
    port, to, seq, ack, offset, flags, window, _, _ = TCP.unpack_from(body)
    head = (offset >> 4) * 4
    if head < TCP.size or head > len(body) or checksum(source, target, body):
        return None
    return Segment(source, port, to, seq, ack, flags, window, body[TCP.size : head], body[head:])


def checksum(source: bytes, target: bytes, body: bytes) -> int:
    """Over the pseudo-header and the segment: 0 for one that is right."""
    whole = source + target + struct.pack(">II", len(body), 6) + body + bytes(len(body) % 2)
    rest = int.from_bytes(whole, "big") % 0xFFFF
    return ~(rest or 0xFFFF) & 0xFFFF


def options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at]:
        if data[at] == 1:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2:
            break
        found[data[at]] = data[at + 2 : at + size]
        at += size
    return found


class Stack:
    """All connections of one tunnel."""

    def __init__(
        self, address: str, mtu: int, send: Callable[[bytes], None], accept: Callable[[int, "Stream"], bool]
    ) -> None:
        self.address = ipaddress.IPv6Address(address).packed
        self.mtu = mtu
        self.send = send
        self.accept = accept
        """Asked with the port and a stream; False where nobody listens."""
        self.streams: dict[tuple[bytes, int, int], Stream] = {}

    def take(self, packet: bytes) -> None:
        """A packet of the host."""
        segment = parse(packet, self.address)
        if segment is None:
            return
        key = (segment.source, segment.port, segment.to)
        stream = self.streams.get(key)
        if stream is not None:
            stream.take(segment)
        elif segment.flags & SYN and not segment.flags & ACK:
            self.open(key, segment)
        elif not segment.flags & RST:
            self.refuse(segment)

    def open(self, key: tuple[bytes, int, int], segment: Segment) -> None:
        stream = Stream(self, key, segment)
        if self.accept(segment.to, stream):
            self.streams[key] = stream
            stream.greet()
        else:
            self.refuse(segment)

    def refuse(self, segment: Segment) -> None:
        got = (segment.seq + len(segment.data) + bool(segment.flags & SYN)) & MASK
        key = (segment.source, segment.port, segment.to)
        self.emit(key, segment.ack if segment.flags & ACK else 0, got, RST | ACK)

    def emit(
        self,
        key: tuple[bytes, int, int],
        seq: int,
        ack: int,
        flags: int,
        data: bytes = b"",
        extra: bytes = b"",
    ) -> None:
        """Send a segment to that host."""
        there, port, here = key
        offset = (TCP.size + len(extra)) // 4 << 4
        window = WINDOW if not flags & RST else 0
        body = TCP.pack(here, port, seq & MASK, ack & MASK, offset, flags, window, 0, 0) + extra + data
        body = body[:16] + struct.pack(">H", checksum(self.address, there, body)) + body[18:]
        self.send(IPV6.pack(6 << 28, len(body), 6, 64, self.address, there) + body)

    async def remind(self) -> None:
        """Send again what was not acknowledged, for ever."""
        while True:
            await asyncio.sleep(PATIENCE_S / 2)
            for stream in list(self.streams.values()):
                stream.remind()

    def end(self) -> None:
        """The tunnel is gone."""
        for stream in list(self.streams.values()):
            stream.lose()


class Stream:
    """One connection: a writer, with a reader beside it."""

    def __init__(self, stack: Stack, key: tuple[bytes, int, int], opening: Segment) -> None:
        self.stack = stack
        self.key = key
        self.reader = asyncio.StreamReader(limit=1 << 22)
        told = options(opening.options)
        self.most = min(int.from_bytes(told.get(2, b"\x04\xc4"), "big"), stack.mtu - 60)
        self.scale = min(told[3][0], 14) if told.get(3) else None
        self.window = opening.window
        self.got = (opening.seq + 1) & MASK
        self.first = 0x10000000 | (time.monotonic_ns() & 0xFFFFFF)
        self.acked = self.sent = self.first
        """Acknowledged up to, and sent up to, in sequence numbers; ``kept`` begins at ``acked``."""
        self.kept = bytearray()
        self.ending = self.ended = self.lost = False
        self.heard = time.monotonic()
        self.moved = asyncio.Event()

    def greet(self) -> None:
        extra = struct.pack(">BBH", 2, 4, self.stack.mtu - 60)
        extra += b"" if self.scale is None else struct.pack(">BBBB", 1, 3, 3, SCALE)
        self.stack.emit(self.key, self.first, self.got, SYN | ACK, extra=extra)
        self.acked = self.sent = (self.first + 1) & MASK

    def write(self, data: bytes) -> None:
        if self.lost or self.ending:
            raise ConnectionResetError
        self.kept += data
        self.pump()

    async def drain(self) -> None:
        while len(self.kept) > ENOUGH and not self.lost:
            self.moved.clear()
            await self.moved.wait()
        if self.lost:
            raise ConnectionResetError

    def close(self) -> None:
        self.ending = True
        self.pump()

    def lose(self) -> None:
        """It is no more."""
        self.lost = True
        self.moved.set()
        self.reader.feed_eof()
        self.stack.streams.pop(self.key, None)

    def take(self, segment: Segment) -> None:
        if segment.flags & RST:
            self.lose()
            return
        if segment.flags & SYN:
            self.stack.emit(self.key, self.first, self.got, SYN | ACK)
            return
        self.acknowledge(segment)
        self.receive(segment)
        self.pump()
        if self.ended and self.reader.at_eof() and self.acked == self.sent:
            self.stack.streams.pop(self.key, None)

    def acknowledge(self, segment: Segment) -> None:
        self.window = segment.window << (self.scale or 0)
        moved = (segment.ack - self.acked) & MASK
        if 0 < moved <= (self.sent - self.acked) & MASK:
            del self.kept[:moved]
            self.acked = segment.ack
            self.heard = time.monotonic()
            self.moved.set()

    def receive(self, segment: Segment) -> None:
        ahead = (segment.seq - self.got) & MASK
        data = segment.data
        if ahead > 1 << 31:
            data = data[(-ahead) & MASK :]
            ahead = 0
        if ahead == 0 and data:
            self.reader.feed_data(data)
            self.got = (self.got + len(data)) & MASK
        end = (segment.seq + len(segment.data)) & MASK
        if segment.flags & FIN and end == self.got:
            self.got = (self.got + 1) & MASK
            self.reader.feed_eof()
        if segment.data or segment.flags & FIN:
            self.stack.emit(self.key, self.sent, self.got, ACK)

    def pump(self) -> None:
        """Send what the host's window lets through."""
        while not self.lost:
            out = (self.sent - self.acked) & MASK
            room = min(self.most, self.window - out, len(self.kept) - out)
            if room <= 0:
                break
            data = bytes(self.kept[out : out + room])
            if not out:
                self.heard = time.monotonic()
            self.stack.emit(self.key, self.sent, self.got, ACK | PSH, data)
            self.sent = (self.sent + room) & MASK
        if self.ending and not self.ended and (self.sent - self.acked) & MASK == len(self.kept):
            self.ended = True
            self.stack.emit(self.key, self.sent, self.got, FIN | ACK)
            self.sent = (self.sent + 1) & MASK

    def remind(self) -> None:
        if self.acked != self.sent and time.monotonic() - self.heard > PATIENCE_S:
            self.heard = time.monotonic()
            self.sent = self.acked
            self.ended = False
            self.pump()
