import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.format import MINUS
from melt_tui.ui.renderables.axes import (
    LABEL_WIDTH,
    Prefix,
    clock,
    fixed_axis,
    prefix_for,
    time_step,
    time_ticks,
    value_axis,
)

SECOND = 1_000_000_000
VALUES = st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-9)


def labels(low: float, high: float, unit: str, rows: int) -> list[str]:
    return [label for _, label in value_axis((low, high), unit, rows).ticks]


@pytest.mark.parametrize(
    ("low", "high", "unit", "rows", "shown"),
    [
        (12.1, 24.9, "V", 15, ["12", "14", "16", "18", "20", "22", "24", "26"]),
        (12.1, 24.9, "tok/s", 9, ["0", "10", "20"]),
        (0.3, 9.7, "W", 9, ["0", "5", "10"]),
        (1.9e9, 2.02e9, "s", 7, ["1.90", "1.95", "2.00", "2.05"]),
        (1.9e9, 2.02e9, "B", 7, ["0", "1", "2"]),
        (0.1, 0.4, "W", 5, ["0", "200", "400"]),
        (31.0, 73.0, "°C", 3, ["40", "60", "80"]),
        (-3.0, 4.0, "A", 9, [f"{MINUS}2", "0", "2", "4"]),
        (0.0, 3_000_000.0, "tok", 7, ["0", "1", "2", "3"]),
    ],
)
def test_ticks_are_round(low: float, high: float, unit: str, rows: int, shown: list[str]) -> None:
    assert labels(low, high, unit, rows) == shown


def test_a_constant_is_not_magnified() -> None:
    axis = value_axis((50.0, 50.001), "°C", 10)
    assert axis.high - axis.low >= 0.04 * 50
    assert value_axis((0.0, 0.0), "W", 10).high > 0


@pytest.mark.parametrize("unit", ["tok/s", "W", "B", "Hz", "%"])
@pytest.mark.parametrize("rows", [3, 8, 20])
def test_what_is_read_against_zero_stands_on_zero(unit: str, rows: int) -> None:
    axis = value_axis((98.0, 101.0), unit, rows)
    assert axis.low <= 0
    assert axis.high >= 101
    assert axis.high < 180
    under = value_axis((-101.0, -98.0), unit, rows)
    assert under.low <= -101
    assert under.high >= 0


def test_a_temperature_has_ten_degrees_at_least() -> None:
    for rows in (3, 8, 20):
        axis = value_axis((45.0, 45.4), "°C", rows)
        assert axis.high - axis.low >= 10
        assert axis.low > 20


def test_nothing_shown_has_an_axis_too() -> None:
    axis = value_axis(None, "W", 10)
    assert (axis.low, axis.high) == pytest.approx((0, 1), abs=0.2)


@given(VALUES, VALUES, st.sampled_from(["B", "°C", "tok/s", "W", "1", ""]), st.integers(1, 60))
def test_any_extent_lies_on_its_axis(a: float, b: float, unit: str, rows: int) -> None:
    low, high = min(a, b), max(a, b)
    axis = value_axis((low, high), unit, rows)
    slack = (axis.high - axis.low) * 1e-9
    assert axis.low - slack <= low <= high <= axis.high + slack
    assert len(axis.ticks) <= max(2, rows)
    for value, label in axis.ticks:
        assert axis.low - slack <= value <= axis.high + slack
        assert len(label) <= LABEL_WIDTH
        shown = float(label.replace(MINUS, "-")) * axis.prefix.factor
        assert shown == pytest.approx(value, rel=1e-6, abs=slack)


@given(VALUES, VALUES, st.integers(5, 60))
def test_ticks_stand_evenly(a: float, b: float, rows: int) -> None:
    axis = value_axis((min(a, b), max(a, b)), "tok/s", rows)
    scale = rows / (axis.high - axis.low)
    heights = [(value - axis.low) * scale for value, _ in axis.ticks]
    assert all(height % 1 == pytest.approx(0.5, abs=1e-3) for height in heights)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.integers(1, 40))
def test_a_fixed_axis_is_what_was_asked_for(low: float, high: float, rows: int) -> None:
    axis = fixed_axis(low, high, "W", rows)
    assert math.isfinite(axis.low)
    assert axis.low < axis.high < math.inf
    if 1e-90 < high - low < 1e200 and high - low > 0.1 * max(abs(low), abs(high)):
        assert (axis.low, axis.high) == (low, high)


@pytest.mark.parametrize(
    ("unit", "greatest", "prefix"),
    [
        ("B", 1.9e9, Prefix(1e9, "GB")),
        ("B", 999.6, Prefix(1e3, "kB")),
        ("W", 0.0042, Prefix(1e-3, "mW")),
        ("W", 1e-15, Prefix(1e-9, "nW")),
        ("B", 1e20, Prefix(1e12, "TB")),
        ("Hz", 0.0, Prefix(1.0, "Hz")),
        ("°C", 71.2, Prefix(1.0, "°C")),
        ("tok", 3e6, Prefix(1e6, "×10⁶ tok")),
        ("", 2e-5, Prefix(1e-6, "×10⁻⁶")),
        ("W", math.inf, Prefix(1.0, "W")),
    ],
)
def test_prefixes(unit: str, greatest: float, prefix: Prefix) -> None:
    found = prefix_for(unit, greatest)
    assert found.unit == prefix.unit
    assert found.factor == pytest.approx(prefix.factor)


@pytest.mark.parametrize(
    ("t_ns", "step_ns", "shown"),
    [
        (0, SECOND, "00:00"),
        (72 * SECOND, SECOND, "01:12"),
        (3672 * SECOND, SECOND, "1:01:12"),
        (72_400_000_000, SECOND // 10, "01:12.4"),
        (72_400_000_000, SECOND // 5, "01:12.4"),
        (72_000_001_000, 1000, "01:12.000001"),
        (-5 * SECOND, SECOND, "-00:05"),
    ],
)
def test_a_clock_shows_what_its_steps_need(t_ns: int, step_ns: int, shown: str) -> None:
    assert clock(t_ns, step_ns) == shown


@pytest.mark.parametrize(
    ("least_ns", "step_ns"),
    [
        (0.3, 1),
        (SECOND * 0.03, SECOND // 20),
        (SECOND * 0.5, SECOND // 2),
        (SECOND * 0.7, SECOND),
        (SECOND * 17, SECOND * 30),
        (SECOND * 4000, SECOND * 7200),
        (SECOND * 100_000, SECOND * 172_800),
    ],
)
def test_steps_of_time_are_round(least_ns: float, step_ns: int) -> None:
    assert time_step(least_ns) == step_ns


def test_time_ticks_count_from_the_session_start() -> None:
    origin = 123_456_789_012
    ticks = list(time_ticks(origin + 61 * SECOND, origin + 181 * SECOND, origin, 5))
    assert [(t_ns - origin) // SECOND for t_ns, _ in ticks] == [90, 120, 150, 180]
    assert [label for _, label in ticks] == ["01:30", "02:00", "02:30", "03:00"]


@given(st.integers(0, 10**18), st.integers(1, 10**15), st.integers(-(10**12), 10**12), st.integers(1, 30))
def test_time_ticks_lie_in_the_span(t0: int, span: int, origin: int, most: int) -> None:
    ticks = list(time_ticks(t0, t0 + span, origin, most))
    assert len(ticks) <= most * 1.06 + 1
    assert all(t0 <= t_ns < t0 + span for t_ns, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)
