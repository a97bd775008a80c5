"""What the script beside a run wrote, as channels of the device's own clock."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.links import guarding
from drivers.model import Kind, Quantity, Unit
from drivers.runs.beside import Beside, Series
from drivers.runs.lookout import ASKED, FILES, LINES, PROCESSORS, SCRIPT, pace_s
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
USES = """\
# cores policy0 0 1
# cores policy4 4 5
# available
# spent
# use
# page 4096
# hertz 100
S 100.00 7 - 2000 55:1000 :400:400,0:100:100,1:100:100,4:2147483600:100,5:100:100
S 101.00 7 - 1000 55:1040 :500:500,0:150:150,1:100:200,4:-2147483596:100,5:100:200
S 102.00 7 - 1000 56:1100 :500:600,0:150:250,1:100:300,4:-2147483596:200
S 103.00 7 - - 56:1200 -
S 163.00 7 - - 56:1300 :900:900,0:200:250
"""
HOT = """\
# phone
# zone soc
# zone vbat
# zone cpu
# page 4096
S 100.00 7 - 57000 3900 45000
S 101.00 7 - 57000 3900 45
T 100.10 IsStatusOverride: false;Thermal Status: 2;HAL Ready: true;Current temperatures from HAL:;\tTemperature{mValue=36.5, mType=3, mName=skin, mStatus=0};\tTemperature{mValue=0.0, mType=0, mName=AP, mStatus=0};\tTemperature{mValue=51.0, mType=0, mName=CPU0, mStatus=0};\tTemperature{mValue=3900.0, mType=6, mName=vbat, mStatus=0};\tTemperature{mVal
T 110.10 IsStatusOverride: true;Thermal Status: 5;HAL Ready: true;Current temperatures from HAL:;\tTemperature{mValue=37.5, mType=3, mName=skin, mStatus=0};
T 120.10 HAL Ready: false;Current temperatures from HAL:;\tTemperature{mValue=99.5, mType=3, mName=skin, mStatus=0};
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

    rates = {one.channel.name: one.channel.rate_hz for one in Beside("p").take(SERVICE, *EVER)}
    assert rates == {"kept rss": 1} | dict.fromkeys(found.keys() - {"kept rss"}, 0.1), "asked every 10 s"


def test_what_processors_and_the_engine_did() -> None:
    """Counts that wrapped in 32 bits, one that is switched off, another process of the same engine, a device that slept."""
    series = {one.channel.name: one for one in Beside("p").take(USES, *EVER)}
    assert named(list(series.values())) == {
        "kept rss": (Unit.BYTES, [7 * 4096] * 5),
        "kept memory_available": (Unit.BYTES, [2_048_000, 1_024_000, 1_024_000]),
        "kept cpu": (Unit.PERCENT, [50, 0]),
        "kept use policy0": (Unit.PERCENT, [25, 0]),
        "kept use policy4": (Unit.PERCENT, [50, 0]),
        "kept process_cpu": (Unit.PERCENT, [10, 25]),
    }
    assert series["kept cpu"].times_ns == [101 * SECOND, 102 * SECOND]
    assert series["kept process_cpu"].times_ns == [101 * SECOND, 103 * SECOND]
    for name in ("cpu", "use policy4", "process_cpu"):
        channel = series[f"kept {name}"].channel
        assert (channel.kind, channel.fills) == (Kind.INTERVAL_MEAN, (name,))


def test_heat_of_a_phone() -> None:
    """Charges and voltages are no temperatures; of the service what its HAL says, and a status that nobody set."""
    series = {one.channel.name: one for one in Beside("p").take(HOT, *EVER)}
    assert named(list(series.values())) == {
        "kept rss": (Unit.BYTES, [7 * 4096] * 2),
        "kept cpu": (Unit.CELSIUS, [45.0]),
        "kept thermal status": (Unit.NONE, [2]),
        "kept sensor skin": (Unit.CELSIUS, [36.5, 37.5]),
        "kept sensor CPU0": (Unit.CELSIUS, [51.0]),
    }
    skin = series["kept sensor skin"].channel
    assert (skin.quantity, skin.fills, skin.rate_hz) == (Quantity.SKIN_TEMPERATURE, ("skin",), 0.1)
    assert series["kept thermal status"].channel.fills == ("thermal status",)


def test_only_the_span_and_columns_known_from_before() -> None:
    beside = Beside("p")
    lines = PHONE.splitlines(keepends=True)
    assert len(beside.take("".join(lines[:10]), *EVER)) == 0
    at_ns = 1795245862500000000
    found = beside.take("".join(lines[10:]), at_ns - SECOND // 2, at_ns + SECOND // 2)
    assert {tuple(one.times_ns) for one in found} == {(at_ns,), ()}
    assert sorted(one.channel.name for one in found)[:3] == [
        "kept battery",
        "kept battery current",
        "kept battery level",
    ]
    empty = [one.channel.name for one in found if not one.times_ns]
    assert empty == ["kept cpu-0-0 2"], "it is read, but had no value then"
    assert len(found) == 11


def test_a_mean_that_reaches_into_the_span() -> None:
    found = {one.channel.name: one for one in Beside("p").take(USES, 101 * SECOND, 101 * SECOND)}
    assert found["kept cpu"].values == found["kept use policy4"].values == [50]


@given(st.text(alphabet="SBT# 0123456789.-\nzonecurpag;:", max_size=300))
def test_no_text_is_too_odd(text: str) -> None:
    for one in Beside("p").take(text, *EVER):
        assert len(one.times_ns) == len(one.values) > 0, "at some time"
    assert len(Beside("p").take("# zone x\n" * 1000, *EVER)) == 0
    assert FILES < 1000


@pytest.mark.parametrize("userland", userlands())
def test_the_script_is_read_by_every_shell(userland: str, tmp_path: Path) -> None:
    install(userland, tmp_path / "bin")
    (tmp_path / "pid").write_text("1\n")
    (tmp_path / "watch").write_text("self\n")
    text = f'd=$1 real= turns=2\n{guarding.TICKING}\nnap() {{ turns=$((turns-1)); [ "$turns" -gt 0 ] || exit 0; sleep 0.1; }}\n{SCRIPT}'
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
    found = {one.channel.name: one for one in Beside("p").take(run.stdout, *EVER)}
    assert 0 <= found["kept cpu"].values[0] <= 100
    assert 0 <= found["kept process_cpu"].values[0] <= 100
    assert 2**20 < found["kept memory_available"].values[0] < 2**50
    rss = found["kept rss"]
    assert len(rss.values) == 2
    assert rss.values[0] > 100_000


def test_of_many_processors_only_what_all_do_is_written(tmp_path: Path) -> None:
    """As if one were many."""
    (tmp_path / "pid").write_text("1\n")
    script = SCRIPT.replace(f'"$i" -le {PROCESSORS}', '"$i" -le 1')
    text = f"d=$1 real=\n{guarding.TICKING}\nnap() {{ exit 0; }}\n{script}"
    done = subprocess.run(["sh", "-c", text, "melt", tmp_path], capture_output=True, text=True, timeout=60)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("S "))
    assert re.fullmatch(r":[0-9]+:[0-9]+", line.split()[-1])


def test_lines_that_come_half_as_often_say_so() -> None:
    """As the script does it: after so many lines, and after as many more; what a service tells with them."""

    def lines(first: int, count: int, t_s: int) -> str:
        told = []
        for i in range(first, first + count):
            told.append(f"S {t_s}.00 7 -\n")
            told += [f"B {t_s}.00 level: 81;\n"] if i % ASKED == 1 else []
            t_s += pace_s(i + 1)
        return "".join(told)

    beside = Beside("p")
    found = beside.take(lines(0, LINES + 20, 0), (LINES - 30) * SECOND, EVER[1])
    told = [(one.channel.name, one.channel.rate_hz, len(one.times_ns)) for one in found]
    assert told == [
        ("kept rss", 1, 30), ("kept battery level", 0.1, 3), ("kept rss", 0.5, 20), ("kept battery level", 0.05, 2),
    ]  # fmt: skip
    assert found[2].times_ns[:2] == [(LINES + 1) * SECOND, (LINES + 3) * SECOND]
    later = beside.take(lines(LINES + 20, LINES, LINES + 41), *EVER)
    assert [(one.channel.rate_hz, len(one.times_ns)) for one in later if one.channel.name == "kept rss"] == [
        (0.5, LINES - 20), (0.25, 20),
    ]  # fmt: skip
    (nothing, _) = beside.take("S 900000.00 7 -\nB 900000.00 level: 80;\n", 0, 1)
    assert (nothing.channel.rate_hz, nothing.times_ns) == (0.25, []), "as they come now"
    assert [pace_s(i * LINES) for i in range(7)] == [1, 2, 4, 8, 16, 16, 16]
