"""What a PPK2 at full rate costs the whole program while its bench is on screen, and that nothing of it is lost.

A rig in a process of its own plays a known current with noise of 12 LSB at 100 kS/s through a pty; the installed melt
watches it beside this computer, and records, on a screen of 200×50 that twice reads nothing for four seconds, as after
Ctrl-S. With ``--run`` it feeds a simulated board that runs a model, which costs what simulating costs, too. Afterwards every code of the recording is compared with what was played. CPU is that of the process over
the whole stretch, the hangs and what they leave to be done included; memory is looked at every second.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from drivers.clock import SECOND
from drivers.events import SamplesLost
from drivers.model import Samples
from melt_tui.store.recording import Recording
from tests.rigs.installed import Melt, home, parser, report, started, until
from tests.rigs.load import SIZE, TOKENS_PER_S
from tests.rigs.meters.currents import current_of
from tests.rigs.meters.ppk2_rig import RATE_HZ, Player
from tests.rigs.meters.pty_end import started as plugged

RIG = "tests.rigs.meters.ppk2_rig"
CURRENT, NOISE = "llm", 12.0
POWER, TIMING = ("ppk2", "power"), ("ppk2", "time uncertainty")
SETTLED_S = 60.0
"""Imports are done, and memory holds what it will hold of the last seconds."""

HANG_S = 4.0
ENDS_S = 0.6
"""What is on its way when melt is told to leave: at the port, in the thread, before the next commit."""

RSS_MB = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one stretch."""

    cpu_percent: float
    rss_mb: tuple[float, ...]
    """Every second, of the whole stretch."""

    @property
    def growth_mb(self) -> float:
        """The farthest that memory was from where it stood at first, by the median of ten seconds."""
        steps = [median(self.rss_mb[i : i + 10]) for i in range(0, max(1, len(self.rss_mb) - 9), 10)]
        return max(abs(step - steps[0]) for step in steps)


def arguments(port: str, *, run: bool = False) -> list[str]:
    """What melt is asked for: a device, and the meter that feeds it."""
    fed = "board" if run else "host"
    meter = f"serial:{port}?family=ppk2&name=ppk2&feeds={fed}&point=battery-terminals"
    if not run:
        return ["watch", "--device", "host", "--device", meter, "--seconds", "36000"]
    board = f"sim:jetson?name=board&tps={TOKENS_PER_S}&seed=1"
    model = ("--model", "synthetic:gemma-2b", "--workload", "chat", "--ignore-eos", "--max-tokens", "400")
    return ["run", "--device", board, "--device", meter, *model, "--repeat", "1000", "--seconds", "36000"]


def watched(running: Melt, seconds: float) -> Cost:
    """Follow it for so long; its terminal hangs at a third and at two thirds."""
    screen = running.screen
    assert screen is not None
    rss, began, cpu_s = [], time.monotonic(), running.cpu_s()
    hangs = [began + seconds / 3, began + seconds * 2 / 3]
    on = 0.0
    while (now := time.monotonic()) < began + seconds:
        if hangs and now >= hangs[0]:
            hangs.pop(0)
            on = now + HANG_S
            screen.hang()
        if on and now >= on:
            on = 0.0
            screen.go_on()
        screen.forget()
        rss.append(running.rss_bytes() / 1e6)
        time.sleep(min(1.0, max(0.0, (on or now + 1) - now)))
    screen.go_on()
    cpu_percent = 100 * (running.cpu_s() - cpu_s) / (time.monotonic() - began)
    return Cost(cpu_percent, tuple(rss))


def played() -> Iterator[np.ndarray[Any, np.dtype[np.uint32]]]:
    """The codes that the rig plays, a second at a time, from its first sample on."""
    player = Player(current_of(CURRENT), noise=NOISE)
    while True:
        yield player.words(RATE_HZ) & np.uint32((1 << 17) - 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the recording holds of the meter."""

    samples: int
    wrong: int
    """Codes that are not those that were played."""
    said_lost: int
    bytes_per_sample: float
    """Of the whole file, everything else in it included."""
    ill_timed: float
    """Share of the blocks, in percent, whose times are off by more than the meter says that they may be."""


def kept(path: Path, started_ns: int) -> Kept:
    """Compare all of a recording with what was played from then on."""
    with closing(Recording(path)) as recording:
        first_ns, last_ns = recording.span()
        lost = recording.events(first_ns, last_ns, kinds=(SamplesLost,))
        said = sum(event.count or 0 for event in lost if isinstance(event, SamplesLost))
        ends, wrong = compared(recording.samples(POWER, first_ns - SECOND, last_ns + SECOND))
        told = [
            (block.t1_ns, read_value(block))
            for block in recording.samples(TIMING, first_ns - SECOND, last_ns + SECOND)
        ]
    n = ends[-1][1]
    return Kept(n, wrong, said, path.stat().st_size / n, 100 * off(ends, told, started_ns))


def compared(blocks: Iterator[Samples]) -> tuple[list[tuple[int, int]], int]:
    """Of each block its last moment and how many samples there are by then; how many are not those that were played."""
    truth, source = np.empty(0, np.uint32), played()
    ends: list[tuple[int, int]] = []
    n = wrong = 0
    for block in blocks:
        codes = np.frombuffer(block.codes, "<u4")
        while len(truth) < len(codes):
            truth = np.concatenate([truth, next(source)])
        wrong += int(np.count_nonzero(codes != truth[: len(codes)]))
        truth = truth[len(codes) :]
        n += len(codes)
        ends.append((block.t1_ns, n))
    return ends, wrong


def read_value(block: Samples) -> float:
    """Of a channel of plain numbers that tells them one by one."""
    return float(np.frombuffer(block.codes, "<f8")[-1])


def off(ends: list[tuple[int, int]], told: list[tuple[int, float]], started_ns: int) -> float:
    """Share of the blocks that end farther from the truth than was told of them at the time, or at first thereafter."""
    times = np.array([t_ns for t_ns, _ in told])
    bad = 0
    for t_ns, n in ends:
        within_s = told[min(int(np.searchsorted(times, t_ns)), len(told) - 1)][1]
        bad += abs(t_ns - started_ns - n * SECOND // RATE_HZ) > within_s * SECOND
    return bad / len(ends)


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--seconds", type=float, default=600.0)
    options_parser.add_argument("--run", action="store_true", help="beside a run of a simulated board")
    options = options_parser.parse_args()
    seconds = 60.0 if options.quick else options.seconds
    with plugged(RIG, "--current", CURRENT, "--noise", str(NOISE)) as rig, home() as at:
        argv = [options.melt, *arguments(rig.port, run=options.run)]
        with started(argv, at.environment, SIZE) as running:
            assert running.screen is not None
            until(lambda: bool(at.recordings))
            running.screen.wait_for("ppk2")
            time.sleep(SETTLED_S)
            cost = watched(running, seconds)
            running.screen.forget()
            until(lambda: running.screen is not None and bool(running.screen.pieces))
            running.interrupt()
        truth = rig.truth()
        found = kept(at.recordings[-1], truth["started_ns"])
    unheard = truth["samples"] - found.samples - ENDS_S * RATE_HZ
    by_minute = " ".join(f"{median(cost.rss_mb[i : i + 60]):.1f}" for i in range(0, len(cost.rss_mb), 60))
    print(f"{found.samples / 1e6:.1f} M samples, RSS minute by minute {by_minute} MB")
    good = [
        report("PPK2 on the bench: samples lost, the meter says", found.said_lost, 0, "{:.0f}"),
        report("PPK2 on the bench: bytes that its port lost", truth["overflowed"], 0, "{:.0f}"),
        report("PPK2 on the bench: samples played and not recorded", max(0.0, unheard), 0, "{:.0f}"),
        report("PPK2 on the bench: codes that are not those played", found.wrong, 0, "{:.0f}"),
        report("PPK2 on the bench: blocks not as well timed as told, %", found.ill_timed, 5.0),
        report("PPK2 on the bench: CPU of the whole program, %", cost.cpu_percent, 10.0),
        report("PPK2 on the bench: RSS off its first, MB", cost.growth_mb, RSS_MB),
        report("PPK2 on the bench: bytes of the file per sample", found.bytes_per_sample, 1.4),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
