"""One boxed phone, opened by the driver: what it says, to be asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from drivers.base import Device, Item
from drivers.clock import SECOND, Clock, SystemClock
from drivers.devices.android.device import AndroidDevice
from drivers.devices.android.driver import AndroidDriver
from drivers.events import Absent, ChannelsOpened
from drivers.links.base import ShellLink
from drivers.model import Channel, Samples, code_struct
from tests.rigs.phones.boxed import BoxedShell
from tests.rigs.phones.phone import Phone


class Bench:
    """One phone, opened by a driver, and what it has said so far."""

    def __init__(self, phone: Phone, driver: AndroidDriver, address: str) -> None:
        self.phone = phone
        self.driver = driver
        self.address = address
        self.items: list[Item] = []
        self.channels: dict[str, Channel] = {}

    @asynccontextmanager
    async def open(self, address: str = "") -> AsyncIterator[AndroidDevice]:
        async with self.driver.open(address or self.address, "phone", SystemClock()) as device:
            assert isinstance(device, AndroidDevice)
            self.channels = {channel.name: channel for channel in device.channels}
            yield device

    async def follow(self, device: Device, until: "Callable[[Bench], object]", limit_s: float = 60.0) -> None:
        """Take what it says until that holds."""
        start = SystemClock().now()
        async with aclosing(device.stream()) as stream:
            async for item in stream:
                self.take(item)
                if until(self):
                    return
                assert SystemClock().now() - start < limit_s * SECOND, f"in vain: {self.items[-20:]}"

    def take(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, ChannelsOpened):
            self.channels |= {channel.name: channel for channel in item.channels}
        if isinstance(item, Samples):
            assert item.channel in self.channels, f"{item.channel} was never opened"

    def values(self, name: str) -> list[float]:
        return [
            self.channels[name].decoding.value(code)
            for block in self._blocks(name)
            for (code,) in code_struct(block.dtype).iter_unpack(block.codes)
        ]

    def times(self, name: str) -> list[int]:
        return [block.time_at(i) for block in self._blocks(name) for i in range(block.n)]

    def _blocks(self, name: str) -> list[Samples]:
        return [item for item in self.items if isinstance(item, Samples) and item.channel == name]

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.items if isinstance(item, kind)]

    @property
    def absent(self) -> dict[str, str]:
        return {event.what: event.reason for event in self.of(Absent)}

    @property
    def sampled(self) -> set[str]:
        return {item.channel for item in self.items if isinstance(item, Samples)}


class BoxBench(Bench):
    """A phone in a box, without adb."""

    def __init__(self, phone: Phone, folder: Path) -> None:
        super().__init__(phone, AndroidDriver(self.reach), "adb:39121FDJH00A2B")
        self.shell = BoxedShell(SystemClock(), phone, folder)
        self.opened: list[str] = []

    def reach(self, serial: str, server: str, clock: Clock, told: Callable[[str], None]) -> ShellLink:
        self.opened.append(f"{serial}@{server}")
        told("the box was opened")
        return self.shell
