"""What the doctor finds of power meters."""

import sys
from types import ModuleType

import pytest

from drivers.links.serialports import PortSeen
from melt_tui.workbench.meterdoctor import examine_meters

PORTS = [
    PortSeen("/dev/ttyACM0", 0x1915, 0xC00A, "PPK2"),
    PortSeen("/dev/ttyACM1", holder="minicom (process 7)"),
    PortSeen("/dev/ttyUSB0", allowed=False),
]


def test_every_port_with_what_stands_in_its_way() -> None:
    one, busy, forbidden, usb = examine_meters(lambda: PORTS, lambda _: None)
    assert (one.good, one.detail) == (True, "/dev/ttyACM0 PPK2 can be opened")
    assert (busy.good, busy.detail, busy.remedy) == (
        None,
        "/dev/ttyACM1 is in use by minicom (process 7)",
        "close that program",
    )
    assert (forbidden.good, "dialout" in forbidden.remedy) == (False, True)
    assert (usb.good, usb.remedy) == (None, "sudo apt install libusb-1.0-0")


def test_without_a_port() -> None:
    none, usb = examine_meters(list, lambda _: "libusb-1.0.so.0")
    assert (none.good, none.remedy) == (None, "plug one in")
    assert (usb.good, usb.detail) == (True, "libusb-1.0.so.0")


def test_another_package_of_the_name_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", ModuleType("serial"))
    for module in ("serial.tools", "drivers.links.serialports"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    ports, _ = examine_meters(library=lambda _: None)
    assert (ports.good, "pip uninstall serial" in ports.remedy) == (False, True)
