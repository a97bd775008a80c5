import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Unit
from melt_tui import format as fmt

NOTHING = [None, math.nan]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0412, "0.0412"),
        (0.17, "0.170"),
        (18.44, "18.4"),
        (99.96, "100"),
        (1234.5, "1234"),
        (12_345.6, "12,346"),
        (9_999.7, "10,000"),
        (-13.2, "−13.2"),
        (1e-9, "1.00e−9"),
        (1e20, "1.00e20"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert fmt.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 W"),
        (0.412, "412 mW"),
        (3.1, "3.10 W"),
        (999.6, "1.00 kW"),
        (999.4, "999 W"),
        (4e-5, "40.0 µW"),
        (-0.25, "−250 mW"),
        (2.5e9, "2.50 GW"),
        (math.inf, "∞ W"),
    ],
)
def test_si(value: float, text: str) -> None:
    assert fmt.si(value, "W") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (12, "12 B"),
        (512, "512 B"),
        (999_960, "1.0 MB"),
        (1.9e9, "1.9 GB"),
        (637e6, "637 MB"),
        (3.6e12, "3.6 TB"),
        (-2e6, "−2.0 MB"),
    ],
)
def test_byte_count(value: float, text: str) -> None:
    assert fmt.byte_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (0.0412, "41 ms"),
        (0.41, "0.41 s"),
        (1.9, "1.9 s"),
        (12.3, "12 s"),
        (99.4, "99 s"),
        (99.6, "1 min 40 s"),
        (119.7, "2 min"),
        (201, "3 min 21 s"),
        (3599.8, "1 h"),
        (7500, "2 h 05 min"),
        (300_000, "3 d 11 h"),
        (-201, "−3 min 21 s"),
        (4e-7, "400 ns"),
        (math.inf, "∞ s"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert fmt.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "clock", "stamp"),
    [
        (0, "00:00:00", "00:00.0"),
        (59.99, "00:00:59", "00:59.9"),
        (72.4, "00:01:12", "01:12.4"),
        (201, "00:03:21", "03:21.0"),
        (3672.45, "01:01:12", "1:01:12.4"),
        (360_000, "100:00:00", "100:00:00.0"),
        (-1.25, "−00:00:01", "−00:01.2"),
        (-0.04, "00:00:00", "00:00.0"),
        (math.inf, "–", "–"),
    ],
)
def test_clock_and_stamp(value: float, clock: str, stamp: str) -> None:
    assert (fmt.clock(value), fmt.stamp(value)) == (clock, stamp)


def test_stamp_of_a_tenth_is_not_cut_to_the_one_before() -> None:
    assert [fmt.stamp(i / 10) for i in (1, 3, 7, 9, 11, 624)] == [
        "00:00.1",
        "00:00.3",
        "00:00.7",
        "00:00.9",
        "00:01.1",
        "01:02.4",
    ]
    assert fmt.stamp(0.3 - 0.2) == "00:00.1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "now"),
        (0, "now"),
        (0.99, "now"),
        (1, "1 s ago"),
        (3.9, "3 s ago"),
        (119, "1 min ago"),
        (7200, "2 h ago"),
        (86_400 * 9.5, "9 d ago"),
        (math.inf, "∞ d ago"),
    ],
)
def test_age(value: float, text: str) -> None:
    assert fmt.age(value) == text


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (87.4, "87 %", "+87 %"),
        (-13, "−13 %", "−13 %"),
        (0, "0 %", "0 %"),
        (0.2, "<1 %", "<1 %"),
        (-0.2, ">−1 %", ">−1 %"),
        (math.inf, "∞ %", "+∞ %"),
    ],
)
def test_percent(value: float, plain: str, signed: str) -> None:
    assert (fmt.percent(value), fmt.percent(value, signed=True)) == (plain, signed)


def test_percent_with_decimals() -> None:
    assert [fmt.percent(v, 1) for v in (1.84, 0.04, -0.04)] == ["1.8 %", "<0.1 %", ">−0.1 %"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.124, Unit.WATT, "3.12 W"),
        (1.9e9, Unit.BYTES, "1.90 GB"),
        (7, Unit.BYTES, "7 B"),
        (2.4e9, Unit.HERTZ, "2.40 GHz"),
        (71.23, Unit.CELSIUS, "71.2 °C"),
        (-0.04, Unit.CELSIUS, "0.0 °C"),
        (18.44, Unit.TOKENS_PER_SECOND, "18.4 tok/s"),
        (1084, Unit.TOKENS, "1,084 tok"),
        (2400, Unit.RPM, "2,400 rpm"),
        (87, Unit.PERCENT, "87 %"),
        (0.41, Unit.SECOND, "0.41 s"),
        (12, Unit.NONE, "12.0"),
        (0.00417, Unit.AMPERE, "4.17 mA"),
    ],
)
def test_measure(value: float, unit: Unit, text: str) -> None:
    assert fmt.measure(value, unit) == text


def test_counts() -> None:
    assert [fmt.count(v) for v in (0, 0.2, 0.7, 1084, -3, math.inf)] == ["0", "<1", "1", "1,084", "−3", "∞"]
    assert [fmt.fixed(v, 2) for v in (0, -0.001, 1234.567, -1.005e3)] == [
        "0.00",
        "0.00",
        "1,234.57",
        "−1,005.00",
    ]
    assert fmt.milliseconds(41.27) == "41.3 ms"
    assert fmt.rate(0.5) == "0.500 tok/s"


@pytest.mark.parametrize("value", NOTHING)
def test_the_unknown_is_a_dash_without_a_unit(value: float | None) -> None:
    texts = [
        fmt.number(value),
        fmt.si(value, "W"),
        fmt.byte_count(value),
        fmt.rate(value),
        fmt.celsius(value),
    ]
    texts += [fmt.percent(value), fmt.count(value), fmt.fixed(value, 2), fmt.seconds(value), fmt.clock(value)]
    texts += [
        fmt.stamp(value),
        fmt.age(value),
        fmt.milliseconds(value),
        *(fmt.measure(value, unit) for unit in Unit),
    ]
    assert set(texts) == {"–"}


ANY = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
POWERS = {"n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def parsed(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


@given(ANY)
def test_a_number_reads_back_within_its_digits(value: float) -> None:
    assert parsed(fmt.number(value)) == pytest.approx(value, rel=5.1e-3)


@given(st.floats(1e-9, 9.9e17), st.sampled_from([-1, 1]))
def test_si_reads_back_and_stays_between_1_and_1000(size: float, sign: int) -> None:
    found = re.fullmatch(r"(−?)([\d.]+) (\D?)W", fmt.si(sign * size, "W"))
    assert found
    assert 1 <= float(found[2]) < 1000
    assert float(found[2]) * POWERS[found[3]] == pytest.approx(size, rel=5.1e-3)
    assert bool(found[1]) == (sign < 0)


@given(ANY.filter(bool), st.sampled_from(sorted(set(Unit) - {Unit.CELSIUS})))
def test_what_is_not_zero_never_reads_as_zero(value: float, unit: Unit) -> None:
    assert re.search(r"[1-9]", fmt.measure(value, unit))


@given(st.floats(0, 1e9))
def test_seconds_reads_back(value: float) -> None:
    text = fmt.seconds(value)
    sizes = {"d": 86_400, "h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    total = sum(parsed(number) * sizes[unit] for number, unit in re.findall(r"([\d.,e−]+) (\w+)", text))
    assert total == pytest.approx(value, rel=0.051)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_clock_and_stamp_keep_the_order(a: float, b: float) -> None:
    low, high = sorted((a, b))

    def moment(text: str) -> float:
        total = 0.0
        for part in text.removeprefix("−").split(":"):
            total = total * 60 + float(part)
        return -total if text.startswith("−") else total

    assert moment(fmt.clock(low)) <= moment(fmt.clock(high))
    assert moment(fmt.stamp(low)) <= moment(fmt.stamp(high))
    assert abs(moment(fmt.stamp(low)) - low) <= 0.1 + 1e-6


@given(st.text(max_size=300))
def test_foreign_text_is_one_safe_line(text: str) -> None:
    shown = fmt.plain(text, 40)
    assert shown.isprintable()
    assert len(shown) == min(len(text), 40)
    if len(text) <= 40 and text.isprintable():
        assert shown == text


def test_foreign_text_keeps_both_ends() -> None:
    assert fmt.plain("a" * 50 + "b" * 50, 11) == "aaaaa…bbbbb"


def test_names_of_channels_are_told_in_words() -> None:
    assert [fmt.words(name) for name in ("rss_file", "cpu-0-0-usr", "VDD_IN")] == [
        "rss file",
        "cpu-0-0-usr",
        "VDD IN",
    ]
