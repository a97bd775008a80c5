"""Ports as a scan shows them, and what bytes look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.address import parse
from drivers.links.serialports import PortSeen
from drivers.metering.guessing import found, kept
from drivers.metering.looks import family_of
from drivers.metering.wired import SerialMeters
from drivers.model import DeviceKind
from drivers.wiring import HOW_TO_ADD
from tests.rigs.meters.frames import tc66_frame, um_frame


@pytest.mark.parametrize(
    ("port", "family", "ready"),
    [
        (PortSeen("/dev/ttyACM0", 0x1915, 0xC00A, "PPK2"), "ppk2", True),
        (PortSeen("/dev/ttyACM1", 0x2AB9, 0xFFFF), "monsoon", True),
        (PortSeen("/dev/ttyACM2", 0x28E9, 0x018A, "GD32 Virtual ComPort"), "tc66", False),
        (PortSeen("/dev/ttyUSB0", 0x1A86, 0x7523, "USB Serial"), "csv", False),
        (PortSeen("/dev/rfcomm0"), "um", False),
    ],
)
def test_a_port_is_listed_with_its_likely_family_and_the_next_step(
    port: PortSeen, family: str, ready: bool
) -> None:
    one = found(port)
    assert (one.kind, one.ready) == (DeviceKind.METER, ready)
    address = parse(one.address)
    assert (address.target, address.text("family")) == (port.path, family)
    assert one.next_step == HOW_TO_ADD
    assert ready or "perhaps" in one.reason


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("usb-Nordic_Semiconductor_PPK2_D7A3F2B1C8E9-if01", "…F2B1C8E9"),
        ("usb-Nordic_Semiconductor_PPK2_0001-if00-port0", "0001"),
        ("usb-1a86_USB_Serial-if00-port0", "at /dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"),
    ],
)
def test_two_alike_are_told_apart_by_the_end_of_their_serial_numbers(name: str, told: str) -> None:
    port = PortSeen(f"/dev/serial/by-id/{name}", 0x1915, 0xC00A, "PPK2")
    one = found(port)
    assert (one.title, parse(one.address).target) == (f"Nordic PPK2 {told}", port.path)
    assert kept(port, parse(one.address)).title == f"ppk2 {told}"


def test_a_port_without_permission_says_how_to_get_it() -> None:
    one = found(PortSeen("/dev/ttyACM0", 0x1915, 0xC00A, allowed=False))
    assert (one.ready, one.reason) == (False, "this user may not read it")
    assert one.next_step == "sudo usermod -aG dialout $USER, then log in again"


def test_a_port_that_another_program_has_is_named_with_it() -> None:
    one = found(PortSeen("/dev/ttyACM0", 0x1915, 0xC00A, holder="minicom (process 7)"))
    assert (one.ready, one.reason, one.next_step) == (
        False,
        "in use by minicom (process 7)",
        "close that program",
    )


async def test_a_scan_lists_the_ports_of_its_lister() -> None:
    meters = SerialMeters({}, lambda: [PortSeen("/dev/ttyACM0", 0x1915, 0xC00A)])
    assert [one.title for one in await meters.scan()] == ["Nordic PPK2 at /dev/ttyACM0"]


@pytest.mark.parametrize(
    ("data", "family"),
    [
        (um_frame("UM25C", 5, 1), "um"),
        (um_frame("UM34C", 5, 1)[:129], ""),
        (tc66_frame(5, 1), "tc66"),
        (bytes(192), ""),
        (b"5.01,0.123\r\n5.02,0.124\r\n", "csv"),
        (b"\xff\xfe5.01,0.123\r\n", ""),
        (b"", ""),
    ],
)
def test_what_bytes_look_like(data: bytes, family: str) -> None:
    assert family_of(data) == family


@given(st.binary(max_size=300))
def test_whatever_comes_has_at_most_one_look(data: bytes) -> None:
    assert family_of(data) in {"", "um", "tc66", "csv"}
