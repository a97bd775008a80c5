"""The reader of packets against a scalar one, written from the manual of the HVPM."""

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.meters.monsoon.hvpm import PacketReader, limit_of, output, trusted, written
from drivers.meters.monsoon.protocol import Heard
from tests.rigs.meters.monsoon_rig import packet, sample

CONSTANTS = {
    "main coarse": (6400, 15),
    "main fine": (36500, 15),
    "usb coarse": (600, 0),
    "usb fine": (14000, 0),
    "aux coarse": (250, 0),
    "aux fine": (3100, 0),
}
CALIBRATED = packet(0, [sample(0, kind=0x10), sample(0, kind=0x30)])


def scalar(
    data: bytes, zeros: list[float], references: list[float]
) -> tuple[float, float, float, float, float]:
    """Amperes of main, USB and aux, raw main and USB voltage of the first sample of a packet."""
    values = [data[4 + 2 * i] * 256 + data[5 + 2 * i] for i in range(8)]
    amperes = []
    for rail, (below, columns) in enumerate([(64000, (0, 1)), (64000, (2, 3)), (30000, (4, 5))]):
        name = ("main", "usb", "aux")[rail]
        fine = values[columns[1]] < below
        column = columns[1] if fine else columns[0]
        scale, offset = CONSTANTS[f"{name} {'fine' if fine else 'coarse'}"]
        zero = zeros[column] + offset
        milliamperes = (values[column] - zero) * scale / (references[column] - zero)
        amperes.append(milliamperes / 1e6 if fine else milliamperes / 1e3)
    return (*amperes, values[6], values[7])  # type: ignore[return-value]


def fed(*packets: bytes) -> tuple[PacketReader, list[Heard]]:
    reader = PacketReader(CONSTANTS)
    return reader, [reader.feed(one) for one in packets]


@given(
    raws=st.lists(st.integers(0, 65535), min_size=8, max_size=8),
    gain=st.integers(0, 255),
)
def test_a_sample_means_what_the_manual_says(raws: list[int], gain: int) -> None:
    raws[4], raws[5] = raws[4] & 0x7FFF, raws[5] & 0x7FFF
    one = packet(1, [struct.pack(">8HBB", *raws, gain, gain & 0xCF)])
    _, heard = fed(CALIBRATED, one)
    zeros = [float(v) for v in struct.unpack(">6H", sample(0, kind=0x10)[:12])]
    references = [float(v) for v in struct.unpack(">6H", sample(0, kind=0x30)[:12])]
    (stretch,) = heard[1].stretches
    main, usb, aux, main_v, usb_v = scalar(one, zeros, references)
    assert stretch.amperes["main"][0] == pytest.approx(main, rel=1e-12, abs=1e-15)
    assert stretch.amperes["usb"][0] == pytest.approx(usb, rel=1e-12, abs=1e-15)
    assert stretch.amperes["aux"][0] == pytest.approx(aux, rel=1e-12, abs=1e-15)
    assert (stretch.voltages["main"][0], stretch.voltages["usb"][0]) == (main_v, usb_v)


def test_what_the_makers_rig_plays_is_read_back() -> None:
    currents = [0.0, 0.001, 0.02, 0.036, 0.04, 0.5, 2.0, 6.0]
    _, heard = fed(CALIBRATED, *[packet(i + 1, [sample(a)]) for i, a in enumerate(currents)])
    read = [one.stretches[0].amperes["main"][0] for one in heard[1:]]
    assert read == pytest.approx(currents, abs=6e-5)
    assert heard[-1].stretches[0].amperes["usb"][0] == pytest.approx(0.1, abs=1e-5)
    assert heard[-1].stretches[0].amperes["aux"][0] == pytest.approx(0.02, abs=1e-5)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.lists(st.integers(0, 2000), max_size=5))
def test_samples_are_numbered_in_any_pieces(counts: list[int], cuts: list[int]) -> None:
    data = CALIBRATED + b"".join(packet(i + 1, [sample(0.5)] * n) for i, n in enumerate(counts))
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    reader = PacketReader(CONSTANTS)
    heard = [reader.feed(data[a:b]) for a, b in pairwise(edges)]
    stretches = [stretch for one in heard for stretch in one.stretches]
    assert sum(stretch.n for stretch in stretches) == sum(counts)
    assert stretches[0].first == 2, "two calibration readings stood before it"
    at = 2
    for stretch in stretches:
        assert stretch.first == at
        at += stretch.n
    assert sum(one.lost + one.damaged for one in heard) == 0


def test_what_it_dropped_is_counted_and_leaves_a_gap() -> None:
    _, heard = fed(CALIBRATED, packet(1, [sample(1)] * 3), packet(2, [sample(1)] * 3, dropped=40))
    assert [one.lost for one in heard] == [0, 0, 40]
    assert heard[2].stretches[0].first == 2 + 3 + 40


def test_its_count_of_drops_begins_again() -> None:
    _, heard = fed(packet(0, [sample(1)], dropped=0xFFFE), packet(1, [sample(1)], dropped=3))
    assert [one.lost for one in heard] == [0, 5]


def test_packets_that_are_missing_are_counted() -> None:
    _, heard = fed(
        CALIBRATED, packet(1, [sample(1)] * 3), packet(4, [sample(1)] * 3), packet(5, [sample(1)] * 3)
    )
    assert [one.lost for one in heard] == [0, 0, 6, 0]


def test_calibration_readings_are_gaps_and_hold_from_then_on() -> None:
    body = [sample(1.0), sample(0, kind=0x10), sample(1.0)]
    _, heard = fed(CALIBRATED, packet(1, body))
    assert [(s.first, s.n) for s in heard[1].stretches] == [(2, 1), (4, 1)]


def test_what_is_no_sample_is_passed_over() -> None:
    _, heard = fed(CALIBRATED, packet(1, [sample(1.0, kind=0x20), sample(1.0)]))
    assert [(s.first, s.n) for s in heard[1].stretches] == [(3, 1)]


def test_nothing_before_it_is_calibrated() -> None:
    _, heard = fed(packet(0, [sample(1)] * 3), packet(1, [sample(1, kind=0x10)]), packet(2, [sample(1)]))
    assert [one.stretches for one in heard] == [(), (), ()]


def test_a_packet_that_cannot_be_is_damage() -> None:
    strange = bytearray(packet(1, [sample(1)] * 3))
    strange[3] = 9
    _, heard = fed(CALIBRATED, bytes(strange))
    assert (heard[1].damaged, heard[1].stretches) == (1, ())


def test_overload_is_told() -> None:
    _, heard = fed(CALIBRATED, packet(1, [sample(1)], flags=0x30))
    assert [one.overloaded for one in heard] == [False, True]


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes(chunks: list[bytes]) -> None:
    reader = PacketReader(CONSTANTS)
    reader.feed(CALIBRATED)
    for chunk in chunks:
        for stretch in reader.feed(chunk).stretches:
            assert np.isfinite(stretch.amperes["main"]).all()


def test_settings() -> None:
    assert output(4.2) == 4404019
    assert written(0x41, 4404019) == (4404019 & 0xFFFF, 0x41 | (4404019 >> 16) << 8, b"\x33\x33\x43\x00")
    assert written(0x41, 0) == (0, 0x41, b"\0\0\0\0")
    assert trusted(0xE100, 0xC900)
    assert not trusted(0xFFFF, 0xC900)
    assert not trusted(0xE100, 0xFFFF)
    assert limit_of(65535) == pytest.approx(15.625)
