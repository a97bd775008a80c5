"""What looking for throttling costs on the session loop: CPU time per sample of each channel that the detector takes.

Goal: ≤ 5 µs per sample. Beside it what the bus takes for the same items without a detector, in the same run.
"""

import sys
import time
from collections.abc import Callable, Sequence

from drivers.base import Item
from drivers.events import ChannelsOpened, TurnStarted
from drivers.model import Channel, Samples, reading, uneven_block
from melt_tui.detectors.throttling import Throttling
from melt_tui.events import SELF, RunStarted, Tick
from melt_tui.session.bus import Bus, Transform
from tests.rigs.installed import parser, report
from tests.rigs.token_traces import CAP, DEVICE, RUN, SOC, SPEC, STATUS, TOKENS, at

GOAL_US = 5.0


class Nowhere:
    """A sink that forgets."""

    def take(self, item: Item) -> None:
        """Forget it."""


def begun() -> list[Item]:
    """A run whose turn goes on."""
    return [
        ChannelsOpened(t_ns=at(0), device=DEVICE, channels=(TOKENS, SOC, CAP, STATUS)),
        RunStarted(t_ns=at(0), device=DEVICE, run=RUN, spec=SPEC),
        TurnStarted(t_ns=at(0), device=DEVICE, run=RUN, turn=1, context_tokens=0),
    ]


def tokens(n: int, rate: float, together: int) -> list[Item]:
    """Counts at that rate, so many in a block."""
    times = [at(1 + k / rate) for k in range(n)]
    if together == 1:
        return [reading(TOKENS, t_ns, k + 1) for k, t_ns in enumerate(times)]
    counts = range(1, n + 1)
    return [
        uneven_block(TOKENS, times[k : k + together], counts[k : k + together]) for k in range(0, n, together)
    ]


def values(channel: Channel, n: int, value: Callable[[int], float]) -> list[Item]:
    """Readings ten times a second."""
    return [reading(channel, at(1 + k / 10), value(k)) for k in range(n)]


def ticks(n: int) -> list[Item]:
    """A quarter of a second apart, a token between any two."""
    return [one for k in range(n) for one in (Tick(t_ns=at(1 + k / 4), device=SELF), _token(k))]


def _token(k: int) -> Samples:
    return reading(TOKENS, at(1.1 + k / 4), k + 1)


CASES: dict[str, Callable[[int], Sequence[Item]]] = {
    "tokens, 20 a second, one by one": lambda n: tokens(n, 20.0, 1),
    "tokens, 200 a second, one by one": lambda n: tokens(n, 200.0, 1),
    "tokens, 2 a second, one by one": lambda n: tokens(n, 2.0, 1),
    "tokens, 20 a second, 10 in a block": lambda n: tokens(n, 20.0, 10),
    "a temperature": lambda n: values(SOC, n, lambda k: 40 + (k % 50) / 10),
    "a cap": lambda n: values(CAP, n, lambda _: 2.84e9),
    "a thermal status": lambda n: values(STATUS, n, lambda _: 0),
}


def cpu_s(items: Sequence[Item], transforms: Sequence[Transform]) -> float:
    """CPU seconds that a bus takes for them."""
    bus = Bus([Nowhere()], transforms)
    for item in begun():
        bus.publish(item)
    before = time.process_time()
    for item in items:
        bus.publish(item)
    return time.process_time() - before


def cost_us(items: Sequence[Item]) -> tuple[float, float]:
    """µs for each sample: what the detector adds, and the bus alone."""
    count = sum(item.n for item in items if isinstance(item, Samples))
    alone = min(cpu_s(items, ()) for _ in range(3))
    both = min(cpu_s(items, (Throttling(),)) for _ in range(3))
    return 1e6 * (both - alone) / count, 1e6 * alone / count


def main() -> int:
    """Print each case beside its limit."""
    options = parser(__doc__).parse_args()
    n = 10_000 if options.quick else 100_000
    good = True
    for name, make in CASES.items():
        cost, alone = cost_us(make(n))
        good &= report(f"µs per sample of {name}", cost, GOAL_US)
        print(f"  the bus alone {alone:.2f} µs: {cost / alone:.1f} times as much on top")
    told = cost_us(ticks(n))[0] - cost_us([_token(k) for k in range(n)])[0]
    print(f"  µs per tick of a run that decodes, its rate/r0 told: {told:.2f} (4 a second)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
