"""What iPhones say, read: real values, odd values, any value."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.devices.ios import protocol

POWER = {
    "InstantAmperage": -742,
    "Voltage": 3985,
    "Temperature": 3170,
    "CurrentCapacity": 80,
    "MaxCapacity": 100,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_a_battery_in_si_units_positive_when_it_runs_down() -> None:
    told = protocol.battery(
        POWER | {"IsCharging": False, "ExternalConnected": True, "UpdateTime": 1795263833}
    )
    assert told.amperes == pytest.approx(0.742)
    assert told.volts == pytest.approx(3.985)
    assert told.celsius == pytest.approx(31.7)
    assert (told.level, told.charging, told.plugged, told.updated) == (80, False, True, 1795263833)


@given(st.integers(-30_000, 30_000))
@settings(max_examples=30)
def test_a_current_without_its_sign_is_folded_at_64_bits(milliamperes: int) -> None:
    plain = protocol.battery({"InstantAmperage": milliamperes}).amperes
    folded = protocol.battery({"InstantAmperage": milliamperes % (1 << 64)}).amperes
    assert plain == folded == pytest.approx(-milliamperes / 1000)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("InstantAmperage", 1 << 64),
        ("InstantAmperage", 40_000),
        ("InstantAmperage", True),
        ("InstantAmperage", "-742"),
        ("Voltage", 0),
        ("Temperature", -27315),
        ("CurrentCapacity", 700),
        ("MaxCapacity", 0),
    ],
)
def test_what_cannot_be_is_none(key: str, value: object) -> None:
    told = protocol.battery(POWER | {key: value})
    named = {"InstantAmperage": "amperes", "Voltage": "volts", "Temperature": "celsius"}.get(key, "level")
    assert getattr(told, named) is None


def test_the_older_amperage_where_there_is_no_instant_one() -> None:
    assert protocol.battery({"Amperage": 512}).amperes == pytest.approx(-0.512)


def test_a_sample_of_sysmontap() -> None:
    told = protocol.tap(
        {
            "system": {"vmFreeCount": 1000, "vmExtPageCount": 500, "vmCompressorPageCount": 10},
            "cpu": {"CPU_TotalLoad": 202.08, "CPUCount": 6, "EnabledCPUs": 6},
            "processes": [
                {"pid": 321, "cpuUsage": 150.5, "physFootprint": 1 << 30, "memResidentSize": 2 << 30}
            ],
        }
    )
    assert told.cpu == pytest.approx(33.68)
    assert (told.available, told.compressed) == (1500 * 16384, 10 * 16384)
    assert told.processes == (protocol.Process(321, 150.5, 1 << 30, 2 << 30),)


def test_the_first_sample_of_sysmontap_tells_no_load() -> None:
    assert protocol.tap({"cpu": {"CPU_TotalLoad": -1.0, "CPUCount": 6}}).cpu is None
    assert protocol.tap({"cpu": {"CPU_TotalLoad": 20.0}}).cpu is None, "of how many cores is not told"
    assert protocol.tap({"processes": [{"pid": 1, "cpuUsage": None}]}).processes == (
        protocol.Process(1, None, None, None),
    )


def test_a_line_of_the_system_log() -> None:
    entry = protocol.log_entry('Nov 21 12:00:00 Annas-iPhone LLMBench(UIKit)[321] <Notice>: {"melt":"token"}')
    assert entry == protocol.LogEntry("LLMBench", 321, '{"melt":"token"}')
    assert protocol.log_entry("--- last message repeated 2 times ---") is None


def test_phones_with_what_was_told_of_each() -> None:
    facts = {
        "ProductType": "iPhone16,1",
        "title": "iPhone 15 Pro",
        "ProductVersion": "17.4.1",
        "BuildVersion": "21E236",
    }
    told, settled = protocol.phones(
        {
            "phones": [
                {"udid": "00008130-001A2B3C4D5E0001", "over": "USB", "facts": facts},
                {"udid": "00008130-001A2B3C4D5E0002", "over": "USB", "fault": "unpaired", "text": ""},
                {"udid": "../../etc/passwd", "over": "USB", "facts": facts},
            ],
            "settled": True,
        }
    )
    assert settled
    assert [(one.udid[-1], one.fault) for one in told] == [("1", None), ("2", "unpaired")]
    assert (protocol.model(facts), protocol.system(facts)) == ("iPhone 15 Pro", "iOS 17.4.1 (21E236)")
    assert (protocol.model({}), protocol.system({})) == ("iPhone", "iOS")


@given(
    st.dictionaries(
        st.sampled_from([*POWER, "IsCharging", "cpu", "system", "processes", "phones", "graphics"]), JSON
    )
)
@settings(max_examples=60)
def test_any_value_is_read_and_nothing_raised(told: dict[str, Any]) -> None:
    protocol.battery(told)
    protocol.tap(told)
    protocol.phones(told)
    protocol.gpu(told)
    protocol.pressure(told)
    protocol.processes(told)
    protocol.model(told)


@given(st.text(max_size=80))
@settings(max_examples=40)
def test_any_line_of_a_log_is_read(line: str) -> None:
    protocol.log_entry(line)
    protocol.is_udid(line)
