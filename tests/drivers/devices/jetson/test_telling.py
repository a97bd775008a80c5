"""From lines of tegrastats to channels and samples."""

import pytest

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson import protocol
from drivers.devices.jetson.telling import Telling
from drivers.events import Absent, ChannelsOpened, SamplesLost
from drivers.model import Channel, Quantity, Samples, Unit
from tests.rigs.boards import lines

ORIN = protocol.board("NVIDIA Jetson AGX Orin Developer Kit", None)
XAVIER = protocol.board("Jetson-AGX", "nvidia,p2888-0001")


def teller(model: str = "", *, rails: bool = True, temperatures: bool = True, clocks: bool = True) -> Telling:
    return Telling("b", protocol.board(model, None), rails=rails, temperatures=temperatures, clocks=clocks)


def tell(telling: Telling, *told: str, period_ns: int = SECOND // 10) -> list[Item]:
    return [item for i, line in enumerate(told) for item in telling.take(i * period_ns, line)]


def opened(items: list[Item]) -> dict[str, Channel]:
    events = [item for item in items if isinstance(item, ChannelsOpened)]
    return {channel.name: channel for event in events for channel in event.channels}


def values(items: list[Item]) -> dict[str, float]:
    channels = opened(items)
    samples = [item for item in items if isinstance(item, Samples)]
    return {one.channel: channels[one.channel].decoding.value(one.last_code) for one in samples}


def absent(items: list[Item]) -> dict[str, str]:
    return {item.what: item.reason for item in items if isinstance(item, Absent)}


def test_a_line_opens_its_channels_before_their_first_samples() -> None:
    items = tell(teller("Jetson Xavier NX"), *[lines.XAVIER_NX_JP5] * 2)
    assert isinstance(items[0], ChannelsOpened)
    assert values(items) == {
        "ram": 3168 << 20,
        "swap": 161 << 20,
        **{f"cpu{i}": use for i, use in enumerate((23, 17, 16, 13, 23, 10))},
        **{f"cpu{i} clock": mhz * 1e6 for i, mhz in enumerate((1397, 1192, 1190, 1190, 1190, 1190))},
        "EMC": 2,
        "EMC clock": 204e6,
        "GR3D": 0,
        "GR3D clock": 114e6,
        "AUX temp": 45,
        "CPU temp": 46.5,
        "thermal temp": 45.6,
        "AO temp": 45,
        "GPU temp": 45.5,
        "VDD_IN": 2.763,
        "VDD_CPU_GPU_CV": 0.65,
        "VDD_SOC": 0.65,
    }
    seen: set[str] = set()
    for item in items:
        if isinstance(item, ChannelsOpened):
            seen |= {channel.name for channel in item.channels}
        elif isinstance(item, Samples):
            assert item.channel in seen


def test_channels_say_what_they_are() -> None:
    channels = opened(tell(teller("Jetson Xavier NX"), *[lines.XAVIER_NX_JP5] * 2))
    assert (channels["VDD_IN"].point, channels["VDD_SOC"].point) == ("board-input", "rail:VDD_SOC")
    assert channels["VDD_IN"].unit is Unit.WATT
    assert channels["GPU temp"].quantity is Quantity.TEMPERATURE
    assert channels["thermal temp"].quantity is Quantity.OTHER_TEMPERATURE
    assert channels["cpu0"].quantity is Quantity.CPU_USE
    assert channels["EMC clock"].quantity is Quantity.FREQUENCY


def test_what_the_kernel_tells_better_is_left_to_it() -> None:
    items = tell(teller(rails=False, temperatures=False, clocks=False), *[lines.THOR_JP72] * 2)
    assert set(opened(items)) == {"ram", "cpu0", "cpu1", "cpu3", "EMC", "EMC clock", "GR3D", "GR3D clock"}


@pytest.mark.parametrize(
    ("board", "line", "watts", "formula"),
    [
        (ORIN, lines.AGX_ORIN_JP5, 4.788 + 0.798 + 3.842, "VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0"),
        (XAVIER, lines.AGX_XAVIER_JP4, 0.311 + 0.932 + 0.621 + 1.482, "GPU + CPU + SOC + CV + VDDRQ + SYS5V"),
    ],
    ids=["AGX Orin", "AGX Xavier"],
)
def test_a_boards_input_is_the_sum_of_its_rails(
    board: protocol.Board, line: str, watts: float, formula: str
) -> None:
    items = tell(Telling("b", board, rails=True, temperatures=True, clocks=True), *[line] * 3)
    channel = opened(items)["board input"]
    assert values(items)["board input"] == pytest.approx(watts)
    assert (channel.point, channel.provenance) == ("board-input", formula)
    assert "board input power" not in absent(items)


def test_rails_named_as_processors_are_told_apart() -> None:
    items = tell(
        Telling("b", XAVIER, rails=True, temperatures=True, clocks=True), *[lines.AGX_XAVIER_JP4] * 2
    )
    told = values(items)
    assert (told["CPU rail"], told["CPU temp"], told["cpu0"]) == (0.311, 37.5, 2)
    assert opened(items)["CPU rail"].point == "rail:CPU"


def test_an_unknown_board_tells_rails_alone_and_why() -> None:
    items = tell(teller("A board of somebody's"), *[lines.XAVIER_NX_JP5] * 4)
    assert opened(items)["VDD_IN"].point == "rail:VDD_IN"
    assert absent(items) == {"board input power": "what feeds this board's rails is not known"}


def test_a_gpu_without_use_and_rails_that_only_root_sees_are_said_once() -> None:
    items = tell(teller(), *["RAM 1/2MB CPU [1%@2] GR3D_FREQ @[5,5] APE 25"] * 9)
    assert set(absent(items)) == {"GPU use", "power rails"}
    assert sum(isinstance(item, Absent) for item in items) == 2


def test_a_sensor_that_wakes_up_opens_its_channel_then() -> None:
    asleep, awake = "RAM 1/2MB GPU@-256C CPU@40C APE 25", "RAM 1/2MB GPU@41C CPU@40C APE 25"
    items = tell(teller(), asleep, asleep, awake, asleep)
    gpu = [item.t0_ns for item in items if isinstance(item, Samples) and item.channel == "GPU temp"]
    assert gpu == [SECOND // 5]


def test_lines_of_another_generation_after_an_update() -> None:
    items = tell(teller("Jetson Xavier NX"), *[lines.XAVIER_NX_JP4] * 3, *[lines.XAVIER_NX_JP5] * 3)
    rail = [item.last_code for item in items if isinstance(item, Samples) and item.channel == "VDD_IN"]
    assert rail == [6140] * 3 + [2763] * 3
    assert not [item for item in items if isinstance(item, SamplesLost)]


def test_lost_lines_are_counted_and_said_once_a_second() -> None:
    telling = teller()
    items = tell(telling, lines.NANO_JP4, *["garbage"] * 15, lines.NANO_JP4)
    losses = [item for item in items if isinstance(item, SamplesLost)]
    assert [(loss.t_ns, loss.count) for loss in losses] == [(SECOND // 10, 1), (11 * SECOND // 10, 10)]
    assert [loss.count for loss in telling.end(2 * SECOND) if isinstance(loss, SamplesLost)] == [4]
    assert telling.end(3 * SECOND) == []


def test_the_half_line_of_a_process_that_was_killed_opens_nothing_wrong() -> None:
    half = lines.XAVIER_NX_JP4[: lines.XAVIER_NX_JP4.rindex("/")]
    items = tell(teller("Jetson Xavier NX"), lines.XAVIER_NX_JP4, lines.XAVIER_NX_JP4, half[:-2])
    assert "VDD_SOC clock" not in opened(items)
    assert [item.last_code for item in items if isinstance(item, Samples) and item.channel == "VDD_SOC"] == [
        1074
    ]


def test_a_hostile_line_opens_a_bounded_number_of_channels() -> None:
    line = "RAM 1/2MB " + " ".join(f"X{i}@40C E{i} 5% R{i}_ 5/5" for i in range(500))
    assert len(opened(tell(teller(), line, line))) <= 3 * 64 + 2
