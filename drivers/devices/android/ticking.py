"""Rounds that a phone's shell prints by itself, ten times a second: cut into ticks, placed in the host's time. Pure.

Each tick bears the phone's own time. The offset to the host's is the smallest that a tick took to arrive of late: what
is late by a stall of the link keeps its place, and a step of the phone's clock is noticed.
"""

import re
from dataclasses import dataclass, field

from drivers.clock import SECOND

_TIME = re.compile(r"([0-9]{9,11})[.,]([0-9]{6})")
LINE_LIMIT = 512
"""Lines after which a tick that has not ended is dropped."""
_ENDS = ("E", "E.")
"""Of a tick, and of the last one that is told at once."""
_BUCKET = 150
"""Ticks over which the smallest delay is kept; of two such buckets the smaller counts."""
_STEP_NS = 5 * SECOND
"""A tick that stands before the last one, or further than this behind it, tells of a clock that was set."""


@dataclass(slots=True)
class Tick:
    """What one tick printed: lines by their letter, those of several lines joined."""

    device_ns: int
    arrival_ns: int
    fast: str
    mine: tuple[str, str] | None = None
    """Key and round of what is watched."""
    kin: tuple[str, str] | None = None
    steady: str | None = None
    last: bool = False
    """No other was told at once with it after it."""


@dataclass(slots=True)
class Cutter:
    """Cuts lines into ticks."""

    _lines: list[str] = field(default_factory=list)
    _taken: int = 0

    def feed(self, arrival_ns: int, text: str) -> Tick | str | None:
        """A tick when this line ends one; the text of one that came damaged; None in between."""
        self._taken += 1
        if text not in _ENDS:
            if text[:2] in {"F ", "M ", "K ", "S "} or not self._lines:
                self._lines.append(text)
            else:
                self._lines[-1] += f"\n{text}"
            return None if self._taken < LINE_LIMIT else self._drop()
        found = {line[:2]: line[2:] for line in self._lines}
        time, _, fast = found.get("F ", "").partition("|")
        device_ns = clock_ns(time)
        if device_ns is None:
            return self._drop()
        self._lines, self._taken = [], 0
        keyed = _keyed(found.get("M ")), _keyed(found.get("K "))
        return Tick(device_ns, arrival_ns, fast, *keyed, found.get("S "), last=text == _ENDS[1])

    def _drop(self) -> str:
        dropped = "\n".join(self._lines)
        self._lines, self._taken = [], 0
        return dropped


def clock_ns(text: str) -> int | None:
    """``EPOCHREALTIME`` in ns, also in a comma locale."""
    match = _TIME.fullmatch(text)
    return int(match[1]) * SECOND + int(match[2]) * 1000 if match else None


def _keyed(line: str | None) -> tuple[str, str] | None:
    if line is None:
        return None
    key, _, rest = line.partition("|")
    return key, rest


class Placing:
    """From the phone's time of a tick to the host's."""

    def __init__(self) -> None:
        self._last_device_ns: int | None = None
        self._last_ns = 0
        self._now_ns: int | None = None
        self._before_ns: int | None = None
        self._count = 0

    def place(self, device_ns: int, arrival_ns: int) -> int:
        """When that was, in the host's time: never after it arrived, and always after the tick before."""
        last, self._last_device_ns = self._last_device_ns, device_ns
        if last is not None and not 0 < device_ns - last < _STEP_NS:
            self._now_ns = self._before_ns = None
        delay_ns = arrival_ns - device_ns
        if self._count >= _BUCKET:
            self._count, self._before_ns, self._now_ns = 0, self._now_ns, None
        self._count += 1
        self._now_ns = delay_ns if self._now_ns is None else min(self._now_ns, delay_ns)
        offset_ns = self._now_ns if self._before_ns is None else min(self._now_ns, self._before_ns)
        self._last_ns = max(device_ns + offset_ns, self._last_ns + 1)
        return self._last_ns
