"""How long a comparison of eight one-hour runs takes, from files to all that a screen draws; how it grows with their number.

python tests/benchmarks/compare_open.py [--quick]
"""

import argparse
import time

from melt_tui.analysis.compare import compare_runs
from melt_tui.analysis.compare_request import Axis, CompareRequest
from tests.rigs.compared import Made
from tests.rigs.written import folder

HOUR_TURNS, TURN_TOKENS = 60, 1160


def main() -> None:
    """Print seconds of CPU and of the clock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six minutes instead of an hour")
    options = parser.parse_args()
    turns = HOUR_TURNS // (10 if options.quick else 1)
    made = [
        Made(rate=20.0 + i / 10, prompts=[1.0] * turns, tokens=TURN_TOKENS, wall_s=60.0 * i) for i in range(8)
    ]
    print(f"8 runs of {made[0].seconds / 60:.0f} min, {turns} turns each, 4 Hz rate, 20 Hz power")
    with folder() as place:
        paths = tuple(one.record(place / f"{i}.melt") for i, one in enumerate(made))
        compare_runs(CompareRequest(sources=paths[:2]))
        for n in (2, 4, 8):
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            found = compare_runs(CompareRequest(sources=paths[:n]))
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
            panels = sum(len(one.panels) for one in found.overlays)
            print(
                f"{n} runs: {cpu_s:.2f} s of CPU, {wall_s:.2f} s; {len(found.rows)} figures, {panels} panels"
            )
            cpu_s = time.process_time()
            compare_runs(CompareRequest(sources=paths[:n], align="first-token"))
            print(f"        aligned otherwise: {time.process_time() - cpu_s:.2f} s of CPU")
            assert {one.axis for one in found.overlays} == set(Axis)


if __name__ == "__main__":
    main()
