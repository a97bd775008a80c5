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


class Part(NamedTuple):
    """Some decoding, or a prompt, held against what was expected of it."""

    tokens: float
    expected_s: float
    taken_s: float
    leeway: float = 1.0
    """How much longer than expected it may have taken for all that is known, as a factor."""


class Lately:
    """How long the newest decoding took and should have taken: the fewest parts that make ``seconds`` and ``tokens``."""

    def __init__(self, seconds: float, tokens: float) -> None:
        self._least_s = seconds
        self._least_tokens = tokens
        self._held: deque[Part] = deque()
        self._tokens = 0.0
        self._longest_s = 0.0
        self._taken_s = 0.0

    def add(self, part: Part) -> None:
        """Take the next part; what is no longer needed falls out."""
        held = self._held
        held.append(part)
        self._count(part, 1)
        while (
            self._taken_s - held[0].taken_s >= self._least_s
            and self._tokens - held[0].tokens >= self._least_tokens
        ):
            self._count(held.popleft(), -1)

    @property
    def ratio(self) -> float | None:
        """The longest time that is expected over that taken; None until it is whole."""
        whole = self._taken_s >= self._least_s and self._tokens >= self._least_tokens
        return self._longest_s / self._taken_s if whole else None

    def _count(self, part: Part, sign: int) -> None:
        self._tokens += sign * part.tokens
        self._longest_s += sign * part.expected_s * part.leeway
        self._taken_s += sign * part.taken_s


@dataclass(slots=True)
class Spell:
    """One stay of a rate below ``line`` of what is expected, from its crossing on.

    It goes on until the mean of the last ``hold_s`` is above again: a few good seconds are no recovery, and one bad
    second, when the rate is back, is no relapse. Where on the whole since the crossing the rate was not below after all,
    it was crossed too early: the stay begins anew as it gets slow again, at the next window that is below.
    """

    since_ns: int
    first_ratio: float
    line: float
    _lately: Lately
    outer: "Spell | None" = None
    """The stay below which this one fell further."""
    tokens: float = 0.0
    """That came since the crossing; so did the next three."""
    expected_s: float = 0.0
    longest_s: float = 0.0
    """Expected with all leeway: what is taken for a symptom is held against this."""
    taken_s: float = 0.0
    below_expected_s: float = 0.0
    below_taken_s: float = 0.0
    """The same, up to when it came above."""
    slow_turns: int = 0
    """Whole turns in a row that were slow, up to the newest."""
    good_turns: int = 0
    """And that were not."""
    scatter: float = 0.0
    """One sigma of its ratio, of prompts."""
    deepest: float = 1.0
    deep_ns: int | None = None
    again_ns: int | None = None
    """When it was crossed anew, after a window above, for the last time."""
    back_ns: int | None = None
    """When it came above, if it is."""
    ruled_out: bool = False
    """It was told that this is no onset."""
    fixed: bool = False
    """Its beginning is told, and does not change any more."""
    _above: bool = False
    _up: tuple[int, float] = (0, 0.0)
    """When a window came above for the last time, and how much decoding there had been."""
    _all_s: float = 0.0
    _back_at_s: float = 0.0

    @property
    def ratio(self) -> float:
        """Expected over taken time since the crossing: of the window before anything was taken."""
        return self.expected_s / self.taken_s if self.taken_s > 0 else self.first_ratio

    @property
    def at_most(self) -> float:
        """The same with all leeway."""
        return self.longest_s / self.taken_s if self.taken_s > 0 else self.first_ratio

    @property
    def ratio_below(self) -> float:
        """The same until it came above."""
        return self.below_expected_s / self.below_taken_s if self.below_taken_s > 0 else self.ratio

    @property
    def back_s(self) -> float:
        """Decoding since it came above; 0 while it is below."""
        return 0.0 if self.back_ns is None else self._all_s - self._back_at_s

    @property
    def above(self) -> bool:
        """Whether the newest window is."""
        return self._above

    @property
    def crossings(self) -> list[int]:
        """Every crossing of interest, by time: the first, that of 75 %, the last anew."""
        return sorted({one for one in (self.since_ns, self.deep_ns, self.again_ns) if one is not None})

    def go_on(self, t_ns: int, ratio: float, part: Part, *, below: bool, deep: bool) -> None:
        """One more part; the window's ratio after it, and whether that is below, and far below, with all leeway."""
        void = self.longest_s >= self.line * self.taken_s > 0
        void = void and part.expected_s * part.leeway < self.line * part.taken_s
        self._spend(part)
        self._cross(t_ns, below=below)
        self.deepest = min(self.deepest, ratio)
        if deep and self.deep_ns is None:
            self.deep_ns = t_ns
        if void and below and not self.fixed:
            self._begin_anew(t_ns, ratio)
        lately = self._lately.ratio
        if lately is None or lately < self.line:
            self.back_ns = None
        elif self.back_ns is None and not below:
            self.back_ns, self._back_at_s = self._up
        if below and self.back_ns is None:
            self.below_expected_s, self.below_taken_s = self.expected_s, self.taken_s

    def turn(self, *, slow: bool) -> None:
        """A whole turn was slow, or was not."""
        self.slow_turns = self.slow_turns + 1 if slow else 0
        self.good_turns = 0 if slow else self.good_turns + 1

    def held(self, seconds: float, turns: float, least_s: float) -> bool:
        """Whether it lasted so long, or for so many whole turns that took at least ``least_s``."""
        return self.taken_s >= seconds or (self.slow_turns >= turns and self.taken_s >= least_s)

    def _spend(self, part: Part) -> None:
        self.tokens += part.tokens
        self.expected_s += part.expected_s
        self.longest_s += part.expected_s * part.leeway
        self.taken_s += part.taken_s
        self._all_s += part.taken_s
        self._lately.add(part)

    def _cross(self, t_ns: int, *, below: bool) -> None:
        if below and self._above:
            self.again_ns = t_ns
        elif not below and not self._above:
            self._up = t_ns, self._all_s
        self._above = not below

    def _begin_anew(self, t_ns: int, ratio: float) -> None:
        self.since_ns, self.first_ratio = t_ns, ratio
        self.tokens = self.expected_s = self.longest_s = self.taken_s = 0.0
        self.deep_ns = self.again_ns = None
