"""What is true of a trace, from the physics alone: when the speed fell below 90 % and stayed there, and why.

The rule is that of the definition, applied to a speed without noise: a fall counts from its first step below 90 % when
the mean over every window of 5 s (or 8 tokens) from there on, through 10 s of decoding, lies below 90 %; it is over when
the same holds the other way round. What lies so near to the line, to the run's ends or to a gap that nobody can say is
told as such and counts for nobody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.rigs.throttling.physics import STEP_S
from tests.rigs.throttling.plan import Plan, Progress

Floats = NDArray[np.float64]

LINE = 0.9
CLEAR = 0.87
"""A fall whose mean over 20 s never gets below this is too near to the line."""
NEARLY = 0.935
"""What lies below this may be taken for 90 % by one who measures with noise."""
HOLD_S = 10.0
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Slower than 90 %, because of a limit, for long enough. Host ns."""

    onset_ns: int
    end_ns: int
    recovers: bool
    reasons: frozenset[str]
    """Any of these is right."""
    mechanism_ns: int | None
    """When the limit itself came into force; None where nobody can see it."""
    share: float
    """Speed from onset to end, as a part of that without limit."""
    expected: bool
    """It must be found. Otherwise it may be, and nothing is counted."""
    tps: float
    """Decode rate just before."""
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of one trace."""

    episodes: tuple[Episode, ...]
    tolerated_ns: tuple[tuple[int, int], ...]
    """Spans in which an onset that is told proves nothing: too near to the line."""
    prefill_ns: tuple[tuple[int, int], ...]
    """Spans in which prefill is slow because of a limit."""
    slowed_ns: tuple[tuple[int, int], ...]
    """Spans in which something else than a limit takes speed away."""
    run_ns: tuple[int, int]
    tellable: bool
    """A limit can be seen, and there is a cool window to compare with. Otherwise no onset may be told at all."""
    notes: str = ""

    @property
    def onset_ns(self) -> int | None:
        """The first physical crossing that lasts."""
        return self.episodes[0].onset_ns if self.episodes else None

    @property
    def expected(self) -> tuple[Episode, ...]:
        """Those that must be found."""
        return tuple(one for one in self.episodes if one.expected)


def tell(plan: Plan, progress: Progress, run_ns: tuple[int, int]) -> Truth:
    """The truth of what has been played."""
    t_s, decoding = np.array(progress.t_s), np.array(progress.decoding)
    share = np.array(progress.limited)
    found = _Found(plan, t_s[decoding], share[decoding], np.array(progress.tps)[decoding], progress)
    episodes = found.episodes(run_ns)
    return Truth(
        episodes=episodes,
        tolerated_ns=_spans(t_s[decoding], found.mean < NEARLY, run_ns[0]),
        prefill_ns=_spans(t_s, np.array(progress.prefill) < NEARLY, run_ns[0]),
        slowed_ns=_spans(t_s, np.array(progress.slowed) < NEARLY, run_ns[0]),
        run_ns=run_ns,
        tellable=plan.witnessed and plan.referenced,
        notes=plan.notes,
    )


class _Found:
    """Falls and rises in decode time: what lies between answers is cut out."""

    def __init__(self, plan: Plan, t_s: Floats, share: Floats, tps: Floats, progress: Progress) -> None:
        self.plan = plan
        self.t_s = t_s
        self.share = share
        self.tps = tps
        slow = float(np.median(tps)) if len(tps) else 1.0
        self.window = max(1, round(max(5.0, 8 / slow) / STEP_S))
        self.hold = max(round(HOLD_S / STEP_S), self.window)
        self.mean = _trailing(share, self.window)
        self.limit_s = np.array(progress.t_s)[_rises(np.array(progress.limit_on))]

    def episodes(self, run_ns: tuple[int, int]) -> tuple[Episode, ...]:
        made, i = [], 0
        while (start := self._next(i, below=True)) is not None:
            end = self._next(start + self.hold, below=False)
            made.append(self._episode(start, end, run_ns))
            if end is None:
                break
            i = end
        return tuple(made)

    def _next(self, i: int, *, below: bool) -> int | None:
        """The first step from ``i`` on that is on that side of the line and stays there. Near the end: as far as it goes."""
        side, lasting = (self.share < LINE) == below, (self.mean < LINE) == below
        for k in np.flatnonzero(side[i:]) + i:
            held = lasting[k + self.window - 1 : k + self.hold + 1]
            if held.all() and (below or len(held)):
                return int(k)
        return None

    def _episode(self, start: int, end: int | None, run_ns: tuple[int, int]) -> Episode:
        stop = len(self.t_s) if end is None else end
        why_not = self._objection(start, stop)
        onset_s = float(self.t_s[start])
        mechanisms = self.limit_s[self.limit_s <= onset_s + STEP_S]
        seen = len(mechanisms) > 0 and self.plan.witnessed
        return Episode(
            onset_ns=run_ns[0] + round(onset_s * SECOND),
            end_ns=run_ns[1] if end is None else run_ns[0] + round(float(self.t_s[end]) * SECOND),
            recovers=end is not None,
            reasons=self.plan.reasons,
            mechanism_ns=run_ns[0] + round(float(mechanisms[-1]) * SECOND) if seen else None,
            share=float(self.share[start:stop].mean()),
            expected=not why_not,
            tps=float(self.tps[max(0, start - 1)]),
            why_not=why_not,
        )

    def _objection(self, start: int, stop: int) -> str:
        """Why nobody need find it; empty where it must be found."""
        before_s, tokens = start * STEP_S, float(self.tps[:start].sum()) * STEP_S
        deep = np.flatnonzero(_trailing(self.share[start:stop], 2 * self.hold)[2 * self.hold - 1 :] <= CLEAR)
        checks = (
            (not self.plan.witnessed, "nothing tells of a limit"),
            (not self.plan.referenced, "it starts warm"),
            (before_s < 7.0 or tokens < 40, "too early for a reference"),
            (stop - start < self.hold + self.window, "over before it had held, or the run was"),
            (len(deep) == 0, "too short, or too near to the line"),
            (self._near_gap(float(self.t_s[start])), "at a gap"),
        )
        return next((why for wrong, why in checks if wrong), "")

    def _near_gap(self, t_s: float) -> bool:
        return any(a - 15 <= t_s <= b + 15 for a, b in self.plan.gaps_s)


def _trailing(values: Floats, window: int) -> Floats:
    """Mean over the last ``window`` values, of fewer at the beginning."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - window)
    means: Floats = (total[last] - total[first]) / (last - first)
    return means


def _rises(on: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where it comes on."""
    return np.flatnonzero(on & ~np.concatenate(([False], on[:-1])))


def _spans(t_s: Floats, on: NDArray[np.bool_], start_ns: int) -> tuple[tuple[int, int], ...]:
    """Host times of the stretches in which it is on."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(np.int8), [0]))))
    return tuple(
        (start_ns + round(float(t_s[a]) * SECOND), start_ns + round(float(t_s[b - 1]) * SECOND))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    )


def within(
    t_ns: int, spans: tuple[tuple[int, int], ...], before_s: float = 0.0, after_s: float = 0.0
) -> bool:
    """Whether it lies in one of the spans, widened by so much."""
    return any(a - before_s * SECOND <= t_ns <= b + after_s * SECOND for a, b in spans)
