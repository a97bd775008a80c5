"""Opens a planted board and listens to it until enough was heard."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from drivers.address import Address
from drivers.base import Device, Item
from drivers.clock import Clock, SystemClock
from drivers.devices.jetson.driver import JetsonDriver
from drivers.events import Absent, ChannelsOpened, ClockMeasured, LimitEngaged, LimitReleased, SamplesLost
from drivers.links.base import ShellLink
from drivers.links.local import LocalShell
from drivers.model import Channel, Samples
from tests.rigs.boards.planting import Planted

PATIENCE_S = 60.0


class Heard:
    """Everything that a device told, sorted."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.channels: dict[str, Channel] = {channel.name: channel for channel in device.channels}
        self.values: dict[str, list[float]] = defaultdict(list)
        self.times: dict[str, list[int]] = defaultdict(list)
        self.events: list[object] = []
        self.order: list[str] = []
        """Names of events and channels as they came."""

    def take(self, item: Item) -> None:
        self.order.append(item.channel if isinstance(item, Samples) else type(item).__name__)
        if isinstance(item, Samples):
            channel = self.channels[item.channel]
            self.values[item.channel].append(channel.decoding.value(item.last_code))
            self.times[item.channel] += [item.time_at(i) for i in range(item.n)]
            return
        self.events.append(item)
        if isinstance(item, ChannelsOpened):
            self.channels |= {channel.name: channel for channel in item.channels}

    def absent(self) -> dict[str, Absent]:
        return {event.what: event for event in self.events if isinstance(event, Absent)}

    def limits(self) -> list[LimitEngaged | LimitReleased]:
        return [event for event in self.events if isinstance(event, LimitEngaged | LimitReleased)]

    def lost(self) -> list[SamplesLost]:
        return [event for event in self.events if isinstance(event, SamplesLost)]

    def clocks(self) -> list[ClockMeasured]:
        return [event for event in self.events if isinstance(event, ClockMeasured)]

    def has(self, *names: str) -> bool:
        return all(self.values.get(name) for name in names)

    def point(self, point: str) -> list[str]:
        return [name for name, channel in self.channels.items() if channel.point == point]


async def listen(heard: Heard, enough: Callable[[Heard], bool]) -> Heard:
    """Take items until it is enough; fails when it is not in time."""
    async with asyncio.timeout(PATIENCE_S), aclosing(heard.device.stream()) as stream:
        async for item in stream:
            heard.take(item)
            if enough(heard):
                break
    return heard


@asynccontextmanager
async def here(address: Address, clock: Clock) -> AsyncIterator[ShellLink]:
    """The way to this computer."""
    yield LocalShell(clock)


@asynccontextmanager
async def opened(planted: Planted, options: str = "") -> AsyncIterator[Heard]:
    """A planted board on this computer; its commands come first on the PATH until it is closed."""
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{planted.bin}:{before}"
    try:
        async with open_at(planted.root, options) as heard:
            yield heard
    finally:
        os.environ["PATH"] = before


@asynccontextmanager
async def open_at(root: Path, options: str = "") -> AsyncIterator[Heard]:
    driver = JetsonDriver(here, root=str(root))
    async with driver.open(f"ssh://here{options}", "board", SystemClock()) as device:
        yield Heard(device)
