"""What a Jetson's files and commands say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.devices.jetson import protocol
from drivers.devices.jetson.protocol import Batch, PowerMode
from tests.rigs.boards import trees


@pytest.mark.parametrize("board", trees.BOARDS, ids=lambda board: board.name)
def test_every_board_is_known_by_its_device_tree(board: trees.Board) -> None:
    tree = board.tree
    found = protocol.board(tree["proc/device-tree/model"], tree["proc/device-tree/compatible"])
    assert found is not None
    assert found.name.split()[-1] in board.name
    assert found is protocol.board("A carrier of somebody's", tree["proc/device-tree/compatible"])


@pytest.mark.parametrize("model", [None, "", "Raspberry Pi 5 Model B Rev 1.0", "LENOVO 21CBCTO1WW", "\0\0"])
def test_any_other_machine_is_none(model: str | None) -> None:
    assert protocol.board(model, "raspberrypi,5-model-b\0brcm,bcm2712") is None


@pytest.mark.parametrize(
    ("model", "rails", "inputs"),
    [
        ("NVIDIA Jetson Orin Nano Developer Kit", ["VDD_SOC", "VDD_IN"], ("VDD_IN",)),
        ("NVIDIA Jetson Nano Developer Kit", ["POM_5V_IN", "POM_5V_GPU"], ("POM_5V_IN",)),
        (
            "NVIDIA Jetson AGX Orin Developer Kit",
            ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"],
            ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        ),
        ("NVIDIA Jetson AGX Thor Developer Kit", ["VDD_GPU", "VIN", "VIN_SYS_5V0"], ("VIN",)),
    ],
)
def test_the_rails_of_a_boards_input(model: str, rails: list[str], inputs: tuple[str, ...]) -> None:
    assert protocol.input_rails(protocol.board(model, None), rails) == (inputs, "")


def test_a_sum_with_a_part_missing_is_none() -> None:
    inputs, why = protocol.input_rails(
        protocol.board("jetson agx orin", None), ["VDD_GPU_SOC", "VIN_SYS_5V0"]
    )
    assert inputs == ()
    assert "VDD_CPU_CV is not told" in why


def test_an_unknown_board_has_no_input() -> None:
    assert protocol.input_rails(None, ["VDD_IN"]) == ((), "what feeds this board's rails is not known")


@pytest.mark.parametrize(
    ("text", "version", "name"),
    [
        (
            "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic",
            "36.4.3",
            "JetPack 6 (L4T 36.4.3)",
        ),
        ("# R38 (release), REVISION: 2.1, GCID: 42061081", "38.2.1", "JetPack 7 (L4T 38.2.1)"),
        ("# R39 (release), REVISION: 0, GCID: 1", "39.0", "JetPack 7 (L4T 39.0)"),
        ("# R35 (release), REVISION: 4.1", "35.4.1", "JetPack 5 (L4T 35.4.1)"),
        ("# R32 (release), REVISION: 7.1", "32.7.1", "JetPack 4 (L4T 32.7.1)"),
        ("# R28 (release), REVISION: 2.1", "28.2.1", "JetPack 3 (L4T 28.2.1)"),
        ("# R21 (release), REVISION: 8.0", "21.8.0", "L4T 21.8.0"),
        (None, "", ""),
        ("nothing", "", ""),
    ],
)
def test_release(text: str | None, version: str, name: str) -> None:
    assert protocol.l4t(text) == version
    assert protocol.jetpack(version) == name


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("NV Power Mode: MAXN\n0\n", PowerMode("MAXN", "0")),
        ("NV Fan Mode:quiet\nNV Power Mode: MODE_15W_6CORE\n2\n", PowerMode("MODE_15W_6CORE", "2", "quiet")),
        ("NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN\n0\n", PowerMode("MAXN", "0")),
        ("NVPM VERB: Current mode: NV Power Mode: 25W\n1\n", PowerMode("25W", "1")),
        (
            "NV Power Mode: 5W\n1\nNVPM ERROR: Error opening /sys/kernel/nvpmodel_emc_cap/emc_iso_cap: 13\n",
            PowerMode("5W", "1"),
        ),
        ("NV Fan Mode:quiet\nNV Power Mode: MAXN\n", PowerMode("MAXN", "", "quiet")),
        ("NV Power Mode\n", PowerMode()),
        ("NVPM ERROR: failed to read power mode\n", PowerMode()),
        ("", PowerMode()),
        (None, PowerMode()),
    ],
)
def test_power_mode(text: str | None, mode: PowerMode) -> None:
    assert protocol.power_mode(text) == mode


def test_power_mode_as_a_fact() -> None:
    assert [str(PowerMode("MAXN", "0")), str(PowerMode("MAXN")), str(PowerMode())] == ["MAXN (0)", "MAXN", ""]


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    protocol.power_mode(text)
    protocol.l4t(text)
    protocol.jetpack(text)
    protocol.board(text, text)
    protocol.processor_times(text)
    protocol.board_time(text)
    protocol.split(text, 3)
    assert protocol.batch(f"R{text}", 2) is None or text


ROW = st.tuples(*[st.none() | st.integers(-(10**9), 10**9)] * 3)


@given(
    start=st.integers(0, 1 << 60),
    ticks=st.lists(st.tuples(st.integers(0, 10**9), ROW), min_size=1, max_size=20),
)
def test_a_line_of_the_poller_comes_back(start: int, ticks: list[tuple[int, tuple[int | None, ...]]]) -> None:
    steps, rows = zip(*ticks, strict=True)
    columns = tuple(zip(*rows, strict=True))
    told = ";".join(",".join("" if one is None else str(one) for one in column) for column in columns)
    line = "R" + ",".join(map(str, [start, *steps[1:]])) + ";" + told
    times = tuple(start + sum(steps[1 : i + 1]) for i in range(len(steps)))
    assert protocol.batch(line, 3) == Batch(times, columns)
    assert protocol.batch(line, 4) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "R",
        "R1,2;3",
        "R1;2,3",
        "Rx;1",
        "R-1;1",
        "R²;1",
        "T12",
        "G",
        "R99999999999999999999;1",
        "R1,2;3,4;5",
    ],
)
def test_a_line_that_is_none_of_the_pollers(line: str) -> None:
    assert protocol.batch(line, 1) is None


@pytest.mark.parametrize(
    ("line", "t_ns"), [("T123456789", 123456789), ("T", None), ("T1x", None), ("R1;2", None)]
)
def test_the_boards_time(line: str, t_ns: int | None) -> None:
    assert protocol.board_time(line) == t_ns


def test_processor_times_count_waiting_for_a_disk_as_idle_and_guests_once() -> None:
    assert protocol.processor_times("cpu  1000 20 300 90000 50 5 10 7 999 999") == (1342, 91392)
    assert protocol.processor_times("cpu 1 2 3") is None
    assert protocol.processor_times("cpu0 1 2 3 4") is None
    assert protocol.processor_times("cpu 1 2 x 4 5") is None


def test_busy_percent() -> None:
    assert protocol.busy_percent((100, 1000), (150, 1200)) == 25
    assert protocol.busy_percent((100, 1000), (150, 1000)) is None
    assert protocol.busy_percent((100, 1000), (90, 1200)) == 0


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("1|2|", 2, (["1", "2"], [])),
        ("1|2|P 5|S x|", 2, (["1", "2"], ["P 5", "S x"])),
        ("||", 2, (["", ""], [])),
        ("", 0, ([], [])),
        ("P 5|", 0, ([], ["P 5"])),
        ("1|", 2, None),
        ("", 1, None),
        ("1|2|3", 2, None),
    ],
)
def test_an_answer_is_split(text: str, wanted: int, told: object) -> None:
    assert protocol.split(text.replace("|", "\x1f"), wanted) == told


@pytest.mark.parametrize(
    ("tree", "jetson"),
    [
        ("NVIDIA Jetson Orin Nano Developer Kit nvidia,p3768-0000+p3767-0005 nvidia,tegra234", True),
        ("A carrier of somebody else's nvidia,tegra194", True),
        ("Raspberry Pi 5 Model B Rev 1.0 raspberrypi,5-model-b brcm,bcm2712", False),
        ("", False),
    ],
)
def test_the_tree_of_a_jetson(tree: str, jetson: bool) -> None:
    assert protocol.tegra(tree) is jetson
