"""From a device's own clock to the host's and back, along the offsets that were measured on both sides. Pure."""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.links.asking import Offset


@dataclass(frozen=True, slots=True, order=True)
class _Row:
    own_ns: int
    offset_ns: int
    uncertainty_ns: int


class OwnLine:
    """Straight lines between measurements, constant outside them: as every reader of ``ClockMeasured`` has it."""

    def __init__(self, offsets: Sequence[Offset] = ()) -> None:
        self._rows: list[_Row] = []
        for offset in offsets:
            self.add(offset)

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return bool(self._rows)

    def add(self, offset: Offset) -> None:
        """Take a measurement. One behind those that are known shows that the clock was set back: these are forgotten."""
        row = _Row(offset.t_ns - offset.offset_ns, offset.offset_ns, offset.uncertainty_ns)
        self._rows = [other for other in self._rows if other.own_ns < row.own_ns]
        insort(self._rows, row)

    def host(self, own_ns: int) -> int:
        """Host time of a moment of the device's clock."""
        before, after = self._around(bisect_right(self._rows, own_ns, key=lambda row: row.own_ns))
        run = after.own_ns - before.own_ns
        if run == 0:
            return own_ns + before.offset_ns
        return (
            own_ns + before.offset_ns + (after.offset_ns - before.offset_ns) * (own_ns - before.own_ns) // run
        )

    def own(self, host_ns: int) -> int:
        """The device's time of a moment of the host's."""
        before, after = self._around(bisect_right(self._rows, host_ns, key=_host))
        rise = _host(after) - _host(before)
        if rise <= 0:
            return host_ns - before.offset_ns
        return before.own_ns + (after.own_ns - before.own_ns) * (host_ns - _host(before)) // rise

    def uncertainty(self, own_ns: int) -> int:
        """How far off ``host`` may be there: the worse of the measurements around it."""
        before, after = self._around(bisect_right(self._rows, own_ns, key=lambda row: row.own_ns))
        return max(before.uncertainty_ns, after.uncertainty_ns)

    def _around(self, after: int) -> tuple[_Row, _Row]:
        """The rows before and after; outside of them the nearest, twice."""
        return self._rows[max(0, after - 1)], self._rows[min(after, len(self._rows) - 1)]


def _host(row: _Row) -> int:
    return row.own_ns + row.offset_ns
