"""What holds a board down, and the events that tell of it."""

from collections.abc import Sequence

import pytest

from drivers.base import Item
from drivers.caps import Highest
from drivers.clock import SECOND
from drivers.devices.jetson.limits import find_limits
from drivers.devices.jetson.readers import Reader
from drivers.devices.jetson.survey import Survey
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Quantity, Samples
from tests.rigs.boards import trees


def readers(tree: trees.Tree) -> dict[str, Reader]:
    survey = Survey({f"/{path}": text.split("\n")[0] for path, text in tree.items()})
    return {reader.channels[0].name: reader for reader in find_limits(survey, "b", Highest())}


def play(reader: Reader, *answers: str | Sequence[str], period_ns: int = SECOND // 5) -> list[Item]:
    items: list[Item] = []
    for i, answer in enumerate(answers):
        items += reader.take(i * period_ns, [answer] if isinstance(answer, str) else answer)
    return items


def limits(items: list[Item]) -> list[tuple[str, str, str]]:
    return [
        ("engaged", item.reason, item.detail)
        if isinstance(item, LimitEngaged)
        else ("released", "", item.detail)
        for item in items
        if isinstance(item, LimitEngaged | LimitReleased)
    ]


def codes(items: list[Item]) -> list[float]:
    return [item.last_code for item in items if isinstance(item, Samples)]


def test_a_throttle_alert_is_heat() -> None:
    reader = readers(trees.THOR.tree)["gpu-throttle-alert"]
    items = play(reader, "0", "1", "1", "2", "", "0")
    assert codes(items) == [0, 1, 1, 2, 0]
    assert limits(items) == [
        ("engaged", "thermal", "state 0 → 1"),
        ("engaged", "thermal", "state 1 → 2"),
        ("released", "", "state 2 → 0"),
    ]


def test_an_alert_that_is_in_force_at_the_start_is_said() -> None:
    assert limits(play(readers(trees.THOR.tree)["cpu-throttle-alert"], "1"))[0][:2] == ("engaged", "thermal")


def test_fans_and_surface_alerts_are_no_limits() -> None:
    assert {name for name in readers(trees.XAVIER_NX.tree) if "cap" not in name and "oc" not in name} == {
        "cpu-throttle-alert",
        "gpu-throttle-alert",
        "cpufreq-cpu0",
    }


def test_balanced_coolers_of_a_nano_are_limits() -> None:
    assert {"cpu-balanced", "gpu-balanced"} <= set(readers(trees.NANO.tree))


def test_overcurrent_is_a_power_limit_and_not_heat() -> None:
    reader = readers(trees.ORIN_NANO.tree)["oc1_event_cnt"]
    items = play(reader, "27", "27", "30", "31", *["31"] * 26)
    assert codes(items)[:4] == [27, 27, 30, 31]
    assert limits(items) == [
        ("engaged", "power limit", "counted 3 more"),
        ("released", "", "no step for 5 s"),
    ]


def test_oc3_climbs_under_ordinary_load_and_is_no_alarm() -> None:
    reader = readers(trees.ORIN_NANO.tree)["oc3_event_cnt"]
    items = play(reader, "27", "900", "27390")
    assert codes(items) == [27, 900, 27390]
    assert limits(items) == []
    assert reader.channels[0].quantity is Quantity.THROTTLE_COUNT


def test_a_counter_whose_throttling_is_off_is_no_alarm() -> None:
    tree = {**trees.ORIN_NANO.tree, "sys/class/hwmon/hwmon2/oc1_throt_en": "0\n"}
    assert limits(play(readers(tree)["oc1_event_cnt"], "1", "5")) == []


def test_a_counter_that_falls_is_a_restart_and_no_step() -> None:
    assert limits(play(readers(trees.ORIN_NANO.tree)["oc2_event_cnt"], "27", "0", "0")) == []


def test_a_cap_below_its_start_is_the_operating_systems() -> None:
    reader = readers(trees.AGX_ORIN.tree)["cap policy0"]
    items = play(reader, "2201600", "1804800", "1804800", "", "1497600", "2201600")
    assert codes(items) == [2201.6e6, 1804.8e6, 1804.8e6, 1497.6e6, 2201.6e6]
    assert limits(items) == [
        ("engaged", "operating-system cap", "2.20 GHz → 1.80 GHz"),
        ("engaged", "operating-system cap", "1.80 GHz → 1.50 GHz"),
        ("released", "", "1.50 GHz → 2.20 GHz"),
    ]


def test_a_cap_of_the_gpu() -> None:
    reader = readers(trees.THOR.tree)["cap gpu"]
    items = play(reader, "1575000000", "600000000")
    assert limits(items) == [("engaged", "operating-system cap", "1.57 GHz → 0.60 GHz")]
    assert isinstance(items[-1], LimitEngaged)
    assert items[-1].limit == "gpu cap"


def test_many_policies_are_put_together_by_their_maximum() -> None:
    caps = {f"policy{i}": 5100000 if i < 8 else 3800000 for i in range(12)}
    found = readers(trees.policies(**caps))
    assert set(found) == {"cap policy0", "cap policy8"}
    items = play(found["cap policy8"], ["3800000"] * 4, ["3800000", "2000000", "3800000", ""])
    assert codes(items) == [3800e6, 2000e6]


@pytest.mark.parametrize(
    ("counter", "reason"),
    [("core_throttle_count", "thermal"), ("package_power_limit_count", "power limit")],
)
def test_counters_of_a_computer_are_summed(counter: str, reason: str) -> None:
    folder = "sys/devices/system/cpu/cpu{}/thermal_throttle/" + counter
    found = readers({folder.format(0): "4\n", folder.format(1): "3\n"})[counter]
    items = play(found, ["", "3"], ["4", "3"], ["4", "5"], ["6", ""])
    assert codes(items) == [7, 9, 11]
    assert limits(items) == [("engaged", reason, "counted 2 more")]


def test_nonsense_is_none() -> None:
    for reader in readers(trees.AGX_ORIN.tree).values():
        assert play(reader, ["x"] * len(reader.paths), [""] * len(reader.paths)) == []
