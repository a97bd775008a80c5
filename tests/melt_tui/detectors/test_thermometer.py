"""The sensor that stands for a device, and whether it moves."""

import pytest

from drivers.clock import SECOND
from drivers.model import Channel, Quantity, Unit, block, linear, reading
from melt_tui.detectors.thermometer import Thermometer


def sensor(name: str, limit: float | None = None) -> Channel:
    return Channel(
        device="d",
        name=name,
        quantity=Quantity.TEMPERATURE,
        unit=Unit.CELSIUS,
        limit=limit,
        decoding=linear(1e-3),
    )


def test_the_one_with_a_limit_stands_for_the_device_then_the_one_of_the_whole_chip() -> None:
    heat = Thermometer()
    for one in (sensor("gpu"), sensor("soc"), sensor("tz7", limit=95.0)):
        heat.open(one)
        heat.take(reading(sensor("gpu"), 1, 41_000))
        heat.take(reading(one, 2, 70_000))
        assert (heat.sensor, heat.celsius) == (one.name, 70.0)
    heat.open(
        Channel(device="d", name="skin", quantity=Quantity.SKIN_TEMPERATURE, unit=Unit.CELSIUS, limit=40.0)
    )
    assert heat.sensor == "tz7"


def test_without_a_reading_nothing_is_told() -> None:
    heat = Thermometer()
    heat.open(sensor("soc"))
    assert (heat.sensor, heat.celsius, heat.still_s) == ("", None, 0.0)


@pytest.mark.parametrize(("readings", "every_s", "still"), [(100, 1, 99.0), (100, 0.1, 0.0), (10, 10, 0.0)])
def test_it_stands_still_when_it_read_the_same_often_and_long(
    readings: int, every_s: float, still: float
) -> None:
    heat, one = Thermometer(), sensor("soc")
    heat.open(one)
    for k in range(readings):
        heat.take(reading(one, round(k * every_s * SECOND), 45_000))
    assert heat.still_s == still
    heat.take(reading(one, 1000 * SECOND, 45_100))
    assert heat.still_s == 0.0


@pytest.mark.parametrize(("pair", "still"), [([45_000, 45_000], 98.1), ([45_000, 45_001], 0.0)])
def test_two_readings_in_a_block_are_two(pair: list[int], still: float) -> None:
    heat, one = Thermometer(), sensor("soc")
    heat.open(one)
    for k in range(50):
        heat.take(block(one, 2 * k * SECOND, 2 * k * SECOND + SECOND // 10, pair))
    assert heat.still_s == still
