"""What the screen costs under load: the whole bench in a terminal of 200×50 against the same without a screen.

Twenty simulated devices, five streams of tokens, a fast meter (``tests.rigs.load``), all recorded. CPU is that of the
process, over the same stretch of the session; rounds with and without a screen take turns.
"""

import sys
from dataclasses import dataclass
from statistics import median

from drivers.events import SamplesLost
from melt_tui.store.recording import Recording
from tests.rigs.installed import Home, Melt, home, parser, report, started
from tests.rigs.load import METER_HZ, SIZE, Load, settle

SETTLED_S = 12.0
"""Imports are done, models are loaded, tokens come."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one round."""

    cpu_percent: float
    rss_mb: float
    tokens_per_s: float
    kilobytes_per_s: float
    """Drawn."""


def cost(melt: str, seconds: float, *, screen: bool) -> Cost:
    """One round."""
    load = Load.of(600, *(() if screen else ("--headless",)))
    with home() as at, started([melt, *load.arguments], at.environment, SIZE if screen else None) as running:
        settle(at, SETTLED_S)
        before = _drawn(running)
        cpu = running.cpu_percent(seconds)
        drawn = (_drawn(running) - before) / seconds / 1e3
        return Cost(cpu, running.rss_bytes() / 1e6, _token_rate(at, seconds), drawn)


def _drawn(running: Melt) -> int:
    return sum(len(piece) for _, piece in running.screen.pieces) if running.screen else 0


def _token_rate(at: Home, seconds: float) -> float:
    """The mean of a stream, as recorded; nothing of the load may be missing."""
    recording = Recording(at.recordings[-1])
    end_ns = recording.span()[1] - 3 * 10**9  # the last column is whole, wherever it begins
    start_ns = end_ns - round(seconds * 1e9)
    assert not recording.events(0, end_ns, kinds=(SamplesLost,)), "samples were lost"
    window = recording.window(("sim-stream", "current"), start_ns, end_ns, 10)
    samples = sum(window.counts) / (len(window.counts) * window.width_ns / 1e9)
    assert abs(samples / METER_HZ - 1) < 0.02, f"the meter gave {samples:.0f} samples a second"
    key = ("d0", "token_arrivals")
    ends = [recording.view(t_ns).readings[key].value for t_ns in (start_ns, end_ns)]
    recording.close()
    return (ends[1] - ends[0]) / seconds


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=3)
    options_parser.add_argument("--seconds", type=float, default=20.0)
    options = options_parser.parse_args()
    rounds, seconds = (1, 10.0) if options.quick else (options.rounds, options.seconds)
    ratios, memory = [], []
    for _ in range(rounds):
        hidden = cost(options.melt, seconds, screen=False)
        shown = cost(options.melt, seconds, screen=True)
        ratios.append(shown.cpu_percent / hidden.cpu_percent)
        memory.append(shown.rss_mb)
        for name, one in (("without", hidden), ("screen", shown)):
            print(
                f"{name:8} {one.cpu_percent:5.1f} % cpu  {one.rss_mb:5.1f} MB  {one.tokens_per_s:4.1f} tok/s a stream  "
                f"{one.kilobytes_per_s:5.1f} kB/s drawn",
                flush=True,
            )
    print(f"memory with a screen {median(memory):.1f} MB")
    return 0 if report("whole bench: CPU with a screen / without", median(ratios), 3.0) else 1


if __name__ == "__main__":
    sys.exit(main())
