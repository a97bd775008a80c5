"""From a device's clock to the host's and back, by what was measured of it."""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.events import ClockMeasured
from drivers.model import Channel, ChannelKey


@dataclass(frozen=True, slots=True, order=True)
class ClockRow:
    """At device time ``t_ns``: ``host = device + offset_ns``, within ± ``uncertainty_ns``."""

    t_ns: int
    offset_ns: int
    uncertainty_ns: int
    origin: str


class ClockMap:
    """Offsets of every device clock: straight lines between measurements, constant outside them.

    Only channels of ``own_clock`` are moved by measurements, and those of a device without rows are not; a correction
    moves all channels of its device, after the measurements. The map never falls, in either direction, and depends on
    the rows alone, not on the order in which they came. Where a device clock was set back, one device time stands for
    two moments: rows that a measurement *later by the host* puts at or after its own device time are passed over, so
    that the newest measurement always holds for what comes after it.
    """

    def __init__(self) -> None:
        self._own: set[ChannelKey] = set()
        self._rows: dict[str, list[ClockRow]] = {}
        self._lines: dict[str, _Line] = {}
        self._corrections: dict[str, ClockRow] = {}

    def open(self, channel: Channel) -> None:
        """Know from now on whose clock this channel's times are of."""
        if channel.own_clock:
            self._own.add(channel.key)

    def add(self, device: str, row: ClockRow) -> None:
        """Take one measurement, in any order of time."""
        rows = self._rows.setdefault(device, [])
        insort(rows, row)
        self._lines[device] = _Line(rows)

    def learn(self, event: ClockMeasured) -> None:
        """Take a measurement off the bus: its ``t_ns`` is host time."""
        row = ClockRow(event.t_ns - event.offset_ns, event.offset_ns, event.uncertainty_ns, event.origin)
        self.add(event.device, row)

    def correct(self, device: str, row: ClockRow | None) -> None:
        """Move all channels of a device by this offset from now on, whatever was measured; None takes it back."""
        if row is None:
            self._corrections.pop(device, None)
        else:
            self._corrections[device] = row

    def correction(self, device: str) -> ClockRow | None:
        """By what somebody had the device's times corrected."""
        return self._corrections.get(device)

    def corrected(self) -> tuple[str, ...]:
        """The devices whose times somebody had corrected."""
        return tuple(self._corrections)

    def moves(self, key: ChannelKey) -> bool:
        """Whether the channel's times differ from the host's."""
        return not self.steady(key) or key[0] in self._corrections

    def steady(self, key: ChannelKey) -> bool:
        """Whether all times of the channel are moved by the same."""
        return not (key in self._own and key[0] in self._lines)

    def to_host(self, key: ChannelKey, t_ns: int) -> int:
        """Host time of a moment as the channel tells it."""
        line = self._lines.get(key[0]) if key in self._own else None
        return (t_ns if line is None else line.host(t_ns)) + self._shift(key[0])

    def to_device(self, key: ChannelKey, t_ns: int) -> int:
        """The latest moment, as the channel tells it, that is not later than host time ``t_ns``."""
        line = self._lines.get(key[0]) if key in self._own else None
        t_ns -= self._shift(key[0])
        return t_ns if line is None else line.device(t_ns)

    def corners(self, key: ChannelKey) -> Sequence[tuple[int, int]]:
        """Between what the map is straight for this channel: ``(device, host)``, both before any correction; none for times
        that measurements do not move."""
        line = self._lines.get(key[0]) if key in self._own else None
        return () if line is None else line.corners

    def rows(self, device: str) -> tuple[ClockRow, ...]:
        """What was measured of this device, by device time, passed-over rows included."""
        return tuple(self._rows.get(device, ()))

    def uncertainties(self, device: str, t0_ns: int, t1_ns: int) -> list[float]:
        """± ns of the measurements within a span of host time, of the last before it and of the first after it."""
        rows = self._rows.get(device, ())
        before = [row for row in rows if row.t_ns + row.offset_ns < t0_ns][-1:]
        after = [row for row in rows if row.t_ns + row.offset_ns > t1_ns][:1]
        within = [row for row in rows if t0_ns <= row.t_ns + row.offset_ns <= t1_ns]
        return [float(row.uncertainty_ns) for row in (*before, *within, *after)]

    def _shift(self, device: str) -> int:
        row = self._corrections.get(device)
        return 0 if row is None else row.offset_ns


class _Line:
    """The corners of the map of one device: device times rise, host times do not fall. Never changed once made."""

    def __init__(self, rows: list[ClockRow]) -> None:
        corners: list[tuple[int, int]] = []
        for host, device in sorted((row.t_ns + row.offset_ns, row.t_ns) for row in rows):
            while corners and corners[-1][0] >= device:
                corners.pop()
            corners.append((device, host))
        self._device = [device for device, _ in corners]
        self._host = [host for _, host in corners]

    @property
    def corners(self) -> Sequence[tuple[int, int]]:
        """Device and host time of each."""
        return tuple(zip(self._device, self._host, strict=True))

    def host(self, t_ns: int) -> int:
        after = bisect_right(self._device, t_ns)
        if after in {0, len(self._device)}:
            near = max(0, after - 1)
            return t_ns + self._host[near] - self._device[near]
        rise, run = self._slope(after)
        return self._host[after - 1] + rise * (t_ns - self._device[after - 1]) // run

    def device(self, t_ns: int) -> int:
        after = bisect_right(self._host, t_ns)
        if after in {0, len(self._host)}:
            near = max(0, after - 1)
            return t_ns - self._host[near] + self._device[near]
        rise, run = self._slope(after)
        return self._device[after - 1] + ((t_ns - self._host[after - 1] + 1) * run - 1) // rise

    def _slope(self, after: int) -> tuple[int, int]:
        rise = self._host[after] - self._host[after - 1]
        return rise, self._device[after] - self._device[after - 1]
