"""CoreDevice's services, iOS 17 and later: launching with a socket for stdin, stdout and stderr, processes, signals."""

import asyncio
import uuid
from typing import Any

from tests.rigs.iphone.apps import Running
from tests.rigs.iphone.dtx import Failed, gently
from tests.rigs.iphone.instruments import path_of, refuse_launch
from tests.rigs.iphone.phone import Phone
from tests.rigs.iphone.remotexpc import RemoteXpc
from tests.rigs.iphone.wire import Gone, Wire
from tests.rigs.iphone.xpc import Wrapped

FEATURE = "com.apple.coredevice.feature."
FEATURES = tuple(
    FEATURE + name
    for name in (
        "launchapplication",
        "listprocesses",
        "listapps",
        "sendsignaltoprocess",
        "monitorprocesstermination",
    )
)


async def stdio_socket(phone: Phone, wire: Wire) -> None:
    """com.apple.coredevice.openstdiosocket: a name for it, then what the process that was launched with it prints."""
    name = uuid.uuid4()
    ended = asyncio.Event()
    phone.sockets[name] = (wire, ended)
    try:
        if wire.fault() == "silent":
            await wire.swallow()
        await wire.send(name.bytes)
        gone = asyncio.ensure_future(gently(wire.swallow()))
        done = asyncio.ensure_future(ended.wait())
        await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        done.cancel()
    finally:
        phone.sockets.pop(name, None)


async def app_service(phone: Phone, wire: Wire) -> None:
    """com.apple.coredevice.appservice."""
    connection = RemoteXpc(wire)
    await connection.greet()
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            message = await connection.receive()
            task = asyncio.create_task(invoked(phone, connection, message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()


async def invoked(phone: Phone, connection: RemoteXpc, message: Wrapped) -> None:
    """Carry out one feature's call."""
    feature = str(message.value.get("CoreDevice.featureIdentifier", "")).removeprefix(FEATURE)
    phone.asked.append(f"appservice {feature}")
    given = message.value.get("CoreDevice.input") or {}
    answer: dict[str, Any] = {}
    try:
        answer["CoreDevice.output"] = await carried_out(phone, feature, given)
    except Failed as failed:
        domain, code, sentence = failed.args
        told = {"NSLocalizedDescription": sentence}
        answer["CoreDevice.error"] = {"domain": domain, "code": code, "userInfo": told}
    except (KeyError, ValueError, TypeError, AttributeError) as bad:
        told = {"NSLocalizedDescription": f"The request could not be decoded: {bad!r}"}
        answer["CoreDevice.error"] = {"domain": "com.apple.dt.CoreDeviceError", "code": 1, "userInfo": told}
    try:
        await connection.reply(message, answer)
    except Gone:
        return


async def carried_out(phone: Phone, feature: str, given: dict[str, Any]) -> Any:
    running = phone.processes.running
    if feature == "launchapplication":
        return launched(phone, given)
    if feature == "listprocesses":
        return {"processTokens": [token(one) for one in running.values()]}
    if feature == "listapps":
        return [
            {"bundleIdentifier": app.bundle, "name": app.name, "isRemovable": True}
            for app in phone.processes.installed.values()
        ]
    if feature == "sendsignaltoprocess":
        return signalled(phone, int(given["process"]["processIdentifier"]), int(given["signal"]))
    if feature == "monitorprocesstermination":
        process = running.get(int(given["processToken"]["processIdentifier"]))
        if process is None:
            raise Failed("com.apple.dt.CoreDeviceError", 3, "The process is not running.")
        return await terminated(process)
    raise Failed("com.apple.dt.CoreDeviceError", 1001, f"There is no feature {feature}.")


def token(process: Running) -> dict[str, Any]:
    return {
        "processIdentifier": process.pid,
        "executableURL": {"relative": f"file://{path_of(process)}"},
    }


def launched(phone: Phone, given: dict[str, Any]) -> dict[str, Any]:
    bundle = str(given["applicationSpecifier"]["bundleIdentifier"]["_0"])
    options = given["options"]
    refuse_launch(phone, bundle)
    there = phone.processes.of(bundle)
    if there is not None and options.get("terminateExisting"):
        phone.processes.end(there)
    process = phone.processes.launch(
        bundle,
        [str(one) for one in options.get("arguments", [])],
        {str(key): str(value) for key, value in options.get("environmentVariables", {}).items()},
        suspended=bool(options.get("startStopped")),
    )
    name = given.get("standardIOIdentifiers", {}).get("standardOutput")
    if name is not None:
        attach(phone, process, name)
    return {"processToken": token(process)}


def attach(phone: Phone, process: Running, name: uuid.UUID) -> None:
    """Its output goes to that socket, through a terminal: lines end in CR LF."""
    wire, ended = phone.sockets[name]

    async def output(text: str) -> None:
        try:
            await wire.send(text.replace("\n", "\r\n").encode())
        except Gone:
            process.outputs.discard(output)

    process.outputs.add(output)
    process.ended.add(lambda _code, _signal: ended.set())


def signalled(phone: Phone, pid: int, number: int) -> dict[str, Any]:
    process = phone.processes.running.get(pid)
    if process is None:
        raise Failed("NSPOSIXErrorDomain", 3, "No such process")
    if process.app is None:
        raise Failed("NSPOSIXErrorDomain", 1, "Operation not permitted")
    if number in {2, 3, 6, 9, 15}:
        phone.processes.kill(process)
    return {"process": token(process)}


async def terminated(process: Running) -> dict[str, Any]:
    over: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()

    def told(code: int, signal: int) -> None:
        if not over.done():
            over.set_result((code, signal))

    process.ended.add(told)
    code, signal = await over
    return {"exitStatus": {"code": code, "signal": signal}, "processToken": token(process)}
