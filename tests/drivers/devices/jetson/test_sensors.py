"""Temperatures, fans and powers by the names that the kernel gives them."""

from drivers.base import Item
from drivers.devices.jetson import sensors
from drivers.devices.jetson.survey import Survey
from drivers.model import Samples, Unit
from tests.rigs import sysfs_trees
from tests.rigs.boards import trees


def survey(tree: trees.Tree) -> Survey:
    return Survey({f"/{path}": text.split("\n")[0] for path, text in tree.items()})


def codes(items: list[Item]) -> list[float]:
    return [item.last_code for item in items if isinstance(item, Samples)]


def test_zones_bear_the_temperature_at_which_the_board_slows_down() -> None:
    found, missing = sensors.find_temperatures(survey(trees.ORIN_NANO.tree), "b")
    assert {reader.channels[0].name: reader.channels[0].limit for reader in found}["tj-thermal"] == 99.0
    assert missing == []


def test_a_zone_whose_name_another_channel_has() -> None:
    found, _ = sensors.find_temperatures(survey(trees.zones(gpu="40000", cpu="41000")), "b")
    assert [reader.channels[0].name for reader in found] == ["gpu temp", "cpu temp"]


def test_a_computers_sensors_each_once() -> None:
    found, _ = sensors.find_temperatures(survey(sysfs_trees.INTEL_LAPTOP), "b")
    names = [reader.channels[0].name for reader in found]
    assert len(names) == len(set(names))
    assert {"Package id 0", "Core 8", "x86_pkg_temp", "nvme Composite"} <= set(names)
    assert names.count("iwlwifi_1") == 1
    assert "iwlwifi_1 temp1" not in names


def test_a_machine_without_sensors_says_so() -> None:
    assert [m.what for m in sensors.find_temperatures(survey({}), "b")[1]] == ["temperature"]
    assert [m.what for m in sensors.find_fans(survey({}), "b")[1]] == ["fan"]


def test_a_fan_of_jetpack_5_and_of_jetpack_4() -> None:
    new, _ = sensors.find_fans(survey(trees.ORIN_NANO.tree), "b")
    old, _ = sensors.find_fans(survey(trees.NANO.tree), "b")
    for fans in (new, old):
        assert {reader.channels[0].name: reader.channels[0].unit for reader in fans} == {
            "fan": Unit.RPM,
            "fan pwm": Unit.PERCENT,
        }
    pwm = next(reader for reader in new if reader.channels[0].name == "fan pwm")
    assert codes(pwm.take(0, ["51"])) == [20]
    assert pwm.take(0, ["256"]) == []


def test_fans_of_a_computer() -> None:
    fans, _ = sensors.find_fans(survey(sysfs_trees.INTEL_LAPTOP), "b")
    assert [reader.channels[0].name for reader in fans] == ["thinkpad fan1", "thinkpad fan2"]
    assert fans[1].take(0, ["65535"]) == []


def test_powers_of_other_chips_and_not_those_of_the_rails() -> None:
    tree = {
        **trees.THOR.tree,
        "sys/class/hwmon/hwmon9/name": "amdgpu\n",
        "sys/class/hwmon/hwmon9/power1_average": "35000000\n",
        "sys/class/hwmon/hwmon9/power1_label": "PPT\n",
    }
    found = sensors.find_powers(survey(tree), "b")
    assert [(reader.channels[0].name, reader.channels[0].point) for reader in found] == [
        ("amdgpu PPT", "rail:amdgpu PPT")
    ]
    assert codes(found[0].take(0, ["35000000"])) == [35.0]
