"""Services that pairing alone opens: diagnostics, the system log, notifications, the heartbeat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from tests.rigs.iphone.logs import Entry
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.wire import Gone, Wire

STATES_SINCE = (27, 2)


async def diagnostics(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.diagnostics_relay: the registry's battery, and as much as is asked of the rest."""
    while True:
        asked = await wire.receive()
        await wire.answer(diagnosed(phone, asked))
        if asked.get("Request") == "Goodbye":
            raise Gone


def diagnosed(phone: Phone, asked: dict[str, Any]) -> dict[str, Any]:
    request = asked.get("Request")
    if request == "IORegistry":
        found = registry(phone, asked)
        return {"Status": "Success", "Diagnostics": {"IORegistry": found} if found else {}}
    if request == "MobileGestalt":
        return gestalt(phone, [str(key) for key in asked.get("MobileGestaltKeys", [])])
    if request in {"All", "GasGauge"}:
        gauge = {
            "CycleCount": phone.battery.registry()["CycleCount"],
            "DesignCapacity": phone.battery.registry()["DesignCapacity"],
            "FullChargeCapacity": phone.battery.registry()["AppleRawMaxCapacity"],
            "Status": "Success",
        }
        return {"Status": "Success", "Diagnostics": {"GasGauge": gauge}}
    return {"Status": "Success" if request == "Goodbye" else "UnknownRequest"}


def registry(phone: Phone, asked: dict[str, Any]) -> dict[str, Any]:
    """An entry of the I/O registry by class or name; nothing for one that is not there."""
    if asked.get("EntryClass") in {"IOPMPowerSource", "AppleSmartBattery"}:
        return phone.battery.registry()
    if asked.get("EntryName") in {"AppleSmartBattery", "AppleARMPMUCharger"}:
        return phone.battery.registry()
    return {}


def gestalt(phone: Phone, keys: list[str]) -> dict[str, Any]:
    version = [int(part) for part in phone.state.ios.split(".") if part.isdecimal()]
    if version >= [17, 4]:
        told: dict[str, Any] = {"Status": "MobileGestaltDeprecated"}
    else:
        values = phone.values()
        told = {key: values[key] for key in keys if key in values} | {"Status": "Success"}
    return {"Status": "Success", "Diagnostics": {"MobileGestalt": told}}


async def syslog(phone: Phone, wire: Wire) -> None:
    """com.apple.syslog_relay: lines of the whole phone, from now on."""
    with phone.logs.listening() as queue:
        async for entry in entries(queue, wire):
            await faulty_line(wire, phone.logs.line(entry))


async def entries(queue: "asyncio.Queue[Entry]", wire: Wire) -> AsyncIterator[Entry]:
    """Of the log, until the other end has gone."""
    end = asyncio.ensure_future(wire.reader.read(1))
    try:
        while True:
            taken = asyncio.ensure_future(queue.get())
            await asyncio.wait({taken, end}, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                taken.cancel()
                return
            yield taken.result()
    finally:
        end.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await end


async def faulty_line(wire: Wire, line: bytes) -> None:
    kind = wire.fault()
    if kind == "silent":
        return
    if kind == "half":
        await wire.send(line[: len(line) // 2])
        wire.end()
        raise Gone
    if kind == "garbage":
        line = bytes(255 - byte for byte in line)
    if kind == "huge":
        line = b"x" * (8 << 20)
    await wire.send(line)


async def heartbeat(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.heartbeat: Marco, Polo. A host that does not answer loses this connection."""
    while True:
        interval = phone.state.marco_s
        await wire.answer({"Command": "Marco", "Interval": int(interval)})
        try:
            async with asyncio.timeout(interval):
                answer = await wire.receive()
        except TimeoutError:
            await wire.answer({"Command": "SleepyTime"})
            raise Gone from None
        if answer.get("Command") != "Polo":
            raise Gone
        await asyncio.sleep(interval)


async def notifications(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.notification_proxy: relays what was asked for, posts what it is told."""
    names: set[str] = set()
    posted: asyncio.Queue[str] = asyncio.Queue()
    phone.observers.add(posted.put_nowait)
    relay = asyncio.ensure_future(relayed(phone, wire, posted, names))
    try:
        while True:
            asked = await wire.receive()
            if asked.get("Command") == "ObserveNotification":
                names.add(str(asked.get("Name")))
            elif asked.get("Command") == "PostNotification":
                phone.notify(str(asked.get("Name")))
            elif asked.get("Command") == "Shutdown":
                await wire.answer({"Command": "ProxyDeath"})
                raise Gone
    finally:
        relay.cancel()
        phone.observers.discard(posted.put_nowait)


async def relayed(phone: Phone, wire: Wire, posted: "asyncio.Queue[str]", names: set[str]) -> None:
    with suppress(Gone):
        while True:
            name = await posted.get()
            if name in names:
                await wire.answer(relay(phone, name))


def relay(phone: Phone, name: str) -> dict[str, Any]:
    """A notification as it is passed on; with its state since iOS 27.2."""
    told: dict[str, Any] = {"Command": "RelayNotification", "Name": name}
    return {**told, "State": phone.notified.get(name, 0)} if phone.version >= STATES_SINCE else told
