# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's life: orders from its input, answers to its output, and an end that nothing can keep from coming.

Nothing here knows what the orders are about.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar

from drivers.clock import SystemClock
from drivers.devices.ios.worker.faults import judged
from drivers.errors import Garbled
from drivers.foreign import Fields
from drivers.links.usbmuxwire import Failed, Order, Tell, Told, Value, read_order

END_S = 2.5
"""How long what was started may take to end."""


def missing(what: str, error: BaseException) -> None:
    """Tell that something cannot be had."""
    fault, said = judged(error)
    tell(Tell.MISSING, what=what, fault=fault, text=said)


Result = TypeVar("Result")


async def tried(work: Awaitable[Result]) -> Result | BaseException:
    """What it gives, or what it failed of: foreign code may raise anything."""
    (done,) = await asyncio.gather(work, return_exceptions=True)
    return done


class Doer(Protocol):
    """Does orders."""

    async def do(self, order: Order) -> Fields:
        """Do it; the value of the answer. Raises whatever its judge knows."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...


CLOCK: Final = SystemClock()


def say(message: Value | Failed | Told) -> None:
    """Tell melt. A melt that is gone closes our input too, which ends us."""
    with suppress(OSError, ValueError):
        sys.stdout.buffer.write(message.line())
        sys.stdout.buffer.flush()


def tell(what: Tell, /, **told: Any) -> None:
    """Tell what comes by itself, now."""
    say(Told(what, CLOCK.now(), told))


class Tasks:
    """What runs beside the orders; it is over when the process is."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have it run; it says itself what it fails of."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def end(self) -> None:
        """Cancel them and wait for their end."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def serve(doer: Doer) -> None:
    """Have orders done, several at a time, until the input ends."""
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    tasks = Tasks()
    _listen(asyncio.get_running_loop(), lines)
    while line := await lines.get():
        tasks.begin(_answer(doer, line))
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await tasks.end()
            await doer.close()


async def _answer(doer: Doer, line: bytes) -> None:
    try:
        order = read_order(line)
    except Garbled:
        return
    done = await tried(doer.do(order))
    say(Failed(order.id, *judged(done)) if isinstance(done, BaseException) else Value(order.id, done))


def _listen(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
    """A thread reads, so that the end of the input is noticed whatever the loop is busy with."""

    def read() -> None:
        for line in iter(sys.stdin.buffer.readline, b""):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lines.put_nowait, b"")
        threading.Event().wait(2 * END_S)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()


class Unused(MetaPathFinder, Loader):
    """Makes empty modules of packages that are imported by others and never used here."""

    def __init__(self, packages: frozenset[str]) -> None:
        self._packages = packages

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Only for those."""
        unused = fullname.partition(".")[0] in self._packages
        return ModuleSpec(fullname, self, is_package=True) if unused else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty one."""
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


class _Empty(ModuleType):
    """Whatever is asked of it is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
