"""What an adb server and a phone's shell service say, byte by byte. Pure: no I/O.

Sources: AOSP packages/modules/adb, SERVICES.TXT, OVERVIEW.TXT, shell_protocol.h.
"""

import re
import struct
from dataclasses import dataclass
from enum import IntEnum

from drivers.errors import DriverError, Garbled, LinkLost, NotSupported, Refused
from drivers.foreign import printable
from drivers.model import DeviceKind, Found

REQUEST_LIMIT = 0xFFFF
"""Bytes of one request to the server."""
PACKET_LIMIT = 64 << 20
"""Bytes of one packet of the shell service: a length above it is nonsense."""

_HEADER = struct.Struct("<BI")
_LINE = re.compile(r"(\(no serial number\)|\S+)\s+(no permissions.*?(?=\s+\w+:\S|$)|\S+)(.*)")
_FACT = re.compile(r"(\w+):(\S+)")


class Packet(IntEnum):
    """Kinds of packets of ``shell,v2``."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4


def header(kind: Packet, size: int) -> bytes:
    """What stands before a packet's payload of that many bytes."""
    return _HEADER.pack(kind, size)


def packet(kind: Packet, payload: bytes = b"") -> bytes:
    """One packet as it is sent."""
    return header(kind, len(payload)) + payload


class PacketReader:
    """Cuts the bytes of a ``shell,v2`` stream into packets. Output is given as it comes, a packet in several parts."""

    def __init__(self) -> None:
        self._held = b""
        self._kind = Packet.STDOUT
        self._missing = 0

    def feed(self, data: bytes) -> list[tuple[Packet, bytes]]:
        """Parts of output (never empty) and exit codes (one byte) in order. Raises Garbled."""
        if not (self._held or self._missing) and (whole := _whole(data)):
            return [whole]
        data = self._held + data
        parts: list[tuple[Packet, bytes]] = []
        at = 0
        while at < len(data):
            if not self._missing:
                if len(data) - at < _HEADER.size:
                    break
                self._begin(*_HEADER.unpack_from(data, at))
                at += _HEADER.size
                continue
            part = data[at : at + self._missing]
            at += len(part)
            self._missing -= len(part)
            parts.append((self._kind, part))
        self._held = data[at:]
        return parts

    @property
    def inside(self) -> bool:
        """Whether the stream may not end here: a packet is incomplete."""
        return bool(self._held or self._missing)

    def _begin(self, kind: int, length: int) -> None:
        if kind not in {Packet.STDOUT, Packet.STDERR, Packet.EXIT} or length > PACKET_LIMIT:
            raise Garbled(f"the phone's shell sent a packet of kind {kind} and {length} bytes")
        if kind == Packet.EXIT and length != 1:
            raise Garbled(f"the phone's shell sent an exit code of {length} bytes")
        self._kind, self._missing = Packet(kind), length


def _whole(data: bytes) -> tuple[Packet, bytes] | None:
    """The one whole packet of output that this is, as it mostly comes."""
    kind = _OUTPUT.get(data[:1])
    if kind is None or len(data) <= _HEADER.size or _HEADER.unpack_from(data)[1] != len(data) - _HEADER.size:
        return None
    return kind, data[_HEADER.size :]


_OUTPUT = {bytes([kind]): kind for kind in (Packet.STDOUT, Packet.STDERR)}


def request(service: str) -> bytes:
    """A request to the server. Raises NotSupported for one that is too long."""
    data = service.encode()
    if len(data) > REQUEST_LIMIT:
        raise NotSupported(
            f"a command of {len(data)} bytes is too long for adb", remedy=f"{REQUEST_LIMIT} bytes is the most"
        )
    return f"{len(data):04x}".encode() + data


def length(digits: bytes) -> int:
    """Four hexadecimal digits before a block of text. Raises Garbled."""
    try:
        return int(digits.decode("ascii"), 16)
    except ValueError:
        raise Garbled(f"the adb server sent {printable(repr(digits), 40)} for a length") from None


@dataclass(frozen=True, slots=True)
class Listed:
    """A device as the server lists it."""

    serial: str
    state: str
    """In adb's words: ``device`` when it can be used."""
    model: str = ""
    port: str = ""
    """Where it is plugged in: ``usb:1-2``; empty over the network."""

    @property
    def ready(self) -> bool:
        """Whether it can be opened."""
        return self.state == "device"


def listed(text: str) -> tuple[Listed, ...]:
    """The devices of ``devices-l``, ``track-devices-l`` or their short forms; lines that are none are passed over."""
    return tuple(
        _listed(match) for line in text.splitlines() if (match := _LINE.match(printable(line, 1000)))
    )


def _listed(match: re.Match[str]) -> Listed:
    facts = dict(_FACT.findall(match[3]))
    port = next((word for word in match[3].split() if word.startswith("usb:")), "")
    return Listed(match[1], match[2].strip(), facts.get("model", "").replace("_", " "), port)


_NEXT_STEPS = {
    "unauthorized": (
        "it does not trust this computer",
        "unlock it and allow USB debugging; no question? turn 'Revoke USB debugging authorisations' there once",
    ),
    "authorizing": ("it is asking whether to trust this computer", "unlock it and allow USB debugging"),
    "connecting": ("it is still connecting", "wait a moment"),
    "offline": (
        "adb sees it, but it does not answer",
        "unplug it and plug it in again, or toggle USB debugging",
    ),
    "detached": ("another program holds it", "end other programs that use it, then `adb attach` it"),
    "bootloader": ("it is in its boot loader", "start Android: `fastboot reboot`"),
    "recovery": ("it is in recovery mode", "choose 'Reboot system now' on it"),
    "rescue": ("it is in rescue mode", "restart it"),
    "sideload": ("it waits for an update", "restart it"),
    "host": ("it is an adb host, not a device", "unplug it"),
}
_ASKING = frozenset({"unauthorized", "authorizing"})
_PERMISSIONS = (
    "this user may not open its USB port",
    "install your distribution's android-sdk-platform-tools-common (udev rules), then plug it in again",
)


def obstacle(state: str) -> tuple[str, str]:
    """Why a device in this state cannot be opened, and the next step."""
    if state.startswith("no permissions"):
        return _PERMISSIONS
    return _NEXT_STEPS.get(state, (f"adb says {printable(state, 60)!r} of it", "run `adb devices -l`"))


def found(device: Listed) -> Found:
    """How a scan tells of a device."""
    title = device.model or "Android phone"
    address = f"adb:{device.serial}"
    if device.ready:
        return Found(address=address, kind=DeviceKind.PHONE, title=title)
    reason, next_step = obstacle(device.state)
    asks = device.state in _ASKING or device.state.startswith("no permissions")
    return Found(
        address=address,
        kind=DeviceKind.PHONE,
        title=title,
        ready=False,
        reason=reason,
        next_step=next_step,
        asks=asks,
    )


_FAULTS: tuple[tuple[str, type[DriverError], str, str], ...] = (
    ("not found", LinkLost, "adb does not see {}", "plug it in, or look it up with `adb devices`"),
    ("offline", LinkLost, "{} is offline", _NEXT_STEPS["offline"][1]),
    ("unauthorized", Refused, "{} does not trust this computer", _NEXT_STEPS["unauthorized"][1]),
    (
        "authorizing",
        LinkLost,
        "{} is asking whether to trust this computer",
        "unlock it and allow USB debugging",
    ),
    ("connecting", LinkLost, "{} is still connecting", ""),
    ("permission", Refused, "this user may not open the USB port of {}", _PERMISSIONS[1]),
    ("closed", LinkLost, "{} closed the connection", ""),
    ("more than one", Refused, "adb knows several devices called {}", "unplug one of them"),
)


def fault(said: str, title: str) -> DriverError:
    """What a refusal of the server means, for the device of that title."""
    for word, kind, sentence, remedy in _FAULTS:
        if word in said:
            return kind(sentence.format(title), remedy=remedy)
    if not said.strip():
        return LinkLost(f"{title} went away while adb asked it")
    return Refused(f"adb refused {title}: {printable(said, 200)}")
