"""Rounds that a phone's shell prints by itself, ten times a second: cut into ticks, placed in the host's time. Pure.

Each tick bears the phone's own time. The offset to the host's is the smallest that a tick took to arrive of late: what
is late by a stall of the link keeps its place, and a step of the phone's clock is noticed.
"""

import re
from dataclasses import dataclass

from drivers.clock import SECOND

_TIME = re.compile(r"([0-9]{9,11})[.,]([0-9]{6})")
_PLAIN = re.compile(r"F ([0-9]{9,11})[.,]([0-9]{6})\|([^\r\n]*)\r?\nE(\.?)\r?\n")
"""Most ticks, with their end: of files alone."""
LIMIT = 64 * 1024
"""Characters after which a tick that has not ended is dropped."""
_END = re.compile(r"^E(\.?)\r?\n", re.MULTILINE)
"""Of a tick, and of the last one that is told at once."""
_LETTERS = frozenset({"F ", "M ", "K ", "S "})
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


class Cutter:
    """Cuts what arrives into ticks."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, arrival_ns: int, piece: str) -> list[Tick | str]:
        """The ticks that this piece completes; the text of one that came damaged, or never ends."""
        text, start, cut = self._rest + piece, 0, list[Tick | str]()
        while True:
            if plain := _PLAIN.match(text, start):
                second, micro, fast, last = plain.groups()
                told_ns = int(second) * SECOND + int(micro) * 1000
                cut.append(Tick(told_ns, arrival_ns, fast, last=last != ""))
                start = plain.end()
            elif end := _END.search(text, start):
                cut.append(_tick(arrival_ns, text[start : end.start()].rstrip("\r\n"), last=bool(end[1])))
                start = end.end()
            else:
                break
        self._rest = text[start:]
        if len(self._rest) > LIMIT:
            cut.append(self._rest)
            self._rest = ""
        return cut


def _tick(arrival_ns: int, text: str, *, last: bool) -> Tick | str:
    """Its lines; one that does not begin with a letter of ours goes on with the line before."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line[:2] in _LETTERS or not lines:
            lines.append(line)
        else:
            lines[-1] += f"\n{line}"
    found = {line[:2]: line[2:] for line in lines}
    time, _, fast = found.get("F ", "").partition("|")
    device_ns = clock_ns(time)
    if device_ns is None:
        return text
    mine, kin = found.get("M "), found.get("K ")
    return Tick(device_ns, arrival_ns, fast, _keyed(mine), _keyed(kin), found.get("S "), last=last)


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
        if self._now_ns is None or delay_ns < self._now_ns:
            self._now_ns = delay_ns
        offset_ns = self._now_ns if self._before_ns is None else min(self._now_ns, self._before_ns)
        self._last_ns = max(device_ns + offset_ns, self._last_ns + 1)
        return self._last_ns
