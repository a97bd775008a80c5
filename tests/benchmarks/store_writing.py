"""What recording costs: CPU against appending the raw bytes to a file, bytes against one row per sample.

One fast channel at 100 kS/s (32-bit codes of a meter with five ranges, noise of 12 LSB) in blocks of 20 ms, in real
time: the Recorder against a thread that appends the same blocks to a file and syncs it, both four times a second. Both
go on beside one another, half a period apart, so that they find the machine alike; CPU is that of each one's thread. And 240 slow channels at 10 Hz, twelve to a device, their rows per second included; time is
made up there, so that a quarter of an hour passes in seconds. CPU is that of the process there.
"""

import argparse
import os
import sqlite3
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, Decoding, DType, Quantity, Samples, Unit, reading
from melt_tui.events import SELF, SessionStarted, Tick
from melt_tui.store.database import close, create
from melt_tui.store.finish import finish
from melt_tui.store.ingest import COMPACT_S, Ingest
from melt_tui.store.recorder import Recorder
from tests.rigs.installed import report

SECOND = 1_000_000_000
WARM = 12
ROUNDS = 5
COMMIT_NS = SECOND // 4
BLOCK = 2000
RATE_HZ = 1e5
RANGES = Decoding(pieces=tuple((-0.1 * k, 10.0**-k, 1e-9) for k in range(5)), bits=14)
METER = Channel(
    device="meter",
    name="current",
    quantity=Quantity.CURRENT,
    unit=Unit.AMPERE,
    rate_hz=RATE_HZ,
    dtype=DType.U32,
    decoding=RANGES,
)
STARTED = SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="bench", version="0", host="bench")


def fast_commits(seconds: int) -> Iterator[list[Item]]:
    """Commits of the fast channel."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 12, 1 << 20)
    number = 0
    for commit in range(seconds * 4):
        items: list[Item] = [Tick(t_ns=commit * COMMIT_NS, device=SELF)]
        while number * BLOCK * 10_000 < (commit + 1) * COMMIT_NS:
            t_ns, at = number * BLOCK * 10_000, (number * BLOCK) % (len(noise) - BLOCK)
            level = 3000 + 2000 * np.sin(t_ns / 3e9)
            codes = (level + noise[at : at + BLOCK]).astype("<u4") | (3 << 14)
            end_ns = t_ns + (BLOCK - 1) * 10_000
            items.append(Samples("meter", "current", t_ns, end_ns, DType.U32, codes.tobytes()))
            number += 1
        yield items


def slow_channels() -> list[Channel]:
    """Twenty devices of twelve."""
    return [
        Channel(
            device=f"device{k // 12}",
            name=f"channel{k % 12}",
            quantity=Quantity.TEMPERATURE,
            unit=Unit.CELSIUS,
            rate_hz=10.0,
        )
        for k in range(240)
    ]


def slow_commits(seconds: int, channels: Sequence[Channel]) -> Iterator[list[Item]]:
    """Commits of the slow channels: temperatures to 0.1, powers to a milliwatt, memory in pages, loads to 0.1 %."""
    rng = np.random.default_rng(2)
    places, sizes = (1, 3, 0, 1), (0.2, 0.05, 40.0, 3.0)
    values = np.array([(50.0, 5.0, 100_000.0, 40.0)[k % 4] for k in range(240)])
    steps = np.array([sizes[k % 4] for k in range(240)])
    items: list[Item] = []
    for tick in range(seconds * 10):
        values += rng.normal(0, 1, 240) * steps * 0.3
        jitter = rng.integers(0, 300_000, 20)
        for k, channel in enumerate(channels):
            t_ns = tick * SECOND // 10 + int(jitter[k // 12])
            value = round(float(values[k]), places[k % 4])
            items.append(reading(channel, t_ns, value * 4096 if k % 4 == 2 else value))
        if (tick + 1) * 10 % 25 == 0 or tick % 5 == 4:
            items.append(Tick(t_ns=tick * SECOND // 10, device=SELF))
            yield items
            items = []


def cpu_of(work: Callable[[], object]) -> float:
    """Seconds of CPU of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def record(path: Path, channels: Sequence[Channel], commits: Sequence[Sequence[Item]]) -> None:
    """Record commits as the writer thread does, without waiting in between."""
    connection = create(path, 0.25)
    ingest = Ingest(connection, round(COMPACT_S * 4))
    ingest.commit([STARTED, ChannelsOpened(t_ns=0, device="bench", channels=tuple(channels))])
    for items in commits:
        ingest.commit(items)
    finish(connection)
    close(connection)


class Appender:
    """The floor: raw codes appended to a file as they come and synced four times a second, by a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY)
        self._items: deque[Item] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def take(self, item: Item) -> None:
        """Keep it until the next sync."""
        self._items.append(item)

    def close(self) -> None:
        """Write what is left."""
        self._stop.set()
        self._thread.join()
        os.close(self._file)

    def _write(self) -> None:
        while not self._stop.wait(0.25):
            for item in [self._items.popleft() for _ in range(len(self._items))]:
                if isinstance(item, Samples):
                    os.write(self._file, item.codes)
            os.fsync(self._file)


class Metered:
    """A sink and what its thread costs; to take an item is the same for all of them, an append to a deque."""

    def __init__(self, make: Callable[[], Appender | Recorder]) -> None:
        before = set(threading.enumerate())
        self._sink = make()
        (thread,) = set(threading.enumerate()) - before
        assert thread.ident is not None
        self._clock = time.pthread_getcpuclockid(thread.ident)
        self._before_s = 0.0
        self.take = self._sink.take
        self.take(STARTED)
        self.take(ChannelsOpened(t_ns=0, device="bench", channels=(METER,)))

    def begin(self) -> None:
        """What it costs is counted from now on."""
        self._before_s = time.clock_gettime(self._clock)

    def end(self) -> float:
        """Close it; CPU seconds since ``begin``."""
        spent_s = time.clock_gettime(self._clock) - self._before_s
        self._sink.close()
        return spent_s


def paced(folder: Path, commits: Sequence[Sequence[Item]]) -> tuple[float, float]:
    """CPU seconds of appending and of recording these in real time, block for block, after three seconds to warm up."""
    pause = threading.Event()
    floor = Metered(lambda: Appender(folder / "appended"))
    pause.wait(COMMIT_NS / SECOND / 2)
    ours = Metered(lambda: Recorder(folder / "recorded.melt"))
    due_s = time.monotonic()
    for number, items in enumerate(commits):
        if number == WARM:
            floor.begin()
            ours.begin()
        for item in items:
            floor.take(item)
            ours.take(item)
            if isinstance(item, Samples):
                due_s += BLOCK / RATE_HZ
                pause.wait(max(0.0, due_s - time.monotonic()))
    return floor.end(), ours.end()


def rows(path: Path, commits: Sequence[Sequence[Item]]) -> None:
    """The naive way: a row for each sample."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE sample (stream INTEGER, t_ns INTEGER, value REAL)")
    streams: dict[tuple[str, str], int] = {}
    for items in commits:
        with connection:
            for block in (item for item in items if isinstance(item, Samples)):
                stream = streams.setdefault(block.key, len(streams))
                values = np.frombuffer(block.codes, "<" + block.dtype).astype(float).tolist()
                times = (block.time_at(i) for i in range(block.n))
                data = ((stream, t, v) for t, v in zip(times, values, strict=True))
                connection.executemany("INSERT INTO sample VALUES (?, ?, ?)", data)
    connection.close()


def report_fast(folder: Path, commits: list[list[Item]]) -> bool:
    """Print the figures of the fast channel; whether they hold."""
    rounds = []
    for number in range(ROUNDS):
        place = folder / f"round{number}"
        place.mkdir()
        rounds.append(paced(place, commits))
    ratios = [ours / floor for floor, ours in rounds]
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    spent = median(ours for _, ours in rounds) / ((len(commits) - WARM) / 4)
    print(f"fast: {len(commits) / 4:.0f} s at 100 kS/s, {ROUNDS} times")
    print(f"  CPU  {spent:.3%} of a core")
    print(f"  CPU  ours / raw append        {told}")
    good = report("recording 100 kS/s: CPU / appending the raw bytes", median(ratios), 2.5)
    record(folder / "fast.melt", [METER], commits)
    return report_size("fast", folder, commits, (folder / "fast.melt").stat().st_size) and good


def report_slow(folder: Path, commits: list[list[Item]], channels: Sequence[Channel]) -> bool:
    """Print the figures of the slow channels; whether they hold."""
    cpu = cpu_of(lambda: record(folder / "slow.melt", channels, commits))
    seconds = max(item.t_ns for items in commits for item in items if isinstance(item, Tick)) / SECOND
    print(f"slow: {seconds:.0f} s of 240 channels at 10 Hz")
    print(f"  CPU  {cpu / seconds:.3%} of a core")
    return report_size("slow", folder, commits, (folder / "slow.melt").stat().st_size)


def report_size(name: str, folder: Path, commits: list[list[Item]], size: int) -> bool:
    """Print bytes per sample against one row per sample; whether they are few enough."""
    n = sum(item.n for items in commits for item in items if isinstance(item, Samples))
    few = commits[: max(1, len(commits) * 200_000 // n)]
    naive = folder / f"{name}.rows"
    cpu = cpu_of(lambda: rows(naive, few))
    few_n = sum(item.n for items in few for item in items if isinstance(item, Samples))
    per_row, limit = naive.stat().st_size / few_n, {"fast": 0.1, "slow": 0.333}[name]
    print(f"  size {size / n:.3f} B per sample; row per sample {per_row:.1f} B")
    print(f"  CPU  of one row per sample    {cpu / few_n * 1e6:.2f} s per 1e6")
    return report(f"recording, {name}: bytes / one row per sample", size / n / per_row, limit, "{:.3f}")


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the time")
    parser.add_argument("--folder", type=Path, help="where to write; a disk, not memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        good = report_fast(Path(made), list(fast_commits(10 if options.quick else 25)))
        slow = slow_channels()
        good &= report_slow(Path(made), list(slow_commits(150 if options.quick else 900, slow)), slow)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
