"""What is lost while the terminal hangs: samples of the whole bench under load (``tests.rigs.load``) when nobody reads.

The terminal reads nothing for four seconds, as after Ctrl-S, then again. The recording must tell of no loss and hold
every sample of the fast meter and of the slow channels with none missing between; the screen must go on afterwards.
Simulated devices are polled, so that a loop which comes later than their period leaves one out: beside what is lost stands
how late melt's own loop was at most, and one that does nothing.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median

from drivers.clock import SECOND
from drivers.events import SamplesLost
from drivers.model import ChannelKey, Samples
from melt_tui.events import SELF
from melt_tui.store.recording import Recording
from tests.rigs.idle import idling
from tests.rigs.installed import home, parser, report, started
from tests.rigs.load import CHANNELS, DEVICES, METER_HZ, RATE_HZ, SIZE, Load, settle

SETTLED_S = 8.0
HANG_S = 4.0
EARLY = 0.1
"""Of a period: by so much less than usual a tick may be late."""
AROUND_NS = SECOND // 2
"""Looked at before and after it."""

Losses = tuple[int, int, int]
"""Samples of the fast channel, samples of all slow ones, what the recording itself says is lost."""


def lost(path: Path, t0_ns: int, t1_ns: int) -> Losses:
    """What a recording lacks in a span."""
    with closing(Recording(path)) as recording:
        channels = recording.view(t1_ns).channels
        names = {f"d{number}" for number in range(DEVICES)}
        slow = [key for key, one in channels.items() if one.rate_hz == RATE_HZ and one.device in names]
        assert len(slow) >= DEVICES * CHANNELS, f"{len(slow)} channels are recorded"
        fast = missing(within(recording, ("sim-stream", "current"), t0_ns, t1_ns), METER_HZ)
        said = len(recording.events(t0_ns, t1_ns + SECOND, kinds=(SamplesLost,)))
        return fast, sum(left_out(within(recording, key, t0_ns, t1_ns), RATE_HZ) for key in slow), said


def within(recording: Recording, key: ChannelKey, t0_ns: int, t1_ns: int) -> list[Samples]:
    """The blocks of a channel that touch a span; they reach over both of its ends."""
    blocks = list(recording.samples(key, t0_ns - AROUND_NS, t1_ns + AROUND_NS))
    assert blocks, f"{key} was not recorded"
    assert blocks[0].t0_ns < t0_ns, f"{key} begins in the middle"
    assert blocks[-1].t1_ns > t1_ns, f"{key} ends in the middle"
    return blocks


def missing(blocks: Sequence[Samples], rate_hz: float) -> int:
    """Samples that are not there between the first and the last: by their number, or by holes in their times."""
    period_ns = SECOND / rate_hz
    expected = round((blocks[-1].t1_ns - blocks[0].t0_ns) / period_ns) + 1
    holes = sum(round(step / period_ns) - 1 for step in _steps(blocks) if step > 1.6 * period_ns)
    return max(holes, expected - sum(block.n for block in blocks))


def left_out(blocks: Sequence[Samples], rate_hz: float) -> int:
    """Ticks of a polled channel that bear no sample. A tick never comes early; one that is late by less than a period, as
    when the whole machine was held up, is late and not lost."""
    period_ns = SECOND / rate_hz
    times = [block.time_at(i) for block in blocks for i in range(block.n)]
    late = [(t_ns - times[0] + period_ns / 2) % period_ns - period_ns / 2 for t_ns in times]
    grid_ns = times[0] + median(late) - EARLY * period_ns
    ticks = [int((t_ns - grid_ns) // period_ns) for t_ns in times]
    return ticks[-1] - ticks[0] + 1 - len(set(ticks))


def _steps(blocks: Sequence[Samples]) -> Iterator[int]:
    """From the last sample of each block to the first of the next."""
    for earlier, later in pairwise(blocks):
        yield later.t0_ns - earlier.t1_ns


def latest_s(path: Path, t0_ns: int, t1_ns: int) -> float:
    """How late its own loop was at most, as it recorded that."""
    with closing(Recording(path)) as recording:
        return max(block.last_code for block in recording.samples((SELF, "loop_lag"), t0_ns, t1_ns))


def hang(melt: str) -> Losses:
    """One round; raises TimeoutError when the screen does not go on."""
    load = Load.of(600)
    with home() as at, started([melt, *load.arguments], at.environment, SIZE) as running:
        screen = running.screen
        assert screen is not None
        settle(at, SETTLED_S)
        hung_ns = time.monotonic_ns()
        with idling(HANG_S + 1) as idle:
            screen.hang()
            time.sleep(HANG_S)
            screen.go_on()
            on_ns = time.monotonic_ns()
            idle_ms = idle()[-1]
        time.sleep(2)
        screen.wait_for("tok/s", on_ns + SECOND)
        running.interrupt()
        own_ms = 1e3 * latest_s(at.recordings[-1], hung_ns, on_ns)
        print(f"latest wake-up: {own_ms:.0f} ms, of a loop that does nothing {idle_ms:.0f} ms")
        return lost(at.recordings[-1], hung_ns, on_ns)


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=3)
    options = options_parser.parse_args()
    rounds = [hang(options.melt) for _ in range(1 if options.quick else options.rounds)]
    worst = [max(counts) for counts in zip(*rounds, strict=True)]
    told = ("fast samples lost", "slow samples lost", "losses that the recording tells of")
    good = [
        report(f"terminal hangs for {HANG_S:.0f} s: {what}", count, 0, "{:.0f}")
        for what, count in zip(told, worst, strict=True)
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
