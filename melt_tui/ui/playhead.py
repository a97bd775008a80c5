"""The playhead: which moment is shown, over which span, and where the cursor and the markers stand.

Pure: the clock's reading is handed in. Every change gives a new playhead. Live, freeze, instant rewind, replay and
seek are all this one object.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from enum import StrEnum

SECOND_NS = 1_000_000_000

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Speeds of playing, as multiples of real time."""

SPANS_NS = tuple(
    seconds * SECOND_NS
    for seconds in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400)
)
"""Spans that zooming goes through; beyond them the whole session is shown."""

LEAST_SPAN_NS = SECOND_NS // 10

DEFAULT_SPAN_NS = 120 * SECOND_NS


class Mode(StrEnum):
    """How the moment shown follows the clock."""

    PINNED = "pinned"
    """It is the newest one."""
    FROZEN = "frozen"
    PLAYING = "playing"


@dataclass(frozen=True, slots=True)
class Reach:
    """What there is to show: the first moment, the newest, and whether the newest moves with the clock."""

    first_ns: int
    edge_ns: int
    live: bool

    @property
    def length_ns(self) -> int:
        """How long it is, at least 1 ns."""
        return max(1, self.edge_ns - self.first_ns)

    def clamp(self, t_ns: int) -> int:
        """The moment within reach that is nearest to ``t_ns``."""
        return max(self.first_ns, min(self.edge_ns, t_ns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playhead:
    """The moment shown is ``t_ns`` as of the clock's ``since_ns``; what became of it since depends on the mode."""

    mode: Mode = Mode.PINNED
    t_ns: int = 0
    since_ns: int = 0
    speed: float = 1.0
    resume: Mode = Mode.PINNED
    """What ``toggled`` goes back to when frozen."""
    span_ns: int | None = DEFAULT_SPAN_NS
    """How much time is shown; None: the whole session."""
    cursor_ns: int | None = None
    a_ns: int | None = None
    b_ns: int | None = None
    loop: bool = False
    """Playing goes from b back to a."""

    def at(self, now_ns: int, reach: Reach) -> int:
        """The moment shown."""
        if self.mode is Mode.PINNED:
            return reach.edge_ns
        if self.mode is Mode.FROZEN:
            return reach.clamp(self.t_ns)
        return reach.clamp(self._played(now_ns))

    def window(self, now_ns: int, reach: Reach) -> tuple[int, int]:
        """The span shown, ``(t0_ns, t1_ns)``: it ends at the moment shown, or starts with the session."""
        if self.span_ns is None:
            return reach.first_ns, max(reach.edge_ns, reach.first_ns + SPANS_NS[0])
        end = max(self.at(now_ns, reach), reach.first_ns + self.span_ns)
        return end - self.span_ns, end

    def settled(self, now_ns: int, reach: Reach) -> "Playhead":
        """The same, anchored at ``now_ns``: what has played up to the edge is pinned there, or stands."""
        t_ns = self.at(now_ns, reach)
        settled = replace(self, t_ns=t_ns, since_ns=now_ns)
        if self.mode is not Mode.PLAYING or t_ns < reach.edge_ns:
            return settled
        if reach.live:
            return replace(settled, mode=Mode.PINNED, speed=1.0)
        return replace(settled, mode=Mode.FROZEN, resume=Mode.PLAYING)

    def frozen(self, now_ns: int, reach: Reach) -> "Playhead":
        """Stand at the moment shown."""
        here = self.settled(now_ns, reach)
        if here.mode is Mode.FROZEN:
            return here
        return replace(here, mode=Mode.FROZEN, resume=here.mode)

    def playing(self, now_ns: int, reach: Reach) -> "Playhead":
        """Play on from the moment shown; from the beginning when a recording has come to its end."""
        here = self.settled(now_ns, reach)
        ended = here.t_ns >= reach.edge_ns
        if ended and reach.live:
            return self.pinned()
        return replace(here, mode=Mode.PLAYING, t_ns=reach.first_ns if ended else here.t_ns)

    def toggled(self, now_ns: int, reach: Reach) -> "Playhead":
        """Freeze, or go on as before."""
        here = self.settled(now_ns, reach)
        if here.mode is not Mode.FROZEN:
            return here.frozen(now_ns, reach)
        return here.pinned() if here.resume is Mode.PINNED else here.playing(now_ns, reach)

    def pinned(self) -> "Playhead":
        """Follow the newest moment."""
        return replace(self, mode=Mode.PINNED, speed=1.0, cursor_ns=None)

    def sought(self, t_ns: int, now_ns: int, reach: Reach) -> "Playhead":
        """Show ``t_ns``; what was playing plays on from there, what was pinned stands."""
        here = self.settled(now_ns, reach)
        mode = Mode.PLAYING if here.mode is Mode.PLAYING else Mode.FROZEN
        return replace(here, mode=mode, resume=Mode.PLAYING, t_ns=reach.clamp(t_ns), cursor_ns=None)

    def panned(self, spans: float, now_ns: int, reach: Reach) -> "Playhead":
        """Move by so many spans; forward beyond the newest moment of a live session pins."""
        t0, t1 = self.window(now_ns, reach)
        start = self.at(now_ns, reach)
        if spans < 0:
            start = min(start, t1)
        goal = start + round(spans * (t1 - t0))
        if goal >= reach.edge_ns and reach.live:
            return replace(self.pinned(), cursor_ns=self.cursor_ns)
        return replace(self.sought(goal, now_ns, reach), cursor_ns=self.cursor_ns)

    def zoomed(self, steps: int, now_ns: int, reach: Reach, about_ns: int | None = None) -> "Playhead":
        """Show more (positive) or less time; the moment ``about_ns`` stays where it is on the chart."""
        span = self._stepped(steps, reach)
        if about_ns is None or span is None or self.mode is not Mode.FROZEN:
            return replace(self, span_ns=span)
        t0, t1 = self.window(now_ns, reach)
        share = (t1 - about_ns) / (t1 - t0)
        return replace(self, span_ns=span, t_ns=reach.clamp(about_ns + round(share * span)), since_ns=now_ns)

    def scaled(self, factor: float, about_ns: int, now_ns: int, reach: Reach) -> "Playhead":
        """Divide the span by ``factor``; the moment ``about_ns`` stays where it is unless the view is pinned."""
        t0, t1 = self.window(now_ns, reach)
        span = max(LEAST_SPAN_NS, round((t1 - t0) / factor))
        if span >= reach.length_ns and factor < 1:
            return replace(self, span_ns=None)
        share = (t1 - about_ns) / (t1 - t0)
        if self.mode is not Mode.FROZEN:
            return replace(self, span_ns=span)
        goal = reach.clamp(about_ns + round(share * span))
        return replace(self, span_ns=span, t_ns=goal, since_ns=now_ns)

    def faster(self, steps: int, now_ns: int, reach: Reach) -> "Playhead":
        """Play faster (positive) or slower; a pinned or frozen playhead only keeps the speed for later."""
        i = SPEEDS.index(self.speed) + steps
        speed = SPEEDS[max(0, min(len(SPEEDS) - 1, i))]
        return replace(self.settled(now_ns, reach), speed=speed)

    def pointed(self, t_ns: int | None, now_ns: int, reach: Reach) -> "Playhead":
        """Put the cursor at ``t_ns``, kept inside of what is shown; None takes it away."""
        if t_ns is None:
            return replace(self, cursor_ns=None)
        t0, t1 = self.window(now_ns, reach)
        return replace(self, cursor_ns=max(t0, min(t1, t_ns)))

    def revealed(self, t_ns: int, now_ns: int, reach: Reach) -> "Playhead":
        """Point at ``t_ns`` and make sure that it is on screen, with a tenth of the span after it."""
        t0, t1 = self.window(now_ns, reach)
        shown_until = min(t1, self.at(now_ns, reach))
        if t0 <= t_ns <= shown_until and self.mode is not Mode.PLAYING:
            return replace(self, cursor_ns=t_ns)
        moved = self.frozen(now_ns, reach).sought(t_ns + (t1 - t0) // 10, now_ns, reach)
        return replace(moved, cursor_ns=t_ns)

    def cursor_kept(self, now_ns: int, reach: Reach) -> "Playhead":
        """The same, without a cursor that has scrolled out of sight."""
        t0, t1 = self.window(now_ns, reach)
        if self.cursor_ns is None or t0 <= self.cursor_ns <= t1:
            return self
        return replace(self, cursor_ns=None)

    def marker_a(self, t_ns: int | None) -> "Playhead":
        """Set or clear a."""
        return replace(self, a_ns=t_ns, loop=self.loop and t_ns is not None)

    def marker_b(self, t_ns: int | None) -> "Playhead":
        """Set or clear b."""
        return replace(self, b_ns=t_ns, loop=self.loop and t_ns is not None)

    @property
    def marked(self) -> tuple[int, int] | None:
        """The span between the markers, the earlier first; None unless it has a length."""
        if self.a_ns is None or self.b_ns is None or self.a_ns == self.b_ns:
            return None
        return min(self.a_ns, self.b_ns), max(self.a_ns, self.b_ns)

    def looped(self, now_ns: int, reach: Reach) -> "Playhead":
        """Begin or end repeating what lies between the markers; nothing without them."""
        if self.loop or self.marked is None:
            return replace(self.settled(now_ns, reach), loop=False)
        start = reach.clamp(self.marked[0])
        return replace(self, mode=Mode.PLAYING, t_ns=start, since_ns=now_ns, loop=True)

    def _played(self, now_ns: int) -> int:
        t_ns = self.t_ns + round(self.speed * max(0, now_ns - self.since_ns))
        if not self.loop or self.marked is None:
            return t_ns
        a, b = self.marked
        return t_ns if t_ns <= b else a + (t_ns - a) % (b - a)

    def _stepped(self, steps: int, reach: Reach) -> int | None:
        useful = SPANS_NS[: bisect_left(SPANS_NS, reach.length_ns) + 1]
        if self.span_ns is None or self.span_ns > useful[-1]:
            i = len(useful)
        else:
            i = bisect_left(useful, self.span_ns) if steps < 0 else bisect_right(useful, self.span_ns) - 1
        goal = max(0, i + steps)
        return useful[goal] if goal < len(useful) else None
