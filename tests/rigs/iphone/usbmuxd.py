"""usbmuxd: who is on the cable, who comes and goes, pair records, and connections to a port of a phone."""

import asyncio
import plistlib
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tests.rigs.iphone.phone import LOCKDOWN_PORT, Phone
from tests.rigs.iphone.serving import converse
from tests.rigs.iphone.trusting import BUID
from tests.rigs.iphone.wire import Gone, Wire

HEADER = struct.Struct("<IIII")
OK, BAD_COMMAND, BAD_DEVICE, REFUSED, BAD_VERSION = 0, 1, 2, 3, 6
NO_SUCH_FILE = 2
PLIST = 8


class Usbmuxd:
    """The daemon: its socket, its phones (those attached have a number), its records."""

    def __init__(self) -> None:
        self.phones: dict[str, Phone] = {}
        self.attached: dict[int, Phone] = {}
        self.airborne: set[int] = set()
        """Numbers by which phones are reached over Wi-Fi; a phone may have one of these and one of its cable."""
        self.records: dict[str, bytes] = {}
        self.listeners: set[Client] = set()
        self.clients: set[Client] = set()
        self.fault = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._numbers = 0

    async def start(self) -> int:
        """Listen on the port of last time, or a new one; its number."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def stop(self) -> None:
        """Gone, with every connection through it."""
        if self._server is not None:
            self._server.close()
        for client in list(self.clients):
            client.wire.end()

    def keep(self, udid: str, record: dict[str, Any]) -> None:
        """As SavePairRecord does."""
        self.records[udid] = plistlib.dumps(record)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, Wire(reader, writer))
        self.clients.add(client)
        try:
            await client.serve()
        except Gone:
            pass
        finally:
            self.clients.discard(client)
            self.listeners.discard(client)
            client.wire.end()

    def number_of(self, phone: Phone, *, air: bool = False) -> int | None:
        numbers = [number for number, one in self.attached.items() if one is phone]
        return next((number for number in numbers if (number in self.airborne) == air), None)

    async def attach(self, phone: Phone, *, air: bool = False) -> None:
        if self.number_of(phone, air=air) is None:
            self._numbers += 1
            self.attached[self._numbers] = phone
            self.airborne |= {self._numbers} if air else set()
            await self.tell(self.described(self._numbers))

    async def detach(self, phone: Phone, *, air: bool = False) -> None:
        number = self.number_of(phone, air=air)
        if number is not None:
            del self.attached[number]
            self.airborne.discard(number)
            phone.cut(number)
            await self.tell({"MessageType": "Detached", "DeviceID": number})

    async def paired(self, phone: Phone) -> None:
        await self.tell({"MessageType": "Paired", "DeviceID": self.number_of(phone)})

    def described(self, number: int) -> dict[str, Any]:
        """A phone as it is listed and told of."""
        phone = self.attached[number]
        properties: dict[str, Any] = {"DeviceID": number, "SerialNumber": phone.udid}
        if number in self.airborne:
            properties |= {"ConnectionType": "Network", "NetworkAddress": bytes((16, 2)) + bytes(126)}
            properties |= {"EscapedFullServiceName": f"{phone.state.wifi}@fe80::1._apple-mobdev2._tcp.local."}
        else:
            properties |= {"ConnectionType": "USB", "ConnectionSpeed": 480_000_000, "ProductID": 0x12A8}
            properties["LocationID"] = 0x10000 + phone.number
        return {"MessageType": "Attached", "DeviceID": number, "Properties": properties}

    async def tell(self, message: dict[str, Any]) -> None:
        """To all that listen."""
        for client in list(self.listeners):
            with suppress(Gone):
                await client.answer(0, message)


class Client:
    """One connection to the daemon, until it becomes one to a phone."""

    def __init__(self, daemon: Usbmuxd, wire: Wire) -> None:
        self.daemon = daemon
        self.wire = wire

    async def serve(self) -> None:
        while True:
            size, version, kind, tag = HEADER.unpack(await self.wire.read(HEADER.size))
            body = await self.wire.read(min(max(0, size - HEADER.size), 1 << 20))
            if version != 1 or kind != PLIST:
                await self.wire.send(HEADER.pack(20, 0, 1, tag) + struct.pack("<I", BAD_VERSION))
                continue
            try:
                asked = plistlib.loads(body)
            except (plistlib.InvalidFileException, ValueError):
                raise Gone from None
            if await self.respond(tag, asked):
                return

    async def respond(self, tag: int, asked: dict[str, Any]) -> bool:
        """Answer a request; True when the connection is used up."""
        kind = asked.get("MessageType")
        if kind == "Connect":
            return await self.connect(tag, asked)
        respond = {
            "ReadBUID": self.buid,
            "ListDevices": self.devices,
            "ListListeners": self.listening,
            "Listen": self.listen,
            "ReadPairRecord": self.read_record,
            "SavePairRecord": self.save_record,
            "DeletePairRecord": self.delete_record,
        }.get(str(kind))
        await (respond(tag, asked) if respond else self.result(tag, BAD_COMMAND))
        return False

    async def answer(self, tag: int, message: dict[str, Any]) -> None:
        body = plistlib.dumps(message)
        whole = HEADER.pack(HEADER.size + len(body), 1, PLIST, tag) + body
        if self.daemon.fault == "silent":
            return
        if self.daemon.fault == "half":
            await self.wire.send(whole[: len(whole) // 2])
            raise Gone
        if self.daemon.fault == "garbage":
            whole = HEADER.pack(HEADER.size + len(body), 1, PLIST, tag) + bytes(255 - byte for byte in body)
        await self.wire.send(whole)

    async def result(self, tag: int, number: int) -> None:
        await self.answer(tag, {"MessageType": "Result", "Number": number})

    async def buid(self, tag: int, _: dict[str, Any]) -> None:
        await self.answer(tag, {"BUID": BUID})

    async def devices(self, tag: int, _: dict[str, Any]) -> None:
        found = [self.daemon.described(number) for number in self.daemon.attached]
        await self.answer(tag, {"DeviceList": found})

    async def listening(self, tag: int, _: dict[str, Any]) -> None:
        await self.answer(tag, {"ListenerList": []})

    async def listen(self, tag: int, _: dict[str, Any]) -> None:
        await self.result(tag, OK)
        self.daemon.listeners.add(self)
        for number in list(self.daemon.attached):
            await self.answer(0, self.daemon.described(number))

    async def read_record(self, tag: int, asked: dict[str, Any]) -> None:
        record = self.daemon.records.get(str(asked.get("PairRecordID")))
        if record is None:
            await self.result(tag, NO_SUCH_FILE)
        else:
            await self.answer(tag, {"PairRecordData": record})

    async def save_record(self, tag: int, asked: dict[str, Any]) -> None:
        self.daemon.records[str(asked["PairRecordID"])] = asked["PairRecordData"]
        await self.result(tag, OK)
        phone = self.daemon.attached.get(int(asked.get("DeviceID", 0)))
        if phone is not None:
            await self.daemon.paired(phone)

    async def delete_record(self, tag: int, asked: dict[str, Any]) -> None:
        found = self.daemon.records.pop(str(asked.get("PairRecordID")), None)
        await self.result(tag, OK if found is not None else NO_SUCH_FILE)

    async def connect(self, tag: int, asked: dict[str, Any]) -> bool:
        """To a port of a phone, which is told in network order; the connection is that one from here on."""
        phone = self.daemon.attached.get(int(asked.get("DeviceID", 0)))
        if phone is None:
            await self.result(tag, BAD_DEVICE)
            return False
        port = int(asked.get("PortNumber", 0))
        port = (port & 0xFF) << 8 | port >> 8
        serve = await open_port(phone, port)
        if serve is None:
            await self.result(tag, REFUSED)
            return False
        self.wire.number = int(asked["DeviceID"])
        self.wire.hold()
        await self.result(tag, OK)
        await serve(self.wire)
        return True


async def open_port(phone: Phone, port: int) -> Callable[[Wire], Awaitable[None]] | None:
    """What serves a connection to that port; None when nobody listens there."""
    if port == LOCKDOWN_PORT:
        return lambda wire: phone.serve("lockdownd", converse, wire)
    if port in phone.waiting:
        name, serving = phone.waiting.pop(port)
        return lambda wire: phone.serve(name, serving, wire)
    local = phone.listening(port)
    if local is None:
        return None
    try:
        there, back = await asyncio.open_connection("127.0.0.1", local)
    except OSError:
        return None
    return lambda wire: phone.serve(f"port {port}", lambda _, one: bridge(one, there, back), wire)


async def bridge(wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes to and fro, until both ways have ended or one of them breaks."""

    async def inward() -> None:
        with suppress(Gone):
            while True:
                writer.write(await wire.read_some())
                await writer.drain()
        with suppress(OSError):
            writer.write_eof()

    wire.release()
    task = asyncio.create_task(inward())
    try:
        while data := await reader.read(65536):
            await wire.send(data)
    except OSError:
        pass
    finally:
        task.cancel()
        writer.close()
