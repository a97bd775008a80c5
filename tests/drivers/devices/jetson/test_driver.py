"""The driver of boards, with real shells, commands and files on this computer."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from drivers.base import Restating
from drivers.clock import MILLISECOND, SECOND, SystemClock
from drivers.devices.jetson import finding, sampling, streaming
from drivers.devices.jetson.driver import JetsonDriver
from drivers.errors import Garbled, LinkLost, NotSupported
from drivers.events import LimitEngaged, LimitReleased, LogLine
from drivers.links.local import LocalShell
from drivers.model import DeviceKind, Quantity
from tests.rigs import sysfs_trees
from tests.rigs.boards import lines, trees
from tests.rigs.boards.planting import Planted
from tests.rigs.boards.watching import Heard, here, listen, open_at, opened

Plant = Callable[..., Planted]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return lambda board=trees.ORIN_NANO, **more: Planted(tmp_path, board, **more)


def all_but(heard: Heard, *quiet: str) -> bool:
    return all(heard.values.get(name) for name in heard.channels if name not in quiet)


def kill_children(which: Callable[[list[str]], bool]) -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if which(child.cmdline()):
                child.kill()


@pytest.mark.parametrize("board", trees.BOARDS, ids=lambda board: board.name)
async def test_every_board_tells_what_it_has(plant: Plant, board: trees.Board) -> None:
    planted = plant(board)
    off = ("cpu", *board.silent)
    async with opened(planted) as heard:
        await listen(heard, lambda heard: heard.has("ram", board.input) and all_but(heard, *off))
        info = heard.device.info
    assert heard.point("board-input") == [board.input]
    assert heard.values[board.input][-1] == pytest.approx(board.input_w)
    assert board.facts.items() <= dict(info.facts).items()
    assert info.kind is DeviceKind.BOARD
    assert info.runtimes == ("llama_server", "llama_cli", "llama_bench", "ollama", "mlc")
    assert not [name for name in off if heard.values.get(name)]
    assert heard.lost() == []
    assert "board input power" not in heard.absent()


async def test_a_power_mode_that_is_set_later_is_told_when_asked(plant: Plant) -> None:
    planted = plant()
    async with opened(planted) as heard:
        planted.nvpmodel.write_text("NV Power Mode: 7W\n3\n")
        planted.write("sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "performance\n")
        assert isinstance(heard.device, Restating)
        now = dict(await heard.device.restated())
    was = dict(heard.device.info.facts)
    assert (was["power mode"], was["governor"]) == ("25W (1)", "schedutil")
    assert now == {**was, "power mode": "7W (3)", "governor": "performance, schedutil"}


async def test_a_boards_own_clock_is_measured_before_what_it_stamps(plant: Plant) -> None:
    clock = SystemClock()
    start_ns = clock.now()
    async with opened(plant()) as heard:
        await listen(heard, lambda heard: len(heard.times["VDD_IN"]) >= 100)
    end_ns = clock.now()
    measured = heard.clocks()[0]
    assert heard.order.index("ClockMeasured") < heard.order.index("VDD_IN")
    assert abs(measured.offset_ns) <= measured.uncertainty_ns < SECOND
    assert heard.channels["VDD_IN"].own_clock
    assert not heard.channels["ram"].own_clock
    times = [t_ns + measured.offset_ns for t_ns in heard.times["VDD_IN"]]
    assert start_ns < times[0] < times[-1] < end_ns
    assert times == sorted(times)
    assert (times[-1] - times[0]) / (len(times) - 1) > 9 * MILLISECOND


async def test_a_board_without_tegrastats_says_so_and_tells_the_rest(plant: Plant) -> None:
    planted = plant()
    (planted.bin / "tegrastats").unlink()
    async with opened(planted) as heard:
        await listen(
            heard, lambda heard: heard.has("gpu load", "VDD_IN", "cpu-thermal", "fan", "memory_available")
        )
    assert "nvidia-l4t-tools" in heard.absent()["tegrastats"].remedy
    assert heard.values["gpu load"][-1] == 42.7


async def test_rails_and_temperatures_of_tegrastats_where_the_kernel_shows_none(plant: Plant) -> None:
    keep = ("proc/", "etc/")
    tree = {path: text for path, text in trees.AGX_ORIN.tree.items() if path.startswith(keep)}
    board = trees.Board("bare", tree, lines.AGX_ORIN_JP6)
    async with opened(plant(board)) as heard:
        await listen(heard, lambda heard: heard.has("board input", "CPU temp", "cpu0 clock"))
    assert heard.values["board input"][-1] == pytest.approx(2.340 + 0.390 + 4.025)
    assert heard.point("board-input") == ["board input"]
    assert {"GPU temp", "CV0 temp"} & set(heard.channels) == set()


async def test_tegrastats_that_needs_root_is_absent_with_what_it_said(plant: Plant) -> None:
    planted = plant()
    planted.say("!exit 1 tegrastats: must be run as root")
    async with opened(planted) as heard:
        await listen(heard, lambda heard: "tegrastats" in heard.absent() and heard.has("VDD_IN", "fan"))
    absent = heard.absent()["tegrastats"]
    assert "must be run as root" in absent.reason
    assert absent.remedy.startswith("log in as root")
    assert [event.text for event in heard.events if isinstance(event, LogLine)] == [
        "tegrastats: must be run as root"
    ]


async def test_garbage_and_half_lines_are_lost_and_said(plant: Plant) -> None:
    planted = plant()
    half = lines.ORIN_NANO_JP6[40:]
    planted.say(lines.ORIN_NANO_JP6, half, "\x1b[2J\x00", lines.ORIN_NANO_JP6)
    async with opened(planted) as heard:
        await listen(heard, lambda heard: len(heard.values["GR3D"]) >= 8)
    assert sum(loss.count or 0 for loss in heard.lost()) >= 1
    assert set(heard.values["GR3D"]) == {99}


async def test_a_sensor_that_hangs_delays_no_other_and_is_told(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "TOGETHER_LIMIT_S", 0.5)
    monkeypatch.setattr(sampling, "ASK_LIMIT_S", 2.5)
    planted = plant()
    planted.hang("sys/class/thermal/thermal_zone1/temp")
    async with opened(planted) as heard:
        await listen(
            heard,
            lambda heard: "temperatures and fans" in heard.absent() and len(heard.values["VDD_IN"]) >= 6,
        )
    assert not heard.has("cpu-thermal")
    assert len(heard.values["memory_available"]) >= 8
    assert len(heard.values["GR3D"]) >= 8
    assert "did not answer" in heard.absent()["temperatures and fans"].reason


async def test_a_power_mode_that_hangs_is_unknown(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MODE_LIMIT_S", 0.2)
    planted = plant()
    planted.command("nvpmodel", "#!/bin/sh\nexec sleep 100\n")
    async with opened(planted) as heard:
        facts = dict(heard.device.info.facts)
    assert "power mode" not in facts
    assert facts["jetpack"] == "JetPack 6 (L4T 36.4.3)"


async def test_limits_engage_and_release_each_with_its_reason(plant: Plant) -> None:
    planted = plant()
    cooler = "sys/class/thermal/cooling_device0/cur_state"
    counter = "sys/class/hwmon/hwmon2/oc{}_event_cnt"
    cap = "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"

    def engaged(heard: Heard) -> bool:
        if heard.has("cpu-throttle-alert", "oc1_event_cnt", "cap policy0") and not heard.limits():
            planted.write(cooler, "1\n")
            planted.write(counter.format(1), "30\n")
            planted.write(counter.format(3), "9999\n")
            planted.write(cap, "1190400\n")
        return len(reasons(heard)) >= 3 and heard.values["oc3_event_cnt"][-1] == 9999

    def reasons(heard: Heard) -> dict[str, str]:
        return {event.limit: event.reason for event in heard.limits() if isinstance(event, LimitEngaged)}

    def released(heard: Heard) -> bool:
        return {"cpu-throttle-alert", "cpu cap policy0"} <= {
            event.limit for event in heard.limits() if isinstance(event, LimitReleased)
        }

    async with opened(planted) as heard:
        await listen(heard, engaged)
        planted.write(cooler, "0\n")
        planted.write(cap, "1728000\n")
        await listen(heard, released)
    assert reasons(heard) == {
        "cpu-throttle-alert": "thermal",
        "oc1_event_cnt": "power limit",
        "cpu cap policy0": "operating-system cap",
    }


async def test_a_sensor_that_is_powered_down_is_silent_until_it_wakes(plant: Plant) -> None:
    planted = plant()
    zone = "sys/class/thermal/thermal_zone1/temp"
    planted.break_down(zone)
    async with opened(planted) as heard:
        await listen(heard, lambda heard: len(heard.values["cpu-thermal"]) >= 2)
        assert "gpu-thermal" in heard.channels
        assert not heard.has("gpu-thermal")
        (planted.root / zone).rmdir()
        planted.write(zone, "41000\n")
        await listen(heard, lambda heard: heard.has("gpu-thermal"))
    assert heard.values["gpu-thermal"] == [41.0]


async def test_rails_are_asked_for_where_no_python_can_poll_them(plant: Plant) -> None:
    planted = plant()
    planted.command("python3", "#!/bin/sh\nexit 1\n")
    async with opened(planted) as heard:
        await listen(heard, lambda heard: len(heard.values["VDD_IN"]) >= 10)
    channel = heard.channels["VDD_IN"]
    assert (channel.own_clock, channel.rate_hz, channel.point) == (False, 20, "board-input")
    assert heard.values["VDD_IN"][-1] == pytest.approx(16.3184)
    assert "power rails at 100 Hz" in heard.absent()
    assert len(heard.clocks()) == 1


async def test_rails_as_often_as_asked_for(plant: Plant) -> None:
    async with opened(plant(), options="?rails=20") as heard:
        await listen(heard, lambda heard: len(heard.times["VDD_IN"]) >= 8)
    assert heard.channels["VDD_IN"].rate_hz == 20
    times = heard.times["VDD_IN"]
    assert (times[-1] - times[0]) / (len(times) - 1) > 45 * MILLISECOND


async def test_an_unknown_board_tells_its_rails_and_why_not_its_input(plant: Plant) -> None:
    tree = {
        **trees.ORIN_NANO.tree,
        "proc/device-tree/model": "Board of somebody's\0",
        "proc/device-tree/compatible": "some,body\0",
    }
    async with opened(plant(trees.Board("unknown", tree, ""))) as heard:
        await listen(heard, lambda heard: heard.has("VDD_IN"))
    assert heard.point("board-input") == []
    assert heard.channels["VDD_IN"].point == "rail:VDD_IN"
    assert heard.absent()["board input power"].reason == "what feeds this board's rails is not known"


async def test_a_machine_that_has_nothing_says_what_it_lacks(plant: Plant) -> None:
    keep = ("proc/stat", "proc/meminfo", "etc/os-release")
    tree = {path: text for path, text in trees.NANO.tree.items() if path in keep}
    async with opened(plant(trees.Board("bare", tree, ""))) as heard:
        await listen(heard, lambda heard: heard.has("memory_available"))
    assert set(heard.absent()) == {
        "temperature",
        "fan",
        "memory pressure",
        "frequency cap",
        "thermal limits",
        "GPU use",
        "power",
    }
    assert heard.absent()["power"].remedy == "put a meter into its supply"


async def test_a_computer_over_ssh_tells_what_a_host_tells(plant: Plant) -> None:
    async with opened(plant(trees.Board("laptop", sysfs_trees.INTEL_LAPTOP, ""))) as heard:
        await listen(heard, lambda heard: heard.has("energy package-0", "Package id 0", "thinkpad fan1"))
        info = heard.device.info
    assert info.model == "LENOVO 21CBCTO1WW"
    assert info.os == "Debian GNU/Linux 12 (bookworm)"
    assert dict(info.facts)["processor"].startswith("12th Gen Intel(R) Core(TM) i7")
    assert heard.point("package") == ["energy package-0", "power package-0"]
    assert heard.values["core_throttle_count"] == [7] * len(heard.values["core_throttle_count"])
    assert {"power", "thermal limits", "tegrastats"} & set(heard.absent()) == set()


async def test_this_computer_as_a_plain_linux_machine_with_a_watched_family() -> None:
    code = "import sys; held = b'x' * 40_000_000; print('ready', flush=True); sys.stdin.read()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    async with (
        open_at(Path("/")) as heard,
        LocalShell(SystemClock()).start((sys.executable, "-c", nested)) as parent,
    ):
        async for line in parent.lines():
            assert line.text == "ready"
            break
        family = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)]
        rss = sum(process.memory_info().rss for process in family)
        heard.device.watch(parent.pid)
        await listen(heard, lambda heard: heard.has("cpu", "process_cpu") and heard.values["rss"][-1] > 5e7)
        heard.device.unwatch(parent.pid)
    assert heard.values["rss"][-1] == pytest.approx(rss, rel=0.1)
    assert heard.values["rss_peak"][-1] >= heard.values["rss"][-1]
    assert heard.order.index("ChannelsOpened") < heard.order.index("rss")
    assert heard.channels["rss"].quantity is Quantity.RSS
    assert 0 <= heard.values["cpu"][-1] <= 100
    assert "tegrastats" not in heard.absent()
    assert dict(heard.device.info.facts)["cores"] == str(os.cpu_count())


async def test_another_end_than_a_linux_shell_is_garbled(plant: Plant) -> None:
    planted = plant()
    planted.command("sh", "#!/bin/sh\necho 'This account is not available.'\n")
    with pytest.raises(Garbled, match="This account is not available"):
        async with opened(planted):
            pass


async def test_a_shell_that_ends_is_a_lost_link(plant: Plant) -> None:
    async with opened(plant()) as heard:

        def kill(heard: Heard) -> bool:
            if heard.has("memory_available"):
                kill_children(lambda words: words == ["sh"])
            return False

        with pytest.raises(LinkLost):
            await listen(heard, kill)


async def test_a_poller_that_ends_is_told_and_the_rest_goes_on(plant: Plant) -> None:
    async with opened(plant()) as heard:

        def kill(heard: Heard) -> bool:
            if heard.has("VDD_IN"):
                kill_children(lambda words: "-S" in words)
            return "power rails" in heard.absent() and heard.order[-1] == "memory_available"

        await listen(heard, kill)
    assert "ended with -9" in heard.absent()["power rails"].reason


@pytest.mark.parametrize(
    "address",
    [
        "ssh://b?colour=red",
        "ssh://b?root=here",
        "ssh://b?rails=1000",
        "ssh://b?rails=x",
        "ssh://b?root=a&root=b",
    ],
)
async def test_wrong_options_are_refused(address: str) -> None:
    with pytest.raises(NotSupported):
        async with JetsonDriver(here).open(address, "b", SystemClock()):
            pass


async def test_a_scan_finds_nothing_by_itself() -> None:
    assert await JetsonDriver(here).scan() == ()


async def test_a_cap_in_force_when_a_board_is_back_is_told_again_and_its_release(plant: Plant) -> None:
    planted = plant(trees.Board("capped", trees.policies(policy0=2_000_000), ""))
    cap = "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
    driver = JetsonDriver(here, root=str(planted.root))
    with pytest.raises(LinkLost):
        async with driver.open("ssh://here", "board", SystemClock()):
            raise LinkLost("the network is gone")
    planted.write(cap, "1000000\n")

    def released(heard: Heard) -> bool:
        if heard.limits():
            planted.write(cap, "2000000\n")
        return len(heard.limits()) == 2

    async with driver.open("ssh://here", "board", SystemClock()) as device:
        heard = await listen(Heard(device), released)
    assert [(type(event), event.limit) for event in heard.limits()] == [
        (LimitEngaged, "cpu cap policy0"),
        (LimitReleased, "cpu cap policy0"),
    ]


async def test_the_clock_of_a_board_whose_rails_are_not_polled_is_measured_again_and_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CLOCK_PERIOD_S", 0.2)
    clock = SystemClock()
    async with opened(plant(trees.Board("plain", trees.policies(policy0=2_000_000), ""))) as heard:
        await listen(heard, lambda heard: len(heard.clocks()) >= 2)
    for measured in heard.clocks():
        assert (
            abs(clock.wall() + measured.offset_ns - clock.now()) <= measured.uncertainty_ns + 20 * MILLISECOND
        )


async def test_a_board_that_does_not_tell_its_time_says_so_once(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(_: object) -> None:
        raise NotSupported("the device does not tell its time")

    monkeypatch.setattr(streaming, "find_own_time", find)
    async with opened(plant(trees.Board("plain", trees.policies(policy0=2_000_000), ""))) as heard:
        await listen(heard, lambda heard: "clock" in heard.absent() and heard.has("cap policy0"))
    assert heard.clocks() == []
