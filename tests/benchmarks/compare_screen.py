"""The compare screen with eight one-hour runs: how soon it opens, and how soon it answers keys.

Eight recordings of an hour (4 Hz rate, 20 Hz power, 70,000 tokens each) are picked in the library and compared, on a
terminal of 120×36. Opened: from the key to all traces drawn, and to all figures. Keys zoom, pan and go along another axis,
at random moments: answered when the line at the top, drawn with the charts, says so.

python tests/benchmarks/compare_screen.py [--quick]
"""

import random
import sys
import time
from collections.abc import Iterator
from statistics import median

from drivers.clock import MILLISECOND, SECOND
from tests.benchmarks.latency import rank, texts
from tests.rigs.compared import Made
from tests.rigs.installed import PATIENCE_S, Melt, Screen, home, parser, report, started

SIZE = (120, 36)
TURNS, TURN_TOKENS = 60, 1160
RUNS = 8
ROUND = (
    ("+", "29 min"), ("+", "14 min"), ("\x1b[1;2D", ""), ("-", "29 min"), ("-", "all 1 h"), ("x", "along tokens"),
    ("x", "along energy"), ("x", "along time"),
)  # fmt: skip
"""Keys and what the line at the top then says; empty: not waited for."""


def shown_ns(screen: Screen, sent_ns: int, text: str) -> int:
    """When that was drawn, told in pieces or not. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        seen = b""
        for t_ns, piece in texts(screen.since(sent_ns)):
            seen = seen[-100:] + piece
            if text.encode() in seen:
                return t_ns
        time.sleep(0.001)
    raise TimeoutError(f"{text!r} was not drawn")


def answers(screen: Screen, rounds: int) -> Iterator[float]:
    """Milliseconds from each key to its answer."""
    for _ in range(rounds):
        for key, said in ROUND:
            time.sleep(random.uniform(0.15, 0.3))
            sent_ns = screen.send(key)
            if said:
                yield (shown_ns(screen, sent_ns, said) - sent_ns) / MILLISECOND


def opened(melt: Melt, screen: Screen) -> tuple[float, float]:
    """Seconds from the key to traces and to figures."""
    screen.wait_for("Freeze")
    time.sleep(1.0)
    screen.send("l")
    shown_ns(screen, 0, "Pick")
    time.sleep(1.0)
    for _ in range(RUNS):
        screen.send(" ")
        time.sleep(0.3)
    cpu_s, sent_ns = melt.cpu_s(), screen.send("c")
    traces_ns = shown_ns(screen, sent_ns, "all 1 h")
    traces_cpu_s = melt.cpu_s() - cpu_s
    figures_ns = shown_ns(screen, sent_ns, "decode rate")
    print(f"traces: {traces_cpu_s:.2f} s of CPU; figures: {melt.cpu_s() - cpu_s:.2f} s")
    return (traces_ns - sent_ns) / SECOND, (figures_ns - sent_ns) / SECOND


def main() -> int:
    options = parser(__doc__).parse_args()
    random.seed(1)
    made = [
        Made(rate=20.0 + i / 10, prompts=[1.0] * TURNS, tokens=TURN_TOKENS, wall_s=60.0 * i)
        for i in range(RUNS)
    ]
    with home() as at:
        folder = at.root / "data" / "melt" / "recordings"
        folder.mkdir(parents=True)
        paths = [one.record(folder / f"{i}.melt") for i, one in enumerate(made)]
        with started([options.melt, "replay", paths[0]], at.environment, SIZE) as running:
            screen = running.screen
            assert screen is not None
            traces_s, figures_s = opened(running, screen)
            time.sleep(1.0)
            first = list(answers(screen, 1))
            cpu_s = running.cpu_s()
            told = list(answers(screen, 3 if options.quick else 12))
            cpu_s = running.cpu_s() - cpu_s
            running.interrupt()
    waited = [said for _, said in ROUND if said]
    for i, said in enumerate(waited):
        some = sorted(told[i :: len(waited)])
        print(f"  {said:<14} median {median(some):6.1f} ms, greatest {some[-1]:6.1f} ms")
    print(f"figures of all of them after {figures_s:.2f} s")
    print(f"{1000 * cpu_s / len(told):.0f} ms of CPU for each key, finer reading included")
    print(
        f"first look along each axis: {max(first):.0f} ms at most; {len(told)} keys, median {median(told):.1f} ms"
    )
    good = [
        report("eight one-hour runs: from the key to all traces, s", traces_s, 0.5),
        report("key to painted answer, p95, ms", rank(told, 0.95), 50.0, "{:.1f}"),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
