from collections import defaultdict
from contextlib import aclosing

import pytest

from drivers.base import Device, Item
from drivers.clock import SECOND
from drivers.devices.simulated.driver import SimulatedDriver
from drivers.devices.simulated.world import DEMO, World
from drivers.errors import LinkLost, NotSupported
from drivers.events import Absent, ChannelsOpened, LimitEngaged
from drivers.model import Channel, DeviceKind, Quantity, Samples, Unit
from tests.rigs.streams import drain
from tests.rigs.virtual_clock import VirtualClock


async def watch(device: Device, clock: VirtualClock, seconds: float) -> list[Item]:
    until_ns = clock.now() + round(seconds * SECOND)
    items: list[Item] = []
    async with aclosing(device.stream()) as stream:
        async for item in stream:
            if clock.now() >= until_ns:
                break
            items.append(item)
    return items


def values(device: Device, items: list[Item], more: tuple[Channel, ...] = ()) -> dict[str, list[float]]:
    channels = {channel.name: channel for channel in (*device.channels, *more)}
    found: dict[str, list[float]] = defaultdict(list)
    for item in items:
        if isinstance(item, Samples):
            assert item.device == device.info.device
            assert item.dtype is channels[item.channel].dtype
            found[item.channel].append(channels[item.channel].decoding.value(item.last_code))
    return found


async def test_an_idle_phone(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    async with driver.open("sim:phone", "pixie", virtual_clock) as device:
        assert device.info.simulated
        assert device.info.kind is DeviceKind.PHONE
        assert "imulated" in device.info.model
        assert device.info.runtimes == ("simulated",)
        items = await watch(device, virtual_clock, 10)
    assert isinstance(items[0], Absent)
    seen = values(device, items)
    assert set(seen) == {channel.name for channel in device.channels}
    for name in (
        "soc",
        "skin",
        "policy4 freq",
        "policy4 cap",
        "memory available",
        "thermal status",
        "cpu use",
    ):
        assert len(seen[name]) == 100
    assert len(seen["battery"]) == 10
    assert len(seen["battery level"]) == 2
    assert 4 <= len(seen["battery gauge"]) <= 6
    assert all(30 < c < 40 for c in seen["soc"])
    assert all(27 < c < 32 for c in seen["skin"])
    assert seen["policy4 freq"][0] == 0.71e9
    assert seen["policy4 cap"][0] == 2.84e9
    assert seen["battery level"] == [82, 81]
    assert all(3.9e9 < b < 4.0e9 for b in seen["memory available"])
    assert all(0.9 < w < 1.3 for w in seen["battery gauge"])


async def test_units_and_points_are_stated(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    units = {
        Quantity.TEMPERATURE: Unit.CELSIUS, Quantity.SKIN_TEMPERATURE: Unit.CELSIUS,
        Quantity.BATTERY_TEMPERATURE: Unit.CELSIUS, Quantity.FREQUENCY: Unit.HERTZ,
        Quantity.FREQUENCY_CAP: Unit.HERTZ, Quantity.CPU_USE: Unit.PERCENT, Quantity.MEMORY_AVAILABLE: Unit.BYTES,
        Quantity.LIMIT_LEVEL: Unit.NONE, Quantity.BATTERY_LEVEL: Unit.PERCENT, Quantity.POWER: Unit.WATT,
        Quantity.FAN: Unit.RPM,
    }  # fmt: skip
    for address in ("sim:phone", "sim:jetson"):
        async with driver.open(address, "x", virtual_clock) as device:
            names = [channel.name for channel in device.channels]
            assert len(names) == len(set(names))
            for channel in device.channels:
                assert channel.device == "x"
                assert channel.unit is units[channel.quantity]
                assert bool(channel.point) == (channel.quantity is Quantity.POWER)


async def test_an_idle_board(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    async with driver.open("sim:jetson", "orin", virtual_clock) as device:
        assert device.info.kind is DeviceKind.BOARD
        seen = values(device, await watch(device, virtual_clock, 5))
    assert all(len(of) == 50 for of in seen.values())
    assert all(5.4 < w < 6.4 for w in seen["VDD_IN"])
    assert all(
        a > b + c for a, b, c in zip(seen["VDD_IN"], seen["VDD_CPU_GPU_CV"], seen["VDD_SOC"], strict=True)
    )
    assert all(35 < c < 50 for c in seen["gpu"])
    assert seen["gpu cap"][0] == 624_750_000


async def test_memory_of_a_watched_process(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    async with driver.open("sim:phone", "pixie", virtual_clock) as device:
        assert device.shell is not None
        async with device.shell.start(["sim-engine"]) as process:
            lines = process.lines()
            while '"ready"' not in (await anext(lines)).text:
                pass
            device.watch(process.pid)
            items = await watch(device, virtual_clock, 1)
            (opened,) = [item for item in items if isinstance(item, ChannelsOpened)]
            seen = values(device, items, opened.channels)
            device.unwatch(process.pid)
            after = await watch(device, virtual_clock, 1)
    assert [c.quantity for c in opened.channels] == ["rss", "rss_anon", "rss_file", "rss_peak"]
    assert len(seen["rss"]) == 10
    assert seen["rss_file"][-1] == pytest.approx(1.64e9, abs=1024)
    assert seen["rss"][-1] == pytest.approx(seen["rss_file"][-1] + seen["rss_anon"][-1], abs=2048)
    assert seen["rss_peak"][-1] >= seen["rss"][-1]
    assert not any(item.channel == "rss" for item in after if isinstance(item, Samples))


async def test_as_many_channels_as_asked_for(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    address = "sim:phone?name=p7&channels=12&rate=20&seed=3"
    async with driver.open(address, "p7", virtual_clock) as device:
        seen = values(device, await watch(device, virtual_clock, 1))
    assert len(seen) == len(device.channels) == 12
    assert all(len(of) == 20 for of in seen.values())
    async with driver.open("sim:jetson?channels=3", "j", virtual_clock) as device:
        assert [channel.name for channel in device.channels] == ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"]


@pytest.mark.parametrize(
    "address",
    [
        "sim:toaster", "sim:phone?colour=red", "sim:phone?rate=0", "sim:phone?channels=1e9", "sim:phone?tps=nan",
        "sim:phone?idle=2",
        "sim:phone?name=[red]", "sim:phone?seed=-1",
    ],
)  # fmt: skip
async def test_wrong_addresses_are_refused(virtual_clock: VirtualClock, address: str) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    with pytest.raises(NotSupported):
        async with driver.open(address, "x", virtual_clock):
            pass


async def test_the_cable_is_pulled_and_put_back(virtual_clock: VirtualClock) -> None:
    start = virtual_clock.now()
    driver = SimulatedDriver(World(1, start, DEMO))
    items: list[Item] = []
    async with driver.open("sim:phone", "pixie", virtual_clock) as device:
        with pytest.raises(LinkLost, match="the cable of pixie is pulled"):
            await drain(device.stream(), items.append)
    assert virtual_clock.now() == start + 70 * SECOND
    limits = [item for item in items if isinstance(item, LimitEngaged)]
    assert limits[0].t_ns == start + 45 * SECOND
    assert (limits[0].limit, limits[0].reason, limits[0].detail) == ("thermal status", "thermal", "SEVERE")
    assert "cpu cap policy4" in {limit.limit for limit in limits}
    await virtual_clock.run_for(4.9)
    with pytest.raises(LinkLost):
        async with driver.open("sim:phone", "pixie", virtual_clock):
            pass
    await virtual_clock.run_for(0.1)
    async with driver.open("sim:phone", "pixie", virtual_clock) as device:
        assert len(await watch(device, virtual_clock, 1)) > 80


async def test_the_same_seed_and_times_give_the_same_samples() -> None:
    async def trace(seed: int) -> list[Item]:
        clock = VirtualClock()
        driver = SimulatedDriver(World(seed, clock.now(), DEMO))
        async with driver.open("sim:phone", "pixie", clock) as device:
            return await watch(device, clock, 60)

    assert await trace(1) == await trace(1) != await trace(2)


async def test_an_idle_one_offers_no_engine(virtual_clock: VirtualClock) -> None:
    driver = SimulatedDriver(World(1, virtual_clock.now()))
    async with driver.open("sim:phone?name=a&idle=1", "a", virtual_clock) as idle:
        assert idle.info.runtimes == ()
    async with driver.open("sim:phone?name=b&idle=0", "b", virtual_clock) as busy:
        assert busy.info.runtimes == ("simulated",)


async def test_a_scan_offers_both(virtual_clock: VirtualClock) -> None:
    found = await SimulatedDriver(World(1, 0)).scan()
    assert [(one.address, one.kind, one.ready) for one in found] == [
        ("sim:phone", DeviceKind.PHONE, True),
        ("sim:jetson", DeviceKind.BOARD, True),
    ]
    assert all("imulated" in one.title for one in found)
