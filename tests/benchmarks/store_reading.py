"""Looking back into long recordings: view(t) anywhere, any window at 200 columns, wrong columns, memory.

Two recordings are made first: ten hours of 240 slow channels at 10 Hz, and one fast channel of 3.6e8 samples (one hour at 100 kS/s,
noise of 12 LSB). A child reads each, so that its memory is that of a reader alone.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DType, Quantity, Samples, Unit, linear
from melt_tui.events import SELF, SessionStarted, Tick
from melt_tui.store.database import close, create
from melt_tui.store.finish import finish
from melt_tui.store.ingest import COMPACT_S, Ingest
from melt_tui.store.recording import Recording
from melt_tui.timeline.model import Window
from tests.rigs.installed import report

SECOND = 1_000_000_000
COLUMNS = 200
FAST_HZ = 100_000
FAST = Channel(
    device="meter",
    name="current",
    quantity=Quantity.CURRENT,
    unit=Unit.AMPERE,
    rate_hz=float(FAST_HZ),
    dtype=DType.U16,
    decoding=linear(1e-6, -0.01),
)
STARTED = SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="bench", version="0", host="bench")


def slow_channels(n: int) -> list[Channel]:
    """So many channels at 10 Hz."""
    return [
        Channel(
            device=f"d{k // 12}",
            name=f"c{k}",
            quantity=Quantity.TEMPERATURE,
            unit=Unit.CELSIUS,
            rate_hz=10.0,
            dtype=DType.I16,
            decoding=linear(0.1),
        )
        for k in range(n)
    ]


def slow_codes(seed: int, n: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """A slow walk with noise."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.3, n)) + rng.normal(0, 2, n)
    walk[rng.integers(0, n, 20)] += 900
    return walk.astype(np.int16)


def fast_codes(second: int) -> "np.ndarray[tuple[int], np.dtype[np.uint16]]":
    """A second of the fast channel; now and then one sample stands out."""
    rng = np.random.default_rng(second)
    codes = 9000 + 3000 * np.sin(second / 97) + rng.standard_normal(FAST_HZ, np.float32) * 12
    if second % 7 == 0:
        codes[rng.integers(0, FAST_HZ)] = 40_000
    made: np.ndarray[tuple[int], np.dtype[np.uint16]] = codes.astype(np.uint16)
    return made


def write_slow(path: Path, hours: float, n: int) -> None:
    """Twelve channels to a device, a block of ten a second and one commit a second, to be quick."""
    channels, seconds = slow_channels(n), int(hours * 3600)
    codes = [slow_codes(k, seconds * 10) for k in range(n)]
    connection = create(path, 0.25)
    ingest = Ingest(connection, round(COMPACT_S))
    ingest.commit([STARTED, ChannelsOpened(t_ns=0, device="d0", channels=tuple(channels))])
    for second in range(seconds):
        t_ns = second * SECOND
        items: list[Item] = [Tick(t_ns=t_ns, device=SELF)]
        for channel, code in zip(channels, codes, strict=True):
            part = code[second * 10 : second * 10 + 10]
            items.append(
                Samples(
                    channel.device, channel.name, t_ns, t_ns + SECOND * 9 // 10, DType.I16, part.tobytes()
                )
            )
        ingest.commit(items)
    finish(connection)
    close(connection)


def write_fast(path: Path, seconds: int) -> None:
    """Commits of a quarter of a second."""
    connection = create(path, 0.25)
    connection.execute("PRAGMA synchronous = OFF")
    ingest = Ingest(connection, round(COMPACT_S * 4))
    ingest.commit([STARTED, ChannelsOpened(t_ns=0, device="meter", channels=(FAST,))])
    step = FAST_HZ // 4
    for second in range(seconds):
        codes = fast_codes(second)
        for quarter in range(4):
            t_ns = second * SECOND + quarter * SECOND // 4
            part = codes[quarter * step : (quarter + 1) * step].tobytes()
            end_ns = t_ns + (step - 1) * SECOND // FAST_HZ
            ingest.commit(
                [
                    Samples("meter", "current", t_ns, end_ns, DType.U16, part),
                    Tick(t_ns=t_ns, device=SELF),
                ]
            )
    finish(connection)
    close(connection)


def peak_mb() -> float:
    """The most memory that this process has had, without that of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


class Timed:
    """How long looks took, by the clock on the wall and by the CPU: they differ on a machine that others use, too."""

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._cpu: list[float] = []
        self._start = (0.0, 0.0)

    def __enter__(self) -> None:
        self._start = (time.perf_counter(), time.process_time())

    def __exit__(self, *_: object) -> None:
        self._wall.append(time.perf_counter() - self._start[0])
        self._cpu.append(time.process_time() - self._start[1])

    @property
    def p99_ms(self) -> float:
        """By the clock on the wall."""
        return sorted(self._wall)[len(self._wall) * 99 // 100] * 1e3

    def __str__(self) -> str:
        return f"{percentiles(self._wall)}, CPU {percentiles(self._cpu)}"


def percentiles(times: list[float]) -> str:
    """Median and 99th percentile, in ms."""
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2] * 1e3:.2f} p99 {ordered[len(ordered) * 99 // 100] * 1e3:.2f} ms"


def wrong_columns(got: Window, times: "np.ndarray", values: "np.ndarray") -> int:
    """Columns that differ from brute force over all samples of the window."""
    wrong = 0
    for i, start in enumerate(got.starts_ns):
        low, high = np.searchsorted(times, [start, start + got.width_ns])
        part = values[low:high]
        same = (
            len(part) == got.counts[i]
            and part.min() == got.minima[i]
            and part.max() == got.maxima[i]
            and abs(part.mean() - got.means[i]) <= 1e-9 * max(1e-3, abs(part.mean()))
        )
        wrong += not same
    return wrong


def random_spans(n: int, length_ns: int) -> list[tuple[int, int]]:
    """Windows of all zooms, from a millisecond to everything, anywhere."""
    rng = np.random.default_rng(5)
    spans = np.exp(rng.uniform(np.log(1e6), np.log(length_ns), n)).astype(np.int64)
    starts = (rng.uniform(0, 1, n) * np.maximum(length_ns - spans, 1)).astype(np.int64)
    return [(int(a), int(a + b)) for a, b in zip(starts, spans, strict=True)]


def read(path: Path, looks: int, what: str) -> bool:
    """In a child: look at random, compare some looks with brute force, tell the figures; whether all hold."""
    before_mb = peak_mb()
    opened = Timed()
    with opened:
        recording = Recording(path)
        _, last = recording.span()
        keys = sorted(recording.view(last).channels)
        recording.window(keys[0], 0, last, COLUMNS)
    rng = np.random.default_rng(9)
    views, windows = Timed(), Timed()
    drawn = []
    for t_ns in rng.integers(0, last, looks).tolist():
        with views:
            recording.view(t_ns)
    for a_ns, b_ns in random_spans(looks, last):
        key = keys[int(rng.integers(0, len(keys)))]
        with windows:
            window = recording.window(key, a_ns, b_ns, COLUMNS)
        drawn.append((key, window))
    memory_mb = peak_mb()
    wrong = columns = 0
    for key, window in drawn[: max(20, looks // 10)]:
        if not window.starts_ns or (
            window.starts_ns[-1] - window.starts_ns[0] > 600 * SECOND and what == "fast"
        ):
            continue
        times, values = brute(key, window, what, last)
        wrong += wrong_columns(window, times, values)
        columns += len(window.starts_ns)
    print(f"{what}: {path.stat().st_size / 1e6:.0f} MB, {len(keys)} channels, {last / SECOND / 3600:.2f} h")
    print(f"view(t) {views}; windows of {COLUMNS} columns {windows}")
    good = [
        report(f"{what}: open, and draw all of it, ms", opened.p99_ms, 100, "{:.1f}"),
        report(f"{what}: view of any moment, p99, ms", views.p99_ms, 100, "{:.1f}"),
        report(f"{what}: any window at {COLUMNS} columns, p99, ms", windows.p99_ms, 20, "{:.1f}"),
        report(f"{what}: wrong columns of {columns}", wrong, 0, "{:.0f}"),
        report(f"{what}: memory above the imports, MB", memory_mb - before_mb, 64, "{:.0f}"),
    ]
    return all(good)


def brute(key: tuple[str, str], window: Window, what: str, last: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Times and values of all samples of a window, from the generator."""
    first, end = window.starts_ns[0] // SECOND, (window.starts_ns[-1] + window.width_ns) // SECOND + 1
    if what == "slow":
        number = int(key[1][1:])
        codes = slow_codes(number, (last // SECOND + 1) * 10)
        ticks = np.arange(len(codes))
        times = ticks // 10 * SECOND + (SECOND * 9 // 10) * (ticks % 10) // 9
        return times, codes.astype(float) * 0.1 + 0.0
    seconds = range(first, min(end, last // SECOND + 1))
    codes = np.concatenate([fast_codes(second) for second in seconds])
    step = FAST_HZ // 4
    quarters = np.arange(first * 4, first * 4 + len(codes) // step) * (SECOND // 4)
    inside = (step - 1) * SECOND // FAST_HZ * np.arange(step) // (step - 1)
    return (quarters[:, None] + inside).ravel(), codes.astype(float) * 1e-6 + -0.01


def main() -> int:
    """Make the recordings, and let a child read each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples")
    parser.add_argument("--folder", type=Path, help="where to make the recordings, 2 GB free")
    parser.add_argument("--read", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        return 0 if read(Path(options.read[0]), int(options.read[1]), options.read[2]) else 1
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        slow, fast = Path(made) / "slow.melt", Path(made) / "fast.melt"
        write_slow(slow, 1.0 if options.quick else 10.0, 48 if options.quick else 240)
        write_fast(fast, 360 if options.quick else 3600)
        looks = "300" if options.quick else "1000"
        reader = [sys.executable, "-m", "tests.benchmarks.store_reading", "--read"]
        codes = [
            subprocess.run([*reader, str(path), looks, what], check=False).returncode
            for what, path in (("slow", slow), ("fast", fast))
        ]
    return max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
