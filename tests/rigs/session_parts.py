"""Parts for testing a session: a clock that only moves when everybody waits, scripted devices and runtimes."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from drivers.base import Device, Item
from drivers.clock import Clock
from drivers.errors import DriverError
from drivers.links.base import Completed, Lease, Process, ShellLink
from drivers.model import Channel, DeviceInfo, DeviceKind, Quantity, RunSpec, Sampling, Unit
from drivers.modelfile import ModelFile

T = TypeVar("T")
CHANNEL = Channel(device="dev", name="soc", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=10.0)
INFO = DeviceInfo(device="dev", address="test:dev", kind=DeviceKind.PHONE)
SPEC = RunSpec(run="r1", device="dev", runtime="test", model=None, workload=None)
MODEL = ModelFile(name="m", path="/m.gguf", size_bytes=1)


class SteppedClock:
    """Time that passes only when it is told to, one sleeper at a time."""

    def __init__(self) -> None:
        self.t_ns = 0
        self._waiting: list[tuple[int, int, asyncio.Event]] = []

    def now(self) -> int:
        return self.t_ns

    def wall(self) -> int:
        return 1_700_000_000_000_000_000 + self.t_ns

    async def sleep_until(self, t_ns: int) -> None:
        event = asyncio.Event()
        heapq.heappush(self._waiting, (t_ns, id(event), event))
        await event.wait()

    async def run_until(self, t_ns: int) -> None:
        await settle()
        while self._waiting and self._waiting[0][0] <= t_ns:
            due, _, event = heapq.heappop(self._waiting)
            self.t_ns = max(self.t_ns, due)
            event.set()
            await settle()
        self.t_ns = t_ns


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def take(self, item: Item) -> None:
        self.items.append(item)

    def of(self, kind: type[T]) -> list[T]:
        return [item for item in self.items if isinstance(item, kind)]


@dataclass
class ScriptedDevice:
    """A device that yields what it is given, then raises or waits for ever."""

    items: list[Item] = field(default_factory=list)
    end: Exception | None = None
    shell: ShellLink | None = None
    info: DeviceInfo = INFO
    channels: Sequence[Channel] = (CHANNEL,)
    watched: list[int] = field(default_factory=list)
    closed: bool = False

    async def stream(self) -> AsyncGenerator[Item, None]:
        try:
            for item in self.items:
                yield item
            if self.end is not None:
                raise self.end
            await asyncio.Event().wait()
        finally:
            self.closed = True

    def watch(self, pid: int) -> None:
        self.watched.append(pid)

    def unwatch(self, pid: int) -> None:
        self.watched.remove(pid)


def opener(*script: ScriptedDevice | Exception) -> Callable[[], AbstractAsyncContextManager[Device]]:
    """Opens the next device of the script at every call, or raises its exception."""
    steps = iter(script)

    @asynccontextmanager
    async def open_next() -> AsyncGenerator[Device, None]:
        step = next(steps)
        if isinstance(step, Exception):
            raise step
        yield step

    return open_next


class NoShell:
    """A shell that is there and never used."""

    async def run(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> Completed:
        raise AssertionError

    def start(
        self, argv: Sequence[str], *, env: Any = None, lease: Lease | None = None
    ) -> AbstractAsyncContextManager[Process]:
        raise AssertionError

    async def push(self, source: Path, target: str, progress: Any) -> None:
        raise AssertionError

    def forward(self, port: int) -> AbstractAsyncContextManager[tuple[str, int]]:
        raise AssertionError


class ScriptedRuntime:
    """Yields its items, then waits for ``stop``, ends, or raises."""

    def __init__(self, *items: Item, wait: bool = False, error: Exception | None = None) -> None:
        self._items = items
        self._wait = wait
        self._error = error
        self._stop = asyncio.Event()
        self.closed = False
        self.deaf = False

    def objection(self, spec: RunSpec) -> DriverError | None:
        return None

    def sampling(self, spec: RunSpec) -> Sampling:
        return spec.sampling

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        try:
            for item in self._items:
                yield item
            if self._error is not None:
                raise self._error
            if self._wait:
                await self._stop.wait()
        finally:
            self.closed = True

    async def stop(self) -> None:
        if not self.deaf:
            self._stop.set()
