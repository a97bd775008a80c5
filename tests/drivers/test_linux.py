import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import linux
from drivers.linux import Flow, Memory, ProcessTimes
from drivers.model import Quantity
from tests.rigs.sysfs_trees import CPUINFO_INTEL

HOSTILE = st.one_of(
    st.none(),
    st.text(),
    st.integers().map(str),
    st.from_regex(r"(Vm[A-Z]{3}|some avg10=|flags|cpu MHz|[0-9]+ \()[ -~\n\t]*", fullmatch=True),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42\n", 42),
        ("-7", -7),
        (" 9 ", 9),
        ("", None),
        (None, None),
        ("4 2", None),
        ("٤٢", None),
        ("1e3", None),
        ("9" * 20, None),
    ],
)
def test_integer(text: str | None, value: int | None) -> None:
    assert linux.integer(text) == value


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("62000", 62.0),
        ("48199", 48.199),
        ("-5500", -5.5),
        ("0", None),  # Samsung: absent
        ("-256000", None),  # Jetson: off
        ("-99900", None),
        ("-128000", None),  # ThinkPad: not fitted
        ("127000", None),
        ("-274000", None),
        ("nan", None),
    ],
)
def test_celsius(text: str, degrees: float | None) -> None:
    assert linux.celsius(text) == degrees


def test_threshold_is_a_reasonable_one() -> None:
    assert linux.threshold("84850") == 84.85
    assert linux.threshold("65261850") is None  # an NVMe drive's unset maximum
    assert linux.threshold("-274000") is None
    assert linux.threshold("5000") is None


def test_small_numbers() -> None:
    assert linux.tenths_celsius("312") == 31.2
    assert (linux.rpm("0"), linux.rpm("2718"), linux.rpm("65535"), linux.rpm("-1")) == (
        0,
        2718,
        None,
        None,
    )
    assert (linux.microwatts("23000000"), linux.microwatts("-1")) == (23.0, None)
    assert (linux.kilohertz("4700000"), linux.kilohertz("0")) == (4.7e9, None)
    assert (linux.percent("87"), linux.percent("101")) == (87, None)


def test_pressure() -> None:
    text = "some avg10=1.53 avg60=0.24 avg300=0.05 total=1\nfull avg10=0.70 avg60=0.10 avg300=0.01 total=9\n"
    assert linux.pressure(text) == 1.53
    assert linux.pressure("some avg10=999.00 avg60=0 ") is None
    assert linux.pressure("full avg10=1.00 avg60=0 ") is None


def test_name_is_one_printable_line() -> None:
    assert linux.name("Package id 0\n") == "Package id 0"
    assert linux.name("a\x1b[31m\n\tb") == "a [31m b"
    assert linux.name("", "temp1") == "temp1"
    assert linux.name(None) == ""


@pytest.mark.parametrize(
    ("chip", "label", "quantity"),
    [
        ("coretemp", "Package id 0", Quantity.TEMPERATURE),
        ("k10temp", "Tctl", Quantity.TEMPERATURE),
        ("cpu_thermal", "temp1", Quantity.TEMPERATURE),
        ("cpu-thermal", "", Quantity.TEMPERATURE),
        ("x86_pkg_temp", "", Quantity.TEMPERATURE),
        ("soc-thermal", "", Quantity.TEMPERATURE),
        ("bigcore0-thermal", "", Quantity.TEMPERATURE),
        ("littlecore-thermal", "", Quantity.TEMPERATURE),
        ("thinkpad", "CPU", Quantity.TEMPERATURE),
        ("thinkpad", "GPU", Quantity.OTHER_TEMPERATURE),
        ("nvme", "Composite", Quantity.OTHER_TEMPERATURE),
        ("iwlwifi_1", "temp1", Quantity.OTHER_TEMPERATURE),
        ("amdgpu", "edge", Quantity.OTHER_TEMPERATURE),
        ("acpitz", "temp1", Quantity.OTHER_TEMPERATURE),
        ("battery", "", Quantity.BATTERY_TEMPERATURE),
        ("BAT1", "temp1", Quantity.BATTERY_TEMPERATURE),
        ("dell_smm", "Ambient", Quantity.AMBIENT_TEMPERATURE),
        ("skin-thermal", "", Quantity.SKIN_TEMPERATURE),
    ],
)
def test_where_a_sensor_stands(chip: str, label: str, quantity: Quantity) -> None:
    assert linux.temperature_quantity(chip, label) is quantity


def test_trip_limit_is_where_it_slows_down_first() -> None:
    assert linux.trip_limit([("critical\n", "110000"), ("passive\n", "85000"), ("passive\n", "80000")]) == 80
    assert linux.trip_limit([("passive\n", "-274000"), ("critical\n", "110000")]) == 110
    assert linux.trip_limit([("active\n", "50000")]) is None
    assert linux.trip_limit([]) is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("Discharging\n", "15400000", None, "9876000"), Flow(15.4, 9.876 / 15.4, 9.876)),
        (("Discharging\n", "12000000", "1500000", None), Flow(12.0, 1.5, 18.0)),
        (
            ("Discharging\n", "4000000", "-500000", None),
            Flow(4.0, 0.5, 2.0),
        ),  # a driver that counts the other way
        (("Charging\n", "12000000", "1500000", None), Flow(12.0, -1.5, -18.0)),
        (("Charging\n", "12000000", "-1500000", None), Flow(12.0, -1.5, -18.0)),
        (("Full\n", "12000000", "0", None), Flow(12.0, 0.0, 0.0)),
        (("Not charging\n", "12000000", "250000", None), Flow(12.0, None, None)),  # which way?
        (("Discharging\n", "12000000", "0", None), Flow(12.0, None, None)),  # a failed read
        (("Unknown\n", "0", "x", None), Flow(None, None, None)),
        ((None, None, None, None), Flow()),
    ],
)
def test_battery_flow(files: tuple[str | None, ...], expected: Flow) -> None:
    assert linux.flow(*files) == expected


def test_status_memory() -> None:
    text = (
        "Name:\tllama\nVmHWM:\t  2000 kB\nVmRSS:\t  1612 kB\nRssAnon:\t     112 kB\nRssFile:\t    1500 kB\n"
    )
    assert linux.status_memory(text) == Memory(1612 * 1024, 112 * 1024, 1500 * 1024, 2000 * 1024)
    assert linux.status_memory("Name:\tkthreadd\nPid:\t2\n") is None
    assert linux.status_memory("Name:\tVmRSS:  5 kB\n") is None  # a process may bear any name


def test_stat_times_with_a_name_that_lies() -> None:
    text = "7 (x) R 1 (y) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 7 3 20 0 1 0 8888 1 2"
    assert linux.stat_times(text) == ProcessTimes(8888, 310)
    assert linux.stat_times(text.replace(") S ", ") Z ")) is None


def test_real_kernel_text() -> None:
    assert linux.stat_times(Path("/proc/self/stat").read_text(encoding="utf-8")) is not None


def test_numbers() -> None:
    assert linux.numbers("12 345 \n") == [12, 345]
    assert linux.numbers("1 x -3 " + "9" * 30) == [1]


def test_who_it_is() -> None:
    assert linux.cpuinfo(CPUINFO_INTEL, "model name") == "12th Gen Intel(R) Core(TM) i7-1260P"
    assert linux.cpuinfo(CPUINFO_INTEL, "Model") == ""
    assert linux.os_name('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12"\n') == "Debian GNU/Linux 12"
    assert linux.os_name("PRETTY_NAME='Arch Linux'\n") == "Arch Linux"
    assert linux.gigahertz(2.84e9) == "2.84 GHz"


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_breaks_a_parser(a: str | None, b: str | None, c: str | None, d: str | None) -> None:
    temperature = linux.celsius(a)
    assert temperature is None or -55 < temperature < 127
    assert temperature != 0
    for parse in (
        linux.tenths_celsius,
        linux.threshold,
        linux.rpm,
        linux.microwatts,
        linux.kilohertz,
    ):
        value = parse(a)
        assert value is None or math.isfinite(value)
    for share in (linux.percent(a), linux.pressure(a)):
        assert share is None or 0 <= share <= 100
    told = linux.name(a)
    assert len(told) <= linux.NAME_LIMIT
    assert told == "" or told.isprintable()
    assert isinstance(linux.temperature_quantity(told, linux.name(b)), Quantity)
    limit = linux.trip_limit([(a, b), (c, d), ("passive", a)])
    assert limit is None or 30 <= limit < 127
    flow = linux.flow(a, b, c, d)
    assert all(value is None or math.isfinite(value) for value in (flow.volts, flow.amperes, flow.watts))
    memory = linux.status_memory(a)
    assert memory is None or memory.rss >= 0
    linux.stat_times(a)
    assert all(number >= 0 for number in linux.numbers(a))
    assert linux.os_name(a).isprintable()
    assert linux.cpuinfo(a, "model name", "Model").isprintable()


def test_what_a_battery_holds() -> None:
    assert linux.full_wh("52060000", "3500000", "15400000") == pytest.approx(52.06), "as it says itself"
    assert linux.full_wh(None, "3500000", "15400000") == pytest.approx(3.5 * 15.4)
    assert linux.full_wh(None, "3500000", None) is linux.full_wh("0", None, "15400000") is None
