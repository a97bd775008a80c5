"""An engine that works through turns at the speed that it is given, and tells a voice of it. Times in s."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from math import exp
from typing import Protocol

import numpy as np

from tests.rigs.throttling.plan import Noise, Work

BATCH = 256
"""Prompt tokens that are evaluated together."""


class Activity(Enum):
    """What it does."""

    LOAD = auto()
    PREFILL = auto()
    DECODE = auto()
    REST = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn."""

    number: int
    prompt: int
    answer: int
    context: int
    """Tokens in context before it."""
    conversation: int
    index: int
    """Within the conversation."""
    warmup: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """How it went, in s."""

    first_s: float
    last_s: float
    prompt_s: float
    tokens: int


class Voice(Protocol):
    """Who tells of it."""

    def loaded(self, t_s: float) -> None: ...

    def started(self, t_s: float, asked: Asked) -> None: ...

    def evaluated(self, t_s: float, asked: Asked, processed: int) -> None: ...

    def token(self, t_s: float, asked: Asked, number: int) -> None: ...

    def ended(self, t_s: float, asked: Asked, answered: Answered, *, cut: bool) -> None: ...


class Engine:
    """Advanced step by step."""

    def __init__(
        self, work: Work, noise: Noise, overhead: float, rng: np.random.Generator, voice: Voice
    ) -> None:
        """``overhead``: a prompt costs as much as so many tokens more."""
        self._overhead = overhead
        self.activity = Activity.LOAD
        self.context = 0
        self._work = work
        self._noise = noise
        self._rng = rng
        self._voice = voice
        self._normals = _normals(rng)
        self._left = work.load_s
        """Of what is being done: seconds, or parts of a token or tokens of the prompt."""
        self._stall_s = 0.0
        self._next_stall_s = float(rng.exponential(noise.hiccup_s))
        self._turn_speed = 1.0
        self._asked = Asked(0, 0, 0, 0, -1, 0, warmup=False)
        self._begun_s = self._first_s = self._last_s = 0.0
        self._tokens = 0

    def advance(self, t_s: float, dt_s: float, prefill_tps: float, decode_tps: float, half: float) -> None:
        """Work from ``t_s`` on for ``dt_s``. ``decode_tps`` is that of an empty context."""
        left_s = dt_s
        while left_s > 1e-9 and self.activity is not Activity.OVER:
            left_s -= self._part(t_s + dt_s - left_s, left_s, prefill_tps, decode_tps, half)

    def _part(self, t_s: float, dt_s: float, prefill_tps: float, decode_tps: float, half: float) -> float:
        """Do one thing until it is done or the time is up; how long it took."""
        if self._stall_s > 0:
            took_s = min(dt_s, self._stall_s)
            self._stall_s -= took_s
            return took_s
        if self.activity is Activity.DECODE:
            pace = decode_tps * self._turn_speed / (1 + self.context / half)
        else:
            prefilling = self.activity is Activity.PREFILL
            pace = prefill_tps * self._turn_speed / (1 + self.context / (2 * half)) if prefilling else 1.0
        took_s = min(dt_s, self._left / pace)
        self._left -= took_s * pace
        if self._left <= 1e-9:
            self._done(t_s + took_s)
        return max(took_s, 1e-8)

    def _done(self, t_s: float) -> None:
        if self.activity is Activity.LOAD:
            self._voice.loaded(t_s)
            self._begin(t_s)
        elif self.activity is Activity.REST:
            self._begin(t_s)
        elif self.activity is Activity.PREFILL:
            self._evaluated(t_s)
        else:
            self._token(t_s)

    def _begin(self, t_s: float) -> None:
        if t_s >= self._work.seconds:
            self.activity = Activity.OVER
            return
        self._asked = self._next()
        self.context = self._asked.context
        self._begun_s, self._tokens = t_s, 0
        self._turn_speed = exp(self._noise.turn * next(self._normals))
        self._processed = 0
        self._voice.started(t_s, self._asked)
        self.activity = Activity.PREFILL
        self._left = min(BATCH, self._asked.prompt) + self._overhead

    def _next(self) -> Asked:
        work, before = self._work, self._asked
        prompt = int(self._rng.integers(*work.prompt, endpoint=True))
        answer = int(self._rng.integers(*work.answer, endpoint=True))
        follows = work.shared and before.number > 0 and self.context + prompt + answer < work.context
        if follows:
            return Asked(
                before.number + 1,
                prompt,
                answer,
                self.context,
                before.conversation,
                before.index + 1,
                warmup=False,
            )
        warmup = work.warmup and before.number == 0
        return Asked(before.number + 1, prompt, answer, 0, before.conversation + 1, 0, warmup=warmup)

    def _evaluated(self, t_s: float) -> None:
        batch = min(BATCH, self._asked.prompt - self._processed)
        self._processed += batch
        self.context += batch
        self._voice.evaluated(t_s, self._asked, self._processed)
        self._left = min(BATCH, self._asked.prompt - self._processed)
        if self._left <= 0:
            self._first_s = t_s
            self.activity = Activity.DECODE
            self._token(t_s)

    def _token(self, t_s: float) -> None:
        self._tokens += 1
        self.context += 1
        self._last_s = t_s
        self._voice.token(t_s, self._asked, self._tokens)
        cut = t_s >= self._work.seconds
        if cut or self._tokens >= self._asked.answer:
            self._end(t_s, cut=cut)
            return
        self._left = exp(self._noise.gap * next(self._normals))
        if t_s >= self._next_stall_s:
            self._stall_s = float(self._rng.uniform(*self._noise.hiccup_long_s))
            self._next_stall_s = t_s + float(self._rng.exponential(self._noise.hiccup_s))

    def _end(self, t_s: float, *, cut: bool) -> None:
        answered = Answered(self._first_s, self._last_s, self._first_s - self._begun_s, self._tokens)
        self._voice.ended(t_s, self._asked, answered, cut=cut)
        self.activity = Activity.OVER if cut else Activity.REST
        self._left = self._work.pause_s + 0.004


def _normals(rng: np.random.Generator) -> Iterator[float]:
    """One after the other, drawn by the thousand."""
    while True:
        yield from rng.standard_normal(1024).tolist()
