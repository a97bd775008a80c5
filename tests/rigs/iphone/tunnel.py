"""CoreDeviceProxy, iOS 17.4 and later: a tunnel for IPv6 packets through lockdown, and what listens at its end."""

import asyncio
import ipaddress
import json
from typing import Any

from tests.rigs.iphone.discovery import RSD_PORT, listeners
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.tcp6 import IPV6, Stack, Stream
from tests.rigs.iphone.wire import Gone, Wire

MAGIC = b"CDTunnel"
MTU = 16000


async def core_device_proxy(phone: Phone, wire: Wire) -> None:
    """com.apple.internal.devicecompute.CoreDeviceProxy: a handshake in JSON, then packets without anything between them."""
    if await wire.read(len(MAGIC)) != MAGIC:
        raise Gone
    asked = json.loads(await wire.read(int.from_bytes(await wire.read(2), "big")))
    if asked.get("type") != "clientHandshakeRequest" or wire.fault() in {"close", "half"}:
        raise Gone
    net = ipaddress.IPv6Address(0xFD << 120 | phone.number << 80 | 0x5EED << 64)
    mtu = min(int(asked.get("mtu", MTU)), MTU)
    if wire.fault() == "silent":
        await wire.swallow()
    answer = {
        "type": "serverHandshakeResponse",
        "clientParameters": {"address": str(net + 2), "netmask": "ffff:ffff:ffff:ffff::", "mtu": mtu},
        "serverAddress": str(net + 1),
        "serverRSDPort": RSD_PORT,
    }
    body = json.dumps(answer).encode()
    await wire.send(
        (MAGIC if wire.fault() != "garbage" else b"GDTunnel") + len(body).to_bytes(2, "big") + body
    )
    await Tunnel(phone, wire, str(net + 1), mtu).run()


class Tunnel:
    """One tunnel of a phone, and the connections in it."""

    def __init__(self, phone: Phone, wire: Wire, address: str, mtu: int) -> None:
        self.phone = phone
        self.wire = wire
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()
        self.listeners = listeners()
        self.stack = Stack(address, mtu, self.packets.put_nowait, self.accept)
        self.tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        self.keep(self.stack.remind())
        self.keep(self.outward())
        try:
            while True:
                head = await self.wire.read(IPV6.size)
                size = int.from_bytes(head[4:6], "big")
                self.stack.take(head + await self.wire.read(size))
        finally:
            self.stack.end()
            for task in list(self.tasks):
                task.cancel()

    def keep(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def outward(self) -> None:
        """Each packet in a write of its own."""
        try:
            while True:
                await self.wire.send(await self.packets.get())
        except Gone:
            self.wire.end()

    def accept(self, port: int, stream: Stream) -> bool:
        found = self.listeners.get(port)
        if found is None or not found.there(self.phone):
            return False
        wire = Wire(stream.reader, stream)
        self.keep(self.phone.serve(found.fault_name, found.serve, wire))
        return True
