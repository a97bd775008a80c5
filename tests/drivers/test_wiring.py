"""What a meter feeds and where: from its address, from what is told beside it, from both."""

import pytest

from drivers.address import parse
from drivers.errors import NotSupported
from drivers.meters.csv.channels import HEADINGS
from drivers.registry import Registry
from drivers.wiring import PROBES, Wired, measures_power
from tests.rigs.virtual_clock import VirtualClock

TC66 = "serial:/dev/ttyACM0?family=tc66"


@pytest.fixture
def one(virtual_clock: VirtualClock) -> Registry:
    return Registry(virtual_clock)


def test_what_is_known(one: Registry) -> None:
    assert one.wired("host") == Wired("host")
    assert one.wired("sim:phone?rate=10") == Wired("sim:phone?rate=10")
    assert one.wired("sim:meter").wire == ("sim-phone", "battery-terminals")
    assert one.wired("sim:meter?point=usb-input").wire == ("sim-phone", "usb-input")
    assert one.wired(f"{TC66}&point=usb-input").wire is None
    assert one.wired(f"{TC66}&feeds=my-phone&point=usb-input").wire == ("my-phone", "usb-input")
    assert one.wired("monsoon:1", "p", "rail:aux").wire == ("p", "rail:aux")


def test_what_is_told_beside_the_address_reaches_the_driver(one: Registry) -> None:
    found = one.wired(TC66.replace("ACM0", "a,b"), "p", "rail:VDD_IN")
    assert found == Wired("serial:/dev/ttya,b?family=tc66&point=rail%3AVDD_IN", ("p", "rail:VDD_IN"))
    assert one.wired(f"{TC66}&feeds=p&point=usb-input", "p", "usb-input").wire == ("p", "usb-input")


def test_what_is_no_power_needs_no_device() -> None:
    assert {name for name, one in HEADINGS.items() if not one.located} | {"-"} == PROBES
    assert measures_power(parse("serial:x?family=csv"))
    assert measures_power(parse("monsoon:1"))
    assert not measures_power(parse("serial:x?family=csv&columns=-,C,lux"))


@pytest.mark.parametrize(
    ("address", "feeds", "point", "sentence"),
    [
        (f"{TC66}&feeds=p", "", "", r"feeds 'p' at an unknown point: name a device, and the point: battery-"),
        (f"{TC66}&feeds=a%20b&point=usb-input", "", "", "feeds 'a b' at usb-input: name a device"),
        (f"{TC66}&point=usb-input", "x" * 41, "", "name a device"),
        (f"{TC66}&point=usb", "", "", "'usb' is no reference point: there are battery-terminals, usb-input"),
        (TC66, "p", "battery", "'battery' is no reference point"),
        (f"{TC66}&point=usb-input", "p", "board-input", "says point=usb-input, and 'board-input' is told"),
        ("adb:1", "p", "usb-input", "adb:1 is no power meter: only a meter feeds a device"),
        ("serial:x?family=csv", "", "", "does not say where its power is measured: add point=POINT"),
        ("host", "", "package", "host is no power meter"),
    ],
)
def test_what_cannot_be(one: Registry, address: str, feeds: str, point: str, sentence: str) -> None:
    with pytest.raises(NotSupported, match=sentence):
        one.wired(address, feeds, point)
