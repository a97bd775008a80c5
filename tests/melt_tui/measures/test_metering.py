from dataclasses import replace

from drivers.model import Channel, Quantity, Unit
from melt_tui.measures.metering import refresh_name, timing, usual_gap

METER = Channel(device="m", name="battery power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=10.0)


def test_times_are_off_by_the_most_that_was_told_or_by_a_period_of_a_meter() -> None:
    assert timing([1e6, 3e6, 2e6], METER, meter=True) == 3e6
    assert timing([], METER, meter=True) == 1e8
    assert timing([], METER, meter=False) == 0.0
    assert timing([], METER, meter=True, seen_ns=5e7) == 1e8
    unknown = replace(METER, rate_hz=None)
    assert timing([], unknown, meter=True, seen_ns=5e7) == 5e7
    assert timing([1e6], unknown, meter=True, seen_ns=5e7) == 1e6
    assert timing([], unknown, meter=False, seen_ns=5e7) == 0.0


def test_the_usual_gap_of_bunches_is_from_one_to_the_next_and_a_hole_is_none() -> None:
    assert usual_gap([100] * 9) == 100
    assert usual_gap([1, 0, 1, 98] * 5) == 98
    assert usual_gap([*[100] * 9, 4_000, 5_000]) == 100
    assert usual_gap([*[100] * 50, *[4_000] * 7]) == 100
    assert usual_gap([]) == 0.0
    assert usual_gap([0]) == 0.0


def test_a_gauge_tells_its_refresh_beside_its_power() -> None:
    assert refresh_name(METER) == "battery refresh"
