"""Frames of the UM meters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.meters.um.channels import channels
from drivers.meters.um.protocol import LENGTH, MODELS, model, read
from tests.rigs.meters.frames import um_frame

NAMES = ("UM24C", "UM25C", "UM34C")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("UM24C", (508, 1234, 6269, 31, 59, 61)),
        ("UM25C", (5080, 12340, 6269, 31, 59, 61)),
        ("UM34C", (508, 1234, 6269, 31, 59, 61)),
    ],
)
def test_each_model_has_its_scale(name: str, codes: tuple[int, ...]) -> None:
    frame = um_frame(name, 5.08, 1.234, degrees=31)
    assert read(frame) == codes
    sender = model(frame)
    assert sender is not None
    assert sender.name == name
    table = channels("m", sender, 2.0, "usb-input")
    values = [channel.decoding.value(code) for channel, code in zip(table, codes, strict=True)]
    assert values == pytest.approx([5.08, 1.234, 6.269, 31, 0.59, 0.61])
    assert [channel.point for channel in table] == ["usb-input"] * 3 + [""] * 3


@given(st.sampled_from(NAMES), st.integers(0, 6500), st.integers(0, 6500))
def test_readings_come_through_exactly(name: str, volts: int, amperes: int) -> None:
    finer = 10 if name == "UM25C" else 1
    codes = read(um_frame(name, volts / 100 / finer, amperes / 1000 / finer))
    assert codes is not None
    assert codes[:2] == (volts, amperes)


def test_ends_that_are_wrong() -> None:
    for name in NAMES:
        frame = um_frame(name, 5, 1)
        assert read(frame[:-1] + bytes([frame[-1] ^ 1])) is None
        assert read(frame[:-1]) is None
        assert read(frame + b"\0") is None
    covered = bytearray(um_frame("UM34C", 5, 1))
    covered[3] ^= 4
    assert read(bytes(covered)) is None


def test_no_other_model_is_known() -> None:
    assert [head.hex() for head in MODELS] == ["0963", "09c9", "0d4c"]
    assert read(b"\x0d\x4d" + um_frame("UM34C", 5, 1)[2:]) is None


@given(st.binary(max_size=200))
def test_whatever_comes_is_no_frame(data: bytes) -> None:
    assert read(data) is None or (len(data) == LENGTH and data[:2] in MODELS)
