"""What could keep melt from reaching power meters, each with a remedy. No port is opened."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from typing import TYPE_CHECKING

from melt_tui.workbench.doctor import Finding

if TYPE_CHECKING:
    from drivers.links.serialports import PortSeen


def examine_meters(
    lister: "Callable[[], list[PortSeen]] | None" = None, library: Callable[[str], str | None] = find_library
) -> list[Finding]:
    """Serial ports, each with what stands in its way; the library that a Monsoon HVPM needs."""
    found = list(_ports(lister)) if lister or importlib.util.find_spec("serial") else []
    if importlib.util.find_spec("usb"):
        found.append(_libusb(library))
    return found


def _ports(lister: "Callable[[], list[PortSeen]] | None") -> Iterator[Finding]:
    try:
        look = lister or importlib.import_module("drivers.links.serialports").ports_seen
    except ImportError:
        yield Finding("serial ports", good=False, detail=_NOT_PYSERIAL, remedy=_PYSERIAL)
        return
    ports = look()
    if not ports:
        yield Finding("serial ports", None, "no meter or board is plugged in by USB", "plug one in")
    for port in ports:
        yield _port(port)


_NOT_PYSERIAL = "the installed package serial is not pyserial, which has the same name when it is imported"
_PYSERIAL = "pip uninstall serial, then pip install --force-reinstall pyserial"


def _port(port: "PortSeen") -> Finding:
    subject, what = "serial port", f"{port.path} {port.product}".strip()
    if port.holder:
        return Finding(
            subject, good=None, detail=f"{what} is in use by {port.holder}", remedy="close that program"
        )
    if not port.allowed:
        remedy = "sudo usermod -aG dialout $USER, then log in again"
        return Finding(subject, good=False, detail=f"{what} may not be read by this user", remedy=remedy)
    return Finding(subject, good=True, detail=f"{what} can be opened")


def _libusb(library: Callable[[str], str | None]) -> Finding:
    there = library("usb-1.0")
    remedy = "" if there else "sudo apt install libusb-1.0-0"
    return Finding("libusb", True if there else None, there or "not found: a Monsoon HVPM needs it", remedy)
