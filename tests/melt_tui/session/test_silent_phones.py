"""Phones behind links that stay open and carry nothing: lost soon, back soon, over the real adb server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from drivers.base import Item
from drivers.clock import SystemClock
from drivers.devices.android import fastshell
from drivers.model import Samples
from drivers.registry import Registry
from melt_tui.events import DeviceLost
from melt_tui.session.bus import Bus
from melt_tui.session.sampler import Sampler
from tests.rigs import adb_phone
from tests.rigs.phones.samsung import samsung
from tests.rigs.session_parts import Collected

CLOCK = SystemClock()
PATIENCE_S = 60.0


@pytest.fixture
def server() -> Iterator[adb_phone.Server]:
    with adb_phone.adb_server() as running:
        yield running


@pytest.fixture
def phone(server: adb_phone.Server, tmp_path: Path) -> Iterator[adb_phone.Phone]:
    profile = samsung(tmp_path / "profile").plant_profile()
    with adb_phone.phone(server, profile.root) as plugged:
        profile.lock(plugged.root)
        yield plugged
        assert plugged.wait_until_gone() == []


class Told(Collected):
    """What was said so far, and waits for more."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def take(self, item: Item) -> None:
        super().take(item)
        self._more.set()

    async def comes(self, of: Callable[[Item], object], since: int = 0) -> int:
        """Wait for such a one behind the first ``since`` items; how many there are then."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(map(of, self.items[since:])):
                self._more.clear()
                await self._more.wait()
        return len(self.items)


def tick(item: Item) -> bool:
    """Of the shell that owes ten a second."""
    return isinstance(item, Samples) and item.channel == "frequency policy0"


def loss(item: Item) -> bool:
    return isinstance(item, DeviceLost)


@asynccontextmanager
async def sampled(server: adb_phone.Server, phone: adb_phone.Phone) -> AsyncIterator[Told]:
    """What a sampler says of it."""
    collected, address = Told(), f"adb:{phone.serial}?server={server.host}:{server.port}"
    sampler = Sampler("phone", address, partial(Registry(CLOCK).open, address, "phone"), CLOCK)
    running = asyncio.create_task(sampler.run(Bus((collected,))))
    yield collected
    running.cancel()
    await asyncio.wait([running])


def stall(_: adb_phone.Server, phone: adb_phone.Phone) -> Callable[[], object]:
    """Its connection stays open and is dead, as of one that left the wireless network; a new one would do."""
    phone.cue("stall")
    return lambda: phone.cue("resume")


def stop(server: adb_phone.Server, _: adb_phone.Phone) -> Callable[[], object]:
    """The server answers nobody, until the end of it."""
    os.killpg(server.process.pid, signal.SIGSTOP)
    return lambda: os.killpg(server.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("fault", [stall, stop])
async def test_silence_is_a_loss_and_the_phone_comes_back(
    fault: Callable[[adb_phone.Server, adb_phone.Phone], Callable[[], object]],
    server: adb_phone.Server,
    phone: adb_phone.Phone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fastshell, "BEAT_S", 0.2)
    async with sampled(server, phone) as collected:
        seen = await collected.comes(tick)
        mend = fault(server, phone)
        seen = await collected.comes(loss, seen)
        lost = [item for item in collected.items if isinstance(item, DeviceLost)]
        assert [event.reason for event in lost] == ["phone has said nothing for 1.4 s"]
        if fault is stop:
            mend()
        await collected.comes(tick, seen)
    mend()
