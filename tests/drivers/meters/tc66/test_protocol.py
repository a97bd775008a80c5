"""Frames of a TC66."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.accuracy import Accuracy
from drivers.meters.tc66.channels import channels
from drivers.meters.tc66.protocol import LENGTH, Identity, crc16_modbus, identity, plain, read
from tests.rigs.meters.frames import modbus, tc66_frame, tc66_plain

CAPTURED = (51609, 1990, 1026, 27, 281, 280)
"""What a meter of firmware 1.18 has told: 5.1609 V, 0.01990 A, 0.1026 W, 27 °C, 2.81 and 2.80 V on the data lines."""


def test_a_frame_gives_its_readings() -> None:
    frame = tc66_frame(5.1609, 0.0199)
    codes = read(frame)
    assert codes is not None
    assert (*codes[:2], *codes[3:]) == (*CAPTURED[:2], *CAPTURED[3:])
    assert codes[2] == 1027
    data = plain(frame)
    assert data is not None
    assert identity(data) == Identity("TC66", "1.18", 48724)


def test_codes_are_volts_amperes_watts() -> None:
    table = channels("m", 10.0, "usb-input")
    values = [channel.decoding.value(code) for channel, code in zip(table, CAPTURED, strict=True)]
    assert values == pytest.approx([5.1609, 0.0199, 0.1026, 27.0, 2.81, 2.8])
    assert [channel.point for channel in table] == ["usb-input"] * 3 + [""] * 3
    volts, amperes, watts = (channel.accuracy for channel in table[:3])
    assert (volts, amperes) == (Accuracy(0.0005, 0.0002), Accuracy(0.001, 0.00004))
    assert watts is not None
    assert 0.001026 < watts.bound(0.1026) / 0.1026 < 0.02
    assert [channel.unit.value for channel in table] == ["V", "A", "W", "°C", "V", "V"]


def test_below_zero() -> None:
    assert read(tc66_frame(5, 1, degrees=-7)) == (50000, 100000, 50000, -7, 281, 280)


def test_the_checksum_is_modbus() -> None:
    assert crc16_modbus(b"123456789") == 0x4B37 == modbus(b"123456789")


@given(st.binary(min_size=2, max_size=80))
def test_both_ways_to_the_checksum_agree(data: bytes) -> None:
    assert crc16_modbus(data) == modbus(data)


@given(st.integers(0, LENGTH - 1), st.integers(1, 255))
def test_a_byte_that_was_damaged_is_seen(at: int, change: int) -> None:
    frame = bytearray(tc66_frame(20.0, 3.25))
    assert read(bytes(frame)) == (200000, 325000, 650000, 27, 281, 280)
    frame[at] ^= change
    assert read(bytes(frame)) is None


@given(st.binary(max_size=400))
def test_whatever_comes_is_no_frame(data: bytes) -> None:
    assert read(data) is None


def test_half_a_frame_and_one_too_long_are_none() -> None:
    frame = tc66_frame(5, 1)
    assert read(frame[:100]) is None
    assert read(frame + b"x") is None
    assert read(frame[1:] + b"x") is None


def test_nonsense_under_a_right_checksum_is_none() -> None:
    assert len(tc66_plain(5, 1)) == LENGTH
    assert read(tc66_frame(5, 1, degrees=4000)) is None


@given(st.integers(0, 300_000), st.integers(0, 500_000), st.integers(-40, 120))
def test_readings_come_through_exactly(volts: int, amperes: int, degrees: int) -> None:
    codes = read(tc66_frame(volts / 1e4, amperes / 1e5, degrees=degrees))
    assert codes is not None
    assert (codes[0], codes[1], codes[3]) == (volts, amperes, degrees)
