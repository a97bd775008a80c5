"""How far a leased process's output had come at which time of the device's own clock, and what became of it. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from drivers.links.asking import OwnTime

Stream = Literal["out", "err"]

_STAMP = re.compile(r"([0-9.,]{1,24}) ([0-9]{1,12}) ([0-9]{1,12})(?: (ended|expired|full))?")


class End(StrEnum):
    """Why a leased process is no more."""

    ENDED = "ended"
    """By itself."""
    EXPIRED = "expired"
    """Nobody renewed its lease in time."""
    FULL = "full"
    """It wrote more than a lease keeps."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of each stream: until the time ``times_ns[i]`` of the device's clock so many bytes had been written."""

    times_ns: Sequence[int] = ()
    sizes: dict[Stream, Sequence[int]] = field(default_factory=lambda: {"out": (), "err": ()})
    end: End | None = None
    """None of one that lives, or whose end nobody noted: the device was restarted."""
    over: bool = False
    """Whether it had ended when they were read."""

    @property
    def last_ns(self) -> int | None:
        """When the device was last seen to run it."""
        return self.times_ns[-1] if self.times_ns else None

    def size(self, stream: Stream) -> int:
        """Bytes of a stream that are known to have been written before."""
        sizes = self.sizes[stream]
        return sizes[-1] if sizes else 0

    def parts(self, stream: Stream, start: int, data: bytes) -> Iterator[tuple[bytes, int | None]]:
        """``data``, which stands at byte ``start`` of a stream, cut where stamps stand; each part with its time.

        None for what came after the last stamp; of one that has ended that came before its end.
        """
        sizes = self.sizes[stream]
        at = start
        while at < start + len(data):
            index = bisect_left(sizes, at + 1)
            stamped = index < len(sizes)
            until = min(sizes[index], start + len(data)) if stamped else start + len(data)
            left_ns = self.last_ns if self.over else None
            yield data[at - start : until - start], self.times_ns[index] if stamped else left_ns
            at = until


def read_time(text: str) -> int | None:
    """The device's time in ns, as ``guarding.TICKING`` tells it: of whichever clock; None for anything else."""
    told = OwnTime.REAL_TIME.read(text)
    return OwnTime.UPTIME.read(text) if told is None else told


def read_stamps(text: str, *, over: bool = False) -> Stamps:
    """From lines ``time bytes-of-out bytes-of-err [end]``, the last where it is whole. Times and sizes never fall.

    A line that is none, or that falls behind the one before it, is passed over.
    """
    times: list[int] = []
    outs: list[int] = []
    errs: list[int] = []
    end: End | None = None
    for line in text.split("\n")[:-1]:
        match = _STAMP.fullmatch(line)
        t_ns = read_time(match[1]) if match else None
        if match is None or t_ns is None:
            continue
        out, err = int(match[2]), int(match[3])
        end = end or (End(match[4]) if match[4] else None)
        if not times or (out >= outs[-1] and err >= errs[-1]):
            times.append(max(t_ns, times[-1]) if times else t_ns)
            outs.append(out)
            errs.append(err)
    return Stamps(times, {"out": outs, "err": errs}, end, over)
