from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from drivers.address import Address
from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.errors import LinkLost, NotSupported
from drivers.events import SamplesLost
from drivers.links.base import ByteLink
from drivers.links.scripted import Play, ScriptedLink, Step
from drivers.meters.csv.driver import CsvDriver
from drivers.model import Channel, DeviceKind, Quantity, Samples, Unit
from tests.rigs.streams import drain
from tests.rigs.virtual_clock import VirtualClock


def driver(steps: Sequence[Step]) -> CsvDriver:
    @asynccontextmanager
    async def connect(address: Address, clock: Clock) -> AsyncIterator[ByteLink]:
        assert address.base == "serial:x"
        yield ScriptedLink(clock, steps)

    return CsvDriver(connect)


async def play(
    clock: VirtualClock, steps: Sequence[Step], options: str = ""
) -> tuple[dict[str, Channel], list[Item]]:
    items: list[Item] = []
    located = options if "point=" in options else f"{options or '?'}&point=usb-input"
    async with driver(steps).open(f"serial:x{located}".replace("?&", "?"), "m", clock) as device:
        assert device.info.kind is DeviceKind.METER
        assert device.shell is None
        channels = {channel.name: channel for channel in device.channels}
        with pytest.raises(LinkLost, match="the script is over"):
            await drain(device.stream(), items.append)
    return channels, items


def series(channels: dict[str, Channel], items: list[Item], name: str) -> list[tuple[int, float]]:
    decode = channels[name].decoding.value
    found = []
    for item in items:
        if isinstance(item, Samples) and item.channel == name:
            found += [
                (item.time_at(i), decode(code)) for i, code in enumerate(memoryview(item.codes).cast("d"))
            ]
    return found


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


async def test_volts_and_amperes_give_watts(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    steps = [Play(start + SECOND, lines("", "4.0,0.5", "3.9,0.6"))]
    channels, items = await play(virtual_clock, steps, "?point=battery-terminals")
    assert {(c.name, c.quantity, c.unit, c.point) for c in channels.values()} == {
        ("voltage", Quantity.VOLTAGE, Unit.VOLT, "battery-terminals"),
        ("current", Quantity.CURRENT, Unit.AMPERE, "battery-terminals"),
        ("power", Quantity.POWER, Unit.WATT, "battery-terminals"),
        ("damaged lines", Quantity.LOSS_COUNT, Unit.NONE, ""),
    }
    t_ns = start + SECOND
    assert series(channels, items, "voltage") == [(t_ns, 4.0), (t_ns, 3.9)]
    assert series(channels, items, "current") == [(t_ns, 0.5), (t_ns, 0.6)]
    assert series(channels, items, "power") == [(t_ns, 2.0), (t_ns, 3.9 * 0.6)]


async def test_units_of_the_columns_are_scaled(virtual_clock: VirtualClock) -> None:
    steps = [Play(0, lines("", "t;4000;500", "t;1;2"))]
    channels, items = await play(virtual_clock, steps, "?columns=-,mV,mA&sep=semicolon")
    assert [v for _, v in series(channels, items, "voltage")] == [4.0, 0.001]
    assert [a for _, a in series(channels, items, "current")] == [0.5, 0.002]
    assert [w for _, w in series(channels, items, "power")] == pytest.approx([2.0, 2e-6])


async def test_power_that_is_written_is_not_computed(virtual_clock: VirtualClock) -> None:
    steps = [Play(0, lines("", "4,0.5,2100"))]
    channels, items = await play(virtual_clock, steps, "?columns=V,A,mW&point=usb-input")
    assert [w for _, w in series(channels, items, "power")] == [2.1]
    assert channels["power"].provenance == ""
    assert len(channels) == 4
    channels, items = await play(virtual_clock, [Play(0, lines("", "4"))], "?columns=V")
    assert set(channels) == {"voltage", "damaged lines"}


async def test_lines_of_one_read_stand_a_period_apart_and_never_fall(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    steps = [
        Play(start + 50 * MILLISECOND, lines("", "1,1", "2,1", "3,1")),
        Play(start + 55 * MILLISECOND, lines("4,1", "5,1")),
    ]
    channels, items = await play(virtual_clock, steps, "?rate=100")
    times = [(t_ns - start) // MILLISECOND for t_ns, _ in series(channels, items, "voltage")]
    assert times == [30, 40, 50, 52, 55]
    assert channels["voltage"].rate_hz == 100


async def test_losses_are_counted_and_told_once_a_second(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    steps = [
        Play(start + i * 100 * MILLISECOND, lines("1,1" if i else "", "rubbish", "nan,1")) for i in range(25)
    ]
    channels, items = await play(virtual_clock, steps)
    told = [(item.t_ns - start, item.count) for item in items if isinstance(item, SamplesLost)]
    assert told == [(0, 2), (SECOND, 20), (2 * SECOND, 20), (2400 * MILLISECOND, 8)]
    counts = [
        (item.t0_ns - start, item.last_code)
        for item in items
        if isinstance(item, Samples) and item.channel == "damaged lines"
    ]
    assert counts == [(0, 0), (0, 2), (SECOND, 22), (2 * SECOND, 42), (2400 * MILLISECOND, 50)]
    assert len(series(channels, items, "voltage")) == 24


async def test_a_counter_that_falls_is_said(virtual_clock: VirtualClock) -> None:
    """Within a piece and between two; also at once when the link ends. Its counts are told as they came."""
    start = virtual_clock.now()
    steps = [
        Play(start + SECOND, lines("", "W,mWh", "5,100", "5,100", "5,2", "5,3")),
        Play(start + 2500 * MILLISECOND, lines("5,0.5", "5,1")),
        Play(start + 2600 * MILLISECOND, lines("5,0.25")),
    ]
    channels, items = await play(virtual_clock, steps, "?columns=W,mWh")
    told = [(item.t_ns - start, item.count, item.what) for item in items if isinstance(item, SamplesLost)]
    what = "stretches of energy, whose counter began again"
    assert told == [(SECOND, 1, what), (2500 * MILLISECOND, 1, what), (2600 * MILLISECOND, 1, what)]
    assert [item.last_code for item in items if isinstance(item, Samples) and item.channel == "counter restarts"] == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert channels["counter restarts"].quantity is Quantity.LOSS_COUNT
    joules = [value for _, value in series(channels, items, "energy")]
    assert joules == [3.6 * mwh for mwh in (100, 100, 2, 3, 0.5, 1, 0.25)]


@pytest.mark.parametrize(
    "options",
    [
        "?columns=V,X", "?columns=", "?columns=-", "?columns=V,mV", "?columns=" + ",".join("-" * 16) + ",V",
        "?decimal=comma", "?decimal=x", "?sep=slash", "?rate=-1", "?point=a b", "?baud=9600", "?rate=10", "?columns=C,J",
        "?point=usb-input&accuracy=101",
    ],
)  # fmt: skip
async def test_wrong_addresses_are_refused(virtual_clock: VirtualClock, options: str) -> None:
    with pytest.raises(NotSupported):
        async with driver([]).open(f"serial:x{options}", "m", virtual_clock):
            pass


async def test_jitter_of_the_reads_is_not_in_the_times(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    jitter = [(k * 7919) % 9 for k in range(1500)]
    steps = [
        Play(start + (20 * k + jitter[k]) * MILLISECOND, lines("1,1", "2,1") if k else b"\n")
        for k in range(1500)
    ]
    channels, items = await play(virtual_clock, steps, "?rate=100")
    assert 0 < series(channels, items, "time uncertainty")[-1][1] < 0.01
    assert series(channels, items, "sample rate")[-1][1] == pytest.approx(100, rel=1e-4)
    times = [t_ns for t_ns, _ in series(channels, items, "voltage")][-1000:]
    steps_ns = [after - before for before, after in pairwise(times)]
    assert max(abs(step - 10 * MILLISECOND) for step in steps_ns) < 0.2 * MILLISECOND
    assert abs(times[-1] - (start + 1499 * 20 * MILLISECOND)) < MILLISECOND


async def test_probes_light_and_trigger_have_channels(virtual_clock: VirtualClock) -> None:
    steps = [Play(0, lines("", "3,9;0,5;24,5;31,25;310;1;0,5"))]
    options = "?columns=V,A,C,skinC,lux,trigger,mWh&sep=semicolon&decimal=comma&point=battery-terminals"
    channels, items = await play(virtual_clock, steps, options)
    found = {name: series(channels, items, name)[0][1] for name, one in channels.items()
             if one.quantity is not Quantity.LOSS_COUNT}  # fmt: skip
    assert found == {
        "voltage": 3.9, "current": 0.5, "ambient_temperature": 24.5, "skin_temperature": 31.25,
        "illuminance": 310.0, "trigger": 1.0, "energy": 1.8, "power": 1.95,
    }  # fmt: skip
    assert channels["skin_temperature"].quantity is Quantity.SKIN_TEMPERATURE
    assert channels["trigger"].quantity is Quantity.LOGIC
    assert (channels["ambient_temperature"].point, channels["power"].point) == ("", "battery-terminals")


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        (bytes(range(128, 256)) * 40, "", "sends what is no text: put its baud rate in its address"),
        (b"4.05;0.5\n" * 40, "", r"m writes '4.05;0.5', which is not V,A with sep=comma: put columns="),
        (b"4,05;0,5\n" * 40, "?sep=semicolon", "decimal=comma"),
        (b"nan,nan\n" * 40, "", "writes 'nan,nan'"),
    ],
    ids=["binary", "separator", "decimal", "nan"],
)
async def test_what_cannot_be_read_at_all_is_named(
    virtual_clock: VirtualClock, data: bytes, options: str, sentence: str
) -> None:
    start = virtual_clock.now()
    steps = [Play(start + k * SECOND, data) for k in range(40)]
    located = f"serial:x{options or '?'}&point=usb-input".replace("?&", "?")
    with pytest.raises(NotSupported, match=sentence):
        async with driver(steps).open(located, "m", virtual_clock) as device:
            await drain(device.stream(), lambda _: None)
    assert virtual_clock.now() - start <= 40 * SECOND


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x86\xe6\x1e\xff\x80\x98\xf8", "no text: put its baud"),
        (b"4;1\n", "sep=comma"),
        (b"4.050,0.512\r", "ends no line"),
    ],
    ids=["baud", "separator", "no newline"],
)
async def test_what_cannot_be_read_of_a_meter_that_writes_once_a_second_is_named_soon(
    virtual_clock: VirtualClock, data: bytes, sentence: str
) -> None:
    start = virtual_clock.now()
    steps = [Play(start + k * SECOND, data) for k in range(600)]
    with pytest.raises(NotSupported, match=sentence):
        async with driver(steps).open("serial:x?point=usb-input", "m", virtual_clock) as device:
            await drain(device.stream(), lambda _: None)
    assert virtual_clock.now() - start <= 16 * SECOND


async def test_a_board_that_starts_loudly_and_waits_is_no_meter_that_cannot_be_read(
    virtual_clock: VirtualClock,
) -> None:
    start = virtual_clock.now()
    boot = [Play(start + k * SECOND // 10, b"\x86\xfe boot\nESP\n") for k in range(9)]
    wait = [Play(start + k * SECOND, b"# no sensor yet\n") for k in range(2, 30)]
    steps = [*boot, *wait, Play(start + 30 * SECOND, b"4.0"), Play(start + 31 * SECOND, b"5,0.5\n")]
    channels, items = await play(virtual_clock, steps)
    assert series(channels, items, "voltage") == [(start + 31 * SECOND, 4.05)]


async def test_rubbish_at_the_start_or_after_rows_is_only_counted(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    boot, rubbish = b"ESP-ROM:esp32s3\n" * 300, b"\xff\xfe" * 4096
    steps = [
        Play(start + SECOND, boot),
        Play(start + 2 * SECOND, lines("1,1")),
        Play(start + 9 * SECOND, rubbish),
    ]
    channels, items = await play(virtual_clock, steps)
    assert series(channels, items, "voltage") == [(start + 2 * SECOND, 1.0)]


async def test_a_line_of_a_megabyte_is_one_damaged_line(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    pieces = [
        Play(start, b"\n1,1\n"),
        *(Play(start, b"7" * 4096) for _ in range(256)),
        Play(start, b"\n2,1\n"),
    ]
    channels, items = await play(virtual_clock, pieces)
    assert [v for _, v in series(channels, items, "voltage")] == [1.0, 2.0]
    assert sum(item.count or 0 for item in items if isinstance(item, SamplesLost)) == 1
