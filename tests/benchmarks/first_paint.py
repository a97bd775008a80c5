"""First paint of the installed ``melt`` against a bare Textual app: spawn until the first text is on the terminal.

The two take turns; the ratio is that of the medians.
"""

import sys
import time
from collections.abc import Sequence
from statistics import median

from tests.rigs.installed import Home, home, parser, report, started

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static(" melt")
Bare().run()
"""
SIZE = (120, 36)
FIRST = " melt"


def first_text(argv: Sequence[str], at: Home) -> tuple[float, float]:
    """Seconds from spawn until the first text is on the terminal, and CPU seconds of the process by then."""
    begun_ns = time.monotonic_ns()
    with started(argv, at.environment, SIZE) as running:
        assert running.screen is not None
        shown_ns = running.screen.wait_for(FIRST)
        cpu_s = running.cpu_s()
        running.process.kill()
        return (shown_ns - begun_ns) / 1e9, cpu_s


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=45)
    options = options_parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    commands = {"bare": [sys.executable, "-c", BARE], "melt": [options.melt]}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with home() as at:
        for i in range(rounds + 1):
            for name, argv in commands.items():
                taken = first_text(argv, at)
                times[name] += [taken] * (i > 0)  # the first only warms the caches of files
    for name, values in times.items():
        wall, cpu = (median(column) for column in zip(*values, strict=True))
        print(f"{name:5} first text after {1e3 * wall:5.0f} ms, {1e3 * cpu:5.0f} ms of cpu (medians)")
    ratio = median(s for s, _ in times["melt"]) / median(s for s, _ in times["bare"])
    return 0 if report("first paint of melt / of a bare Textual app", ratio, 1.15) else 1


if __name__ == "__main__":
    raise SystemExit(main())
