"""From a device's clock to the host's and back, by what was measured of it."""

from bisect import bisect_right, insort
from dataclasses import dataclass

from drivers.events import ClockMeasured


@dataclass(frozen=True, slots=True, order=True)
class ClockRow:
    """At device time ``t_ns``: ``host = device + offset_ns``, within ± ``uncertainty_ns``."""

    t_ns: int
    offset_ns: int
    uncertainty_ns: int
    origin: str


class ClockMap:
    """Offsets of every device clock: straight lines between measurements, constant outside them.

    A device without rows keeps host time.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[ClockRow]] = {}

    def add(self, device: str, row: ClockRow) -> None:
        """Take one measurement, in any order of time."""
        insort(self._rows.setdefault(device, []), row)

    def learn(self, event: ClockMeasured) -> None:
        """Take a measurement off the bus: its ``t_ns`` is host time."""
        row = ClockRow(event.t_ns - event.offset_ns, event.offset_ns, event.uncertainty_ns, event.origin)
        self.add(event.device, row)

    def to_host(self, device: str, t_ns: int) -> int:
        """Host time of a moment on the device's clock."""
        rows = self._rows.get(device)
        return t_ns if not rows else t_ns + _offset(rows, t_ns)

    def to_device(self, device: str, t_ns: int) -> int:
        """The latest device time that is not later than host time ``t_ns``."""
        rows = self._rows.get(device)
        if not rows:
            return t_ns
        guess = t_ns - _offset_at_host(rows, t_ns)
        while guess + _offset(rows, guess) > t_ns:
            guess -= 1
        while guess + 1 + _offset(rows, guess + 1) <= t_ns:
            guess += 1
        return guess

    def rows(self, device: str) -> tuple[ClockRow, ...]:
        """What was measured of this device, by time."""
        return tuple(self._rows.get(device, ()))


def _offset(rows: list[ClockRow], t_ns: int) -> int:
    after = bisect_right(rows, t_ns, key=lambda row: row.t_ns)
    if after == 0:
        return rows[0].offset_ns
    if after == len(rows):
        return rows[-1].offset_ns
    return _between(rows[after - 1], rows[after], rows[after - 1].t_ns, rows[after].t_ns, t_ns)


def _offset_at_host(rows: list[ClockRow], t_ns: int) -> int:
    after = bisect_right(rows, t_ns, key=_host_time)
    if after == 0:
        return rows[0].offset_ns
    if after == len(rows):
        return rows[-1].offset_ns
    low, high = rows[after - 1], rows[after]
    return _between(low, high, _host_time(low), _host_time(high), t_ns)


def _host_time(row: ClockRow) -> int:
    return row.t_ns + row.offset_ns


def _between(low: ClockRow, high: ClockRow, t_low: int, t_high: int, t_ns: int) -> int:
    return low.offset_ns + (high.offset_ns - low.offset_ns) * (t_ns - t_low) // max(1, t_high - t_low)
