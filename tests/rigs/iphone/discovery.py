"""Remote service discovery: the list of what listens in a tunnel, and those services themselves."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.rigs.iphone import images, relays
from tests.rigs.iphone.coredevice import FEATURES, app_service, stdio_socket
from tests.rigs.iphone.dtx import gently
from tests.rigs.iphone.instruments import remote_server
from tests.rigs.iphone.lockdownd import Conversation
from tests.rigs.iphone.phone import Phone, Serving, developing
from tests.rigs.iphone.remotexpc import RemoteXpc
from tests.rigs.iphone.wire import Gone, Wire
from tests.rigs.iphone.xpc import Unsigned

RSD_PORT = 58783
FIRST_PORT = 49301
SHIM = ".shim.remote"
FLAGS = 0x0100000000000006


@dataclass(frozen=True)
class Remote:
    """A service in the tunnel."""

    name: str
    serve: Serving
    developer: bool = False
    xpc: bool = False
    features: tuple[str, ...] = ()

    @property
    def fault_name(self) -> str:
        """Faults of a service hold for its shim in the tunnel too."""
        return self.name.removesuffix(SHIM)

    def there(self, phone: Phone) -> bool:
        return not self.developer or developing(phone)


def checked_in(serving: Serving) -> Serving:
    """A lockdown service in the tunnel: it is asked in, and told that it has been started."""

    async def serve(phone: Phone, wire: Wire) -> None:
        asked = await wire.receive()
        if asked.get("Request") != "RSDCheckin":
            raise Gone
        await wire.answer({"Request": "RSDCheckin"})
        if phone.state.locked and "EscrowBag" not in asked and serving is not trusted_lockdown:
            await wire.answer({"Request": "StartService", "Error": "PasswordProtected"})
            raise Gone
        await wire.answer({"Request": "StartService"})
        await serving(phone, wire)

    return serve


async def trusted_lockdown(phone: Phone, wire: Wire) -> None:
    """lockdownd for a host that the tunnel has proved: every value, without a session."""
    await Conversation(phone, wire, {}, trusted=True).run()


SHIMS: Mapping[str, Serving] = MappingProxyType(
    {
        "com.apple.mobile.diagnostics_relay": relays.diagnostics,
        "com.apple.mobile.heartbeat": relays.heartbeat,
        "com.apple.mobile.notification_proxy": relays.notifications,
        "com.apple.mobile.insecure_notification_proxy": relays.notifications,
        "com.apple.syslog_relay": relays.syslog,
        "com.apple.os_trace_relay": images.os_trace,
        "com.apple.mobile.mobile_image_mounter": images.image_mounter,
        "com.apple.mobile.installation_proxy": images.installation,
        "com.apple.amfi.lockdown": images.amfi,
    }
)


async def notifications(phone: Phone, wire: Wire) -> None:
    """com.apple.mobile.notification_proxy.remote: the proxy over RemoteXPC; the states of notifications since iOS 27.2."""
    connection = RemoteXpc(wire)
    await connection.greet()
    names: set[str] = set()
    tasks: set[asyncio.Task[None]] = set()

    def posted(name: str) -> None:
        if name in names:
            task = asyncio.create_task(gently(connection.push(relays.relay(phone, name))))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    phone.observers.add(posted)
    try:
        while True:
            message = await connection.receive()
            command, name = message.value.get("Command"), str(message.value.get("Name"))
            if command == "ObserveNotification":
                names.add(name)
            elif command == "PostNotification":
                phone.notify(name)
            elif command == "GetNotificationState" and phone.version >= relays.STATES_SINCE:
                told = {"Status": Unsigned(0), "State": phone.notified.get(name, 0)}
                await connection.reply(message, {"Command": "RelayNotificationState", "Name": name, **told})
    finally:
        phone.observers.discard(posted)


async def discovery(phone: Phone, wire: Wire) -> None:
    """The handshake of both ends, and then nothing but the connection's being open."""
    connection = RemoteXpc(wire)
    await connection.greet()
    while True:
        message = await connection.receive()
        if message.value.get("MessageType") == "Handshake":
            await connection.push(introduction(phone))


SERVICES = (
    Remote("com.apple.mobile.lockdown.remote.trusted", checked_in(trusted_lockdown)),
    *(Remote(name + SHIM, checked_in(serving)) for name, serving in SHIMS.items()),
    Remote("com.apple.mobile.notification_proxy.remote", notifications, xpc=True),
    Remote("com.apple.instruments.dtservicehub", remote_server, developer=True),
    Remote("com.apple.coredevice.openstdiosocket", stdio_socket, developer=True),
    Remote("com.apple.coredevice.appservice", app_service, developer=True, xpc=True, features=FEATURES),
)


def listeners() -> dict[int, Remote]:
    """By port, the discovery among them."""
    found = {FIRST_PORT + number: service for number, service in enumerate(SERVICES)}
    found[RSD_PORT] = Remote("rsd", discovery, xpc=True)
    return found


def introduction(phone: Phone) -> dict[str, Any]:
    """Who the phone is, and the services that are there now."""
    told = phone.values()
    names = ("BuildVersion", "DeviceClass", "HardwareModel", "ProductName", "ProductType", "SerialNumber")
    return {
        "MessageType": "Handshake",
        "MessagingProtocolVersion": Unsigned(7),
        "UUID": uuid.uuid5(uuid.NAMESPACE_DNS, phone.udid),
        "Properties": {
            **{name: told[name] for name in names},
            "OSVersion": told["ProductVersion"],
            "UniqueDeviceID": phone.udid,
            "UniqueChipID": Unsigned(told["UniqueChipID"]),
            "RemoteXPCVersionFlags": Unsigned(FLAGS),
            "SensitivePropertiesVisible": True,
        },
        "Services": {
            service.name: advertised(port, service)
            for port, service in listeners().items()
            if port != RSD_PORT and service.there(phone)
        },
    }


def advertised(port: int, service: Remote) -> dict[str, Any]:
    properties: dict[str, Any] = {"ServiceVersion": Unsigned(1), "UsesRemoteXPC": service.xpc}
    if service.features:
        properties["Features"] = list(service.features)
    return {
        "Entitlement": "com.apple.mobile.lockdown.remote.trusted",
        "Port": str(port),
        "Properties": properties,
    }
