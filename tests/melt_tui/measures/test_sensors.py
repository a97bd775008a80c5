"""Which sensor a word means."""

from drivers.model import Channel, Quantity, Unit
from melt_tui.measures.sensors import meant, offered


def sensor(name: str, quantity: Quantity = Quantity.TEMPERATURE, limit: float | None = None) -> Channel:
    return Channel(device="d", name=name, quantity=quantity, unit=Unit.CELSIUS, limit=limit)


def test_a_name_of_its_own_goes_before_a_kind() -> None:
    battery = sensor("battery")
    assert meant("Battery", [sensor("cell", Quantity.BATTERY_TEMPERATURE), battery]) is battery


def test_of_a_kind_the_best_stands_for_it() -> None:
    core, package, limited = sensor("core0"), sensor("pkg"), sensor("zone", limit=90.0)
    assert meant("soc", [core, package]) is package
    assert meant("soc", [core, package, limited]) is limited
    assert meant("skin", [core]) is None


def test_what_there_is_is_offered_and_nothing_that_is_no_condition() -> None:
    power = sensor("power", Quantity.POWER)
    assert meant("power", [power]) is None
    assert offered([power]) == "it has none that a condition can speak of"
    assert offered([sensor("core0"), sensor("nvme", Quantity.OTHER_TEMPERATURE)]) == "it has soc, core0, nvme"
    assert offered([sensor(f"z{i}") for i in range(20)]).endswith(" and 9 more")
