import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Garbled
from drivers.meters.ppk2.protocol import (
    Fit,
    Mode,
    complete,
    parse_metadata,
    set_mode,
    set_power,
    set_supply,
)
from tests.rigs.meters.ppk2_rig import METADATA

CURRENT = st.floats(1e-7, 1.0)


def by_the_book(fit: Fit, reading: int, volts: float) -> float:
    """Nordic's formula, step by step."""
    without_gain = (4 * reading - fit.o) * ((1.8 / 163840) / fit.r)
    return fit.ug * (without_gain * (fit.gs * without_gain + fit.gi) + (fit.s * volts + fit.i))


@given(
    st.builds(
        Fit,
        r=st.floats(0.01, 2000),
        gs=st.floats(-1, 200),
        gi=st.floats(0.5, 2),
        o=st.floats(-500, 500),
        s=st.floats(-1e-2, 1e-2),
        i=st.floats(-1e-2, 1e-2),
        ug=st.floats(0.5, 2),
    ),
    st.integers(0, (1 << 14) - 1),
    st.floats(0.8, 5),
)
def test_the_polynomial_is_the_formula(fit: Fit, reading: int, volts: float) -> None:
    c0, c1, c2 = fit.polynomial(volts)
    terms = abs(c0) + abs(c1 * reading) + abs(c2 * reading * reading)
    assert c0 + c1 * reading + c2 * reading * reading == pytest.approx(
        by_the_book(fit, reading, volts), abs=1e-10 + 1e-9 * terms
    )


def test_a_calibration_is_read() -> None:
    told = parse_metadata(METADATA)
    assert (told.mode, told.supply_mv, told.hardware) == (Mode.SOURCE, 3700, "9173")
    assert told.assumed == ()
    assert told.fits[4] == Fit(0.0564, 0.0729, 0.9582, 87.2177, 0.002940743, -0.009388455, 1.0)
    assert told.fits[0] == Fit(1003.3506, 0.0, 1.0, 112.942, 0.000000048, -0.000000104, 1.0)


def test_anything_may_stand_before_it() -> None:
    before = struct.pack("<20I", *range(20)) + b"\xff\x80: 7\n"
    assert parse_metadata(before + METADATA) == parse_metadata(METADATA)


@pytest.mark.parametrize(
    ("old", "new", "assumed", "fit"),
    [
        (b"R2: 10.3027", b"R2: 0", ("R2",), {"r": 10.15}),
        (b"GI2: 0.9609", b"GI2: -nan", ("GI2",), {"gi": 1.0}),
        (b"O2: 64.6020\n", b"", ("O2",), {"o": 0.0}),
        (b"UG2: 1.00\n", b"", (), {"ug": 1.0}),
        (b"S2: 0.000005281", b"S2: inf", ("S2",), {"s": 0.0}),
        (b"GS2: 18.0115", b"GS2: 0.0000", (), {"gs": 0.0}),
    ],
)
def test_what_is_not_told_is_assumed_and_said(
    old: bytes, new: bytes, assumed: tuple[str, ...], fit: dict[str, float]
) -> None:
    assert old in METADATA
    told = parse_metadata(METADATA.replace(old, new))
    assert told.assumed == assumed
    ((name, value),) = fit.items()
    assert getattr(told.fits[2], name) == value


@pytest.mark.parametrize(("line", "mode"), [(b"mode: 1", Mode.AMPERE), (b"mode: 7", None), (b"", None)])
def test_mode(line: bytes, mode: Mode | None) -> None:
    assert parse_metadata(METADATA.replace(b"mode: 2", line)).mode is mode


@pytest.mark.parametrize("line", [b"VDD: 0", b"VDD: 9000", b"VDD: nan", b"vd: 1"])
def test_a_supply_that_cannot_be_is_not_known(line: bytes) -> None:
    assert parse_metadata(METADATA.replace(b"VDD: 3700", line)).supply_mv is None


def test_no_calibration_at_all() -> None:
    with pytest.raises(Garbled, match="no resistances"):
        parse_metadata(b"Calibrated: 0\nHW: 1\nEND\n")


def test_a_calibration_that_falls() -> None:
    with pytest.raises(Garbled, match="range 3"):
        parse_metadata(METADATA.replace(b"GI3: 0.9519", b"GI3: -1"))


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for text in (data, METADATA[:200] + data + METADATA[200:]):
        complete(text)
        try:
            parse_metadata(text)
        except Garbled:
            continue


def test_a_text_is_complete_with_its_last_line() -> None:
    assert complete(METADATA)
    assert not complete(METADATA[:-4])
    assert not complete(b"END\n")


def test_commands() -> None:
    assert set_mode(Mode.SOURCE) == b"\x11\x02"
    assert set_mode(Mode.AMPERE) == b"\x11\x01"
    assert set_supply(800) == b"\x0d\x03\x20", "as the public documents have it: 3, 32"
    assert set_supply(3700) == b"\x0d\x0e\x74"
    assert (set_power(on=True), set_power(on=False)) == (b"\x0c\x01", b"\x0c\x00")


@pytest.mark.parametrize("millivolts", [799, 5001, -1])
def test_a_supply_out_of_reach(millivolts: int) -> None:
    with pytest.raises(ValueError, match="is not within"):
        set_supply(millivolts)
