"""Serial meters through the registry, from a pty that is fed by another process at the real rate."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from drivers.base import Device, Item
from drivers.clock import SystemClock
from drivers.errors import LinkLost, LinkTimeout, NotSupported, Refused
from drivers.events import SamplesLost
from drivers.metering import polling
from drivers.model import Samples, code_struct
from drivers.registry import Registry
from tests.rigs.meters.pty_end import Started, started
from tests.rigs.meters.slow_rig import amperes, joules
from tests.rigs.streams import drain

CLOCK = SystemClock()


@dataclass
class Heard:
    """What a meter gave, by channel: times in ns and values."""

    series: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    lost: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def joules(self) -> float:
        pairs = pairwise(self.series["power"])
        return sum((t1 - t0) * (p0 + p1) / 2e9 for (t0, p0), (t1, p1) in pairs)

    def count(self, name: str) -> int:
        return len(self.series.get(name, ()))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def more(self, name: str, n: int) -> None:
        """Wait for so many more samples."""
        enough = self.count(name) + n
        await self.until(lambda: self.count(name) >= enough)


def rig(family: str, tmp_path: Path, *arguments: str) -> AbstractContextManager[Started]:
    return started("tests.rigs.meters.slow_rig", family, "--link", str(tmp_path / "port"), *arguments)


@asynccontextmanager
async def opened(port: str, options: str) -> AsyncIterator[Device]:
    async with Registry(CLOCK).open(f"serial:{port}?{options}", "m") as device:
        yield device


async def listen(device: Device, during: Callable[[Heard], Awaitable[None]]) -> Heard:
    """All that the device gives meanwhile; raises what its stream raises."""
    heard, channels = Heard(), {channel.name: channel for channel in device.channels}

    def take(item: Item) -> None:
        if isinstance(item, SamplesLost):
            heard.lost += item.count or 0
        elif isinstance(item, Samples):
            channel = channels[item.channel]
            codes = (code for (code,) in code_struct(channel.dtype).iter_unpack(item.codes))
            rows = heard.series.setdefault(item.channel, [])
            rows += [(item.time_at(i), channel.decoding.value(code)) for i, code in enumerate(codes)]
        heard.news.set()

    task = asyncio.ensure_future(drain(device.stream(), take))
    work = asyncio.ensure_future(during(heard))
    await asyncio.wait([task, work], return_when=asyncio.FIRST_COMPLETED)
    ended = task if task.done() else work
    for one in (task, work):
        one.cancel()
    await asyncio.gather(task, work, return_exceptions=True)
    ended.result()
    return heard


async def for_long(_: Heard) -> None:
    """Longer than anything here may take to be noticed."""
    await asyncio.sleep(8)


@pytest.mark.parametrize(
    ("family", "options", "current", "within"),
    [
        ("csv", "family=csv&rate=100&point=usb-input", "square:0.1:0.9:0.5", 0.03),
        ("tc66", "family=tc66&rate=25&point=usb-input", "ramp:0.2:0.8:8", 0.02),
        ("um", "family=um&rate=10", "constant:0.5", 0.001),
        ("csv", "family=csv&rate=100&point=usb-input", "llm", 0.08),
    ],
)  # fmt: skip
async def test_joules_are_those_that_were_played(
    tmp_path: Path, family: str, options: str, current: str, within: float
) -> None:
    with rig(family, tmp_path, "--current", current) as meter:
        async with opened(meter.port, options) as device:
            heard = await listen(device, lambda heard: heard.more("power", 200 if family == "csv" else 10))
        truth = meter.truth()
    power = heard.series["power"]
    played = joules(current, truth["start_ns"], power[0][0], power[-1][0])
    assert heard.joules == pytest.approx(played, rel=within)
    assert (heard.lost, truth["overflowed"]) == (0, 0)
    assert {value for _, value in heard.series["voltage"]} == {5.0}


async def test_readings_stand_where_they_were_taken(tmp_path: Path) -> None:
    current = "ramp:0:4:8"
    with rig("tc66", tmp_path, "--current", current) as meter:
        async with opened(meter.port, "family=tc66&rate=25") as device:
            heard = await listen(device, lambda heard: heard.more("power", 25))
        start_ns = meter.truth()["start_ns"]
    late_s = [(amperes(current, start_ns, t_ns) - a) / 0.5 for t_ns, a in heard.series["current"]]
    assert abs(median(late_s)) < 0.01


async def test_frames_that_are_dropped_damaged_or_halved_are_counted_and_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "ANSWER_S", 0.1)

    async def ill_treat(heard: Heard) -> None:
        for order in ("drop 2", "garbage 250", "half"):
            await heard.more("power", 5)
            meter.order(order)
        await heard.until(lambda: heard.series["damaged frames"][-1][1] >= 1)
        await heard.more("power", 5)

    with rig("tc66", tmp_path) as meter:
        async with opened(meter.port, "family=tc66&rate=25") as device:
            heard = await listen(device, ill_treat)
        truth = meter.truth()
    assert truth["dropped"] == 3
    damaged = heard.series["damaged frames"][-1][1]
    assert 1 <= damaged <= heard.lost - 2, "what was dropped is lost, and no damage"
    assert heard.count("power") <= truth["sent"]
    assert {value for _, value in heard.series["current"]} == {0.5}


async def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    async def ill_treat(heard: Heard) -> None:
        for order in ("garbage 300", "half", "drop 10"):
            await heard.more("power", 10)
            meter.order(order)
        await heard.until(lambda: heard.lost >= 2)

    with rig("csv", tmp_path) as meter:
        async with opened(meter.port, "family=csv&rate=100&point=usb-input") as device:
            heard = await listen(device, ill_treat)
        truth = meter.truth()
    assert heard.series["damaged lines"][-1][1] == heard.lost == 2
    assert truth["dropped"] == 11
    assert {value for _, value in heard.series["current"]} == {0.5}


async def test_a_cable_that_is_pulled_is_a_lost_link_and_comes_back(tmp_path: Path) -> None:
    async def pull(heard: Heard) -> None:
        await heard.more("power", 5)
        meter.order("unplug")
        await for_long(heard)

    with rig("csv", tmp_path) as meter:
        async with opened(meter.port, "family=csv&rate=100&point=usb-input") as device:
            with pytest.raises(LinkLost, match="is gone: plug it in again"):
                await listen(device, pull)
        with pytest.raises(LinkLost, match="is not there"):
            await look(meter.port, "family=csv&point=usb-input")
        meter.order("replug")
        meter.heard()
        async with opened(meter.port, "family=csv&rate=100&point=usb-input") as device:
            await listen(device, lambda heard: heard.more("power", 10))


async def look(port: str, options: str) -> None:
    async with opened(port, options):
        pass


async def test_a_silent_meter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SILENT_S", 0.3)
    monkeypatch.setattr(polling, "ANSWER_S", 0.1)
    with rig("um", tmp_path) as meter:
        async with opened(meter.port, "family=um&rate=10") as device:
            with pytest.raises(LinkTimeout, match="m is silent: check that it is on"):
                await listen(device, partial(fall_silent, meter))
        with pytest.raises(LinkTimeout, match="a UM meter does not answer"):
            await look(meter.port, "family=um")


async def test_a_board_that_falls_silent_is_named(tmp_path: Path) -> None:
    with rig("csv", tmp_path) as meter:
        async with opened(meter.port, "family=csv&rate=100&silence=0.5&point=usb-input") as device:
            with pytest.raises(LinkTimeout, match=r"is silent for 0\.5 s: check the meter, its baud rate"):
                await listen(device, partial(fall_silent, meter))


async def fall_silent(meter: Started, heard: Heard) -> None:
    await heard.more("power", 3)
    meter.order("silence 10")
    await for_long(heard)


@pytest.mark.parametrize(
    ("family", "asked", "sentence"),
    [
        ("um", "tc66", "answers like a UM meter, not like a TC66: put family=um into its address"),
        ("tc66", "um", "answers like a TC66, not like a UM meter: put family=tc66 into its address"),
        ("csv", "tc66", "answers like a meter that writes lines of text, not like a TC66: put family=csv"),
    ],
)
async def test_another_family_at_the_port_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, asked: str, sentence: str
) -> None:
    monkeypatch.setattr(polling, "ANSWER_S", 0.5)
    with rig(family, tmp_path) as meter, pytest.raises(NotSupported, match=sentence):
        await look(meter.port, f"family={asked}")


async def test_one_port_is_one_device(tmp_path: Path) -> None:
    with rig("csv", tmp_path) as meter:
        async with opened(meter.port, "family=csv&point=usb-input"):
            with pytest.raises(Refused, match="is another device of this bench already"):
                await look(meter.port, "family=csv&point=usb-input")


@pytest.mark.parametrize(
    "options", ["", "?family=", "?family=joule", "?family=csv&baud=9.5", "?family=csv&baud=1"]
)
async def test_an_address_that_does_not_tell_is_refused(options: str) -> None:
    with pytest.raises(NotSupported):
        async with Registry(CLOCK).open(f"serial:/dev/null{options}", "m"):
            pass
