"""Which meter is behind a serial port, as far as its USB id tells. Pure.

Sources of the ids: the USB ID repository (linux-usb.org/usb.ids), Nordic's udev rules (nrf-udev). The two ids of a TC66
are those of its chips' makers for any serial port: a guess, and called one.
"""

import re
from dataclasses import dataclass
from string import digits

from drivers.address import Address
from drivers.links.serialports import PortSeen
from drivers.model import DeviceKind, Found
from drivers.wiring import HOW_TO_ADD


@dataclass(frozen=True, slots=True)
class Guess:
    """A family, and whether its id is that of this meter alone."""

    family: str
    title: str
    certain: bool = False
    options: str = ""


PPK2 = Guess("ppk2", "Nordic PPK2", certain=True)
MONSOON = Guess("monsoon", "Monsoon power monitor", certain=True)
TC66 = Guess("tc66", "perhaps a TC66")
LINES = Guess("csv", "perhaps a board that writes lines", options="&columns=V,A&baud=115200")
UM = Guess("um", "perhaps a UM24C, UM25C or UM34C")

_LASTING = re.compile("/by-id/[^/]*_(?P<serial>[^_/]+?)(-if[0-9a-f]+)?(-port[0-9]+)?$")
_TOLD = 8
"""Of a serial number: what differs stands at its end."""

BY_ID = {
    (0x1915, 0xC00A): PPK2,
    (0x28E9, 0x018A): TC66,
    (0x0483, 0x5740): TC66,
}
BY_VENDOR = {0x2AB9: MONSOON}


def guess(port: PortSeen) -> Guess:
    """What is most likely there."""
    if port.vid is None or port.pid is None:
        return UM
    return BY_ID.get((port.vid, port.pid)) or BY_VENDOR.get(port.vid) or LINES


def found(port: PortSeen) -> Found:
    """The port as a scan shows it: ready when its meter is certain, else with the address to complete."""
    likely = guess(port)
    address = f"serial:{port.path}?family={likely.family}{likely.options}"
    what = likely.title if likely.certain or not port.product else port.product
    title = f"{what} {_told_apart(port.path)}"
    if obstacle := _obstacle(port):
        return _not_ready(address, title, *obstacle)
    if not likely.certain:
        return _not_ready(address, title, f"{likely.title}; its port does not tell", HOW_TO_ADD)
    return Found(address=address, kind=DeviceKind.METER, title=title, next_step=HOW_TO_ADD)


def kept(port: PortSeen, address: Address) -> Found:
    """The port of a meter whose address was named: which meter is there is known."""
    title = f"{address.options.get('family', 'a meter')} {_told_apart(port.path)}"
    if obstacle := _obstacle(port):
        return _not_ready(address.base, title, *obstacle)
    return Found(address=address.base, kind=DeviceKind.METER, title=title)


def _told_apart(path: str) -> str:
    """What is another for each of two alike: the end of the serial number, where the path has one that lasts; else the path.

    The whole of it stands in the address.
    """
    lasting = _LASTING.search(path)
    serial = lasting["serial"] if lasting else ""
    if not set(serial) & set(digits):
        return f"at {path}"
    return serial if len(serial) <= _TOLD else f"…{serial[-_TOLD:]}"


def _obstacle(port: PortSeen) -> tuple[str, str] | None:
    """Why nobody can open it now, and what to do."""
    if port.holder:
        return f"in use by {port.holder}", "close that program"
    if not port.allowed:
        return "this user may not read it", "sudo usermod -aG dialout $USER, then log in again"
    return None


def _not_ready(address: str, title: str, reason: str, next_step: str) -> Found:
    return Found(
        address=address, kind=DeviceKind.METER, title=title, ready=False, reason=reason, next_step=next_step
    )
