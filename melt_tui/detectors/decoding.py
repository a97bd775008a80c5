"""The decoding of one run, cut into stretches: how many tokens, in what time, behind how much context."""

from math import inf, isfinite

from drivers.clock import SECOND
from drivers.events import TurnEnded, TurnStarted
from melt_tui.detectors.window import Stretch

_MOST = 1e9
"""Tokens at once that are none."""
STRETCH_NS = SECOND // 4
"""A stretch ends with the first token after so much decoding, unless what comes next was held back with it."""
_HELD_BACK = 0.2
"""A token that comes in less than this part of the time of those before it was ready when they were: a link that stalls
tells many at once, and both belong together."""


class Decoding:
    """Follows the cumulative count of one run. The first token of a turn comes out of its prompt and takes no time."""

    def __init__(self) -> None:
        self.tokens = 0
        """Of the run so far."""
        self.reached = 0
        """Of the run up to the end of the newest stretch."""
        self.before = 0
        """Of the run when the turn in progress began."""
        self.started_with = 0.0
        """Tokens in context before the prompt of the turn in progress."""
        self._running = True
        """A turn goes on; tokens of a run that tells of no turns at all are of one."""
        self._begun = False
        self._before = 0.0
        self._last_ns: int | None = None
        self._context = 0.0
        self._new = 0.0
        self._after = 0.0
        self._prompts: dict[tuple[int, int], int] = {}
        self._place = (0, 0)
        self._n = self._ns = self._sum = 0.0

    def begin(self, event: TurnStarted) -> None:
        """A turn begins; how long its prompt is, is guessed from its like until the engine tells it."""
        self._running, self._last_ns, self._begun = True, None, False
        self.before = self.tokens
        self._n = self._ns = self._sum = 0.0
        self._place = (event.conversation, event.prompt)
        known = event.context_tokens
        self.started_with = float(known) if known is not None else self._after if event.prompt else 0.0
        self._new = float(self._prompts.get(self._place, self._new))

    def prompt(self, tokens: int) -> None:
        """The engine tells how many new tokens it evaluates."""
        self._new = float(tokens)

    def count(self, t_ns: int, count: float) -> Stretch | None:
        """The count at a moment of host time; the stretch before it when that is whole."""
        fresh = count - self._before
        if not 0 < fresh < _MOST:
            self._before = count if isfinite(count) else self._before
            return None
        self._before = count
        self.tokens += int(fresh)
        last_ns = self._last_ns
        if last_ns is None or not self._running or t_ns < last_ns - SECOND:
            self._first(t_ns, fresh)
            return None
        took_ns = t_ns - last_ns
        whole = None
        if self._ns >= STRETCH_NS and took_ns * self._n >= _HELD_BACK * fresh * self._ns:
            whole = self._cut(last_ns)
            self.reached = self.tokens - int(fresh)
        if took_ns > 0:
            self._ns += took_ns
            self._last_ns = t_ns
        self._n += fresh
        self._sum += fresh * (self._context + (fresh + 1) / 2)
        self._context += fresh
        return whole

    def end(self, event: TurnEnded) -> Stretch | None:
        """The turn is over: what was left of it, or all of it where no count was told."""
        last = self._cut(self._last_ns) if self._ns and self._last_ns is not None else None
        if last is None and not self._begun:
            last = self._whole(event)
        self._running, self.reached = False, self.tokens
        if event.prompt_tokens is not None:
            self._prompts[self._place] = event.prompt_tokens
            self._new = float(event.prompt_tokens)
            self._after = event.prompt_tokens + (event.cached_tokens or 0) + float(event.output_tokens or 0)
        return last

    def interrupt(self) -> None:
        """The device is away: the time until the next token was not decoding, as far as anybody knows."""
        self._last_ns = None
        self._n = self._ns = self._sum = 0.0

    def _first(self, t_ns: int, fresh: float) -> None:
        """Tokens without a time of their own: the first of a turn, after the device was away or its clock set back."""
        if self._running:
            self._context = self._context + fresh if self._begun else self.started_with + self._new + fresh
            self._last_ns, self._begun = t_ns, True

    def _cut(self, t_ns: int) -> Stretch:
        one = Stretch(t_ns, self._n, self._ns / SECOND, self._sum)
        self._n = self._ns = self._sum = 0.0
        return one

    def _whole(self, event: TurnEnded) -> Stretch | None:
        n = (event.output_tokens or 0) - 1
        if n < 1 or event.decode_s is None or not 0 < event.decode_s < inf:
            return None
        self.tokens += n + 1
        new = event.prompt_tokens if event.prompt_tokens is not None else self._new
        t_ns = event.t_ns if event.last_token_ns is None else event.last_token_ns
        return Stretch(t_ns, float(n), event.decode_s, n * (self.started_with + new + 1 + (n + 1) / 2))
