"""What the script beside a run wrote, as channels of the device's own clock."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.links import guarding
from drivers.model import Quantity, Unit
from drivers.runs.beside import FILES, SCRIPT, Beside, Series
from tests.rigs.local_pipes import install, userlands

EVER = (0, 1 << 62)
PHONE = """\
# frequency policy0
# cap policy0
# level
# voltage
# current
# tenths
# zone cpu-0-0
# zone cpu-0-0
# zone battery
# page 16384
S 1795245861.500000 1000 Discharging 1804800 2841000 57 3912000 -812000 314 45000 46000 31400
S 1795245862.500000 1001 Discharging 1804800 2841000 57 3911000 -799000 314 45100 0 31400
S 1795245863.500000 - Charging - 2841000 57 3911000 -799000 - x 47000 31400
S 1795245864.500000 1 2 3
S 1795245865.5
"""
BOARD = """\
# millivolt VDD_IN
# milliampere VDD_IN
# millivolt NC
# milliampere NC
# page 4096
S 4321.07 5 - 19000 500 5000 1
S 4322.07 6 - 19010 510 5000 1
S 4323.07 6 - 19010 - 5000 1
"""
SERVICE = """\
# page 4096
S 1795245861.500000 7 -
B 1795245861.600000 Current Battery Service state:;  AC powered: false;  status: 3;  level: 81;  voltage: 4012;  temperature: 298;  current now: -341;
B 1795245871.600000 UPDATES STOPPED;  level: 5;
"""


def named(series: list[Series]) -> dict[str, tuple[Unit, list[object]]]:
    assert all(one.channel.own_clock and one.channel.device == "p" for one in series)
    return {
        one.channel.name: (one.channel.unit, [pytest.approx(value) for value in one.values]) for one in series
    }


def test_a_phone() -> None:
    series = Beside("p").take(PHONE, *EVER)
    assert named(series) == {
        "kept rss": (Unit.BYTES, [16_384_000, 16_400_384]),
        "kept frequency policy0": (Unit.HERTZ, [1.8048e9, 1.8048e9]),
        "kept cap policy0": (Unit.HERTZ, [2.841e9] * 3),
        "kept battery level": (Unit.PERCENT, [57, 57, 57]),
        "kept battery voltage": (Unit.VOLT, [3.912, 3.911, 3.911]),
        "kept battery current": (Unit.AMPERE, [0.812, 0.799, -0.799]),
        "kept battery power": (Unit.WATT, [0.812 * 3.912, 0.799 * 3.911, -0.799 * 3.911]),
        "kept battery temperature": (Unit.CELSIUS, [31.4, 31.4]),
        "kept cpu-0-0": (Unit.CELSIUS, [45.0, 45.1]),
        "kept cpu-0-0 2": (Unit.CELSIUS, [46.0, 47.0]),
        "kept battery": (Unit.CELSIUS, [31.4] * 3),
    }
    fills = {one.channel.name: one.channel.fills for one in series}
    assert fills["kept rss"] == ("rss",)
    assert fills["kept frequency policy0"] == ("frequency policy0", "cpu clock policy0")
    assert fills["kept cap policy0"] == ("cap policy0",)
    assert fills["kept battery"] == ("zone battery", "battery", "battery temp")
    assert fills["kept cpu-0-0"] == fills["kept cpu-0-0 2"] == (), "which is which may be told otherwise"
    assert fills["kept battery power"] == ("battery power",)
    assert all("read on the device" in one.channel.provenance for one in series)
    quantities = {one.channel.name: one.channel.quantity for one in series}
    assert quantities["kept cpu-0-0"] is Quantity.TEMPERATURE
    assert quantities["kept battery"] is Quantity.BATTERY_TEMPERATURE
    assert series[0].times_ns == [1795245861500000000, 1795245862500000000]


def test_two_zones_of_one_name_stay_apart() -> None:
    series = {one.channel.name: one for one in Beside("p").take(PHONE, *EVER)}
    assert series["kept cpu-0-0 2"].times_ns == [1795245861500000000, 1795245863500000000]


def test_a_board() -> None:
    assert named(Beside("p").take(BOARD, *EVER)) == {
        "kept rss": (Unit.BYTES, [20480, 24576, 24576]),
        "kept VDD_IN": (Unit.WATT, [9.5, 9.6951]),
    }


def test_a_battery_that_only_its_service_tells() -> None:
    found = named(Beside("p").take(SERVICE, *EVER))
    assert found["kept battery level"] == (Unit.PERCENT, [81])
    assert found["kept battery voltage"] == (Unit.VOLT, [4.012])
    assert found["kept battery temperature"] == (Unit.CELSIUS, [29.8])
    assert found["kept battery current"] == (Unit.AMPERE, [0.341])


def test_only_the_span_and_columns_known_from_before() -> None:
    beside = Beside("p")
    lines = PHONE.splitlines(keepends=True)
    assert len(beside.take("".join(lines[:10]), *EVER)) == 0
    at_ns = 1795245862500000000
    found = beside.take("".join(lines[10:]), at_ns - SECOND // 2, at_ns + SECOND // 2)
    assert {tuple(one.times_ns) for one in found} == {(at_ns,)}
    assert sorted(one.channel.name for one in found)[:3] == [
        "kept battery",
        "kept battery current",
        "kept battery level",
    ]
    assert len(found) == 10


@given(st.text(alphabet="SB# 0123456789.-\nzonecurpag;:", max_size=300))
def test_no_text_is_too_odd(text: str) -> None:
    for one in Beside("p").take(text, *EVER):
        assert len(one.times_ns) == len(one.values) > 0
    assert len(Beside("p").take("# zone x\n" * 1000, *EVER)) == 0
    assert FILES < 1000


@pytest.mark.parametrize("userland", userlands())
def test_the_script_is_read_by_every_shell(userland: str, tmp_path: Path) -> None:
    install(userland, tmp_path / "bin")
    (tmp_path / "pid").write_text("1\n")
    (tmp_path / "watch").write_text("self\n")
    text = f'd=$1 real= turns=2\n{guarding.TICKING}\nnap() {{ turns=$((turns-1)); [ "$turns" -gt 0 ] || exit 0; }}\n{SCRIPT}'
    run = subprocess.run(
        [tmp_path / "bin" / "sh", "-c", text, "melt", tmp_path],
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0
    lines = [line for line in run.stdout.splitlines() if line.startswith("S ")]
    assert len(lines) == 2
    (rss,) = (one for one in Beside("p").take(run.stdout, *EVER) if one.channel.name == "kept rss")
    assert len(rss.values) == 2
    assert rss.values[0] > 100_000
