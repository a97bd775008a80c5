"""Boards over real SSH servers, all at once: what arrives of what they say, and what that costs this process.

Each has tegrastats ten times a second, its rails a hundred times a second, and its files asked for as ever. Needs what
``tests/rigs/ssh_board.py`` needs. CPU is this process's own (user and system); the boards' servers, shells and pollers
run on the same machine but are not counted, nor is the probe of the loop's lag, which runs afterwards. Run: ``python -m tests.benchmarks.boards [--boards 8] [--seconds 20]``.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drivers.base import Device
from drivers.clock import SystemClock
from drivers.devices.jetson.channels import RAIL_HZ
from drivers.devices.jetson.driver import JetsonDriver, over_ssh
from drivers.events import SamplesLost
from drivers.links.sshroute import SshSettings
from drivers.model import Samples
from tests.rigs.boards import trees
from tests.rigs.boards.planting import Planted
from tests.rigs.ssh_board import SshBoard

CLOCK = SystemClock()
WARM_S = 2.0
BOARDS = (trees.AGX_ORIN, trees.ORIN_NANO, trees.XAVIER_NX, trees.THOR)


@dataclass
class Tally:
    """What came from one board within the window."""

    planted: Planted
    rail: str
    running: bool = False
    samples: Counter[str] = field(default_factory=Counter)
    rail_times: list[int] = field(default_factory=list)
    lost: int = 0
    said_before: int = 0
    said: int = 0

    def take(self, item: object) -> None:
        if not self.running:
            return
        if isinstance(item, SamplesLost):
            self.lost += item.count or 1
        if isinstance(item, Samples):
            self.samples[item.channel] += item.n
            if item.channel == self.rail:
                self.rail_times += [item.time_at(i) for i in range(item.n)]


async def listen(device: Device, tally: Tally) -> None:
    async with aclosing(device.stream()) as stream:
        async for item in stream:
            tally.take(item)


async def lag(lags: list[float]) -> None:
    """How late the loop is for a wait of 10 ms."""
    while True:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        lags.append((time.perf_counter() - due) * 1e3)


@asynccontextmanager
async def connected(stack: ExitStack, folder: Path, number: int) -> AsyncIterator[tuple[Device, Tally]]:
    board = BOARDS[number % len(BOARDS)]
    sshd = stack.enter_context(SshBoard(folder / f"sshd{number}"))
    planted = Planted(folder / f"board{number}", board, sshd.bin)
    os.environ["HOME"] = str(sshd.person.home)
    driver = JetsonDriver(over_ssh(SshSettings(folder / "known_hosts")))
    async with driver.open(f"{sshd.address}?root={planted.root}", f"board{number}", CLOCK) as device:
        yield device, Tally(planted, board.input)


async def run(boards: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as place, ExitStack() as servers:
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(connected(servers, Path(place), number))
                for number in range(boards)
            ]
            tallies = [tally for _, tally in opened]
            lags: list[float] = []
            tasks = [asyncio.create_task(listen(device, tally)) for device, tally in opened]
            await asyncio.sleep(WARM_S)
            for tally in tallies:
                tally.running, tally.said_before = True, tally.planted.said
            cpu0, wall0 = time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            cpu, wall = time.process_time() - cpu0, time.perf_counter() - wall0
            for tally in tallies:
                tally.running, tally.said = False, tally.planted.said - tally.said_before
            tasks.append(asyncio.create_task(lag(lags)))
            await asyncio.sleep(seconds / 2)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        report(tallies, cpu, wall, lags)


def report(tallies: list[Tally], cpu: float, wall: float, lags: list[float]) -> None:
    said = sum(tally.said for tally in tallies)
    heard = sum(tally.samples["ram"] for tally in tallies)
    ticks = sum(len(tally.rail_times) for tally in tallies)
    spans = sum((tally.rail_times[-1] - tally.rail_times[0]) * RAIL_HZ / 1e9 + 1 for tally in tallies)
    total = sum(sum(tally.samples.values()) for tally in tallies)
    print(f"{len(tallies)} boards, {wall:.1f} s")
    print(f"lines of tegrastats: printed {said}, arrived {heard}: {100 * heard / said:.2f} %")
    print(f"   of 10 a second for each board: {100 * heard / (10 * wall * len(tallies)):.2f} %")
    print(
        f"readings of a rail: due {spans:.0f} between the first and the last, arrived {ticks}: {100 * ticks / spans:.2f} %"
    )
    print(
        f"samples of all channels: {total} ({total / wall:.0f}/s); told as lost: {sum(t.lost for t in tallies)}"
    )
    print(f"CPU of this process: {100 * cpu / wall:.1f} % of a core")
    ordered = sorted(lags)
    print(
        f"loop lag (10 ms probe): median {statistics.median(lags):.2f} ms, "
        f"p99 {ordered[int(0.99 * len(ordered))]:.2f} ms, worst {ordered[-1]:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true", help="5 s")
    options = parser.parse_args()
    asyncio.run(run(options.boards, 5.0 if options.quick else options.seconds))


if __name__ == "__main__":
    main()
