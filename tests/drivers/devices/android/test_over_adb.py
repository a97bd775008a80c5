"""The driver over the real adb server and a device end that speaks adb's protocol."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from drivers.clock import SECOND, SystemClock
from drivers.devices.android import fastshell
from drivers.devices.android.driver import AndroidDriver
from drivers.devices.android.turns import Turns
from drivers.errors import LinkLost, LinkTimeout, Refused
from drivers.events import ClockMeasured, LimitEngaged, LimitReleased, LogLine
from drivers.links import remote
from drivers.links.adbserver import AdbServer
from drivers.model import Samples
from tests.rigs import adb_phone
from tests.rigs.llama_runs import plant_leftover
from tests.rigs.phones.bench import Bench
from tests.rigs.phones.phone import Phone
from tests.rigs.phones.pixel import pixel
from tests.rigs.phones.samsung import samsung
from tests.rigs.phones.xiaomi import xiaomi


@pytest.fixture(scope="module")
def server() -> Iterator[adb_phone.Server]:
    with adb_phone.adb_server() as running:
        yield running


class AdbBench(Bench):
    """A phone that the adb server sees."""

    def __init__(self, profile: Phone, connected: adb_phone.Phone, server: adb_phone.Server) -> None:
        self.connected = connected
        address = f"adb:{connected.serial}?server={server.host}:{server.port}"
        turns = self.turns = Turns()
        super().__init__(profile.lock(connected.root), AndroidDriver(turns=turns), address)


Plug = Callable[[Callable[[Path], Phone]], AdbBench]


@pytest.fixture
def plug(tmp_path: Path, server: adb_phone.Server) -> Iterator[Plug]:
    """Plugs a phone in; at the end of the test nothing may run on it."""
    with ExitStack() as stack:
        plugged: list[AdbBench] = []

        def plug(make: Callable[[Path], Phone]) -> AdbBench:
            profile = make(tmp_path / "profile").plant_profile()
            connected = stack.enter_context(adb_phone.phone(server, profile.root))
            plugged.append(AdbBench(profile, connected, server))
            return plugged[-1]

        yield plug
        for one in plugged:
            assert one.connected.wait_until_gone() == []


@pytest.mark.parametrize("make", [pixel, samsung, xiaomi])
async def test_each_phone_gives_all_its_channels(plug: Plug, make: Callable[[Path], Phone]) -> None:
    one = plug(make)

    def everything(bench: Bench) -> bool:
        steady = {name for name, channel in bench.channels.items() if channel.rate_hz}
        return bench.sampled >= {name for name in steady if not name.startswith("use ")}

    left = plant_leftover(one.connected.root / "data/local/tmp/melt")
    async with one.open() as device:
        assert dict(device.info.facts)["link"] == "adb over Wi-Fi"
        assert not left.exists()
        await one.follow(device, everything)
    assert [line.text for line in one.of(LogLine)] == [
        "what an earlier session had left running on it has ended, and was removed"
    ]
    assert one.values("battery current")[0] == pytest.approx(
        {"pixel": 0.8125, "samsung": 0.625}.get(make.__name__, 1.25)
    )
    assert one.of(ClockMeasured)[0].uncertainty_ns < 50_000_000


async def test_a_phone_gets_hot_and_cool_again(plug: Plug) -> None:
    one = plug(pixel)

    def story(bench: Bench) -> bool:
        if not bench.of(LimitEngaged) and bench.values("thermal status"):
            bench.phone.heat(97.0, 3)
        if bench.of(LimitEngaged):
            bench.phone.heat(50.0, 0)
        return bool(bench.of(LimitReleased))

    async with one.open() as device:
        await one.follow(device, story)
    assert [event.detail for event in one.of(LimitEngaged)] == ["SEVERE"]


async def test_with_others_a_phone_tells_several_ticks_at_once_and_alone_each_by_itself(plug: Plug) -> None:
    one = plug(pixel)
    alone = iter([True])
    others = ExitStack()
    seen: list[int] = []

    def story(bench: Bench) -> bool:
        blocks = [item for item in bench.items if isinstance(item, Samples)]
        sizes = [block.n for block in blocks if block.channel == "frequency policy0"]
        if sizes[-2:] == [1, 1] and next(alone, False):
            for other in range(8):
                others.enter_context(one.turns.taken(other))
        if sizes[-1:] == [5]:
            others.close()
        seen[:] = sizes
        return 5 in sizes and sizes[-2:] == [1, 1]

    async with one.open() as device:
        await one.follow(device, story)
    assert set(seen) <= {1, 2, 3, 4, 5}


async def test_memory_of_a_process_page_by_page(plug: Plug) -> None:
    one = plug(xiaomi)

    def settled(bench: Bench) -> bool:
        whole = "pss" in bench.channels and bench.values("pss") and bench.values("rss_peak")
        return bool(whole) and max(bench.values("rss_peak")) >= max(bench.values("rss"))

    async with one.open() as device:
        assert device.shell is not None
        async with device.shell.start(["sh", "-c", "sleep 1000 & sleep 1000 & wait"]) as process:
            device.watch(process.pid)
            await one.follow(device, settled)
    assert 0 < one.values("pss")[-1] < max(one.values("rss"))


async def test_a_pulled_cable_is_a_lost_link_and_the_phone_can_be_opened_again(plug: Plug) -> None:
    one = plug(pixel)

    def story(bench: Bench) -> bool:
        if 1 < len(bench.values("frequency policy0")) < 9:
            one.connected.cue("drop")
        return False

    with pytest.raises(LinkLost):
        async with one.open() as device:
            await one.follow(device, story)
    assert one.connected.wait_until_gone() == [], "the dead-man's switch"


async def test_a_scan_tells_what_can_be_used_and_what_cannot(plug: Plug, server: adb_phone.Server) -> None:
    one = plug(pixel)
    with adb_phone.phone(server, state="unauthorized") as stranger:
        found = await AndroidDriver(server=AdbServer(server.host, server.port)).scan()
        by_address = {entry.address: entry for entry in found}
        assert by_address[f"adb:{one.connected.serial}"].ready
        other = by_address[f"adb:{stranger.serial}"]
        assert not other.ready
        assert "allow USB debugging" in other.next_step
        with pytest.raises(Refused, match="trust"):
            async with one.open(f"adb:{stranger.serial}?server={server.host}:{server.port}"):
                pass


async def test_a_wrong_serial(server: adb_phone.Server) -> None:
    with pytest.raises(LinkLost, match="does not see NOSUCH"):
        async with AndroidDriver().open(f"adb:NOSUCH?server={server.host}:{server.port}", "x", SystemClock()):
            pass


async def test_a_phone_that_falls_silent_is_a_lost_link_at_once_for_all(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastshell, "BEAT_S", 0.2)
    monkeypatch.setattr(remote, "KILL_LIMIT_S", 60.0)
    one = plug(xiaomi)
    stalled_ns = 0

    def story(bench: Bench) -> bool:
        nonlocal stalled_ns
        if not stalled_ns and bench.values("frequency policy0"):
            one.connected.cue("stall")
            stalled_ns = SystemClock().now()
        return False

    runs: list[asyncio.Task[int]] = []

    async def opened() -> None:
        async with one.open() as device:
            assert device.shell is not None
            async with device.shell.start(["sleep", "1000"]) as process:
                runs.append(asyncio.create_task(process.wait()))
                await one.follow(device, story, limit_s=60)

    with pytest.raises(LinkTimeout, match="phone has said nothing for"):
        await opened()
    assert SystemClock().now() - stalled_ns < 20 * SECOND, "nobody waits for a phone that is gone"
    with pytest.raises(LinkLost, match="said nothing"):
        await runs[0]
    one.connected.cue("resume")
