"""``melt`` with one more device, ``sim:stamp``: each of its readings is a number of three digits that tells which it is.

``python -m tests.rigs.stamped ARGUMENTS`` is the program as installed, that device registered before it begins. What is
drawn can be told apart sample by sample by whoever reads the terminal; when each was taken stands in the recording.
"""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from drivers import registry
from drivers.base import Device, Item
from drivers.clock import MILLISECOND, Clock
from drivers.links.base import ShellLink
from drivers.model import Channel, DeviceInfo, DeviceKind, DType, Found, Quantity, Unit, reading
from drivers.ticks import ticks
from melt_tui.cli import main

ADDRESS = "sim:stamp"
NAME = "stamp"
PERIOD_NS = 37 * MILLISECOND
"""Out of step with every frame."""
FIRST, NUMBERS = 100, 900
"""Readings are 100 … 999 and begin again."""

POWER = Channel(
    device=NAME,
    name="power",
    quantity=Quantity.POWER,
    unit=Unit.WATT,
    rate_hz=1e9 / PERIOD_NS,
    dtype=DType.U16,
    point="usb-input",
)


class StampDriver:
    """Driver of ``sim:stamp``."""

    async def scan(self) -> Sequence[Found]:
        return ()

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        return self._open(clock)

    @asynccontextmanager
    async def _open(self, clock: Clock) -> AsyncIterator[Device]:
        yield StampDevice(clock)


class StampDevice:
    """Counts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo(device=NAME, address=ADDRESS, kind=DeviceKind.METER, model="stamp", simulated=True)

    @property
    def channels(self) -> Sequence[Channel]:
        return (POWER,)

    @property
    def shell(self) -> ShellLink | None:
        return None

    async def stream(self) -> AsyncGenerator[Item, None]:
        number = 0
        async for t_ns in ticks(self._clock, PERIOD_NS):
            yield reading(POWER, t_ns, FIRST + number % NUMBERS)
            number += 1

    def watch(self, pid: int) -> None:
        """Nothing runs on it."""

    def unwatch(self, pid: int) -> None:
        """Nothing runs on it."""


if __name__ == "__main__":
    registry.DEVICES[ADDRESS] = registry.Entry("tests.rigs.stamped", "StampDriver", "", NAME, offered=False)
    sys.exit(main())
