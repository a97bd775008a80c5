"""Phones of the rig, opened by the driver: what they told, kept; and whether anything is left running."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from drivers.base import Device, Item
from drivers.clock import SystemClock
from drivers.devices.ios.driver import IosDriver
from drivers.model import Channel, RunSpec, Samples, Workload
from tests.rigs.iphone.cues import udid_of

Told = TypeVar("Told")


def address(number: int, options: str = "") -> str:
    """Of the rig's phone of that number."""
    return f"ios:{udid_of(number)}{options}"


def workers() -> list[psutil.Process]:
    """Worker processes that were started from here, directly or not."""
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if one.status() != psutil.STATUS_ZOMBIE and "drivers.devices.ios.worker" in one.cmdline()
    ]


@dataclass
class Phone:
    """A phone that is open."""

    device: Device
    items: list[Item] = field(default_factory=list)
    error: BaseException | None = None

    def of(self, kind: type[Told]) -> list[Told]:
        return [item for item in self.items if isinstance(item, kind)]

    def times(self, channel: str) -> list[int]:
        return [block.t0_ns for block in self.of(Samples) if block.channel == channel]

    def last(self, channel: Channel) -> float:
        return channel.decoding.value(
            [block for block in self.of(Samples) if block.channel == channel.name][-1].last_code
        )

    async def until(self, met: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Return as soon as something holds."""
        end = time.monotonic() + limit_s
        while not met():
            assert time.monotonic() < end, f"it never came to that: {self.items[-8:]}"
            await asyncio.sleep(0.02)

    async def follow(self) -> None:
        try:
            async with aclosing(self.device.stream()) as items:
                async for item in items:
                    self.items.append(item)
        except BaseException as error:
            self.error = error
            raise


@asynccontextmanager
async def opened(driver: IosDriver, place: str) -> AsyncIterator[Phone]:
    """A phone opened, what it streams kept until the block is left."""
    async with driver.open(place, "phone", SystemClock()) as device:
        phone = Phone(device)
        following = asyncio.ensure_future(phone.follow())
        try:
            yield phone
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def app_spec(*args: str, turns: int | None = 1, seconds: float | None = None) -> RunSpec:
    """A run of an app."""
    workload = Workload(name="app", conversations=(), max_tokens=1, turns=turns, seconds=seconds)
    return RunSpec(
        run="r1", device="phone", runtime="ios_app", model=None, workload=workload, args=args, home="/"
    )
