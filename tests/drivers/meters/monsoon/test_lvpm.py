"""Frames of the LVPM against a scalar reader, written from the Android project's program."""

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.meters.monsoon.lvpm import (
    BEGIN,
    END,
    STATUS,
    FrameCutter,
    SampleReader,
    frame,
    output,
    read_status,
)
from drivers.meters.monsoon.protocol import Heard
from tests.rigs.meters.monsoon_rig import (
    COARSE_REFERENCE,
    COARSE_ZERO,
    FINE_REFERENCE,
    FINE_ZERO,
    calibration,
    row,
    status,
)
from tests.rigs.meters.monsoon_rig import frame as rig_frame

ROWS = st.lists(st.tuples(*[st.integers(-32768, 32767)] * 3, st.integers(0, 32767)), min_size=1, max_size=20)


def data(sequence: int, body: bytes, kind: int = 0) -> bytes:
    return rig_frame(bytes([0x20 | sequence & 15, kind, 0, 0]) + body + b"\0")


def calibrated(sequence: int = 0) -> bytes:
    return b"".join(
        rig_frame(bytes([0x20 | sequence + i & 15]) + body)
        for i, body in enumerate(
            (calibration(1, FINE_ZERO, COARSE_ZERO), calibration(2, FINE_REFERENCE, COARSE_REFERENCE))
        )
    )


def scalar(value: int) -> float:
    if value % 2:
        return (value - 1 - COARSE_ZERO) * 2.88 / (COARSE_REFERENCE - COARSE_ZERO)
    return (value - FINE_ZERO) * 0.0332 / (FINE_REFERENCE - FINE_ZERO)


def test_commands() -> None:
    assert bytes.fromhex("0401000005") == STATUS
    assert bytes.fromhex("04011b0121") + bytes.fromhex("0802ffffffff03e8f1") == BEGIN
    assert bytes.fromhex("03030006") == END
    assert output(3.9) == frame(0x01, 0x01, 190)
    assert output(0) == frame(0x01, 0x01, 0)


def test_status() -> None:
    told = read_status(status(output=190, serial=4711))
    assert told is not None
    assert (told.serial, told.rate_hz, told.firmware) == (4711, 5000, 17)
    assert told.output_v == pytest.approx(3.9)
    assert told.limit_a == pytest.approx(8 * 923 / 1023)
    assert told.volts_per_step == 125e-6
    off = read_status(status(output=0))
    assert off is not None
    assert off.output_v == 0
    assert read_status(status()[:-1]) is None
    assert read_status(b"\x11" + status()[1:]) is None


@given(ROWS, st.integers(0, 13))
def test_rows_mean_what_the_program_says(rows: list[tuple[int, int, int, int]], sequence: int) -> None:
    body = b"".join(struct.pack(">hhhh", *one) for one in rows)
    heard = SampleReader().feed(calibrated(sequence) + data(sequence + 2, body))
    (stretch,) = heard.stretches
    assert stretch.amperes["main"].tolist() == pytest.approx([scalar(m) for m, _, _, _ in rows], rel=1e-12)
    assert stretch.amperes["usb"].tolist() == pytest.approx([scalar(u) for _, u, _, _ in rows], rel=1e-12)
    assert stretch.voltages["main"].tolist() == [v // 4 * 4 for _, _, _, v in rows]
    assert (heard.lost, heard.damaged) == (0, 0)


def test_what_the_rig_plays_is_read_back() -> None:
    currents = [0.0, 0.01, 0.03, 0.034, 0.5, 2.5]
    heard = SampleReader().feed(calibrated() + data(2, b"".join(map(row, currents))))
    assert heard.stretches[0].amperes["main"].tolist() == pytest.approx(currents, abs=1.8e-4)


def test_lost_frames_are_counted_by_their_samples() -> None:
    one = row(0.5) * 5
    heard = SampleReader().feed(calibrated() + data(2, one) + data(6, one) + data(7, one))
    assert heard.lost == 15
    assert [(s.first, s.n) for s in heard.stretches] == [(0, 5), (20, 10)]


def test_a_calibration_is_a_border_and_holds_from_then_on() -> None:
    one = row(0.5) * 3
    again = rig_frame(bytes([0x23]) + calibration(1, FINE_ZERO, COARSE_ZERO - 100))
    heard = SampleReader().feed(calibrated() + data(2, one) + again + data(4, one))
    before, after = heard.stretches
    assert before.amperes["main"][0] == pytest.approx(0.5, abs=1e-4)
    zero = (COARSE_ZERO + COARSE_ZERO - 100) / 2
    code = struct.unpack(">h", row(0.5)[:2])[0] & ~1
    assert after.amperes["main"][0] == pytest.approx((code - zero) * 2.88 / (COARSE_REFERENCE - zero))


def test_nothing_before_it_is_calibrated() -> None:
    assert SampleReader().feed(data(0, row(0.5) * 5)).stretches == ()


@settings(max_examples=60)
@given(
    bodies=st.lists(st.binary(min_size=1, max_size=100), max_size=8),
    garbage=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 900), max_size=6),
)
def test_frames_are_cut_in_any_pieces(bodies: list[bytes], garbage: bytes, cuts: list[int]) -> None:
    whole = b"".join(map(rig_frame, bodies))
    edges = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    cutter = FrameCutter()
    got = [one for a, b in pairwise(edges) for one in cutter.feed(whole[a:b])[0]]
    assert got == bodies
    cutter.feed(garbage)
    frames = cutter.feed(bytes(300) + rig_frame(b"\x25abc"))[0]
    assert frames[-1:] == [b"\x25abc"]


def test_damage_is_counted_once_where_it_begins() -> None:
    reader = SampleReader()
    one = row(0.5) * 5
    broken = bytearray(data(3, one))
    broken[10] ^= 0xFF
    after = b"".join(data(4 + i, one) for i in range(10))
    heard: Heard = reader.feed(calibrated() + data(2, one) + bytes(broken) + after)
    assert heard.damaged == 1
    assert heard.lost == 5
    assert sum(s.n for s in heard.stretches) >= 5 + 40, "frames that may still be the end of another wait"


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes(chunks: list[bytes]) -> None:
    reader = SampleReader()
    reader.feed(calibrated())
    for chunk in chunks:
        for stretch in reader.feed(chunk).stretches:
            assert np.isfinite(stretch.amperes["main"]).all()
        assert len(reader._cutter._rest) <= 256
