"""What an adb server and a phone's shell service say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DriverError, Garbled, LinkLost, NotSupported, Refused
from drivers.links.adbwire import (
    PACKET_LIMIT,
    Listed,
    Packet,
    PacketReader,
    fault,
    found,
    length,
    listed,
    obstacle,
    packet,
    request,
)

OUTPUT = st.tuples(st.sampled_from([Packet.STDOUT, Packet.STDERR]), st.binary(max_size=300))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


@given(st.lists(OUTPUT, max_size=8), st.lists(st.integers(0, 5000), max_size=12), st.integers(0, 255))
def test_packets_come_out_whole_however_they_are_cut(
    sent: list[tuple[Packet, bytes]], places: list[int], code: int
) -> None:
    data = b"".join(packet(kind, payload) for kind, payload in sent) + packet(Packet.EXIT, bytes([code]))
    reader = PacketReader()
    parts = [part for piece in cut(data, places) for part in reader.feed(piece)]
    for kind in (Packet.STDOUT, Packet.STDERR):
        assert b"".join(p for k, p in parts if k is kind) == b"".join(p for k, p in sent if k is kind)
    assert parts[-1] == (Packet.EXIT, bytes([code]))
    assert all(part for _, part in parts)
    assert not reader.inside


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_is_told_and_nothing_else_is_raised(pieces: list[bytes]) -> None:
    reader = PacketReader()
    try:
        for piece in pieces:
            reader.feed(piece)
    except Garbled:
        pass


def test_a_packet_as_adb_writes_it() -> None:
    assert packet(Packet.STDIN, b"hi") == b"\x00\x02\x00\x00\x00hi"
    assert packet(Packet.CLOSE_STDIN) == b"\x04\x00\x00\x00\x00"


def test_half_a_packet_is_no_end() -> None:
    reader = PacketReader()
    assert reader.feed(b"\x01\x04\x00\x00\x00ab") == [(Packet.STDOUT, b"ab")]
    assert reader.inside
    assert reader.feed(b"cd\x03") == [(Packet.STDOUT, b"cd")]
    assert reader.inside


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x00\x00\x00x",
        b"\x04\x00\x00\x00\x00",
        b"\x4d\x05\x00\x00\x00lies!",
        b"\x03\x04\x00\x00\x00\x00\x00\x00\x00",
        b"\x03\x00\x00\x00\x00",
        b"\x01" + (PACKET_LIMIT + 1).to_bytes(4, "little"),
    ],
)
def test_what_a_phone_never_sends_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled, match="the phone's shell sent"):
        PacketReader().feed(data)


def test_requests_and_lengths() -> None:
    assert request("host:version") == b"000chost:version"
    assert request("ä") == b"0002\xc3\xa4"
    assert length(b"00ff") == 255
    with pytest.raises(NotSupported, match="too long for adb"):
        request("x" * 65536)


@given(st.binary(min_size=4, max_size=4))
def test_a_length_is_a_number_or_garbled(digits: bytes) -> None:
    try:
        assert 0 <= length(digits) <= 65535
    except Garbled:
        assert not digits.isalnum() or any(digit not in b"0123456789abcdefABCDEF" for digit in digits)


LIST = """\
2A061FDH200AAA         device usb:1-2 product:panther model:Pixel_7 device:panther transport_id:3
R5CT1234567            unauthorized usb:3-1 transport_id:5
192.168.1.7:5555       offline product:beyond1 model:SM_G973F device:beyond1 transport_id:9
0123456789ABCDEF       no permissions (missing udev rules? user is in the plugdev group); see [http://developer.android.com/tools/device.html] usb:1-1 transport_id:1
(no serial number)     no permissions; see [http://developer.android.com/tools/device.html] usb:1-3 transport_id:2
emulator-5554\tauthorizing

"""


def test_a_list_of_devices() -> None:
    assert listed(LIST) == (
        Listed("2A061FDH200AAA", "device", "Pixel 7", "usb:1-2"),
        Listed("R5CT1234567", "unauthorized", "", "usb:3-1"),
        Listed("192.168.1.7:5555", "offline", "SM G973F", ""),
        Listed(
            "0123456789ABCDEF",
            "no permissions (missing udev rules? user is in the plugdev group); see [http://developer.android.com/tools/device.html]",
            "",
            "usb:1-1",
        ),
        Listed(
            "(no serial number)",
            "no permissions; see [http://developer.android.com/tools/device.html]",
            "",
            "usb:1-3",
        ),
        Listed("emulator-5554", "authorizing"),
    )


@given(st.text(max_size=200))
def test_any_text_is_a_list_of_something(text: str) -> None:
    for device in listed(text):
        assert device.serial
        assert found(device).title


def test_what_can_be_opened_is_ready_and_the_rest_says_why_and_what_next() -> None:
    ready, *rest = (found(device) for device in listed(LIST))
    assert (ready.address, ready.title, ready.ready) == ("adb:2A061FDH200AAA", "Pixel 7", True)
    assert [one.reason for one in rest] == [
        "it does not trust this computer",
        "adb sees it, but it does not answer",
        "this user may not open its USB port",
        "this user may not open its USB port",
        "it is asking whether to trust this computer",
    ]
    assert all(one.next_step and not one.ready for one in rest)


def test_an_unknown_state_is_told_as_it_is() -> None:
    reason, next_step = obstacle("br\x1b[31moken")
    assert reason == r"adb says 'br\\x1b[31moken' of it"
    assert next_step


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("device 'X' not found", LinkLost, "adb does not see Pixel"),
        ("device offline", LinkLost, "Pixel is offline"),
        ("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", Refused, "does not trust"),
        ("device still authorizing", LinkLost, "asking whether to trust"),
        ("device still connecting", LinkLost, "still connecting"),
        ("insufficient permissions for device: user in plugdev group", Refused, "may not open the USB port"),
        ("closed", LinkLost, "Pixel closed the connection"),
        ("more than one device/emulator", Refused, "several devices"),
        ("unknown host service", Refused, "adb refused Pixel: unknown host service"),
    ],
)
def test_what_a_refusal_means(said: str, kind: type[DriverError], words: str) -> None:
    error = fault(said, "Pixel")
    assert type(error) is kind
    assert words in str(error)
