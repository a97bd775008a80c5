"""Names and figures of thermal zones, of phones and of boards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import zones
from drivers.model import Quantity


@pytest.mark.parametrize(
    ("title", "quantity"),
    [
        ("cpu-0-0-0", Quantity.TEMPERATURE),
        ("cpu0-silver-step", Quantity.TEMPERATURE),
        ("gpuss-0", Quantity.TEMPERATURE),
        ("BIG", Quantity.TEMPERATURE),
        ("soc_max", Quantity.TEMPERATURE),
        ("battery", Quantity.BATTERY_TEMPERATURE),
        ("quiet-skin", Quantity.SKIN_TEMPERATURE),
        ("xo-therm", Quantity.OTHER_TEMPERATURE),
        ("soc", None),
        ("vbat", None),
        ("pm8550b-ibat-lvl0", None),
        ("pm8350b-bcl-lvl2", None),
    ],
)
def test_what_a_zone_of_a_phone_measures(title: str, quantity: Quantity | None) -> None:
    assert zones.phone_quantity(title) is quantity


@pytest.mark.parametrize(
    ("text", "value"), [("52300", 52.3), ("52", None), ("0", None), ("-273000", None), ("-5000", -5.0)]
)
def test_a_zone_in_another_unit_or_without_a_sensor_reads_nothing(text: str, value: float | None) -> None:
    assert zones.phone_celsius(text) == value


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("CPU-therm", Quantity.TEMPERATURE),
        ("cpu-thermal", Quantity.TEMPERATURE),
        ("GPU-therm", Quantity.TEMPERATURE),
        ("soc012-thermal", Quantity.TEMPERATURE),
        ("tj-thermal", Quantity.TEMPERATURE),
        ("CV2-therm", Quantity.TEMPERATURE),
        ("Tdiode_tegra", Quantity.TEMPERATURE),
        ("BCPU", Quantity.TEMPERATURE),
        ("Tboard_tegra", Quantity.OTHER_TEMPERATURE),
        ("PMIC-Die", Quantity.OTHER_TEMPERATURE),
        ("thermal-fan-est", Quantity.OTHER_TEMPERATURE),
        ("thermal", Quantity.OTHER_TEMPERATURE),
        ("nvme", Quantity.OTHER_TEMPERATURE),
    ],
)
def test_where_a_sensor_sits(name: str, quantity: Quantity) -> None:
    assert zones.board_quantity(name) is quantity


@pytest.mark.parametrize(
    ("name", "text", "degrees"),
    [
        ("GPU-therm", "45500", 45.5),
        ("GPU-therm", "-256000", None),
        ("gpu-thermal", "", None),
        ("PMIC-Die", "100000", None),
        ("PMIC-Die", "50000", None),
        ("CPU-therm", "100000", 100.0),
        ("cv0-thermal", "0", None),
    ],
)
def test_a_zones_sentinels(name: str, text: str, degrees: float | None) -> None:
    assert zones.board_celsius(name, text) == degrees


@given(st.text(), st.text())
def test_no_text_is_too_odd(name: str, text: str) -> None:
    zones.phone_quantity(name)
    assert isinstance(zones.board_quantity(name), Quantity)
    for degrees in (zones.phone_celsius(text), zones.board_celsius(name, text)):
        assert degrees is None or -55 < degrees < 127
