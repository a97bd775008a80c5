"""How often a comparison is right: simulated runs with a known truth, put through the formulas of ``melt compare``.

10 runs of 20 turns a side. Each run is off by its own heat and placement, each turn by its own noise and its prompt, as
on a phone that is measured again: run means scatter by 2 %, turns within a run by 3 %, prompts by 10 %. Printed: how often the
95 % interval holds the truth, and how often a true difference of 3 % is found; beside them what comes of taking every
turn for a measurement of its own.

    python tests/benchmarks/comparing.py [--comparisons 1000] [--quick]
"""

import argparse
import sys
import time
from collections.abc import Hashable

import numpy as np
from scipy.special import stdtrit

from melt_tui.measures.comparing import Method, compare

RUNS, TURNS = 10, 20
MEAN_TPS = 18.0
OF_MEANS = 0.02
WITHIN = 0.03
OF_PROMPTS = 0.10
BETWEEN = float(np.sqrt(OF_MEANS**2 - WITHIN**2 / TURNS))
"""So that the means of runs scatter by ``OF_MEANS``, the noise of their turns included."""

Side = list[dict[Hashable, float]]


def side(draw: np.random.Generator, prompts: np.ndarray, factor: float, *, slumps: bool) -> Side:
    """Runs of one side. ``slumps``: a run's own part is lopsided, for some of them throttle."""
    if slumps:
        own = 1 + BETWEEN * (1 - draw.exponential(1.0, RUNS))
    else:
        own = 1 + BETWEEN * draw.standard_normal(RUNS)
    turns = prompts * (1 + WITHIN * draw.standard_normal((RUNS, TURNS)))
    values = MEAN_TPS * factor * own[:, None] * turns
    return [dict(enumerate(run)) for run in values.tolist()]


def naive(a: Side, b: Side, truth: float) -> bool:
    """Whether the interval over all turns, each taken for itself, holds the truth."""
    x, y = (np.array([list(run.values()) for run in each]).ravel() for each in (a, b))
    error = np.sqrt(x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y))
    return bool(abs(y.mean() - x.mean() - truth) <= stdtrit(2 * len(x) - 2, 0.975) * error)


def trial(seed: int, n: int, factor: float, *, slumps: bool = False) -> dict[str, float]:
    """Shares over ``n`` comparisons."""
    draw = np.random.default_rng(seed)
    held = held_relative = found = simple = bootstrapped = 0
    for _ in range(n):
        prompts = 1 + OF_PROMPTS * draw.standard_normal(TURNS)
        a = side(draw, prompts, 1.0, slumps=slumps)
        b = side(draw, prompts, factor, slumps=slumps)
        known = compare(a, b)
        assert known is not None
        assert known.interval is not None
        assert known.relative_interval is not None
        truth = MEAN_TPS * (factor - 1) * float(prompts.mean())
        held += known.interval[0] <= truth <= known.interval[1]
        held_relative += known.relative_interval[0] <= factor - 1 <= known.relative_interval[1]
        found += known.shown and (factor == 1 or (known.absolute > 0) == (factor > 1))
        simple += naive([_level(run, prompts) for run in a], [_level(run, prompts) for run in b], truth)
        bootstrapped += known.method is Method.BOOTSTRAP
    counts = {
        "held": held,
        "held_relative": held_relative,
        "found": found,
        "naive": simple,
        "bootstrap": bootstrapped,
    }
    return {name: count / n for name, count in counts.items()}


def _level(run: dict[Hashable, float], prompts: np.ndarray) -> dict[Hashable, float]:
    """Without what the prompts make: the naive way at its best."""
    return {key: value / float(prompts[int(str(key))]) for key, value in run.items()}


def main() -> int:
    """Print the shares; 1 when they are not as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="200 of each")
    options = parser.parse_args()
    n = 200 if options.quick else options.comparisons
    before_s = time.process_time()
    print(f"{n} comparisons each, {RUNS} runs of {TURNS} turns a side, run means ± {100 * OF_MEANS:g} %")
    same, apart = trial(options.seed, n, 1.0), trial(options.seed + 1, n, 1.03)
    lopsided = trial(options.seed + 2, n, 1.03, slumps=True)
    spent_ms = 1000 * (time.process_time() - before_s) / (3 * n)
    for title, shares in (("no difference", same), ("true +3 %", apart), ("+3 %, lopsided runs", lopsided)):
        print(
            f"{title:>20}: interval holds the truth {100 * shares['held']:.1f} %, of the percentage "
            f"{100 * shares['held_relative']:.1f} %; found {100 * shares['found']:.1f} %; "
            f"bootstrap-t in {100 * shares['bootstrap']:.0f} %; every turn for itself would hold {100 * shares['naive']:.1f} %"
        )
    print(f"one comparison: {spent_ms:.2f} ms of CPU")
    good = all(0.93 <= each["held"] <= 0.97 for each in (same, apart)) and apart["found"] >= 0.85
    return 0 if good or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
