"""What is read again and again on any Linux machine, and what it is made of."""

from collections.abc import Sequence

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson import readers
from drivers.devices.jetson.readers import Reader
from drivers.devices.jetson.survey import Survey
from drivers.model import Kind, Samples
from tests.rigs import sysfs_trees
from tests.rigs.boards import trees


def survey(tree: trees.Tree, refused: Sequence[str] = ()) -> Survey:
    files = {f"/{path}": text.split("\n")[0] for path, text in tree.items()}
    return Survey({path: text for path, text in files.items() if path not in refused}, frozenset(refused))


def codes(items: list[Item]) -> list[float]:
    return [item.last_code for item in items if isinstance(item, Samples)]


def named(found: Sequence[Reader], name: str) -> Reader:
    return next(reader for reader in found if reader.channels[0].name == name)


def test_use_of_the_processor_is_the_mean_since_the_reading_before() -> None:
    reader = named(readers.find_use("b"), "cpu")
    assert reader.take(0, ["cpu  1000 0 0 9000 0 0 0 0"]) == []
    assert codes(reader.take(1, ["cpu  1050 0 0 9150 0 0 0 0"])) == [25]
    assert codes(reader.take(2, [""])) == []
    assert codes(reader.take(3, ["cpu  1050 0 0 9150 0 0 0 0"])) == []
    assert reader.channels[0].kind is Kind.INTERVAL_MEAN


def test_memory_that_is_left() -> None:
    reader = named(readers.find_use("b"), "memory_available")
    assert codes(reader.take(0, ["6012345"])) == [6012345 * 1024]
    assert reader.take(0, [""]) == []


def test_clocks_of_clusters() -> None:
    found = readers.find_clocks(survey(trees.AGX_ORIN.tree), "b")
    assert [reader.channels[0].name for reader in found] == [
        "cpu clock policy0",
        "cpu clock policy4",
        "cpu clock policy8",
    ]
    assert codes(found[0].take(0, ["1100800"])) == [1100.8e6]
    assert found[0].take(0, [""]) == []


def test_clocks_of_many_policies_are_a_mean_over_cores() -> None:
    tree = trees.policies(**{f"policy{i}": 3800000 for i in range(9)})
    tree["sys/devices/system/cpu/cpufreq/policy0/related_cpus"] = "0 1\n"
    found = readers.find_clocks(survey(tree), "b")
    assert len(found) == 1
    assert codes(found[0].take(0, ["1000000", "4000000", *[""] * 7])) == [pytest.approx(3e9)]


@pytest.mark.parametrize(
    ("board", "folder"),
    [
        (trees.NANO, "57000000.gpu"),
        (trees.TX2, "17000000.gp10b"),
        (trees.XAVIER_NX, "17000000.gv11b"),
        (trees.ORIN_NANO, "17000000.gpu"),
        (trees.THOR, "gpu-gpc-0"),
        (trees.TX1, ""),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_gpus_clock_is_found_by_its_name(board: trees.Board, folder: str) -> None:
    assert readers.gpu_folder(survey(board.tree)).rpartition("/")[2] == folder


def test_the_gpus_load_is_in_thousandths() -> None:
    (load,), (clock,) = readers.find_gpu(survey(trees.ORIN_NANO.tree), "b")
    assert codes(clock.take(0, ["510000000"])) == [510e6]
    assert clock.take(0, ["0"]) == []
    assert codes(load.take(0, ["427"])) == [42.7]
    assert load.take(0, ["1001"]) == []


def test_memory_pressure_or_why_there_is_none() -> None:
    found, missing = readers.find_pressure(survey({"proc/pressure/memory": trees.PRESSURE}), "b")
    assert codes(found[0].take(0, [trees.PRESSURE.split("\n")[0]])) == [0.12]
    assert missing == []
    assert readers.find_pressure(survey({}), "b")[1][0].remedy == "start it with psi=1"


def test_rapl_of_a_computer_unwrapped_its_twin_left_out() -> None:
    found = readers.find_energies(survey(sysfs_trees.INTEL_LAPTOP), "b")
    assert [reader.channels[0].name for reader in found] == ["energy package-0", "energy core"]
    package = found[0]
    assert codes(package.take(0, ["262143328000"])) == [262143328000]
    assert codes(package.take(SECOND // 10, ["149"])) == [262143329000, pytest.approx(0.01)]
    assert package.channels[1].point == "package"


def test_rapl_after_a_hole_has_no_power_and_after_a_restart_begins_anew() -> None:
    package = readers.find_energies(survey(sysfs_trees.INTEL_LAPTOP), "b")[0]
    package.take(0, ["1000000"])
    assert codes(package.take(2 * SECOND, ["3000000"])) == [3000000]
    assert codes(package.take(2 * SECOND + SECOND // 10, ["0"])) == [0]


def test_rapl_that_only_root_may_read_is_said() -> None:
    path = "/sys/class/powercap/intel-rapl:0/energy_uj"
    tree = {"sys/class/powercap/intel-rapl:0/max_energy_range_uj": "9\n"}
    refused = survey(tree, [path])
    found = readers.find_energies(refused, "b")
    assert [missing.what for missing in readers.energy_missing(refused, found)] == ["processor power"]
    assert readers.energy_missing(survey(trees.NANO.tree), []) == []
