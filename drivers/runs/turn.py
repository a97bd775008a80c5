"""One turn as it is told: from pieces of an answer and its last figures to samples and events. No I/O, no clock."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import Garbled
from drivers.events import FirstToken, OutputText, TurnEnd, TurnEnded, TurnStarted, bounded
from drivers.model import Channel, RunSpec, reading
from drivers.schedule import ScheduledTurn

TEXT_PERIOD_NS = SECOND // 4
REPLY_LIMIT = 16 << 20
"""Characters of one answer; a longer one is nonsense."""
TOKEN_LIMIT = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an engine said of a turn when it was over. None where it did not."""

    prompt_tokens: int | None = None
    """New ones, evaluated in this turn."""
    cached_tokens: int | None = None
    output_tokens: int | None = None
    """All generated, the first included."""
    prompt_s: float | None = None
    decode_s: float | None = None
    """First to last output token."""


class _Who(TypedDict):
    device: str
    run: str
    turn: int


class TurnTeller:
    """Tells one turn, and counts its tokens on the run's channel of arrivals."""

    def __init__(
        self,
        spec: RunSpec,
        scheduled: ScheduledTurn,
        arrivals: Channel,
        *,
        sent_ns: int,
        tokens_before: int,
        context_tokens: int | None = None,
        sent: bool = True,
    ) -> None:
        """``sent`` False: ``sent_ns`` is only when the turn was noticed, by its first token."""
        self.sent_ns = sent_ns
        self.first_ns: int | None = None
        """Arrival of the first token."""
        self.last_ns: int | None = None
        """Arrival of the last one."""
        self.count = 0
        """Tokens of this turn so far."""
        self.reply = ""
        self._who: _Who = {"device": spec.device, "run": spec.run, "turn": scheduled.turn}
        self._scheduled = scheduled
        self._arrivals = arrivals
        self._before = tokens_before
        self._context_tokens = context_tokens
        self._sent = sent
        self._hash = hashlib.sha256()
        self._text = ""
        self._text_ns = sent_ns - TEXT_PERIOD_NS
        self._some: list[tuple[int, int]] = []
        """Time and characters of every piece whose tokens are counted at the end."""

    @property
    def total(self) -> int:
        """Output tokens of the run so far."""
        return self._before + self.count

    def started(self) -> TurnStarted:
        """The prompt was sent."""
        scheduled = self._scheduled
        return TurnStarted(
            t_ns=self.sent_ns,
            conversation=scheduled.conversation,
            prompt=scheduled.prompt_index,
            repetition=scheduled.repetition,
            purpose=scheduled.purpose,
            context_tokens=self._context_tokens,
            text=bounded(scheduled.prompt.text),
            sent=self._sent,
            **self._who,
        )

    def wrote(self, t_ns: int, text: str, tokens: int) -> Iterator[Item]:
        """A piece of the answer arrived; it holds so many new tokens. Raises Garbled for an answer without end."""
        if self._some:
            yield from self.wrote_some(t_ns, text)
            return
        self._add(text)
        if tokens > 0:
            yield from self._counted(t_ns, self.count + tokens)
        yield from self._written(t_ns, due=False)

    def wrote_some(self, t_ns: int, text: str) -> Iterator[Item]:
        """A piece of the answer that holds nobody knows how many tokens, nor does what follows in this turn: the engine's
        count is spread over their characters at the end. The first piece stands for the first token.
        """
        self._add(text)
        if text.strip("\n"):
            if self.first_ns is None:
                yield from self._counted(t_ns, self.count + 1)
            self._some.append((t_ns, len(text)))
            self.last_ns = t_ns
        yield from self._written(t_ns, due=False)

    def _add(self, text: str) -> None:
        self._hash.update(text.encode("utf-8", "replace"))
        self._text += text
        self.reply += text
        if len(self.reply) > REPLY_LIMIT:
            raise Garbled("the engine's answer does not end")

    def ended(
        self,
        t_ns: int,
        end: TurnEnd,
        figures: Figures | None = None,
        *,
        detail: str = "",
        approximate: bool = False,
        whole: bool = True,
    ) -> Iterator[Item]:
        """The text that was not told yet, and ``TurnEnded``. The engine's own count has the last word.

        ``whole`` says that the answer is all that the engine meant to say: then its hash is told.
        """
        told = figures or Figures()
        if told.output_tokens is not None and self.count < told.output_tokens < TOKEN_LIMIT:
            yield from self._completed(t_ns, told.output_tokens)
        yield from self._written(t_ns, due=True)
        yield TurnEnded(
            t_ns=t_ns,
            end=end,
            prompt_tokens=told.prompt_tokens,
            cached_tokens=told.cached_tokens,
            output_tokens=told.output_tokens,
            first_token_ns=self.first_ns,
            last_token_ns=self.last_ns,
            prompt_s=told.prompt_s,
            decode_s=told.decode_s,
            output_sha256=self._hash.hexdigest() if whole and self.reply else "",
            approximate=approximate,
            detail=bounded(detail),
            **self._who,
        )

    def _counted(self, t_ns: int, count: int) -> Iterator[Item]:
        self.count, self.last_ns = count, t_ns
        if self.first_ns is None:
            self.first_ns = t_ns
            ttft_s = (t_ns - self.sent_ns) / SECOND if self._sent else None
            yield FirstToken(t_ns=t_ns, ttft_s=ttft_s, **self._who)
        yield reading(self._arrivals, t_ns, self.total)

    def _completed(self, t_ns: int, count: int) -> Iterator[Item]:
        """Tokens that came without an arrival of their own: half characters, several in one piece."""
        yield from self._spread(count)
        if self.count == count:
            return
        self.count = count
        yield reading(self._arrivals, t_ns if self.last_ns is None else self.last_ns, self.total)

    def _spread(self, count: int) -> Iterator[Item]:
        before, characters, done = self.count, sum(size for _, size in self._some), 0
        for t_ns, size in self._some:
            done += size
            so_far = before + (count - before) * done // characters
            if so_far > self.count:
                self.count = so_far
                yield reading(self._arrivals, t_ns, self.total)

    def _written(self, t_ns: int, *, due: bool) -> Iterator[Item]:
        if not self._text or not (due or t_ns - self._text_ns >= TEXT_PERIOD_NS):
            return
        text, self._text, self._text_ns = bounded(self._text), "", t_ns
        yield OutputText(t_ns=t_ns, text=text, **self._who)
