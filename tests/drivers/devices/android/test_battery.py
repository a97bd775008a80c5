"""The battery as services and files tell it, and the gauge whose unit and sign are the vendor's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.devices.android import battery
from drivers.devices.android.battery import SAMSUNG, Battery, Gauge, Status, full

GALAXY_S20 = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 0
  Max charging voltage: 0
  Charge counter: 807642
  status: 2
  health: 2
  present: true
  level: 19
  scale: 100
  voltage: 3685
  temperature: 376
  technology: Li-ion
  batteryMiscEvent: 196608
  LED Charging: true
  current now: -125
  charge counter: 807642
  Adaptive Fast Charging Settings: true
FEATURE_WIRELESS_FAST_CHARGER_CONTROL: true
LLB MAN:\x20
"""


def test_a_samsungs_dump() -> None:
    told = battery.from_dumpsys(GALAXY_S20)
    assert told == Battery(Status.CHARGING, "USB", 19.0, 3.685, 37.6, 807642, -125)
    assert battery.amperes(SAMSUNG, told) == pytest.approx(0.125), "more is drawn than the charger gives"


def test_a_plain_dump_tells_no_current() -> None:
    plain = "".join(line for line in GALAXY_S20.splitlines(keepends=True) if "current now" not in line)
    assert battery.from_dumpsys(plain).current is None
    assert battery.from_dumpsys("Can't find service: battery\n") == Battery()
    assert not Battery().told


def test_a_level_is_a_share_of_its_scale() -> None:
    assert battery.from_dumpsys("  level: 150\n  scale: 200\n").level == 75.0
    assert battery.from_dumpsys("  level: 150\n  scale: 100\n").level is None
    assert battery.from_dumpsys("  level: 50\n  scale: 0\n").level == 50.0


@pytest.mark.parametrize(
    ("told", "volts"), [(4343, 4.343), (4_343_000, 4.343), (8600, 8.6), (4, None), (0, None)]
)
def test_a_voltage_in_millivolts_or_microvolts(told: int, volts: float | None) -> None:
    assert battery.from_dumpsys(f"  voltage: {told}\n").volts == volts


def test_stopped_updates_are_noticed() -> None:
    frozen = GALAXY_S20.replace("state:\n", "state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n")
    assert battery.from_dumpsys(frozen).frozen


def test_the_files_of_a_battery() -> None:
    told = battery.from_sysfs(("Charging\n", "78", "4010000", "-1250000", "320", "3600000"))
    assert told == Battery(Status.CHARGING, "", 78.0, 4.01, 32.0, 3_600_000, -1_250_000)
    assert battery.from_sysfs(("",) * 6) == Battery()
    assert battery.from_sysfs(("Not charging", "", "", "0", "", "0")).status is Status.NOT_CHARGING


@pytest.mark.parametrize(
    "text", ["0", "", "-", "Unknown get option: current_now", "99999999999", None, "1.5"]
)
def test_a_failed_read_is_no_current(text: str | None) -> None:
    assert battery.gauge_reading(text) is None


@given(st.integers(0, len(GALAXY_S20)))
def test_an_output_cut_anywhere_tells_nothing_false(end: int) -> None:
    whole, cut = battery.from_dumpsys(GALAXY_S20), battery.from_dumpsys(GALAXY_S20[:end] + "@ end\n")
    for name in ("level", "volts", "celsius", "counter_uah", "current"):
        assert getattr(cut, name) in {None, getattr(whole, name)}
    assert cut.status in {Status.UNKNOWN, Status.CHARGING}


@given(st.text(), st.lists(st.text(), min_size=6, max_size=6))
def test_any_text_is_read_without_an_error(text: str, files: list[str]) -> None:
    battery.from_dumpsys(text)
    battery.from_dumpsys(f"  voltage: {text}\n  current now: {text}\n  status: {text}\n")
    battery.from_sysfs(tuple(files))


# --- the gauge ------------------------------------------------------------------------------------------------------

UNIT = {"µA": 1e-6, "mA": 1e-3}


def follow(gauge: Gauge, *readings: Battery, step_s: float = 1.0) -> Gauge:
    for number, told in enumerate(readings):
        gauge = battery.learn(gauge, round(number * step_s * SECOND), told)
    return gauge


@given(
    st.sampled_from(["µA", "mA"]),
    st.sampled_from([1, -1]),
    st.floats(0.03, 12),
    st.floats(0.03, 12),
    st.booleans(),
)
def test_a_phone_that_was_unplugged_once_is_read_right_ever_after(
    unit: str, leaving: int, load_a: float, flow_a: float, enters: bool
) -> None:
    away = Battery(status=Status.DISCHARGING, current=round(leaving * load_a / UNIT[unit]))
    sign = -leaving if enters else leaving
    plugged = Battery(status=Status.CHARGING, current=round(sign * flow_a / UNIT[unit]))
    gauge = follow(Gauge(), away, plugged)
    assert battery.amperes(gauge, away) == pytest.approx(load_a, abs=2e-3)
    assert battery.amperes(gauge, plugged) == pytest.approx(-flow_a if enters else flow_a, abs=2e-3)


def test_a_battery_that_runs_down_gives_current_whatever_the_sign() -> None:
    for raw in (-812_500, 812_500):
        told = Battery(status=Status.DISCHARGING, current=raw)
        assert battery.amperes(follow(Gauge(), told), told) == pytest.approx(0.8125)


def test_just_unplugged_an_old_figure_is_no_load() -> None:
    away = Battery(status=Status.DISCHARGING, current=-800_000)
    stale = Battery(status=Status.DISCHARGING, current=2_000_000)
    gauge = follow(Gauge(), away, stale)
    assert battery.amperes(gauge, stale) is None
    assert battery.amperes(follow(Gauge(), away, stale, away), away) == pytest.approx(0.8)


def test_a_sign_that_was_learned_from_an_old_figure_is_corrected() -> None:
    stale = Battery(status=Status.DISCHARGING, current=2_000_000)
    away = Battery(status=Status.DISCHARGING, current=-800_000)
    gauge = follow(Gauge(), stale, *[away] * 13)
    assert battery.amperes(gauge, away) == pytest.approx(0.8)


def test_plugged_in_from_the_start_a_positive_reading_enters_and_a_negative_one_is_not_guessed() -> None:
    enters = Battery(status=Status.CHARGING, current=1_500_000)
    assert battery.amperes(follow(Gauge(), enters), enters) == -1.5
    unclear = replace(enters, current=-1_500_000)
    assert battery.amperes(follow(Gauge(), unclear), unclear) is None


def test_a_small_reading_of_a_full_phone_is_not_taken_for_amperes() -> None:
    full = Battery(status=Status.FULL, current=1562)
    assert battery.amperes(follow(Gauge(), full), full) is None


@pytest.mark.parametrize(
    ("unit", "raw", "falls"), [("mA", -1500, True), ("mA", -1500, False), ("µA", -1_500_000, True)]
)
def test_the_charge_counter_settles_what_is_unclear(unit: str, raw: int, falls: bool) -> None:
    per_second = round(abs(raw) * UNIT[unit] / 3600e-6) * (-1 if falls else 1)
    readings = [
        Battery(status=Status.CHARGING, current=raw, counter_uah=3_000_000 + per_second * second)
        for second in range(9)
    ]
    assert battery.amperes(follow(Gauge(), *readings[:2]), readings[1]) is None
    gauge = follow(Gauge(), *readings)
    assert battery.amperes(gauge, readings[-1]) == pytest.approx(1.5 if falls else -1.5)


def test_a_counter_that_says_something_else_settles_nothing() -> None:
    readings = [
        Battery(status=Status.CHARGING, current=-1500, counter_uah=3_000_000 - 100_000 * second)
        for second in range(5)
    ]
    assert battery.amperes(follow(Gauge(), *readings), readings[-1]) is None


def test_a_sign_that_changes_starts_the_weighing_anew() -> None:
    readings = [
        Battery(status=Status.CHARGING, current=-1500 * (-1) ** second, counter_uah=3_000_000 - 800 * second)
        for second in range(9)
    ]
    assert follow(Gauge(), *readings).leaving is None


def test_a_reading_that_only_microamperes_allow_corrects_the_unit() -> None:
    small = Battery(status=Status.DISCHARGING, current=4000)
    large = Battery(status=Status.DISCHARGING, current=900_000)
    assert battery.amperes(follow(Gauge(), small, large), large) == pytest.approx(0.9)


def test_what_a_full_battery_holds_follows_from_counter_and_level() -> None:
    told = Battery(level=50.0, counter_uah=2_000_000, volts=3.9)
    assert full(told) == "15.4 Wh, by its charge counter and level, at 3.85 V"
    assert full(replace(told, volts=7.8)) == "30.8 Wh, by its charge counter and level, at 7.7 V"
    for unknown in (replace(told, level=12.0), replace(told, level=None), replace(told, counter_uah=None)):
        assert full(unknown) == ""
