"""Runs of any runtime in tests: what a run told, and how it ended."""

import asyncio
import struct
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from drivers.base import Item, Runtime
from drivers.clock import SystemClock
from drivers.errors import DriverError
from drivers.links.base import ShellLink
from drivers.links.local import LocalShell
from drivers.model import RunSpec, Samples

Told = TypeVar("Told")


@dataclass
class Run:
    """What a run told, and how it ended."""

    items: list[Item] = field(default_factory=list)
    error: DriverError | None = None

    def of(self, kind: type[Told]) -> list[Told]:
        return [item for item in self.items if isinstance(item, kind)]

    def one(self, kind: type[Told]) -> Told:
        (found,) = self.of(kind)
        return found

    def samples(self, channel: str) -> list[tuple[int, int]]:
        """``(t_ns, count)`` of every sample of a channel."""
        return [
            (block.time_at(at), struct.unpack_from("<q", block.codes, 8 * at)[0])
            for block in self.of(Samples)
            if block.channel == channel
            for at in range(block.n)
        ]


async def follow(
    runtime: Runtime,
    spec: RunSpec,
    link: ShellLink | None = None,
    on_item: Callable[[Item], object] = lambda _: None,
) -> Run:
    """Run to the end, over this computer's shell unless another link is given."""
    run, clock = Run(), SystemClock()
    try:
        async with (
            asyncio.timeout(60),
            aclosing(runtime.run(spec, link or LocalShell(clock), clock)) as items,
        ):
            async for item in items:
                run.items.append(item)
                on_item(item)
    except DriverError as error:
        run.error = error
    return run


def stopping(runtime: Runtime, kind: type[object]) -> Callable[[Item], object]:
    """For ``follow``: ask the run to stop when the first item of that kind comes."""
    stops: list[asyncio.Task[None]] = []

    def see(item: Item) -> None:
        if isinstance(item, kind) and not stops:
            stops.append(asyncio.ensure_future(_stop(runtime)))

    return see


async def _stop(runtime: Runtime) -> None:
    await runtime.stop()
