"""How long a token takes at a context length: fitted from a cool part of a run, and how well that is known.

Decoding slows as the context grows, for every token attends to all before it: seconds per token are a straight line
over the tokens in context. What is expected is this line, not a single rate.
"""

from dataclasses import dataclass
from math import sqrt

PRIOR_SLOPE = 5e-5
PRIOR_SLOPE_SD = 1.5e-4
"""Before anything is known: a token in context makes the next one longer by this part of itself, ± one sigma."""
_CORRELATED = 4.0
"""Neighbours are alike: so many tokens tell as much of the line as one that stands for itself."""
_STEEPEST = 0.9
"""The first token without any context takes at least a tenth of what a middling one does."""
_LEAST_NOISE = 0.01
"""Tokens never differ by less than this part of their time: a few that happen to agree know no better."""


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds per token over the tokens in context."""

    middle: float
    """Mean context of what was fitted."""
    seconds: float
    """Of a token there."""
    slope: float
    """Seconds per token and token of context."""
    variance: float
    """Of ``seconds``."""
    slope_variance: float
    noise: float
    """Variance of one token's time about the line."""

    def expected_s(self, tokens: float, context: float) -> float:
        """Seconds for ``tokens`` tokens whose contexts add up to ``context``."""
        return self.seconds * tokens + self.slope * (context - self.middle * tokens)

    def uncertainty(self, at: float) -> float:
        """One sigma of a token's time at that context, as a part of it."""
        away = at - self.middle
        expected = self.seconds + self.slope * away
        return sqrt(self.variance + self.slope_variance * away * away) / expected if expected > 0 else 1.0

    def scatter(self, tokens: float) -> float:
        """One sigma of the mean time of so many tokens, as a part of it, by their own scatter; neighbours are alike."""
        return sqrt(_CORRELATED * self.noise / tokens) / self.seconds if tokens > 0 else 1.0


@dataclass(slots=True)
class Pace:
    """Sums over stretches of decoding, from which the line is fitted: weighted least squares, with a prior slope."""

    tokens: float = 0.0
    seconds: float = 0.0
    stretches: int = 0
    highest: float = 0.0
    """Greatest mean context of a stretch."""
    _x: float = 0.0
    _xx: float = 0.0
    _xy: float = 0.0
    _yy: float = 0.0

    def add(self, tokens: float, seconds: float, context: float) -> None:
        """A stretch: so many tokens in so many seconds, their contexts adding up to ``context``."""
        x, y = context / tokens, seconds / tokens
        self.tokens += tokens
        self.seconds += seconds
        self.stretches += 1
        self.highest = max(self.highest, x)
        self._x += context
        self._xx += context * x
        self._xy += context * y
        self._yy += seconds * y

    def line(self) -> Line | None:
        """What was learnt; None before the first stretch."""
        n = self.tokens
        if n <= 0 or self.seconds <= 0:
            return None
        x, y = self._x / n, self.seconds / n
        sxx = max(0.0, self._xx - n * x * x)
        sxy, syy = self._xy - n * x * y, max(0.0, self._yy - n * y * y)
        noise = self._noise(sxx, sxy, syy, y)
        known, prior = sxx / (_CORRELATED * noise), 1 / (PRIOR_SLOPE_SD * y) ** 2
        slope = (sxy / (_CORRELATED * noise) + PRIOR_SLOPE * y * prior) / (known + prior)
        return Line(
            x,
            y,
            min(max(0.0, slope), _STEEPEST * y / x if x > 0 else 0.0),
            _CORRELATED * noise / n,
            1 / (known + prior),
            noise,
        )

    def _noise(self, sxx: float, sxy: float, syy: float, y: float) -> float:
        """Variance of one token's time about the line."""
        left = syy - sxy * sxy / sxx if sxx > 0 else syy
        free = self.stretches - 2
        measured = left / free if free > 0 else 0.0
        return max(measured, (_LEAST_NOISE * y) ** 2)
