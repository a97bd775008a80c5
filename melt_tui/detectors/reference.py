"""What a run does while it is cool: its reference rate r0, and how long a token should take at any context."""

from collections import deque
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

from drivers.clock import SECOND
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.window import Stretch
from melt_tui.measures.pace import Line, Pace


class Reference:
    """Learns from the cool part of one run, and from nothing else.

    The first cool window gives r0. What follows is learnt from ``settle_s`` later, when no limit has engaged meanwhile
    and nothing is suspected: a limit tells of itself after it began. It is learnt in blocks as long as a window, whose
    scatter says how well it is known. What was learnt shortly before a doubt is forgotten where enough was learnt
    earlier: heat comes slowly, and looks like a growing context. At contexts that are known already it is learnt
    from ``learn_s`` of decoding and no more, so that what changes slowly at the same context is not taken for normal.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._p = parameters
        self._settle_ns = round(parameters.settle_s * SECOND)
        self._pace = Pace()
        self._waiting: deque[Stretch] = deque()
        self._block = [0.0, 0.0, 0.0]
        """Tokens, seconds and context that have settled, and are not a block yet."""
        self._earlier: deque[tuple[int, Pace]] = deque(maxlen=_EARLIER)
        self.line: Line | None = None
        """None until the window is whole."""
        self.rate_tps = 0.0
        self.tokens = 0.0
        self.seconds = 0.0
        self.context = 0.0

    @property
    def learnt_s(self) -> float:
        """Decoding that was learnt from."""
        return self._pace.seconds

    @property
    def reach(self) -> float:
        """Greatest context that was learnt from."""
        return self._pace.highest

    def begin(self, one: Stretch) -> bool:
        """Take a stretch of the first cool window; whether it is whole now."""
        tokens, seconds, context = self._add(one)
        if seconds < self._p.reference_s or tokens < self._p.reference_tokens:
            return False
        self._learn_block()
        self.tokens, self.seconds = tokens, seconds
        self.rate_tps = tokens / seconds
        self.context = context / tokens
        return True

    def learn(self, one: Stretch) -> None:
        """Take a stretch that looks cool: it is learnt from once it has settled."""
        self._waiting.append(one)
        edge_ns = one.t_ns - self._settle_ns
        while self._waiting and self._waiting[0].t_ns <= edge_ns:
            self._settle(self._waiting.popleft())

    def doubt(self) -> None:
        """What has not settled may not have been cool."""
        self._waiting.clear()

    def forget(self, t_ns: int) -> None:
        """A limit engaged: what came shortly before it may not have been cool either."""
        self._waiting.clear()
        edge_ns = t_ns - round(self._p.forget_s * SECOND)
        known = [
            pace for learnt_ns, pace in self._earlier if learnt_ns <= edge_ns and pace.seconds >= _ENOUGH_S
        ]
        if known:
            self._pace, self._block = replace(known[-1]), [0.0, 0.0, 0.0]
            self.line = self._pace.line()
        self._earlier.clear()

    def _settle(self, one: Stretch) -> None:
        new = one.context / one.tokens > self._pace.highest
        if not new and self._pace.seconds >= self._p.learn_s:
            return
        block = self._add(one)
        if block[1] >= self._p.window_s and block[0] >= self._p.window_tokens:
            self._learn_block()
            self._earlier.append((one.t_ns, replace(self._pace)))

    def _add(self, one: Stretch) -> list[float]:
        block = self._block
        block[0] += one.tokens
        block[1] += one.seconds
        block[2] += one.context
        return block

    def _learn_block(self) -> None:
        self._pace.add(*self._block)
        self._block = [0.0, 0.0, 0.0]
        self.line = self._pace.line()


_EARLIER, _ENOUGH_S = 24, 60.0


@dataclass(frozen=True, slots=True)
class _Prompt:
    tokens: int
    context: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Expected:
    """How long a prompt should take."""

    seconds: float
    scatter: float
    """One sigma of a single one, as a part of it, as its like were seen to differ."""
    known: int
    """Of how many like it that was learnt."""


@dataclass(slots=True)
class Prefills:
    """Prompts that were evaluated cool, and how long each took: compared at equal length alone."""

    _cool: list[_Prompt] = field(default_factory=list)

    def expected(self, tokens: int, context: float) -> Expected | None:
        """For a prompt of so many tokens behind so much context; None where too few like it were seen cool."""
        paces = [one.seconds / one.tokens for one in self._cool if _alike(one, tokens, context)]
        if len(paces) < _COMPARED_LEAST and sum(paces) * tokens < _COMPARED_S:
            return None
        middle = fmean(paces)
        scatter = stdev(paces) / middle if len(paces) > 2 else _SCATTER
        return Expected(tokens * middle, max(scatter, _LEAST_SCATTER), len(paces))

    def learn(self, tokens: int, context: float, seconds: float) -> None:
        """A prompt that was evaluated cool; enough of each length are kept, the first ones."""
        one = _Prompt(tokens, context, seconds)
        if (
            sum(_alike(known, tokens, context) for known in self._cool) < _COMPARED
            and len(self._cool) < _KEPT
        ):
            self._cool.append(one)


_COMPARED, _COMPARED_LEAST, _COMPARED_S = 12, 2, 5.0
_SCATTER, _LEAST_SCATTER = 0.05, 0.02
_KEPT = 400


def _alike(one: _Prompt, tokens: int, context: float) -> bool:
    near = abs(one.context - context) <= 64 + 0.1 * one.context
    return near and abs(one.tokens - tokens) <= 0.05 * one.tokens
