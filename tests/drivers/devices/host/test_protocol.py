import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.host import protocol
from drivers.devices.host.protocol import Energy, Flow, Memory, ProcessTimes
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
    assert protocol.integer(text) == value


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
    assert protocol.celsius(text) == degrees


def test_threshold_is_a_reasonable_one() -> None:
    assert protocol.threshold("84850") == 84.85
    assert protocol.threshold("65261850") is None  # an NVMe drive's unset maximum
    assert protocol.threshold("-274000") is None
    assert protocol.threshold("5000") is None


def test_small_numbers() -> None:
    assert protocol.tenths_celsius("312") == 31.2
    assert (protocol.rpm("0"), protocol.rpm("2718"), protocol.rpm("65535"), protocol.rpm("-1")) == (
        0,
        2718,
        None,
        None,
    )
    assert (protocol.microwatts("23000000"), protocol.microwatts("-1")) == (23.0, None)
    assert (protocol.kilohertz("4700000"), protocol.kilohertz("0")) == (4.7e9, None)
    assert (protocol.percent("87"), protocol.percent("101")) == (87, None)


def test_pressure() -> None:
    text = "some avg10=1.53 avg60=0.24 avg300=0.05 total=1\nfull avg10=0.70 avg60=0.10 avg300=0.01 total=9\n"
    assert protocol.pressure(text) == 1.53
    assert protocol.pressure("some avg10=999.00 avg60=0 ") is None
    assert protocol.pressure("full avg10=1.00 avg60=0 ") is None


def test_name_is_one_printable_line() -> None:
    assert protocol.name("Package id 0\n") == "Package id 0"
    assert protocol.name("a\x1b[31m\n\tb") == "a [31m b"
    assert protocol.name("", "temp1") == "temp1"
    assert protocol.name(None) == ""


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
    assert protocol.temperature_quantity(chip, label) is quantity


def test_trip_limit_is_where_it_slows_down_first() -> None:
    assert (
        protocol.trip_limit([("critical\n", "110000"), ("passive\n", "85000"), ("passive\n", "80000")]) == 80
    )
    assert protocol.trip_limit([("passive\n", "-274000"), ("critical\n", "110000")]) == 110
    assert protocol.trip_limit([("active\n", "50000")]) is None
    assert protocol.trip_limit([]) is None


def test_energy_across_the_wrap() -> None:
    range_uj = 262143328850
    first = protocol.advance(None, 0, range_uj - 1_000_000, range_uj)
    assert (first.total_uj, first.power_w) == (range_uj - 1_000_000, None)
    second = protocol.advance(first, 100_000_000, 499_999, range_uj)  # 1.5 J in 0.1 s
    assert second.total_uj - first.total_uj == 1_500_000
    assert second.power_w == pytest.approx(15.0)


def test_a_counter_that_starts_anew_is_no_energy() -> None:
    before = Energy(0, 5_000_000_000, 9_000_000_000)
    after = protocol.advance(before, 100_000_000, 1000, 262143328850)
    assert (after.total_uj, after.power_w) == (1000, None)


@given(st.lists(st.integers(0, 900_000), min_size=2, max_size=50), st.integers(1_000_000, 10**9))
def test_unwrapped_energy_is_the_sum_of_the_steps(steps: list[int], range_uj: int) -> None:
    states: list[Energy] = []
    true_uj = 0
    for i, step in enumerate(steps):
        true_uj += step
        states.append(
            protocol.advance(
                states[-1] if states else None, i * 100_000_000, true_uj % (range_uj + 1), range_uj
            )
        )
    assert states[-1].total_uj - states[0].total_uj == sum(steps[1:])
    for (before, after), step in zip(pairwise(states), steps[1:], strict=True):
        assert after.power_w == pytest.approx(step / 1e6 / 0.1)
        assert after.t_ns > before.t_ns


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
    assert protocol.flow(*files) == expected


def test_busy_percent_leaves_idle_waiting_and_guests_out() -> None:
    before = {"user": 10.0, "system": 5.0, "idle": 100.0, "iowait": 1.0, "guest": 3.0}
    after = {"user": 13.0, "system": 6.0, "idle": 105.0, "iowait": 2.0, "guest": 9.0}
    assert protocol.busy_percent(before, after) == pytest.approx(40.0)
    assert protocol.busy_percent(after, after) is None


@given(st.dictionaries(st.sampled_from(["user", "idle", "iowait", "steal"]), st.floats(0, 1e9)))
def test_busy_percent_is_a_percentage(after: dict[str, float]) -> None:
    share = protocol.busy_percent(dict.fromkeys(after, 0.0), after)
    assert share is None or -1e-9 <= share <= 100 + 1e-9


def test_status_memory() -> None:
    text = (
        "Name:\tllama\nVmHWM:\t  2000 kB\nVmRSS:\t  1612 kB\nRssAnon:\t     112 kB\nRssFile:\t    1500 kB\n"
    )
    assert protocol.status_memory(text) == Memory(1612 * 1024, 112 * 1024, 1500 * 1024, 2000 * 1024)
    assert protocol.status_memory("Name:\tkthreadd\nPid:\t2\n") is None
    assert protocol.status_memory("Name:\tVmRSS:  5 kB\n") is None  # a process may bear any name


def test_stat_times_with_a_name_that_lies() -> None:
    text = "7 (x) R 1 (y) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 7 3 20 0 1 0 8888 1 2"
    assert protocol.stat_times(text) == ProcessTimes(8888, 310)
    assert protocol.stat_times(text.replace(") S ", ") Z ")) is None


def test_real_kernel_text() -> None:
    assert protocol.stat_times(Path("/proc/self/stat").read_text(encoding="utf-8")) is not None


def test_numbers() -> None:
    assert protocol.numbers("12 345 \n") == [12, 345]
    assert protocol.numbers("1 x -3 " + "9" * 30) == [1]


def test_who_it_is() -> None:
    assert protocol.cpuinfo(CPUINFO_INTEL, "model name") == "12th Gen Intel(R) Core(TM) i7-1260P"
    assert protocol.cpuinfo(CPUINFO_INTEL, "Model") == ""
    assert protocol.cpuinfo_hertz(CPUINFO_INTEL) == pytest.approx(2600.25e6)
    assert protocol.cpuinfo_hertz(CPUINFO_INTEL.replace("aperfmperf", "")) is None  # nominal, not measured
    assert protocol.os_name('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12"\n') == "Debian GNU/Linux 12"
    assert protocol.os_name("PRETTY_NAME='Arch Linux'\n") == "Arch Linux"
    assert protocol.gigahertz(2.84e9) == "2.84 GHz"


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_breaks_a_parser(a: str | None, b: str | None, c: str | None, d: str | None) -> None:
    temperature = protocol.celsius(a)
    assert temperature is None or -55 < temperature < 127
    assert temperature != 0
    for parse in (
        protocol.tenths_celsius,
        protocol.threshold,
        protocol.rpm,
        protocol.microwatts,
        protocol.kilohertz,
    ):
        value = parse(a)
        assert value is None or math.isfinite(value)
    for share in (protocol.percent(a), protocol.pressure(a)):
        assert share is None or 0 <= share <= 100
    told = protocol.name(a)
    assert len(told) <= protocol.NAME_LIMIT
    assert told == "" or told.isprintable()
    assert isinstance(protocol.temperature_quantity(told, protocol.name(b)), Quantity)
    limit = protocol.trip_limit([(a, b), (c, d), ("passive", a)])
    assert limit is None or 30 <= limit < 127
    flow = protocol.flow(a, b, c, d)
    assert all(value is None or math.isfinite(value) for value in (flow.volts, flow.amperes, flow.watts))
    memory = protocol.status_memory(a)
    assert memory is None or memory.rss >= 0
    protocol.stat_times(a)
    assert all(number >= 0 for number in protocol.numbers(a))
    hertz = protocol.cpuinfo_hertz(a)
    assert hertz is None or hertz >= 0
    assert protocol.os_name(a).isprintable()
    assert protocol.cpuinfo(a, "model name", "Model").isprintable()
