"""Services about what is on the phone: mounted images, installed apps, developer mode, the log in its binary form."""

import plistlib
import struct
from typing import Any

from tests.rigs.iphone.apps import App
from tests.rigs.iphone.logs import Entry
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.relays import entries
from tests.rigs.iphone.wire import Wire, framed

RECORD = struct.Struct("<9xIQ16x18xIIIxB6xQQ16sHHHIIII")
LEVEL_NOTICE = 0


async def image_mounter(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.mobile_image_mounter: looked up, not mounted."""
    while True:
        asked = await wire.receive()
        await wire.answer(mounting(phone, asked))


def mounting(phone: Phone, asked: dict[str, Any]) -> dict[str, Any]:
    kind = "Personalized" if phone.major >= 17 else "Developer"
    command, mounted = asked.get("Command"), phone.state.image_mounted
    if command == "CopyDevices":
        where = "/System/Developer" if phone.major >= 17 else "/Developer"
        entry = {"DiskImageType": kind, "IsMounted": True, "ImageSignature": b"\x5a" * 64, "MountPath": where}
        return {"EntryList": [entry] if mounted else [], "Status": "Complete"}
    if command == "LookupImage":
        there = mounted and asked.get("ImageType") == kind
        return {
            "ImagePresent": there,
            "ImageSignature": [b"\x5a" * 64] if there else [],
            "Status": "Complete",
        }
    if command == "QueryDeveloperModeStatus" and phone.major >= 16:
        return {"DeveloperModeStatus": phone.state.developer_mode, "Status": "Complete"}
    return {"Error": "UnknownCommand"}


async def installation(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.installation_proxy: Lookup and Browse."""
    while True:
        asked = await wire.receive()
        options = asked.get("ClientOptions", {})
        wanted = options.get("BundleIDs")
        found = {
            bundle: installed(app)
            for bundle, app in phone.processes.installed.items()
            if wanted is None or bundle in wanted
        }
        if asked.get("Command") == "Lookup":
            await wire.answer({"Status": "Complete", "LookupResult": found})
        elif asked.get("Command") == "Browse":
            listed = list(found.values())
            amount = {"CurrentIndex": 0, "CurrentAmount": len(listed), "Total": len(listed)}
            await wire.answer({"Status": "BrowsingApplications", "CurrentList": listed, **amount})
            await wire.answer({"Status": "Complete"})
        else:
            await wire.answer({"Error": "UnknownCommand", "ErrorDescription": "Unknown command"})


def installed(app: App) -> dict[str, Any]:
    return {
        "ApplicationType": "User",
        "CFBundleDisplayName": app.name,
        "CFBundleExecutable": app.name,
        "CFBundleIdentifier": app.bundle,
        "CFBundleName": app.name,
        "CFBundleShortVersionString": "1.0",
        "CFBundleVersion": "1",
        "Entitlements": {"get-task-allow": True},
        "Path": f"/private/var/containers/Bundle/Application/1A2B3C4D-0000-4000-8000-000000000001/{app.name}.app",
    }


async def amfi(phone: Phone, wire: Wire) -> None:
    """com.apple.amfi.lockdown: the switch in Settings is shown; it is turned on by hand alone."""
    asked = await wire.receive()
    if asked.get("action") == 0:
        await wire.answer({"success": True})
    else:
        await wire.answer({"Error": "Device has a passcode set"})


async def os_trace(phone: Phone, wire: Wire) -> None:
    """com.apple.os_trace_relay: the process list, and the log as records."""
    asked = await wire.receive()
    if asked.get("Request") == "PidList":
        names = {str(one.pid): {"ProcessName": one.name} for one in phone.processes.running.values()}
        await wire.send(b"\x01" + framed(plistlib.dumps({"Status": "RequestSuccessful", "Payload": names})))
        return
    if asked.get("Request") != "StartActivity":
        await wire.send(framed(plistlib.dumps({"Status": "RequestFailed"})))
        return
    agreed = plistlib.dumps({"Status": "RequestSuccessful"})
    with phone.logs.listening() as queue:
        if wire.fault() == "silent":
            await wire.swallow()
        await wire.send(struct.pack("<I", 4) + struct.pack("<I", len(agreed)) + agreed)
        pid = int(asked.get("Pid", -1))
        async for entry in entries(queue, wire):
            if pid in {-1, 0xFFFFFFFF, entry.pid}:
                body = record(entry)
                await wire.send(b"\x02" + struct.pack("<I", len(body)) + body)


def record(entry: Entry) -> bytes:
    """A line of the log as the relay codes it: a head, then names and the message, each with its NUL."""
    program, _, image = entry.process.partition("(")
    name = f"/private/var/{program}".encode() + b"\0"
    sender = f"/usr/lib/{image.rstrip(')') or program}".encode() + b"\0"
    message = entry.text.encode(errors="replace")[:60_000] + b"\0"
    seconds = int(entry.wall)
    micros = int((entry.wall - seconds) * 1e6)
    head = RECORD.pack(
        *(entry.pid, entry.pid, seconds, 0, micros, LEVEL_NOTICE),
        *(int(entry.wall * 24e6), entry.thread, bytes(16), len(sender), len(message), 0, 0x1000, 0, 0, 0),
    )
    return head + name + sender + message
