"""How far a model is on its way to the disk, told to whoever waits for it."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.clock import SECOND, Clock, SystemClock

_EVERY_NS = SECOND // 10


@dataclass(frozen=True, slots=True)
class Progress:
    """``what`` is done up to ``fraction`` (0…1); ``eta_s`` seconds remain, None while that is not known."""

    what: str
    fraction: float
    eta_s: float | None


Report = Callable[[Progress], None]
"""Called at most ten times a second and at the end; what it raises ends the work, which cleans up after itself."""


def silent(_progress: Progress) -> None:
    """Tell nobody."""


class Meter:
    """Counts bytes and reports them."""

    def __init__(self, what: str, total: int, report: Report, clock: Clock | None = None) -> None:
        self._what = what
        self._total = max(1, total)
        self._report = report
        self._clock = clock or SystemClock()
        self._done = 0
        self._start_ns = self._clock.now()
        self._next_ns = self._start_ns

    def add(self, n: int) -> None:
        """``n`` bytes more are done."""
        self._done += n
        now_ns = self._clock.now()
        if now_ns >= self._next_ns or self._done >= self._total:
            self._next_ns = now_ns + _EVERY_NS
            fraction = min(1.0, self._done / self._total)
            self._report(Progress(self._what, fraction, self._eta(now_ns, fraction)))

    def _eta(self, now_ns: int, fraction: float) -> float | None:
        spent_s = (now_ns - self._start_ns) / SECOND
        return spent_s * (1 - fraction) / fraction if spent_s > 0 and fraction > 0 else None
