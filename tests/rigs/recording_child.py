"""A child that records until it is killed: a fast channel, some slow ones, ticks. ``python recording_child.py FILE``.

What it publishes follows from a counter alone, so that a test can tell what must be in the file. On stdout it says how
much it has published and how much is durable, a line each few milliseconds.
"""

import sys
import threading
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from drivers.base import Item
from drivers.events import ChannelsOpened
from drivers.model import Channel, DType, Quantity, Samples, Unit, linear, reading
from melt_tui.events import SELF, SessionStarted, Tick
from melt_tui.store.recorder import Recorder

STEP_NS = 5_000_000
FAST = Channel(
    device="meter",
    name="current",
    quantity=Quantity.CURRENT,
    unit=Unit.AMPERE,
    rate_hz=1e5,
    dtype=DType.U16,
    decoding=linear(1e-6),
)
SLOW = [
    Channel(device="board", name=f"t{k}", quantity=Quantity.TEMPERATURE, unit=Unit.CELSIUS, rate_hz=10.0)
    for k in range(8)
]


def items() -> Iterator[tuple[int, Item]]:
    """Moment and item, for ever."""
    yield 0, SessionStarted(t_ns=0, device=SELF, wall_ns=0, name="child", version="1", host="h")
    yield 0, ChannelsOpened(t_ns=0, device="meter", channels=(FAST, *SLOW))
    for step in count():
        t_ns = step * STEP_NS
        codes = b"".join((step * 7 + k * k % 97).to_bytes(2, "little") for k in range(500))
        yield t_ns, Samples("meter", "current", t_ns, t_ns + STEP_NS - 10_000, DType.U16, codes)
        if step % 20 == 0:
            yield from ((t_ns, reading(channel, t_ns, step / 10)) for channel in SLOW)
        if step % 50 == 0:
            yield t_ns, Tick(t_ns=t_ns, device=SELF)


def published(n: int) -> list[Item]:
    """The first ``n`` items."""
    return [item for _, item in islice(items(), n)]


def main() -> None:
    """Record in real time."""
    pause = threading.Event()
    recorder = Recorder(Path(sys.argv[1]), commit_s=float(sys.argv[2]))
    last_ns = 0
    for number, (t_ns, item) in enumerate(items(), 1):
        recorder.take(item)
        if t_ns != last_ns:
            print(number, t_ns, recorder.committed_ns, recorder.problem, flush=True)
            pause.wait((t_ns - last_ns) / 1e9)
            last_ns = t_ns


if __name__ == "__main__":
    main()
