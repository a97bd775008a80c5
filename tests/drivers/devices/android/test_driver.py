"""Three phones in a box: what the driver finds on each, what it follows, what it says is missing."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from drivers.devices.android import scripts
from drivers.devices.android.driver import over, place
from drivers.devices.android.phones import adb_server
from drivers.errors import LinkError, NotSupported
from drivers.events import Absent, ClockMeasured, LimitEngaged, LimitReleased, LogLine, SamplesLost
from drivers.model import DeviceKind, Kind, Quantity
from tests.rigs.phones.bench import Bench, BoxBench
from tests.rigs.phones.phone import Phone, stat
from tests.rigs.phones.pixel import pixel
from tests.rigs.phones.samsung import samsung
from tests.rigs.phones.xiaomi import xiaomi

Plant = Callable[[Callable[[Path], Phone]], BoxBench]

DENIED = "the phone does not let adb's shell read it"


def everything(bench: Bench) -> bool:
    """Every channel has told something, but for those that tell of changes."""
    steady = {name for name, channel in bench.channels.items() if channel.rate_hz}
    return bench.sampled >= {name for name in steady if not name.startswith("use ")}


async def test_a_pixel(bench: Plant) -> None:
    one = bench(pixel)
    async with one.open() as device:
        assert (device.info.kind, device.info.model, device.info.os) == (
            DeviceKind.PHONE,
            "Google Pixel 8",
            "Android 15 (BP1A.250505.005)",
        )
        assert device.info.runtimes == ("llama_server", "llama_cli", "mlc")
        assert (
            dict(device.info.facts).items()
            >= {
                "soc": "Google Tensor G3",
                "cores": "4 + 4 + 1",
                "governor": "sched_pixel",
                "battery": "80 %, discharging",
                "full battery": "16.8 Wh, by its charge counter and level, at 3.85 V",
                "screen": "on",
                "brightness": "102",
                "automatic brightness": "off",
                "airplane mode": "on",
                "low-power mode": "off",
                "memory": "7.5 GiB",
                "link": "adb over USB",
            }.items()
        )
        await one.follow(device, everything)
    assert one.absent == {
        "GPU frequency": DENIED,
        "thermal zones": DENIED,
        "power rails": DENIED,
    }
    assert {
        name: one.values(name)[0]
        for name in ("BIG", "VIRTUAL-SKIN", "battery", "frequency policy8", "screen")
    } == {
        "BIG": 66.5,
        "VIRTUAL-SKIN": 34.2,
        "battery": 30.1,
        "frequency policy8": 2914e6,
        "screen": 1,
    }
    assert not {"vbat", "ocp_cpu1", "soc", "VIRTUAL-SKIN-CHARGE-DIFF"} & one.channels.keys()
    assert (one.channels["VIRTUAL-SKIN"].limit, one.channels["BIG"].limit) == (39.0, 95.0)
    assert one.values("battery current")[0] == pytest.approx(0.8125)
    assert one.values("battery power")[0] == pytest.approx(0.8125 * 4.1)
    assert "slow gauge" in one.channels["battery current"].detail
    assert one.channels["battery power"].point == "battery-gauge"
    assert one.values("memory_available")[0] == 4_212_345 * 1024


async def test_a_samsung(bench: Plant) -> None:
    one = bench(samsung)
    async with one.open() as device:
        assert dict(device.info.facts)["low-power mode"] == "on"
        await one.follow(device, everything)
    assert one.channels["TYPE_SKIN"].quantity is Quantity.SKIN_TEMPERATURE
    assert one.channels["TYPE_CPU"].quantity is Quantity.TEMPERATURE
    assert not {"TYPE_POWER_AMPLIFIER", "SUBBAT", "zone ISP"} & one.channels.keys()
    assert one.values("battery current")[0] == pytest.approx(0.625)
    assert one.values("gpu frequency")[0] == 1095e6
    assert one.values("gpu busy")[0] == 37.0
    assert one.values("cooling TYPE_MODEM")[0] == 1
    assert one.of(LimitEngaged) == [], "a modem that always cools a little slows nothing"


async def test_a_xiaomi(bench: Plant) -> None:
    one = bench(xiaomi)
    async with one.open("adb:192.168.1.5:5555") as device:
        assert device.info.model == "Xiaomi 14"
        assert dict(device.info.facts)["link"] == "adb over Wi-Fi"
        assert dict(device.info.facts)["gpu"] == "Adreno750v2"
        await one.follow(device, everything)
    assert one.opened == ["192.168.1.5:5555@"]
    assert one.values("battery current")[0] == pytest.approx(1.25)
    assert one.values("CPU7")[0] == 31.4, "not the 89.9 that is cached"
    assert {name for name in one.channels if name.startswith("zone ")} == {
        "zone cpu-0-0-0",
        "zone cpu-2-1-1",
        "zone gpuss-0",
        "zone battery",
        "zone xo-therm",
        "zone modem-skin",
    }
    assert one.values("gpu cap")[0] == 903e6
    assert one.values("brightness")[0] == 2780


async def test_use_of_each_cluster(bench: Plant) -> None:
    one = bench(xiaomi)
    async with one.open() as device:

        def work(bench: Bench) -> bool:
            if bench.values("memory_available") and not bench.values("use policy0"):
                busy = [(1010, 9000), (1000, 9010), *[(1000, 9010)] * 5, (1010, 9000)]
                bench.phone.write("system/rig/proc/stat", stat(busy))
            return bool(bench.values("use policy7"))

        await one.follow(device, work)
    assert [one.values(f"use policy{number}")[0] for number in (0, 2, 7)] == [50.0, 0.0, 100.0]
    assert one.channels["use policy0"].kind is Kind.INTERVAL_MEAN


async def test_the_clock_is_measured_at_the_start(bench: Plant) -> None:
    one = bench(pixel)
    clock = SystemClock()
    async with one.open() as device:
        await one.follow(device, lambda bench: bench.of(ClockMeasured))
    (measured,) = one.of(ClockMeasured)
    assert measured.origin == "round trip"
    assert abs(clock.wall() + measured.offset_ns - clock.now()) <= measured.uncertainty_ns + 20_000_000


async def test_heat_and_caps_are_limits_with_their_reason(bench: Plant) -> None:
    one = bench(pixel)
    done: list[str] = []

    def story(bench: Bench) -> bool:
        if not done and bench.values("thermal status"):
            done.append("hot")
            bench.phone.heat(96.0, 3)
            bench.phone.cool_by("thermal-cpufreq-2", 5)
            bench.phone.cap("policy8", 1_803_000)
        if done == ["hot"] and len(bench.of(LimitEngaged)) == 3:
            done.append("cool")
            bench.phone.heat(50.0, 0)
            bench.phone.cool_by("thermal-cpufreq-2", 0)
            bench.phone.cap("policy8", 2_914_000)
        return len(bench.of(LimitReleased)) == 3

    async with one.open() as device:
        await one.follow(device, story)
    engaged = {event.limit: (event.reason, event.detail) for event in one.of(LimitEngaged)}
    assert engaged == {
        "thermal status": ("thermal", "SEVERE"),
        "cooling thermal-cpufreq-2": ("thermal", "state 5"),
        "cpu cap policy8": ("operating-system cap", "2.91 GHz → 1.80 GHz"),
    }
    assert {event.limit for event in one.of(LimitReleased)} == set(engaged)
    assert max(one.values("BIG")) == 96.0


async def test_a_charger_turns_the_current_round(bench: Plant) -> None:
    one = bench(xiaomi)
    folder = "sys/class/power_supply/battery"

    def story(bench: Bench) -> bool:
        if len(bench.values("battery current")) == 1:
            bench.phone.write(f"{folder}/status", "Charging\n")
            bench.phone.write(f"{folder}/current_now", "-2000000\n")
        return min(bench.values("battery current"), default=0) < 0 and bench.values("charging")[-1] == 1

    async with one.open() as device:
        await one.follow(device, story)
    assert one.values("battery current")[-1] == pytest.approx(-2.0)
    assert one.values("charging")[-1] == 1
    assert [(line.source, line.text) for line in one.of(LogLine)] == [
        ("adb", "the box was opened"),
        ("battery", "charging"),
    ]


async def test_the_gauge_tells_how_old_its_figures_grow(bench: Plant) -> None:
    one = bench(xiaomi)
    currents = iter(range(1_200_000, 1_300_000, 1000))

    def story(bench: Bench) -> bool:
        if len(bench.values("battery current")) > seen[0]:
            seen[0] += 1
            bench.phone.write("sys/class/power_supply/battery/current_now", f"{next(currents)}\n")
        return bool(bench.values("battery refresh"))

    seen = [0]
    async with one.open() as device:
        await one.follow(device, story)
    assert 0.2 < one.values("battery refresh")[0] < 5.0


async def test_rails_of_a_userdebug_build(bench: Plant) -> None:
    one = bench(pixel)
    energy = "sys/bus/iio/devices/iio:device0/energy_value"
    one.phone.allow(energy)
    t_ms = round(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
    one.phone.write(energy, one.phone.read(energy).replace("349894", str(t_ms)))
    rail = "energy S2M_VDD_CPUCL2"

    def story(bench: Bench) -> bool:
        if bench.values("memory_available")[4:] and len(bench.values(rail)) < 3:
            count = len(bench.values(rail))
            energy_uj = 30_203_502 + count * 1_000_000
            bench.phone.write(energy, f"t=9\nCH3(T={t_ms + count * 250})[S2M_VDD_CPUCL2], {energy_uj}\n")
        return len(bench.values(rail)) == 3

    async with one.open() as device:
        await one.follow(device, story)
    assert one.values(rail) == pytest.approx([30.203502, 31.203502, 32.203502])
    channel = one.channels[rail]
    assert (channel.kind, channel.point) == (Kind.COUNTER, "rail:S2M_VDD_CPUCL2")
    _, second, third = one.times(channel.name)
    assert third - second == pytest.approx(250e6, abs=15e6), (
        "by the phone's own count, not by when we read it"
    )


# --- what is missing, late or broken ----------------------------------------------------------------------------------


async def test_a_shell_that_cannot_wait_by_itself_is_asked_each_time(
    bench: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "SURVEY", scripts.SURVEY.replace("/melt/pace", "/melt/none"))
    one = bench(xiaomi)
    async with one.open() as device:
        assert device.shell is not None
        async with device.shell.start(["sleep", "1000"]) as process:
            device.watch(process.pid)
            await one.follow(
                device,
                lambda bench: everything(bench) and bench.values("rss_peak") and bench.values("process_cpu"),
            )
    assert one.values("battery current")[0] == pytest.approx(1.25)
    assert one.of(SamplesLost) == []
    assert 100_000 < one.values("rss")[-1] <= one.values("rss_peak")[-1]


async def test_a_phone_without_a_thermal_service(bench: Plant) -> None:
    one = bench(pixel)
    one.phone.remove_service("thermalservice")
    async with one.open() as device:
        await one.follow(device, everything)
    assert one.absent["thermal service"].startswith("this phone has none")


async def test_a_thermal_service_without_its_hal(bench: Plant) -> None:
    one = bench(pixel)
    one.phone.thermal.ready = False
    one.phone.tell()
    async with one.open() as device:
        await one.follow(device, everything)
    assert "HAL Ready: false" in one.absent["thermal service"]
    assert "thermal status" not in one.channels


async def test_a_comma_locale(bench: Plant) -> None:
    one = bench(pixel)
    one.phone.thermal.comma = True
    one.phone.tell()
    async with one.open() as device:
        await one.follow(device, lambda bench: bench.values("usb_pwr_therm"))
    assert one.values("BIG") == [66.5]
    assert one.values("usb_pwr_therm") == [33.800003]


async def test_half_an_output_gives_what_is_whole(bench: Plant) -> None:
    one = bench(samsung)
    cut = one.phone.battery.text().partition("  temperature: 28")[0] + "  temperature: 28"
    one.phone.write("system/rig/dumpsys/battery", cut)
    async with one.open() as device:
        await one.follow(device, lambda bench: len(bench.values("battery voltage")) == 2)
    assert one.values("battery temperature") == []
    assert one.values("battery voltage") == [4.012, 4.012]


@pytest.mark.usefixtures("impatient")
async def test_a_service_that_hangs_is_said_once_and_the_others_go_on(bench: Plant) -> None:
    one = bench(pixel)

    def story(bench: Bench) -> bool:
        status = len(bench.values("thermal status"))
        if status == 1 and "thermal service" not in bench.absent:
            bench.phone.hang("thermalservice")
        if len(bench.values("battery voltage")) >= 3 and "thermal service" in bench.absent:
            (bench.phone.root / "system/rig/dumpsys/thermalservice.hang").unlink(missing_ok=True)
        return "thermal service" in bench.absent and status >= 2

    async with one.open() as device:
        await one.follow(device, story, limit_s=60)
    said = [event for event in one.of(Absent) if event.what == "thermal service"]
    assert len(said) == 1
    assert "did not answer" in said[0].reason
    during = [
        t_ns for t_ns in one.times("frequency policy0") if said[0].t_ns - 400_000_000 < t_ns < said[0].t_ns
    ]
    assert len(during) >= 3, "the fast shell does not wait for the slow one"


@pytest.mark.usefixtures("impatient")
async def test_a_service_that_hangs_while_the_phone_is_opened(bench: Plant) -> None:
    one = bench(pixel)
    one.phone.hang("battery")
    async with one.open() as device:
        assert not any(channel.quantity is Quantity.CURRENT for channel in device.channels)
        one.phone.unhang("battery")
        await one.follow(device, lambda bench: bench.values("battery current"))
    assert "did not answer" in one.absent["battery"]
    assert one.channels["battery current"].quantity is Quantity.CURRENT


async def test_a_file_that_tells_nonsense_loses_its_round_and_says_so(bench: Plant) -> None:
    one = bench(xiaomi)

    def story(bench: Bench) -> bool:
        path, lost = "sys/class/thermal/thermal_zone0/temp", bench.of(SamplesLost)
        bench.phone.write(path, "52300\n" if lost else "52|300\n")
        return bool(lost) and any(t_ns > lost[0].t_ns for t_ns in bench.times("zone cpu-2-1-1"))

    async with one.open() as device:
        await one.follow(device, story)
    assert "damaged" in one.of(SamplesLost)[0].reason


async def test_a_pulled_cable_is_a_lost_link(bench: Plant) -> None:
    one = bench(pixel)

    def story(bench: Bench) -> bool:
        if 1 < len(bench.values("frequency policy0")) < 9:
            one.shell.pipes.cut()
        return False

    with pytest.raises(LinkError):
        async with one.open() as device:
            await one.follow(device, story)


async def test_stopped_updates_of_the_battery_are_no_figures(bench: Plant) -> None:
    one = bench(pixel)
    one.phone.battery.frozen = True
    one.phone.tell()
    async with one.open() as device:
        await one.follow(device, lambda bench: "battery" in bench.absent)
    assert "stopped its updates" in one.absent["battery"]
    assert one.values("battery voltage") == []


# --- which phones there are -------------------------------------------------------------------------------------------


def test_addresses() -> None:
    assert place("adb:39121FDJH00A2B") == ("39121FDJH00A2B", "")
    assert place("adb:192.168.1.5:5555?server=lab:5037") == ("192.168.1.5:5555", "lab:5037")
    for address in ("adb:", "adb: x", "ssh://x", "adb:x?speed=3"):
        with pytest.raises(NotSupported):
            place(address)


@pytest.mark.parametrize("server", ["lab", "lab:", ":5037", "lab:0", "lab:70000", "lab:x"])
def test_no_adb_server(server: str) -> None:
    with pytest.raises(NotSupported):
        adb_server(server, print)


def test_an_adb_server() -> None:
    assert adb_server("lab:5038", print).title == "lab:5038"


@pytest.mark.parametrize(
    ("serial", "way"),
    [
        ("39121FDJH00A2B", "USB"),
        ("192.168.1.5:5555", "Wi-Fi"),
        ("adb-39121FDJH00A2B-vWgJpq._adb-tls-connect._tcp", "Wi-Fi"),
        ("emulator-5554", "USB"),
    ],
)
def test_how_a_phone_is_reached(serial: str, way: str) -> None:
    assert over(serial) == way
