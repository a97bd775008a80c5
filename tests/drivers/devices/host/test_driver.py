import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import SECOND, SystemClock
from drivers.devices.host.driver import HostDevice, HostDriver
from drivers.errors import NotSupported, Refused
from drivers.events import Absent, ChannelsOpened, LimitEngaged, LimitReleased, LogLine
from drivers.links.sysfiles import SysFiles
from drivers.model import Kind, Quantity, Samples, Unit
from tests.rigs.host_story import AtOnce, Hand, Story
from tests.rigs.sysfs_trees import AMD_DESKTOP, INTEL_LAPTOP, RASPBERRY_PI, plant, process


async def test_scan_finds_this_computer(tmp_path: Path) -> None:
    (found,) = await HostDriver(SysFiles(plant(tmp_path, RASPBERRY_PI))).scan()
    assert (found.address, found.ready) == ("host", True)
    assert found.title == "this computer: Raspberry Pi 4 Model B Rev 1.1"


async def test_another_address_is_refused() -> None:
    with pytest.raises(NotSupported, match="adb:1 is not this computer"):
        async with HostDriver().open("adb:1", "x", SystemClock()):
            pass


async def test_intel_laptop(tmp_path: Path) -> None:
    story = await Story(plant(tmp_path, INTEL_LAPTOP)).play(2.5)
    by_quantity = {
        name: channel.quantity for name, channel in story.channels.items() if "emperature" in channel.quantity
    }
    assert by_quantity == {
        "nvme Composite": Quantity.OTHER_TEMPERATURE,
        "nvme Sensor 1": Quantity.OTHER_TEMPERATURE,
        "thinkpad temp3": Quantity.OTHER_TEMPERATURE,
        "thinkpad GPU": Quantity.OTHER_TEMPERATURE,
        "CPU": Quantity.TEMPERATURE,
        "Package id 0": Quantity.TEMPERATURE,
        "Core 0": Quantity.TEMPERATURE,
        "Core 8": Quantity.TEMPERATURE,
        "acpitz": Quantity.OTHER_TEMPERATURE,
        "iwlwifi_1": Quantity.OTHER_TEMPERATURE,
    }
    assert story.channels["Package id 0"].limit == 100
    assert story.channels["nvme Composite"].limit == 84.85
    assert story.channels["nvme Sensor 1"].limit is None
    assert story.channels["acpitz"].limit is None
    assert story.values("Package id 0") == [62.0] * 12
    assert story.values("nvme Composite") == [41.85] * 3
    assert story.values("thinkpad GPU") == story.values("thinkpad temp3") == []
    assert story.values("thinkpad fan1") == [2718.0] * 3
    assert story.values("thinkpad fan2") == []
    assert story.values("memory_pressure") == [1.53] * 3
    assert story.values("frequency")[0] == pytest.approx((2.0e9 + 4.0e9 + 1.5e9) / 3)
    assert story.values("cap policy0")[0] == 4.7e9
    assert story.values("cap policy8")[0] == 3.4e9
    assert story.values("core_throttle_count")[0] == 7
    assert story.absent == {}
    assert story.info.model == "12th Gen Intel(R) Core(TM) i7-1260P"
    assert story.info.os == "Debian GNU/Linux 12 (bookworm)"
    assert story.info.runtimes == ("llama_server", "llama_cli", "llama_bench", "ollama", "mlc")
    facts = dict(story.info.facts)
    assert (facts["product"], facts["governor"], facts["battery BAT0"], facts["full battery"]) == (
        "LENOVO 21CBCTO1WW",
        "powersave",
        "Discharging",
        "52.1 Wh",
    )


async def test_rapl_wraps_and_doubles(tmp_path: Path) -> None:
    story = Story(plant(tmp_path, INTEL_LAPTOP))
    package = "sys/class/powercap/intel-rapl:0/energy_uj"
    await story.play(
        2.0, {1.0: story.write(package, "671149\n")}
    )  # 1 J past the reading before, across the wrap
    assert {name for name in story.channels if name.startswith(("energy", "power"))} == {
        "energy package-0",
        "power package-0",
        "energy core",
        "power core",
    }
    energy = story.channels["energy package-0"]
    assert (energy.kind, energy.point, energy.rate_hz) == (Kind.COUNTER, "package", 10)
    assert story.channels["power core"].point == "rail:core"
    values = story.values("energy package-0")
    assert values[0] == 262143.0
    assert values[-1] - values[0] == pytest.approx(1.0)
    powers = story.values("power package-0")
    assert sorted(powers)[-2:] == [0.0, pytest.approx(10.0)]
    assert len(powers) == len(values) - 1


async def test_rapl_of_root_is_said_with_its_remedy(tmp_path: Path) -> None:
    class Denied(SysFiles):
        def read(self, path: str) -> str | None:
            if path.endswith("energy_uj"):
                raise Refused(f"{path} may not be read")
            return super().read(path)

    story = await Story(tmp_path).play(0.5, files=Denied(plant(tmp_path, INTEL_LAPTOP)))
    (absent,) = [event for event in story.of(Absent) if event.what == "processor power"]
    assert "only root" in absent.reason
    assert absent.remedy.startswith("sudo chmod a+r /sys/class/powercap/*/energy_uj")
    assert not any(name.startswith("energy") for name in story.channels)


async def test_battery_sign_status_and_refresh(tmp_path: Path) -> None:
    story = Story(plant(tmp_path, INTEL_LAPTOP))
    folder = "sys/class/power_supply/BAT0"

    def plug(_: HostDevice) -> None:
        (tmp_path / folder / "status").write_text("Charging\n")
        (tmp_path / folder / "power_now").write_text("20000000\n")

    await story.play(10.0, {2.5: story.write(f"{folder}/power_now", "8000000\n"), 6.5: plug})
    assert story.values("BAT0 power")[:3] == [9.876] * 3
    assert story.values("BAT0 power")[-1] == -20.0
    assert story.values("BAT0 current")[-1] == pytest.approx(-20 / 15.4)
    assert story.channels["BAT0 power"].point == "battery-gauge"
    assert story.values("BAT0 refresh") == [4.0]  # from 3 s to 7 s
    assert story.values("BAT0 level") == [87.0] * 10
    assert [(line.source, line.text) for line in story.of(LogLine)] == [("BAT0", "Charging")]
    assert "hidpp_battery_0 level" not in story.channels
    assert not any(name.startswith("BAT0 in") for name in story.channels)


async def test_throttling_and_a_lowered_cap(tmp_path: Path) -> None:
    story = Story(plant(tmp_path, INTEL_LAPTOP))
    count = "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count"
    cap = "sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq"
    await story.play(
        14.0,
        {
            1.0: story.write(count, "5\n"),
            2.0: story.write(cap, "2800000\n"),
            3.0: story.write(count, "6\n"),
            10.0: story.write(cap, "4700000\n"),
        },
    )
    engaged = {event.limit: event for event in story.of(LimitEngaged)}
    assert set(engaged) == {"core_throttle_count", "cpu cap policy0"}
    assert (engaged["core_throttle_count"].reason, engaged["core_throttle_count"].detail) == (
        "thermal",
        "counted 2 more",
    )
    assert engaged["cpu cap policy0"].reason == "operating-system cap"
    assert engaged["cpu cap policy0"].detail == "4.70 GHz → 2.80 GHz"
    released = {event.limit: event for event in story.of(LimitReleased)}
    assert set(released) == set(engaged)
    quiet_s = (released["core_throttle_count"].t_ns - engaged["core_throttle_count"].t_ns) / SECOND
    assert quiet_s == pytest.approx(2 + 5, abs=0.6)
    assert released["cpu cap policy0"].detail == "2.80 GHz → 4.70 GHz"
    assert story.values("core_throttle_count")[-1] == 10
    assert min(story.values("cap policy0")) == 2.8e9


async def test_amd_desktop(tmp_path: Path) -> None:
    story = await Story(plant(tmp_path, AMD_DESKTOP)).play(1.5)
    assert story.values("Tctl")[0] == 51.375
    assert story.channels["Tctl"].limit is None  # 70 °C is the driver's constant
    assert story.values("nvme Composite")[0] == 36.85
    assert story.values("nvme Composite 2")[0] == 38.85
    assert story.values("amdgpu fan1")[0] == 0.0  # standing still, not absent
    assert story.values("amdgpu PPT")[0] == 23.0
    assert story.channels["amdgpu PPT"].point == "rail:amdgpu PPT"
    assert story.values("nct6798 SYSTIN") == []  # its fault bit is set
    assert story.values("frequency")[0] == 3.8e9
    assert set(story.absent) == {"memory pressure", "frequency cap", "throttle counter", "battery"}


async def test_raspberry_pi(tmp_path: Path) -> None:
    story = await Story(plant(tmp_path, RASPBERRY_PI)).play(1.0)
    temperatures = [c for c in story.channels.values() if c.quantity is Quantity.TEMPERATURE]
    assert [(c.name, c.limit) for c in temperatures] == [
        ("cpu-thermal", 110.0)
    ]  # chip and zone are one sensor
    assert story.values("cpu-thermal")[0] == 48.199
    assert story.values("cap policy0")[0] == 1.5e9
    assert {"fan", "processor power", "battery"} <= set(story.absent)


async def test_an_empty_machine_says_what_it_lacks_once(tmp_path: Path) -> None:
    story = await Story(tmp_path).play(3.0)
    assert story.absent["temperature"] == "no temperature sensor on this host"
    assert set(story.absent) == {
        "memory pressure",
        "temperature",
        "fan",
        "frequency",
        "frequency cap",
        "throttle counter",
        "processor power",
        "battery",
    }
    assert len(story.of(Absent)) == 8
    assert isinstance(story.items[7], Absent)  # all of them before the first sample
    assert set(story.channels) == {"cpu", "memory_available"}


async def test_one_dead_sensor_does_not_stop_the_others(tmp_path: Path) -> None:
    story = Story(plant(tmp_path, INTEL_LAPTOP))
    await story.play(4.0, {2.0: lambda _: (tmp_path / "sys/class/hwmon/hwmon5/temp1_input").unlink()})
    assert len(story.values("Package id 0")) <= 11
    assert len(story.values("Core 0")) == 20


async def test_a_slow_round_is_not_waited_for(tmp_path: Path) -> None:
    class Never(AtOnce):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            return Future()

    clock = Hand()
    driver = HostDriver(SysFiles(plant(tmp_path, INTEL_LAPTOP)), Never)
    seen = 0
    async with driver.open("host", "desk", clock) as device, aclosing(device.stream()) as stream:
        async for item in stream:
            seen += isinstance(item, Samples) and item.channel == "memory_available"
            if seen == 5:
                break
    assert clock.now() - Hand.START_NS < 2 * SECOND


async def test_process_tree(tmp_path: Path) -> None:
    parent = process(70, rss_kb=4000, anon_kb=1000, file_kb=3000, peak_kb=4500, cpu_ticks=100, children="71 ")
    child = process(71, rss_kb=2000, anon_kb=500, file_kb=1500, peak_kb=2500, cpu_ticks=10)
    story = Story(plant(tmp_path, parent | child))

    def work(_: HostDevice) -> None:
        plant(
            tmp_path,
            process(70, rss_kb=9000, anon_kb=6000, file_kb=3000, peak_kb=9500, cpu_ticks=104, children="71 "),
        )
        plant(tmp_path, process(71, rss_kb=2000, anon_kb=500, file_kb=1500, peak_kb=2500, cpu_ticks=14))

    def vanish(_: HostDevice) -> None:
        for pid in (70, 71):
            for name in ("stat", "status", "smaps_rollup"):
                (tmp_path / f"proc/{pid}/{name}").unlink()

    await story.play(5.0, {0.5: lambda device: device.watch(70), 2.0: work, 3.0: vanish})
    (opened,) = story.of(ChannelsOpened)
    assert {channel.name for channel in opened.channels} == {
        "rss",
        "rss_anon",
        "rss_file",
        "rss_peak",
        "process_cpu",
        "pss",
    }
    first = next(
        i for i, item in enumerate(story.items) if isinstance(item, Samples) and item.channel == "rss"
    )
    assert story.items.index(opened) < first
    assert (story.values("rss")[0], story.values("rss")[-1]) == (6000 * 1024, 11000 * 1024)
    assert (story.values("rss_anon")[0], story.values("rss_file")[0]) == (1500 * 1024, 4500 * 1024)
    assert story.values("rss_peak")[0] == 6000 * 1024
    assert story.values("rss_peak")[-1] == 11000 * 1024
    assert story.values("pss")[0] == 3000 * 1024
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    busiest = 100 * (8 / ticks_per_s) / 0.1 / (os.cpu_count() or 1)
    assert max(story.values("process_cpu")) == pytest.approx(busiest)
    assert min(story.values("process_cpu")) == 0
    assert max(story.times("rss")) <= 3.2  # gone, and quietly


async def test_a_reused_pid_is_somebody_else(tmp_path: Path) -> None:
    story = Story(
        plant(tmp_path, process(70, rss_kb=10, anon_kb=5, file_kb=5, peak_kb=10, cpu_ticks=1, start=100))
    )
    other = process(70, rss_kb=99, anon_kb=9, file_kb=90, peak_kb=99, cpu_ticks=1, start=200)
    await story.play(3.0, {0.5: lambda device: device.watch(70), 1.5: lambda _: plant(tmp_path, other)})
    assert set(story.values("rss")) == {10 * 1024}


async def test_unwatch(tmp_path: Path) -> None:
    story = Story(plant(tmp_path, process(70, rss_kb=10, anon_kb=5, file_kb=5, peak_kb=10, cpu_ticks=1)))
    await story.play(3.0, {0.5: lambda device: device.watch(70), 1.5: lambda device: device.unwatch(70)})
    assert max(story.times("rss")) <= 1.6


@pytest.fixture
def holder() -> Iterator[int]:
    """Pid of a child of ours that holds 50 MB."""
    code = "x = b'x' * 50_000_000; print('ready', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    yield child.pid
    child.communicate(b"\n")


async def test_the_real_host_against_the_kernels_own_text(holder: int) -> None:
    seen: dict[str, Samples] = {}
    wanted = {"cpu", "memory_available", "rss", "rss_anon", "process_cpu", "pss"}
    driver = HostDriver()
    async with driver.open("host", "host", SystemClock()) as device, aclosing(device.stream()) as stream:
        device.watch(holder)
        while not wanted <= seen.keys():
            item = await asyncio.wait_for(anext(stream), 20)
            if isinstance(item, Samples):
                seen[item.channel] = item
    status = SysFiles().read(f"/proc/{holder}/status") or ""
    rss_kb = int(status.split("VmRSS:")[1].split()[0])
    assert seen["rss"].last_code == pytest.approx(rss_kb * 1024, rel=0.1)
    assert seen["rss_anon"].last_code >= 50_000_000
    assert 0 <= seen["cpu"].last_code <= 100
    assert seen["memory_available"].last_code > 10e6


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(INTEL_LAPTOP)), st.binary(max_size=200), min_size=1, max_size=30),
    st.dictionaries(st.sampled_from(sorted(INTEL_LAPTOP)), st.binary(max_size=200), max_size=30),
)
def test_hostile_files_break_nothing(at_first: dict[str, bytes], later: dict[str, bytes]) -> None:
    def spoil(root: Path, files: dict[str, bytes]) -> None:
        for path, content in files.items():
            (root / path).write_bytes(content)

    with tempfile.TemporaryDirectory() as folder:
        story = Story(plant(Path(folder), INTEL_LAPTOP))
        spoil(story.root, at_first)
        asyncio.run(story.play(2.0, {1.0: lambda _: spoil(story.root, later)}))
    names = [channel.name for channel in story.channels.values()]
    assert len(set(names)) == len(names)
    assert all(name.isprintable() and len(name) < 120 for name in names)
    for channel in story.channels.values():
        if channel.unit is Unit.CELSIUS:
            assert all(-55 < value < 127 for value in story.values(channel.name))
        if channel.unit is Unit.PERCENT:
            assert all(0 <= value <= 100 for value in story.values(channel.name))
