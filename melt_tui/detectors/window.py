"""Pure helpers of detectors: a window that trails behind the newest moment, and a symptom that holds or does not."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from melt_tui.measures.pace import Line


class Stretch(NamedTuple):
    """Some tokens of one turn, decoded one after the other."""

    t_ns: int
    """Host time of the last of them."""
    tokens: float
    seconds: float
    """Of decoding: prompts and pauses between turns are no part of it."""
    context: float
    """Tokens in context, added up over the tokens."""


class Trailing:
    """The newest stretches: the fewest that make ``seconds`` and ``tokens``, whichever needs more."""

    def __init__(self, seconds: float, tokens: float) -> None:
        self._least_s = seconds
        self._least_tokens = tokens
        self._held: deque[Stretch] = deque()
        self.tokens = 0.0
        self.seconds = 0.0
        self.context = 0.0

    def add(self, one: Stretch) -> None:
        """Take the next; what is no longer needed falls out."""
        held = self._held
        held.append(one)
        tokens, seconds, context = (
            self.tokens + one.tokens,
            self.seconds + one.seconds,
            self.context + one.context,
        )
        first = held[0]
        while seconds - first.seconds >= self._least_s and tokens - first.tokens >= self._least_tokens:
            tokens, seconds, context = (
                tokens - first.tokens,
                seconds - first.seconds,
                context - first.context,
            )
            held.popleft()
            first = held[0]
        self.tokens, self.seconds, self.context = tokens, seconds, context

    def expected_s(self, line: Line) -> float:
        """How long these tokens should have taken."""
        return line.expected_s(self.tokens, self.context)


@dataclass(slots=True)
class Spell:
    """One stay of a rate below what is expected, from its first crossing on."""

    since_ns: int
    first_ratio: float
    below_s: float = 0.0
    """Time below in all."""
    back_s: float = 0.0
    """Time above since it was below last."""
    back_ns: int | None = None
    """When it came above, if it is."""
    slow_turns: int = 0
    """Whole turns in a row that were slow, up to the newest."""
    good_turns: int = 0
    """And that were not."""
    tokens: float = 0.0
    """That came since the crossing."""
    expected_s: float = 0.0
    taken_s: float = 0.0
    below_expected_s: float = 0.0
    below_taken_s: float = 0.0
    """The same, up to when it came above."""
    scatter: float = 0.0
    """One sigma of its ratio, of prompts."""
    deepest: float = 1.0
    deep_ns: int | None = None
    again_ns: int | None = None
    """When it was crossed anew, after a time above, for the last time."""
    ruled_out: bool = False
    """It was told that this is no onset."""

    @property
    def ratio(self) -> float:
        """Expected over taken time since the crossing: 1 before anything was taken."""
        return self.expected_s / self.taken_s if self.taken_s > 0 else self.first_ratio

    @property
    def ratio_below(self) -> float:
        """The same until it came above."""
        return self.below_expected_s / self.below_taken_s if self.below_taken_s > 0 else self.ratio

    def go_on(self, t_ns: int, ratio: float, *, below: bool, deep: bool, took_s: float) -> None:
        """The window's ratio after ``took_s`` more."""
        self.deepest = min(self.deepest, ratio)
        if deep and self.deep_ns is None:
            self.deep_ns = t_ns
        if below:
            self.again_ns = t_ns if self.back_ns is not None else self.again_ns
            self.below_s += took_s
            self.back_s, self.back_ns = 0.0, None
            self.below_expected_s, self.below_taken_s = self.expected_s, self.taken_s
        else:
            self.back_s += took_s
            self.back_ns = t_ns if self.back_ns is None else self.back_ns

    @property
    def crossings(self) -> list[int]:
        """Every crossing of interest, by time: the first, that of 75 %, the last anew."""
        return sorted({one for one in (self.since_ns, self.deep_ns, self.again_ns) if one is not None})

    def turn(self, *, slow: bool) -> None:
        """A whole turn was slow, or was not."""
        self.slow_turns = self.slow_turns + 1 if slow else 0
        self.good_turns = 0 if slow else self.good_turns + 1

    def held(self, seconds: float, turns: float, least_s: float) -> bool:
        """Whether it lasted so long, or for so many whole turns that took at least ``least_s``."""
        return self.below_s >= seconds or (self.slow_turns >= turns and self.below_s >= least_s)

    def spend(self, tokens: float, expected_s: float, taken_s: float) -> None:
        """What came since the crossing: how long it should have taken, and how long it took."""
        self.tokens += tokens
        self.expected_s += expected_s
        self.taken_s += taken_s
