"""What recording costs: CPU against appending the raw bytes to a file, bytes against one row per sample.

One fast channel at 100 kS/s (32-bit codes of a meter with five ranges, noise of 12 LSB), blocks of 20 ms, a commit every
250 ms; and 240 slow channels at 10 Hz, twelve to a device, their rows per second included. Time of the session is made
up, so that ten minutes pass in seconds; CPU is that of the process.
"""

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, Decoding, DType, Quantity, Samples, Unit, reading
from melt_tui.events import SELF, SessionStarted, Tick
from melt_tui.store.database import close, create
from melt_tui.store.finish import finish
from melt_tui.store.ingest import Ingest

SECOND = 1_000_000_000
COMMIT_NS = SECOND // 4
BLOCK = 2000
RANGES = Decoding(pieces=tuple((-0.1 * k, 10.0**-k, 1e-9) for k in range(5)), bits=14)
METER = Channel(
    device="meter",
    name="current",
    quantity=Quantity.CURRENT,
    unit=Unit.AMPERE,
    rate_hz=1e5,
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
    """Record commits as the writer thread does."""
    connection = create(path, 0.25)
    ingest = Ingest(connection, 240)
    ingest.commit([STARTED, ChannelsOpened(t_ns=0, device="bench", channels=tuple(channels))])
    for items in commits:
        ingest.commit(items)
    finish(connection)
    close(connection)


def append(path: Path, commits: Sequence[Sequence[Item]]) -> None:
    """The floor: the raw codes of each commit appended to a file, and synced."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    for items in commits:
        os.write(descriptor, b"".join(item.codes for item in items if isinstance(item, Samples)))
        os.fsync(descriptor)
    os.close(descriptor)


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


def report(name: str, folder: Path, channels: Sequence[Channel], commits: list[list[Item]]) -> None:
    """Print the figures of one workload."""
    n = sum(item.n for items in commits for item in items if isinstance(item, Samples))
    seconds = max(item.t_ns for items in commits for item in items if isinstance(item, Tick)) / SECOND
    ours, floor = folder / f"{name}.melt", folder / f"{name}.raw"
    floors = [cpu_of(lambda: append(floor.with_suffix(f".{k}"), commits)) for k in range(3)]
    cpus = []
    for _ in range(3):
        ours.unlink(missing_ok=True)
        cpus.append(cpu_of(lambda: record(ours, channels, commits)))
    few = commits[: max(1, len(commits) * 200_000 // n)]
    naive = folder / f"{name}.rows"
    rows_cpu = cpu_of(lambda: rows(naive, few))
    few_n = sum(item.n for items in few for item in items if isinstance(item, Samples))
    per_row, per_sample = naive.stat().st_size / few_n, ours.stat().st_size / n
    cpu, raw = sorted(cpus)[1], sorted(floors)[1]
    print(f"{name}: {n} samples in {seconds:.0f} s of session")
    print(f"  CPU  {cpu / n * 1e6:.4f} s per 1e6 samples, {cpu / seconds:.3%} of a core; floor {raw / n * 1e6:.4f}")
    print(f"  CPU  ours / raw append        {cpu / raw:.2f}   (fast: at most 2.5)")
    print(f"  CPU  row per sample / ours    {rows_cpu / few_n / (cpu / n):.1f}")
    print(f"  size {per_sample:.3f} B per sample; row per sample {per_row:.1f}")
    print(f"  size ours / row per sample    {per_sample / per_row:.4f}  (fast: at most 0.1, slow: at most 0.333)")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    parser.add_argument("--folder", type=Path, help="where to write; a disk, not memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = Path(made)
        report("fast", folder, [METER], list(fast_commits(20 if options.quick else 200)))
        slow = slow_channels()
        report("slow", folder, slow, list(slow_commits(150 if options.quick else 900, slow)))


if __name__ == "__main__":
    main()
