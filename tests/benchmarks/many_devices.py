"""Many phones at once over a real adb server, and devices that go and come back: what arrives, what it costs, how soon
it is shown.

CPU is this process's own (user and system), with links, drivers, samplers and the bus; servers and phones run on the
same machine but are not counted. Needs what ``tests/rigs/adb_phone.py`` and ``ssh_board.py`` need.
Run: ``python -m tests.benchmarks.many_devices [--phones 32] [--seconds 20] [--quick]``.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from drivers.base import Item
from drivers.clock import SECOND, SystemClock
from drivers.model import Samples
from drivers.registry import Registry
from melt_tui.events import DeviceLost
from melt_tui.session.bus import Bus
from melt_tui.session.sampler import Sampler
from melt_tui.workbench import Place, Workbench, heap
from tests.rigs import adb_phone
from tests.rigs.installed import report, report_least
from tests.rigs.lab import lab, until, up
from tests.rigs.phones.samsung import samsung
from tests.rigs.phones.xiaomi import xiaomi

CLOCK = SystemClock()
WARM_S = 3.0
RATE_HZ = 10
CHANNELS = 12
PROFILES = (samsung, xiaomi)
"""Phones with 13 channels at 10 Hz, beside their slower ones."""


def stand_back() -> None:
    """Servers and phones run on computers of their own in life: here they take what this process leaves."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.nice(10)


class Count:
    """Sink that counts samples within a window, and says what was lost."""

    def __init__(self) -> None:
        self.running = False
        self._bytes: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], Samples] = {}

    @property
    def samples(self) -> dict[tuple[str, str], int]:
        """Samples by channel. Worked out here: what counts is to cost little while it counts."""
        return {
            key: size * self._last[key].n // len(self._last[key].codes) for key, size in self._bytes.items()
        }

    def take(self, item: Item) -> None:
        if self.running and type(item) is Samples:
            key = (item.device, item.channel)
            self._bytes[key] += len(item.codes)
            self._last[key] = item
        elif isinstance(item, DeviceLost):
            print(f"lost {item.device}: {item.reason}")


IDLE = """
import sys, time
lags, end = [], time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < end:
    due = time.perf_counter() + 0.01
    time.sleep(0.01)
    lags.append((time.perf_counter() - due) * 1e3)
print(sorted(lags)[int(0.99 * len(lags))])
"""
"""How late a process wakes up that does nothing else: what this machine, as it is now, does to every process."""


async def lag(lags: list[float]) -> None:
    """How late the loop is for a wait of 10 ms."""
    while True:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        lags.append((time.perf_counter() - due) * 1e3)


async def follow(addresses: list[str], seconds: float) -> bool:
    heap.tighten()
    registry, count, lags = Registry(CLOCK), Count(), list[float]()
    bus = Bus((count,))
    samplers = [
        Sampler(f"p{i}", address, partial(registry.open, address, f"p{i}"), CLOCK)
        for i, address in enumerate(addresses)
    ]
    tasks = [asyncio.create_task(sampler.run(bus)) for sampler in samplers]
    async with asyncio.timeout(120):
        await asyncio.gather(*(sampler.until_up() for sampler in samplers))
    await asyncio.sleep(WARM_S)
    heap.settle()  # as a session does
    tasks.append(asyncio.create_task(lag(lags)))
    count.running, cpu0, wall0 = True, time.process_time(), time.perf_counter()
    idle = await asyncio.create_subprocess_exec(sys.executable, "-c", IDLE, str(seconds), stdout=PIPE)
    await asyncio.sleep(seconds)
    count.running, cpu, wall = False, time.process_time() - cpu0, time.perf_counter() - wall0
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    told, _ = await idle.communicate()
    print(f"a process that does nothing wakes up late by (p99, ms): {float(told):.2f}")
    return tell(samplers, count, cpu, wall, lags)


def tell(samplers: list[Sampler], count: Count, cpu: float, wall: float, lags: list[float]) -> bool:
    due = RATE_HZ * wall
    fast = {key: n for key, n in count.samples.items() if n > due / 2}
    each = len(fast) / len(samplers)
    arrived = 100 * sum(min(n, due) for n in fast.values()) / (due * max(len(fast), 1))
    print(
        f"{len(samplers)} phones, {each:.1f} channels at {RATE_HZ} Hz each, {wall:.1f} s, load {os.getloadavg()[0]:.1f}"
    )
    good = report_least("channels at 10 Hz for each phone", each, CHANNELS, "{:.1f}")
    good &= report_least("samples that arrived, %", arrived, 99, "{:.2f}")
    good &= report("CPU of this process, % of a core", 100 * cpu / wall, 8, "{:.1f}")
    ordered = sorted(lags)
    return good & report("loop lag p99, ms", ordered[int(0.99 * len(ordered))], 10, "{:.2f}")


def shown_after(bench: Workbench, act: Callable[[], object], name: str) -> float:
    """Seconds from an act to the event that says that the device is lost."""
    asked_ns = bench.now()
    act()
    until(lambda: lost(bench, name, asked_ns))
    return (lost(bench, name, asked_ns) - asked_ns) / SECOND


def lost(bench: Workbench, name: str, since_ns: int) -> int:
    told = bench.timeline.events(since_ns, bench.now(), kinds=(DeviceLost,))
    return next((event.t_ns for event in told if event.device == name), 0)


def back_after(bench: Workbench, act: Callable[[], object], name: str) -> float:
    """Seconds from an act to the first sample that is newer."""
    asked_ns = bench.now()
    act()

    def newest() -> int:
        readings = bench.timeline.view(bench.now()).readings
        return max((one.t_ns for key, one in readings.items() if key[0] == name), default=0)

    until(lambda: newest() > asked_ns and up(bench, name))
    return (newest() - asked_ns) / SECOND


Acts = dict[str, tuple[str, Callable[[], object], Callable[[], object]]]
"""What happens → to which device, how it is lost, and how it comes back."""


def losses(folder: Path, rounds: int) -> bool:
    """A phone's cable, a board whose connection is cut, what dies in silence: a board, a phone whose connection stays open as
    in a wireless network that it left, an adb server."""
    with lab(folder) as rig, rig.board.cable() as cable:
        os.environ["HOME"] = str(rig.board.person.home)
        known = rig.board.known_host.replace(f":{rig.board.port} ", f":{cable.port} ")
        rig.board.person.trust(rig.board.known_host, known)
        silent = Place(address=f"ssh://{rig.board.user}@127.0.0.1:{cable.port}", name="silent")
        setup = rig.setup(folder / "session")
        with Workbench(replace(setup, places=(*setup.places, silent))) as bench:
            server = rig.server.process.pid
            acts: Acts = {
                "phone": ("phone", lambda: rig.phone.cue("drop"), lambda: rig.phone.cue("back")),
                "board": ("board", rig.board.drop, lambda: None),
                "silent board": ("silent", cable.pull, cable.plug),
                "silent phone": ("phone", lambda: rig.phone.cue("stall"), lambda: rig.phone.cue("resume")),
                "stopped adb server": (
                    "phone",
                    lambda: os.killpg(server, signal.SIGSTOP),
                    lambda: os.killpg(server, signal.SIGCONT),
                ),
            }
            times = timed(bench, acts, rounds)
    good = True
    for what, limit in LIMITS.items():
        good &= report(f"{what}, slowest of {len(times[what])}, s", max(times[what]), limit)
    return good


def timed(bench: Workbench, acts: Acts, rounds: int) -> dict[str, list[float]]:
    """Seconds until each loss was shown and each device was back, by what happened."""
    times: dict[str, list[float]] = {}
    for what, (name, cut, mend) in (item for _ in range(rounds) for item in acts.items()):
        until(lambda: up(bench, *{device for device, _, _ in acts.values()}))
        time.sleep(0.5)
        times.setdefault(f"{what} shown", []).append(shown_after(bench, cut, name))
        times.setdefault(f"{what} back", []).append(back_after(bench, mend, name))
    return times


LIMITS = {
    "phone shown": 1.0,
    "board shown": 1.0,
    "silent board shown": 5.0,
    "silent phone shown": 5.0,
    "stopped adb server shown": 5.0,
    "phone back": 3.0,
    "board back": 3.0,
    "silent board back": 3.0,
    "silent phone back": 3.0,
    "stopped adb server back": 3.0,
}
"""A cut connection is known at once; a board or phone that falls silent within 5 s, whatever went silent on the way."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true", help="8 phones for 5 s, one loss each")
    options = parser.parse_args()
    phones, seconds, rounds = (8, 5.0, 1) if options.quick else (options.phones, options.seconds, 3)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        server = stack.enter_context(adb_phone.adb_server())
        addresses = []
        for number in range(phones):
            make = PROFILES[number % len(PROFILES)]
            profile = make(Path(place) / f"profile-{number}").plant_profile()
            phone = stack.enter_context(adb_phone.phone(server, profile.root))
            profile.lock(phone.root)
            addresses.append(f"adb:{phone.serial}?server={server.host}:{server.port}")
        stand_back()
        good = asyncio.run(follow(addresses, seconds))
    with tempfile.TemporaryDirectory() as place:
        good &= losses(Path(place), rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
