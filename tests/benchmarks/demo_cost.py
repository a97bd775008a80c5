"""What the demo bench costs on a screen of 120×36, against itself without one: CPU of melt alone, and its memory.

Four devices, four charts, 10 Hz, 10 frames a second. Rounds with and without a screen take turns; CPU is process CPU
over the same stretch of the session, the engine excluded.
"""

import time
from statistics import median

from tests.rigs.installed import Home, home, parser, report, started

SETTLED_S = 12.0
"""The model is loaded, imports are done."""


def cost(melt: str, at: Home, seconds: float, *, screen: bool) -> tuple[float, float]:
    """Percent of a core and MB of memory."""
    argv = [melt, "demo", "--seconds", "600", *(() if screen else ("--headless",))]
    with started(argv, at.environment, (120, 36) if screen else None) as running:
        time.sleep(SETTLED_S)
        assert running.children(), "the engine did not start"
        if running.screen is not None:
            running.screen.wait_for("tok/s")
        cpu = running.cpu_percent(seconds)
        return cpu, running.rss_bytes() / 1e6


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=3)
    options_parser.add_argument("--seconds", type=float, default=30.0)
    options = options_parser.parse_args()
    rounds, seconds = (1, 10.0) if options.quick else (options.rounds, options.seconds)
    shown: list[tuple[float, float]] = []
    hidden: list[tuple[float, float]] = []
    with home() as at:
        for _ in range(rounds):
            hidden.append(cost(options.melt, at, seconds, screen=False))
            shown.append(cost(options.melt, at, seconds, screen=True))
            print(
                f"without {hidden[-1][0]:5.2f} % cpu {hidden[-1][1]:5.1f} MB   "
                f"screen {shown[-1][0]:5.2f} % cpu {shown[-1][1]:5.1f} MB",
                flush=True,
            )
    ratio = median(s[0] / h[0] for s, h in zip(shown, hidden, strict=True))
    good = [
        report("demo bench: CPU with a screen / without", ratio, 3.0),
        report("demo bench: RSS of melt without the engine, MB", median(s[1] for s in shown), 90.0, "{:.1f}"),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
