"""How well the screen keeps up: frames drawn, frames missed, how late the timer came; and which frames draw charts."""

from collections import deque
from collections.abc import Sequence

from melt_tui.workbench import Bench, SelfReport

_REPORT_NS = 1_000_000_000
_CHARTED_NS = 400_000_000


class FrameMeter:
    """Told of every tick of the frame timer; counts run on, lateness is that of the last ``kept`` ticks."""

    def __init__(self, period_ns: int, kept: int = 10) -> None:
        self._period_ns = period_ns
        self._late_ns: deque[int] = deque(maxlen=max(1, kept))
        self._due_ns: int | None = None
        self.frames = 0
        self.dropped = 0

    def tick(self, now_ns: int) -> None:
        """The timer fired."""
        due_ns = now_ns if self._due_ns is None else self._due_ns
        late_ns = max(0, now_ns - due_ns)
        self.frames += 1
        self.dropped += late_ns // self._period_ns
        self._late_ns.append(late_ns)
        self._due_ns = max(due_ns, now_ns - late_ns % self._period_ns) + self._period_ns

    @property
    def lag_p99_s(self) -> float:
        """99th percentile of the lateness, nearest rank; 0 before the first tick."""
        if not self._late_ns:
            return 0.0
        ordered = sorted(self._late_ns)
        return ordered[-(-99 * len(ordered) // 100) - 1] / 1e9

    def restart(self) -> None:
        """The timer stood still on purpose: its next tick is on time."""
        self._due_ns = None


class FrameReports:
    """Tells the workbench about once a second what the screen costs, whichever screen it is."""

    def __init__(self, bench: Bench, period_ns: int) -> None:
        self._bench = bench
        self._meter = FrameMeter(period_ns)
        self._due_ns = 0

    def tick(self, now_ns: int) -> None:
        """The frame timer fired."""
        meter = self._meter
        meter.tick(now_ns)
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + _REPORT_NS
            self._bench.report(
                SelfReport(frames=meter.frames, dropped_frames=meter.dropped, lag_p99_s=meter.lag_p99_s)
            )

    def restart(self) -> None:
        """The timer stood still on purpose: its next tick is on time."""
        self._meter.restart()


class ChartPace:
    """Charts are drawn whenever they move on by a dot, and at least every 0.4 s: in between their newest dot alone can
    change. What devices say in figures is drawn with every frame."""

    def __init__(self) -> None:
        self._drawn_ns = 0

    def due(self, now_ns: int, span: tuple[int, int], columns: Sequence[int]) -> bool:
        """Whether this frame draws them. ``columns``: of dots, of each chart; the widest one counts."""
        dot_ns = max(1, -(-(span[1] - span[0]) // max((1, *columns))))
        parts = -(-dot_ns // _CHARTED_NS)
        moved = self._drawn_ns * parts // dot_ns != now_ns * parts // dot_ns
        self._drawn_ns = now_ns if moved else self._drawn_ns
        return moved
