"""Ticks, four a second and all alike: kept as samples whose code is the last event before them."""

from collections.abc import Iterator

from drivers.model import DType, Samples, code_struct
from melt_tui.events import Tick
from melt_tui.store.catalog import Catalog
from melt_tui.store.chunks import Chunks

_SECOND = 1_000_000_000

Told = tuple[int, int, int, Tick]
"""``(t_ns, last event before it, place among its like, tick)``: by these it stands in the order of publication."""


def tick_block(tick: Tick, events_before: int) -> Samples:
    """A tick as a block."""
    code = code_struct(DType.I64).pack(events_before)
    return Samples(tick.device, "", tick.t_ns, tick.t_ns, DType.I64, code)


class Ticks:
    """Reads Ticks, within the read transactions of its owner."""

    def __init__(self, catalog: Catalog, chunks: Chunks) -> None:
        self._catalog = catalog
        self._chunks = chunks

    def between(self, t0_ns: int, t1_ns: int, limit: int, *, newest: bool) -> list[Told]:
        """Ticks of a span, both ends included: the ``limit`` newest or oldest of them, or a few more."""
        bounds = [known for series in self._catalog.ticks if (known := self._chunks.bounds(series))]
        if not bounds or limit <= 0:
            return []
        t0_ns, t1_ns = max(t0_ns, min(b[0] for b in bounds)), min(t1_ns, max(b[1] for b in bounds))
        reach_ns = min(limit, 1 << 20) * _SECOND
        while True:
            a_ns = max(t0_ns, t1_ns - reach_ns) if newest else t0_ns
            b_ns = t1_ns if newest else min(t1_ns, t0_ns + reach_ns)
            found = list(self._told(a_ns, b_ns))
            if len(found) >= limit or (a_ns, b_ns) == (t0_ns, t1_ns) or t0_ns > t1_ns:
                return found
            reach_ns *= 16

    def _told(self, t0_ns: int, t1_ns: int) -> Iterator[Told]:
        for series in self._catalog.ticks:
            times, codes = self._chunks.samples(series, t0_ns, t1_ns + 1)
            pairs = zip(times.tolist(), codes.tolist(), strict=True)
            for place, (t_ns, before) in enumerate(pairs, 1):
                yield t_ns, int(before), place, Tick(t_ns=t_ns, device=series.channel.device)
