"""A phone: what it is, what state it is in, whom it trusts, what runs on it, and every connection to it."""

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.rigs.iphone.apps import Processes, Running
from tests.rigs.iphone.logs import Logs
from tests.rigs.iphone.power import Battery
from tests.rigs.iphone.trusting import Host, device_public_key
from tests.rigs.iphone.wire import Gone, Wire

LOCKDOWN_PORT = 62078
PRESSURE = "com.apple.system.thermalpressurelevel"
LEVELS = (0, 10, 20, 30)
"""Nominal, light, moderate, heavy: the states of PRESSURE that go with the four thermal states."""
Serving = Callable[["Phone", Wire], Awaitable[None]]


@dataclass
class State:
    """What cues may ``set``: by these names, with JSON values of these types."""

    name: str = "iPhone"
    ios: str = "16.7.10"
    build: str = "20H350"
    product_type: str = "iPhone14,5"
    hardware_model: str = "D17AP"
    wifi: str = "a4:83:e7:00:00:01"
    locked: bool = False
    """The passcode is wanted: nothing new is paired, no service is started without the escrow bag."""
    unlocked_since_boot: bool = True
    """False: not even a session is given while it is locked."""
    trust: str = "given"
    """What the dialog says to a host that pairs: ``given``, ``pending``, ``refused``."""
    developer_mode: bool = True
    image_mounted: bool = True
    tunnel: bool = True
    """iOS 17.4 and later: whether CoreDeviceProxy is given."""
    thermal: int = 0
    """ProcessInfo.thermalState: nominal, fair, serious, critical. Told by apps alone."""
    log_hz: float = 0.0
    """Lines of other processes in the system log a second."""
    cpu: dict[str, float] = field(default_factory=dict)
    """CPU use by process name, in percent of one core; what is not named idles."""
    memory: dict[str, int] = field(default_factory=dict)
    """physFootprint by process name, bytes."""
    gpu: int = 37
    """Device Utilization %."""
    daemons: int = 0
    """Processes of the system beside the few that are always there: a real phone has 300 to 450."""
    marco_s: float = 10.0
    """Between two heartbeats; a host that misses one loses that connection."""


class Phone:
    """One phone on the cable. Ports are those of its own network."""

    def __init__(self, udid: str, number: int, **settings: Any) -> None:
        self.udid = udid
        self.number = number
        """Of its kind in this rig: parts of its identity follow from it."""
        self.state = State()
        self.battery = Battery()
        self.logs = Logs(lambda: self.state.name)
        self.processes = Processes(self.logs, lambda: self.state.thermal)
        self.processes.over = self.hang_up
        self.hosts: dict[str, Host] = {}
        self.faults: dict[str, str] = {}
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.wires: set[Wire] = set()
        self.waiting: dict[int, tuple[str, Serving]] = {}
        """Ports at which a started service waits for its one connection."""
        self.forwards: dict[int, int] = {}
        """Ports at which an app listens: the port of this computer that stands for it."""
        self.sockets: dict[uuid.UUID, tuple[Wire, asyncio.Event]] = {}
        """Of stdio, by the names that launches know them by; the event ends one."""
        self.observers: set[Callable[[str], None]] = set()
        self.notified: dict[str, int] = {}
        """State of notifications, by name."""
        self.asked: list[str] = []
        """Requests and services in the order they were asked for, for tests to look at."""
        self.chatter: asyncio.Task[None] | None = None
        self._ports = itertools.count(49152)
        self.change(settings)

    def change(self, settings: dict[str, Any]) -> None:
        """Set what State names, ``battery`` (registry values, merged), ``refresh_s``, ``sway``, ``unsigned``, and ``apps`` (to install)."""
        for name, value in settings.items():
            if name == "battery":
                self.battery.values.update(value)
            elif name in {"refresh_s", "sway", "unsigned"}:
                setattr(self.battery, name, value)
            elif name == "apps":
                for app in value:
                    self.processes.install(app)
            else:
                known = getattr(self.state, name)
                assert isinstance(value, type(known)) or isinstance(known, float), (name, value)
                setattr(self.state, name, value)
                if name == "thermal":
                    self.notified[PRESSURE] = LEVELS[value]
                    self.notify(PRESSURE)
        self.processes.keep_daemons(self.state.daemons)

    @property
    def major(self) -> int:
        """Of its iOS; 0 for a version that is none."""
        head = self.state.ios.partition(".")[0]
        return int(head) if head.isdecimal() else 0

    @property
    def version(self) -> tuple[int, ...]:
        """Of its iOS, as far as its parts are numbers."""
        return tuple(int(part) for part in self.state.ios.split(".") if part.isdecimal())

    def fault(self, service: str) -> str:
        """The fault that is on for a service, or for all."""
        return self.faults.get(service) or self.faults.get("*", "")

    def port_for(self, service: str, serving: Serving) -> int:
        """A new port that waits for one connection."""
        port = next(self._ports)
        self.waiting[port] = (service, serving)
        return port

    def wire(self, service: str, wire: Wire) -> Wire:
        """Count a connection as one of this phone's, for its faults and its end."""
        wire.name = service
        wire.fault = lambda: self.fault(service)
        wire.flowing = self.flowing
        self.wires.add(wire)
        return wire

    async def serve(self, service: str, serving: Serving, wire: Wire) -> None:
        """Serve a connection until either end goes."""
        self.asked.append(service)
        try:
            await serving(self, self.wire(service, wire))
        except Gone:
            pass
        finally:
            self.wires.discard(wire)
            wire.end()

    def cut(self, number: int) -> None:
        """Every connection under that number ends at once, as by pulling the cable."""
        for wire in [wire for wire in self.wires if wire.number == number]:
            wire.end()

    def listening(self, port: int) -> int | None:
        """The port of this computer that stands for one at which something listens."""
        apps = [one.app.listens for one in self.processes.running.values() if one.app is not None]
        found = [listens[str(port)] for listens in apps if str(port) in listens]
        return found[0] if found else self.forwards.get(port)

    def hang_up(self, process: Running) -> None:
        """An app's connections end with it."""
        ports = {f"port {port}" for port in process.app.listens} if process.app else set()
        for wire in [wire for wire in self.wires if wire.name in ports]:
            wire.end()

    def notify(self, name: str) -> None:
        """Post a Darwin notification."""
        for observer in list(self.observers):
            observer(name)

    async def chat(self) -> None:
        """What other processes write to the log, ``log_hz`` lines a second."""
        for number in itertools.count():
            hz = self.state.log_hz
            await asyncio.sleep(1 / hz if hz else 0.25)
            if hz:
                text = f"[{number}] Updating power state of 0x{number:08x}: 1 -> 0\nreason: idle"
                self.logs.write("backboardd(CoreBrightness)", 67, text)

    def values(self) -> dict[str, Any]:
        """What lockdownd tells a host it trusts, without a domain."""
        state = self.state
        return self.public_values() | {
            "ActivationState": "Activated",
            "ChipID": 0x8110,
            "BasebandVersion": "4.03.01",
            "BluetoothAddress": "a4:83:e7:00:01:01",
            "HardwarePlatform": "t8110",
            "InternationalMobileEquipmentIdentity": "356000000000000",
            "ModelNumber": "MLPF3",
            "PasswordProtected": state.locked,
            "ProductName": "iPhone OS",
            "RegionInfo": "LL/A",
            "SerialNumber": f"F2LW{self.number:08d}",
            "TimeZone": "Etc/UTC",
            "TrustedHostAttached": True,
            "UniqueChipID": 0x001A2B3C4D5E0000 + self.number,
        }

    def public_values(self) -> dict[str, Any]:
        """What it tells anybody on the cable."""
        state = self.state
        return {
            "BuildVersion": state.build,
            "CPUArchitecture": "arm64e",
            "DeviceClass": "iPhone",
            "DeviceColor": "1",
            "DeviceName": state.name,
            "DevicePublicKey": device_public_key(),
            "HardwareModel": state.hardware_model,
            "ProductType": state.product_type,
            "ProductVersion": state.ios,
            "ProtocolVersion": "2",
            "TelephonyCapability": True,
            "UniqueDeviceID": self.udid,
            "WiFiAddress": state.wifi,
        }


def developing(phone: Phone) -> bool:
    """The image is mounted, and from iOS 16 on developer mode is on."""
    return phone.state.image_mounted and (phone.state.developer_mode or phone.major < 16)
