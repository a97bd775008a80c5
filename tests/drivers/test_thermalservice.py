"""``dumpsys thermalservice`` in every form that phones were seen to print it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import thermalservice
from drivers.model import Quantity
from drivers.thermalservice import Cooling, Temperature, Thermal

GALAXY_A52 = """IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 4
\tkilled: false
\tbroadcasts count: -1
Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=0.0, mType=2, mName=SUBBAT, mStatus=0}
\tTemperature{mValue=25.6, mType=0, mName=AP, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=25.6, mType=0, mName=AP, mStatus=0}
\tTemperature{mValue=23.8, mType=2, mName=BAT, mStatus=0}
\tTemperature{mValue=24.7, mType=3, mName=LRB, mStatus=0}
\tTemperature{mValue=25.7, mType=5, mName=PA, mStatus=0}
\tTemperature{mValue=0.0, mType=2, mName=SUBBAT, mStatus=0}
\tTemperature{mValue=0.0, mType=4, mName=USB, mStatus=0}
Current cooling devices from HAL:
Temperature static thresholds from HAL:
"""

SDHMS = """IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
 Temperature{mValue=-99.9, mType=6, mName=TYPE_POWER_AMPLIFIER, mStatus=0}
\tTemperature{mValue=25.3, mType=4, mName=TYPE_SKIN, mStatus=0}
HAL Ready: true
HAL connection:
\tSdhms connected: yes
Current temperatures from HAL:
\tTemperature{mValue=24.0, mType=1, mName=TYPE_CPU, mStatus=0}
\tTemperature{mValue=24.4, mType=3, mName=TYPE_BATTERY, mStatus=0}
\tTemperature{mValue=25.3, mType=4, mName=TYPE_SKIN, mStatus=0}
\tTemperature{mValue=24.2, mType=5, mName=TYPE_USB_PORT, mStatus=0}
\tTemperature{mValue=26.5, mType=2, mName=MALI, mStatus=0}
\tTemperature{mValue=-99.9, mType=6, mName=TYPE_POWER_AMPLIFIER, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=TYPE_CPU}
\tCoolingDevice{mValue=1, mType=4, mName=TYPE_MODEM}
"""

SHIELD = """Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=37.0, mType=0, mName=CPU0, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 1.1 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=66.5, mType=0, mName=CPU0, mStatus=0}
Current cooling devices from HAL:
"""

PIXEL = """Thermal Status: 2
Cached temperatures:
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 2  connected: yes
Current temperatures from HAL:
\tTemperature{mValue=66.5, mType=0, mName=BIG, mStatus=2}
\tTemperature{mValue=49.0, mType=1, mName=G3D, mStatus=0}
\tTemperature{mValue=48.0, mType=10, mName=TPU, mStatus=0}
\tTemperature{mValue=33.800003, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
\tTemperature{mValue=4102.0, mType=6, mName=vbat, mStatus=0}
\tTemperature{mValue=812.0, mType=7, mName=ocp_cpu1, mStatus=0}
\tTemperature{mValue=80.0, mType=8, mName=soc, mStatus=0}
\tTemperature{mValue=1.375, mType=-1, mName=VIRTUAL-SKIN-CHARGE-DIFF, mStatus=0}
\tTemperature{mValue=22.5, mType=18, mName=room, mStatus=0}
\tTemperature{mValue=21.5, mType=77, mName=new sort, with a comma, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=4, mType=2, mName=thermal-cpufreq-2}
\tCoolingDevice{mValue=0, mType=3, mName=thermal-gpufreq-0}
Temperature static thresholds from HAL:
\tTemperatureThreshold{mType=3, mName=VIRTUAL-SKIN, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
\tTemperatureThreshold{mType=0, mName=BIG, mHotThrottlingThresholds=[NaN, NaN, NaN, 95.0, NaN, NaN, 115.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
\tTemperatureThreshold{mType=1, mName=G3D, mHotThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
"""

NOT_READY = """IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
HAL Ready: false
"""


def by_name(told: Thermal) -> dict[str, Temperature]:
    return {one.name: one for one in told.temperatures}


def test_absent_sensors_of_a_samsung_read_nothing() -> None:
    told = thermalservice.parse(GALAXY_A52)
    assert (told.answered, told.ready, told.status, told.coolings) == (True, True, 0, ())
    assert {name: one.celsius for name, one in by_name(told).items()} == {
        "AP": 25.6,
        "BAT": 23.8,
        "LRB": 24.7,
        "PA": 25.7,
        "SUBBAT": None,
        "USB": None,
    }
    assert by_name(told)["AP"].quantity is Quantity.TEMPERATURE
    assert by_name(told)["BAT"].quantity is Quantity.BATTERY_TEMPERATURE
    assert by_name(told)["LRB"].quantity is Quantity.SKIN_TEMPERATURE
    assert by_name(told)["PA"].quantity is Quantity.OTHER_TEMPERATURE


def test_types_of_samsungs_own_hal_are_shifted_back() -> None:
    told = by_name(thermalservice.parse(SDHMS))
    assert {name: one.quantity for name, one in told.items()} == {
        "TYPE_CPU": Quantity.TEMPERATURE,
        "TYPE_BATTERY": Quantity.BATTERY_TEMPERATURE,
        "TYPE_SKIN": Quantity.SKIN_TEMPERATURE,
        "TYPE_USB_PORT": Quantity.OTHER_TEMPERATURE,
        "MALI": Quantity.TEMPERATURE,
        "TYPE_POWER_AMPLIFIER": Quantity.OTHER_TEMPERATURE,
    }
    assert told["TYPE_POWER_AMPLIFIER"].celsius is None
    assert told["TYPE_SKIN"].celsius == 25.3


def test_only_what_the_hal_says_now_is_read_never_what_is_cached() -> None:
    assert [one.celsius for one in thermalservice.parse(SHIELD).temperatures] == [66.5]


def test_battery_limit_figures_and_vendors_differences_are_no_temperatures() -> None:
    told = by_name(thermalservice.parse(PIXEL))
    assert list(told) == ["BIG", "G3D", "TPU", "VIRTUAL-SKIN", "room", "new sort, with a comma"]
    assert told["VIRTUAL-SKIN"].celsius == 33.800003
    assert told["room"].quantity is Quantity.AMBIENT_TEMPERATURE
    assert told["new sort, with a comma"].quantity is Quantity.OTHER_TEMPERATURE
    assert told["BIG"].status == 2


def test_the_limit_is_the_lowest_threshold_that_there_is() -> None:
    told = by_name(thermalservice.parse(PIXEL))
    assert (told["VIRTUAL-SKIN"].limit, told["BIG"].limit, told["G3D"].limit) == (39.0, 95.0, None)


def test_status_and_cooling_devices() -> None:
    told = thermalservice.parse(PIXEL)
    assert told.status == 2
    assert told.coolings == (Cooling("thermal-cpufreq-2", 2, 4), Cooling("thermal-gpufreq-0", 3, 0))
    assert thermalservice.STATUS_NAMES[2] == "MODERATE"


def test_without_a_ready_hal_nothing_is_believed_not_even_the_status() -> None:
    told = thermalservice.parse(NOT_READY)
    assert told == Thermal(answered=True, ready=False, overridden=False, status=None)


def test_no_thermal_service_at_all() -> None:
    for text in ("Can't find service: thermalservice\n", "", "dumpsys: not found\n"):
        assert not thermalservice.parse(text).answered


def test_a_comma_locale_reads_the_same() -> None:
    comma = PIXEL.replace("mValue=66.5", "mValue=66,5").replace("mValue=33.800003", "mValue=33,800003")
    assert thermalservice.parse(comma) == thermalservice.parse(PIXEL)


def test_an_override_is_told() -> None:
    assert thermalservice.parse("IsStatusOverride: true\n" + PIXEL).overridden


def test_line_ends_of_a_terminal_change_nothing() -> None:
    told = thermalservice.parse(PIXEL.replace("\n", "\r\n"))
    assert told.status == 2


@given(st.integers(0, len(PIXEL)))
def test_an_output_cut_anywhere_tells_nothing_false(end: int) -> None:
    whole, cut = thermalservice.parse(PIXEL), thermalservice.parse(PIXEL[:end] + "@ end\n")
    known = {(one.name, one.celsius, one.quantity) for one in whole.temperatures}
    assert {(one.name, one.celsius, one.quantity) for one in cut.temperatures} <= known
    assert set(cut.coolings) <= set(whole.coolings)
    assert cut.status in {None, 2}
    limits = {one.name: one.limit for one in whole.temperatures}
    assert all(one.limit in {None, limits[one.name]} for one in cut.temperatures)


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    thermalservice.parse(text)
    told = thermalservice.parse(PIXEL.replace("BIG", text))
    assert len(told.temperatures) <= thermalservice.ITEM_LIMIT


@given(st.floats(-1e6, 1e6), st.integers(-3, 30))
def test_what_is_read_is_what_was_printed_or_nothing(value: float, kind: int) -> None:
    row = f"\tTemperature{{mValue={value:.3f}, mType={kind}, mName=x, mStatus=0}}\n"
    told = thermalservice.parse(f"HAL Ready: true\nCurrent temperatures from HAL:\n{row}")
    for one in told.temperatures:
        assert one.celsius is None or (
            math.isclose(one.celsius, value, abs_tol=6e-4) and -55 < one.celsius < 127 and one.celsius != 0
        )
        assert kind not in {-1, 6, 7, 8}


@pytest.mark.parametrize("word", ["NaN", "", "1,2,3", "--3", "9" * 20, "١٢", "0x10", "inf"])
def test_what_is_no_number(word: str) -> None:
    assert thermalservice.number(word) is None
