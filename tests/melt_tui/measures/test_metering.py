from drivers.model import Channel, Quantity, Unit
from melt_tui.measures.metering import refresh_name, timing

METER = Channel(device="m", name="battery power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0)


def test_times_are_off_by_the_most_that_was_told_or_by_a_period_of_a_meter() -> None:
    assert timing([1e6, 3e6, 2e6], METER, meter=True) == 3e6
    assert timing([], METER, meter=True) == 1e8
    assert timing([], METER, meter=False) == 0.0


def test_a_gauge_tells_its_refresh_beside_its_power() -> None:
    assert refresh_name(METER) == "battery refresh"
