"""What live energy costs of a core beside a dense meter; keeping the same blocks for the charts is told for comparison.

A PPK2 at 100 kS/s in blocks of 20 ms, in one range and changing between two; a Monsoon at 5 kS/s. Process CPU of one run.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened
from drivers.model import Channel, Decoding, DType, Quantity, Samples, Unit
from melt_tui.detectors.energy import LiveEnergy
from melt_tui.events import SELF, RunStarted, Tick, Wired
from melt_tui.live import LiveState
from tests.rigs.installed import report
from tests.rigs.session_parts import SPEC

BLOCK_NS = 20 * MILLISECOND
LIMIT_PERCENT = 0.5
"""Of the 10 that the whole program may take beside a PPK2."""
FIT = tuple((1e-4 * i, 1e-6 * (i + 1), 1e-13) for i in range(5))
RANGED = Decoding((*FIT, *FIT), 14)


def channel(rate_hz: float, dtype: DType, decoding: Decoding | None = None) -> Channel:
    return Channel(
        device="meter", name="power", quantity=Quantity.POWER, unit=Unit.WATT, rate_hz=rate_hz, dtype=dtype,
        decoding=decoding or Decoding(), point="battery-terminals",
    )  # fmt: skip


def blocks(of: Channel, count: int, ranges: tuple[int, ...]) -> list[Samples]:
    random = np.random.default_rng(1)
    n = round((of.rate_hz or 0) * BLOCK_NS / SECOND)
    made = []
    for k in range(count):
        codes = random.integers(3000, 4000, n) | random.choice(ranges, n) << 14
        raw = codes.astype("<" + of.dtype).tobytes()
        t_ns = k * BLOCK_NS
        made.append(Samples(of.device, of.name, t_ns, t_ns + BLOCK_NS * (n - 1) // n, of.dtype, raw))
    return made


def cost_us(take: Callable[[Item], object], before: list[Item], fed: list[Samples]) -> float:
    """CPU for each block, with the session's ticks between them."""
    for item in before:
        take(item)
    begun = time.process_time()
    for k, one in enumerate(fed):
        take(one)
        if k % 13 == 0:
            take(Tick(t_ns=one.t1_ns, device=SELF))
    return (time.process_time() - begun) / len(fed) * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count = 500 if parser.parse_args().quick else 3000
    good = True
    for what, of, ranges in (
        ("PPK2, one range", channel(100_000.0, DType.U32, RANGED), (3,)),
        ("PPK2, two ranges", channel(100_000.0, DType.U32, RANGED), (2, 3)),
        ("Monsoon", channel(5_000.0, DType.F32), (0,)),
    ):
        before: list[Item] = [
            ChannelsOpened(t_ns=0, device="meter", channels=(of,)),
            Wired(t_ns=0, device="meter", feeds="dev", point=of.point),
            RunStarted(t_ns=0, device="dev", run="r1", spec=SPEC),
        ]
        fed = blocks(of, count, ranges)
        kept = cost_us(LiveState().take, before, fed)
        told = cost_us(LiveEnergy().feed, before, fed)
        print(f"{what}: {told:.0f} µs a block of {fed[0].n}, live state {kept:.0f} µs")
        good &= report(f"live energy, {what}: % of a core", 100 * told * 1000 / BLOCK_NS, LIMIT_PERCENT)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
