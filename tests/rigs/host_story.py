"""An open host driver over a planted tree, played on a clock that jumps: what it said, as a story to ask."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import aclosing
from pathlib import Path
from typing import Any

from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.host.driver import HostDevice, HostDriver
from drivers.events import Absent, ChannelsOpened
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, Samples


class Hand:
    """A clock that jumps to whatever is waited for."""

    START_NS = 1000 * SECOND

    def __init__(self) -> None:
        self.t_ns = self.START_NS

    def now(self) -> int:
        return self.t_ns

    def wall(self) -> int:
        return self.t_ns

    async def sleep_until(self, t_ns: int) -> None:
        self.t_ns = max(self.t_ns, t_ns)
        await asyncio.sleep(0)


class AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Story:
    """What an opened host said, with the world changed at chosen moments (s since the start)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.items: list[Item] = []
        self.channels: dict[str, Channel] = {}

    async def play(
        self,
        seconds: float,
        changes: dict[float, Callable[[HostDevice], object]] | None = None,
        files: SysFiles | None = None,
    ) -> "Story":
        clock = Hand()
        driver = HostDriver(files or SysFiles(self.root), AtOnce)
        async with driver.open("host", "desk", clock) as device, aclosing(device.stream()) as stream:
            assert isinstance(device, HostDevice)
            self.info = device.info
            self.channels = {channel.name: channel for channel in device.channels}
            waiting = sorted((changes or {}).items())
            async for item in stream:
                passed_s = (clock.now() - Hand.START_NS) / SECOND
                self.take(item)
                if waiting and passed_s >= waiting[0][0]:
                    waiting.pop(0)[1](device)
                if passed_s >= seconds:
                    break
        return self

    def take(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, ChannelsOpened):
            self.channels |= {channel.name: channel for channel in item.channels}

    def values(self, name: str) -> list[float]:
        channel = self.channels[name]
        return [
            channel.decoding.value(item.last_code)
            for item in self.items
            if isinstance(item, Samples) and item.channel == name
        ]

    def times(self, name: str) -> list[float]:
        return [
            item.t0_ns / SECOND - 1000
            for item in self.items
            if isinstance(item, Samples) and item.channel == name
        ]

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.items if isinstance(item, kind)]

    @property
    def absent(self) -> dict[str, str]:
        return {event.what: event.reason for event in self.of(Absent)}

    def write(self, path: str, text: str) -> Callable[[HostDevice], object]:
        return lambda _: (self.root / path).write_text(text)
