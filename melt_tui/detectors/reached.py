"""What an integral had reached at a moment: sums that rise, so that a window's are the difference of two."""

from operator import add, sub
from typing import Final, NamedTuple

from drivers.clock import SECOND
from drivers.model import Kind
from melt_tui.measures.integral import bend

Step = tuple[float, float]
"""From one sample to the next: W, and s."""


class Reached(NamedTuple):
    """Energy in J, and how long of the time it was seen, since the first sample; and what tells how far it may be off."""

    joules: float
    covered_ns: float
    absolute_j: float = 0.0
    """With every power, block by block, taken as positive."""
    steps: float = 0.0
    """From instant sample to sample; as all that follows."""
    squares_s2: float = 0.0
    """Of their lengths."""
    moved: float = 0.0
    """Squares of what they rose or fell, W²; 0 where nothing moved."""
    bent: float = 0.0
    """The two sums of ``measures.integral.bends``, of blocks that were looked at."""
    spread: float = 0.0

    def plus(self, other: "Reached") -> "Reached":
        """Both together."""
        return Reached._make(map(add, self, other))

    def since(self, start: "Reached") -> "Reached":
        """What came since an earlier moment."""
        return Reached._make(map(sub, self, start))

    def share(self, part: float) -> "Reached":
        """So much of it."""
        return Reached(*(part * one for one in self))

    @property
    def variance(self) -> float | None:
        """``measures.integral.unseen_variance`` of these steps; None where none was looked at."""
        if self.spread > 0:
            return max(0.0, self.bent / self.spread)
        return self.moved / self.steps / 2 if 0 < self.steps < _TWO else None


NOTHING: Final = Reached(0.0, 0.0)

_TWO = 1.5


def together(before: Reached, inside: Reached, joint: Reached) -> Reached:
    """All three: of every block, so it is written out."""
    a, b, c, d, e, f, g, h = before
    i, j, k, m, n, o, p, q = inside
    r, s, t, u, v, w, x, y = joint
    return Reached(a + i + r, b + j + s, c + k + t, d + m + u, e + n + v, f + o + w, g + p + x, h + q + y)


def one_step(kind: Kind, first: float, last: float, gap_ns: int, part_ns: int) -> Reached:
    """Of ``part_ns`` of the way from one sample to the next."""
    if kind is Kind.COUNTER:
        joules = (last - first) * part_ns / gap_ns
        return Reached(joules, part_ns, joules) if last >= first else NOTHING
    if kind is Kind.INTERVAL_MEAN:
        joules = last * part_ns / SECOND
        return Reached(joules, part_ns, abs(joules))
    joules = (first + (last - first) * part_ns / gap_ns / 2) * part_ns / SECOND
    share, length_s = part_ns / gap_ns, gap_ns / SECOND
    return Reached(
        joules, part_ns, abs(joules), share, share * length_s * length_s, share * (last - first) ** 2
    )


def bent(so_far: Reached, before: Step | None, after: Step | None) -> Reached:
    """With the sums of the sample between two steps."""
    if before is None or after is None or not before[1] + after[1]:
        return so_far
    off, spread = bend(before[0], after[0], before[1], after[1])
    return Reached(*so_far[:6], so_far.bent + off * off, so_far.spread + spread)
