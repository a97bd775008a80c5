"""How long a token takes at a context length: fitted from a cool part of a run, and how well that is known.

Decoding slows as the context grows, for every token attends to all before it: seconds per token are a straight line
over the tokens in context. What is expected is this line, not a single rate.
"""

from dataclasses import dataclass
from math import inf, sqrt

PRIOR_SLOPE = 1e-4
PRIOR_SLOPE_SD = 2e-4
"""Before anything is known: a token in context makes the next one longer by this part of itself, ± one sigma."""
_CORRELATED = 4.0
"""Neighbours are alike: so many blocks tell as much of the line as one that stands for itself."""
_PRIOR_NOISE = 0.02
_PRIOR_BLOCKS = 3.0
"""Before anything is known: one sigma of a block's mean time per token, as a part of it, as if seen in so many blocks."""
_STEEPEST = 0.9
"""The first token without any context takes at least a tenth of what a middling one does."""


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
    """Variance of one token's time about the line, as blocks of them show it."""
    lowest: float = 0.0
    highest: float = inf
    """Contexts between which it was fitted."""

    def expected_s(self, tokens: float, context: float) -> float:
        """Seconds for ``tokens`` tokens whose contexts add up to ``context``."""
        return self.seconds * tokens + self.slope * (context - self.middle * tokens)

    def uncertainty(self, at: float) -> float:
        """One sigma of a token's time at that context, or the nearest that it was fitted from, as a part of it."""
        at = min(max(at, self.lowest), self.highest)
        away, expected = at - self.middle, self._pace(at)
        return sqrt(self.variance + self.slope_variance * away * away) / expected if expected > 0 else 1.0

    def leeway(self, at: float, sigmas: float) -> float:
        """How much longer than expected a token may take at a context that it was not fitted from, as a factor: by so many
        sigmas of its slope; before less context never longer than at the least that it was fitted from.
        """
        expected = self._pace(at)
        away = max(self.lowest - at, at - self.highest, 0.0)
        if away == 0 or expected <= 0:
            return 1.0
        longest = expected + sigmas * sqrt(self.slope_variance) * away
        return (longest if at > self.highest else min(longest, self._pace(self.lowest))) / expected

    def scatter(self, tokens: float) -> float:
        """One sigma of the mean time of so many tokens, as a part of it, by their own scatter; neighbours are alike."""
        return sqrt(_CORRELATED * self.noise / tokens) / self.seconds if tokens > 0 else 1.0

    def _pace(self, at: float) -> float:
        """Seconds of a token at that context."""
        return self.seconds + self.slope * (at - self.middle)


@dataclass(slots=True)
class Pace:
    """Sums over blocks of decoding, from which the line is fitted: weighted least squares, with a prior slope."""

    tokens: float = 0.0
    seconds: float = 0.0
    blocks: int = 0
    lowest: float = inf
    highest: float = 0.0
    """Least and greatest mean context of a block."""
    _x: float = 0.0
    _xx: float = 0.0
    _xy: float = 0.0
    _yy: float = 0.0

    def add(self, tokens: float, seconds: float, context: float) -> None:
        """A block: so many tokens in so many seconds, their contexts adding up to ``context``."""
        x, y = context / tokens, seconds / tokens
        self.tokens += tokens
        self.seconds += seconds
        self.blocks += 1
        self.lowest, self.highest = min(self.lowest, x), max(self.highest, x)
        self._x += context
        self._xx += context * x
        self._xy += context * y
        self._yy += seconds * y

    def line(self) -> Line | None:
        """What was learnt; None before the first block."""
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
            middle=x,
            seconds=y,
            slope=min(max(0.0, slope), _STEEPEST * y / x if x > 0 else 0.0),
            variance=_CORRELATED * noise / n,
            slope_variance=1 / (known + prior),
            noise=noise,
            lowest=self.lowest,
            highest=self.highest,
        )

    def _noise(self, sxx: float, sxy: float, syy: float, y: float) -> float:
        """Variance of one token's time about the line."""
        left = syy - sxy * sxy / sxx if sxx > 0 else syy
        block = self.tokens / self.blocks
        prior = _PRIOR_BLOCKS * block * (_PRIOR_NOISE * y) ** 2
        return (prior + left) / (_PRIOR_BLOCKS + max(0, self.blocks - 2))
