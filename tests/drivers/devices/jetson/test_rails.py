"""Rails by name, and their power."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.jetson import protocol, rails
from drivers.devices.jetson.protocol import Batch
from drivers.devices.jetson.rails import Rails
from drivers.devices.jetson.survey import Survey
from drivers.model import Samples
from tests.rigs.boards import trees


def survey(tree: trees.Tree) -> Survey:
    return Survey({f"/{path}": text.split("\n")[0] for path, text in tree.items()})


def found(board: trees.Board) -> tuple[protocol.Board | None, list[rails.Rail]]:
    which = protocol.board(board.tree["proc/device-tree/model"], board.tree["proc/device-tree/compatible"])
    return which, rails.find(survey(board.tree), which)


def told(board: trees.Board) -> dict[str, float]:
    which, known = found(board)
    group = Rails("b", which, known, rate_hz=20, own_clock=False)
    items = group.take(5, [board.tree[path[1:]].strip() for path in group.paths])
    channels = {channel.name: channel for channel in group.channels}
    samples = [item for item in items if isinstance(item, Samples)]
    return {one.channel: channels[one.channel].decoding.value(one.last_code) for one in samples}


@pytest.mark.parametrize("board", trees.BOARDS, ids=lambda board: board.name)
def test_every_boards_input(board: trees.Board) -> None:
    which, known = found(board)
    group = Rails("b", which, known, rate_hz=20, own_clock=False)
    assert [channel.name for channel in group.channels if channel.point == "board-input"] == [board.input]
    assert told(board)[board.input] == pytest.approx(board.input_w)
    assert group.missing == []


def test_rails_of_agx_orin_without_the_unconnected_and_the_sum_of_shunts() -> None:
    assert [rail.name for rail in found(trees.AGX_ORIN)[1]] == [
        "VDD_GPU_SOC",
        "VDD_CPU_CV",
        "VIN_SYS_5V0",
        "VDDQ_VDD2_1V8AO",
    ]
    assert told(trees.AGX_ORIN)["VDD_GPU_SOC"] == pytest.approx(19.888 * 0.118)


def test_ddr_lies_within_the_input_of_agx_orin_and_is_not_added() -> None:
    parts = told(trees.AGX_ORIN)
    assert parts["board input"] == pytest.approx(
        parts["VDD_GPU_SOC"] + parts["VDD_CPU_CV"] + parts["VIN_SYS_5V0"]
    )


@pytest.mark.parametrize("chip", [0, 3, 11])
def test_the_number_of_a_chip_means_nothing(chip: int) -> None:
    tree = trees.ina_hwmon(chip, ("VDD_SOC", 5000, 100), ("VDD_IN", 5000, 1000))
    known = rails.find(survey(tree), None)
    assert [(rail.name, rail.paths[0]) for rail in known] == [
        ("VDD_SOC", f"/sys/class/hwmon/hwmon{chip}/in1_input"),
        ("VDD_IN", f"/sys/class/hwmon/hwmon{chip}/in2_input"),
    ]


def test_the_same_chip_under_two_links_is_one() -> None:
    tree = trees.ina_iio("6-0040", ("POM_5V_IN", 5000, 350))
    twice = {**tree, **{path.replace("iio:device0", "iio_device"): text for path, text in tree.items()}}
    assert len(rails.find(survey(twice), None)) == 1


def test_an_iio_driver_that_tells_power_alone() -> None:
    folder = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    known = rails.find(
        survey({f"{folder}/rail_name_0": "POM_5V_IN", f"{folder}/in_power0_input": "2875"}), None
    )
    group = Rails("b", protocol.board("jetson nano", None), known, rate_hz=20, own_clock=False)
    sample = group.take(0, ["2875"])[0]
    assert isinstance(sample, Samples)
    assert group.channels[0].decoding.value(sample.last_code) == pytest.approx(2.875)


def test_another_chip_that_labels_voltages_is_no_rail() -> None:
    tree = {
        **trees.ina_hwmon(1, ("VDD_IN", 5000, 1000)),
        "sys/class/hwmon/hwmon1/name": "nct6798",
    }
    assert rails.find(survey(tree), None) == []


def test_an_unknown_board_says_why_it_has_no_input() -> None:
    known = rails.find(survey(trees.ina_hwmon(1, ("VDD_IN", 5000, 1000))), None)
    group = Rails("b", None, known, rate_hz=20, own_clock=False)
    assert [channel.point for channel in group.channels] == ["rail:VDD_IN"]
    assert [missing.what for missing in group.missing] == ["board input power"]


def test_a_batch_with_holes() -> None:
    board, known = found(trees.AGX_ORIN)
    group = Rails("b", board, known[:3], rate_hz=100, own_clock=True)
    columns: list[tuple[int | None, ...]] = [(20000,) * 3, (100, 200, None)]
    columns += [(20000,) * 3, (-8, 50, 60), (5000,) * 3, (500, None, 700)]
    items = group.batch(Batch((10, 20, 30), tuple(columns)))
    samples = {item.channel: item for item in items if isinstance(item, Samples)}
    gpu, cpu, total = samples["VDD_GPU_SOC"], samples["VDD_CPU_CV"], samples["board input"]
    assert [gpu.time_at(i) for i in range(gpu.n)] == [10, 20]
    assert cpu.codes == b"".join(n.to_bytes(4, "little") for n in (0, 1_000_000, 1_200_000))
    assert (total.n, total.t0_ns, total.last_code) == (1, 10, 20000 * 100 + 5000 * 500)
    assert all(channel.own_clock for channel in group.channels)


def test_a_reading_out_of_all_reason_is_none() -> None:
    group = Rails("b", None, [rails.Rail("A", ("/v", "/i"), 1, "")], rate_hz=20, own_clock=False)
    assert group.take(0, ["20000", "200000"]) == []
    assert group.take(0, ["x", "2"]) == []


def rows(values: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[tuple[int | None, ...]]]:
    return st.lists(st.tuples(*[values] * 6), min_size=1, max_size=20)


@given(st.one_of(rows(st.none() | st.integers(-(10**7), 10**7)), rows(st.integers(0, 10**5))))
def test_any_batch_gives_what_each_moment_gives_by_itself(told: list[tuple[int | None, ...]]) -> None:
    board, known = found(trees.AGX_ORIN)
    group = Rails("b", board, known[:3], rate_hz=100, own_clock=True)
    times = tuple(range(0, 10 * len(told), 10))
    alone = [
        (item.channel, item.t0_ns, item.last_code)
        for t_ns, row in zip(times, told, strict=True)
        for item in group.take(t_ns, ["x" if value is None else str(value) for value in row])
        if isinstance(item, Samples)
    ]
    together = []
    for item in group.batch(Batch(times, tuple(zip(*told, strict=True)))):
        assert isinstance(item, Samples)
        codes = [code for (code,) in struct.iter_unpack("<" + item.dtype, item.codes)]
        together += [(item.channel, item.time_at(i), code) for i, code in enumerate(codes)]
    assert sorted(together) == sorted(alone)
