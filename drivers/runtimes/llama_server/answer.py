"""One answer as it comes: from the events of a stream to samples and events. No I/O, no clock."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drivers.base import Item
from drivers.clock import SECOND
from drivers.errors import Garbled, RunFailed
from drivers.events import (
    FirstToken,
    OutputText,
    PrefillProgress,
    TurnEnd,
    TurnEnded,
    bounded,
)
from drivers.model import Samples, uneven_block
from drivers.runs.enginetime import EngineTimes
from drivers.runtimes.llama_server.channels import TokenChannels
from drivers.runtimes.llama_server.protocol import Chunk, Timings

TEXT_PERIOD_NS = SECOND // 4
REPLY_LIMIT = 16 << 20
"""Characters of one answer; a longer one is nonsense."""
TOKEN_LIMIT = 1 << 40

Heard = tuple[int, Chunk]
"""``(arrival in ns, event)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the answer answers."""

    run: str
    turn: int
    max_tokens: int
    sent_ns: int
    tokens_before: int
    """Output tokens of the run before this turn: the channels count through."""


class AnswerReader:
    """Reads one answer. Counts are the engine's ``predicted_n``, never the number of events."""

    def __init__(self, asked: Asked, channels: TokenChannels) -> None:
        self.done = False
        """Whether the last event has come."""
        self.reply = ""
        self._asked = asked
        self._channels = channels
        self._times = EngineTimes()
        self._count = 0
        self._timings: Timings | None = None
        self._usage: Chunk | None = None
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._end: TurnEnd | None = None
        self._truncated = False
        self._hash = hashlib.sha256()
        self._text = ""
        self._text_ns = asked.sent_ns - TEXT_PERIOD_NS

    @property
    def output_tokens(self) -> int:
        """Tokens of this answer so far."""
        return self._count

    @property
    def context_tokens(self) -> int | None:
        """Tokens in the context after this answer; None where the server did not say."""
        prompt, cached = self._prompt_tokens()
        return None if prompt is None else prompt + (cached or 0) + self._count

    @property
    def engine_ns(self) -> int:
        """The last token's time on the channel ``tokens``: it may lie a little after its arrival."""
        return self._times.last_ns

    def read(self, heard: Sequence[Heard]) -> Iterator[Item]:
        """What follows from events that arrived together. Raises RunFailed for the server's error, Garbled."""
        counted: list[tuple[int, int, Timings | None]] = []
        for t_ns, chunk in heard:
            yield from self._progress(t_ns, chunk)
            if self._note(chunk):
                counted.append((t_ns, self._count, chunk.timings))
        yield from self._tokens(counted)
        if heard:
            yield from self._written(heard[-1][0], due=self.done)

    def ended(self, t_ns: int, cut: TurnEnd | None = None, detail: str = "") -> Iterator[Item]:
        """The text that was not told yet, and ``TurnEnded``; ``cut`` says why it was cut, if it was."""
        yield from self._written(t_ns, due=True)
        prompt, cached = self._prompt_tokens()
        prompt_ms = self._counted.prompt_ms if self._counted else None
        yield TurnEnded(
            t_ns=t_ns,
            device=self._channels.tokens.device,
            run=self._asked.run,
            turn=self._asked.turn,
            end=cut or self._end or TurnEnd.EOS,
            prompt_tokens=prompt,
            cached_tokens=cached,
            output_tokens=self._count if self._told() else None,
            first_token_ns=self._first_ns,
            last_token_ns=self._last_ns,
            prompt_s=None if prompt_ms is None else prompt_ms / 1e3,
            decode_s=self._decode_s(),
            output_sha256="" if cut else self._hash.hexdigest(),
            approximate=self._count > 0 and self._decode_s() is None,
            detail=detail or ("" if cut else self._early()),
        )

    def _note(self, chunk: Chunk) -> bool:
        """Take over what the event says; True when it tells of new tokens."""
        if chunk.error:
            raise RunFailed(f"the server could not go on: {chunk.error}")
        self._end = chunk.end or self._end
        self._truncated = self._truncated or chunk.truncated
        self.done = self.done or chunk.done
        self._timings = chunk.timings or self._timings
        self._usage = chunk if chunk.prompt_tokens is not None else self._usage
        self._write(chunk)
        told = chunk.output_tokens
        if told is None or not self._count < told < TOKEN_LIMIT:
            return False
        self._count = told
        return True

    def _write(self, chunk: Chunk) -> None:
        self._hash.update(chunk.text.encode())
        self._text += chunk.text
        self.reply += chunk.reply
        if len(self.reply) > REPLY_LIMIT:
            raise Garbled("the server's answer does not end")

    def _progress(self, t_ns: int, chunk: Chunk) -> Iterator[Item]:
        progress = chunk.progress
        if progress is None or progress.total <= progress.cached:
            return
        yield PrefillProgress(
            t_ns=t_ns,
            device=self._channels.tokens.device,
            run=self._asked.run,
            turn=self._asked.turn,
            processed=max(0, progress.processed - progress.cached),
            total=progress.total - progress.cached,
        )

    def _tokens(self, counted: Sequence[tuple[int, int, Timings | None]]) -> Iterator[Item]:
        if not counted:
            return
        first_ns, self._last_ns = counted[0][0], counted[-1][0]
        if self._first_ns is None:
            self._first_ns = first_ns
            yield FirstToken(
                t_ns=first_ns,
                device=self._channels.tokens.device,
                run=self._asked.run,
                turn=self._asked.turn,
                ttft_s=(first_ns - self._asked.sent_ns) / SECOND,
            )
        before = self._asked.tokens_before
        counts = [before + count for _, count, _ in counted]
        yield from self._at_engine_times(counted)
        yield uneven_block(self._channels.arrivals, [t_ns for t_ns, _, _ in counted], counts)

    def _at_engine_times(self, counted: Sequence[tuple[int, int, Timings | None]]) -> Iterator[Samples]:
        timed = [
            (t_ns, timings.predicted_ms, self._asked.tokens_before + count)
            for t_ns, count, timings in counted
            if timings is not None and timings.predicted_ms is not None
        ]
        if timed:
            times_ns = self._times.place([(t_ns, ms) for t_ns, ms, _ in timed])
            yield uneven_block(self._channels.tokens, times_ns, [count for _, _, count in timed])

    def _written(self, t_ns: int, *, due: bool) -> Iterator[Item]:
        if not self._text or not (due or t_ns - self._text_ns >= TEXT_PERIOD_NS):
            return
        text, self._text, self._text_ns = bounded(self._text), "", t_ns
        yield OutputText(
            t_ns=t_ns,
            device=self._channels.tokens.device,
            run=self._asked.run,
            turn=self._asked.turn,
            text=text,
        )

    @property
    def _counted(self) -> Timings | None:
        """The engine's times, if they are those of the last token."""
        timings = self._timings
        return timings if timings is not None and self._count and timings.predicted_n == self._count else None

    def _prompt_tokens(self) -> tuple[int | None, int | None]:
        """New and cached ones."""
        if self._counted is not None and self._counted.prompt_n is not None:
            return self._counted.prompt_n, self._counted.cache_n
        if self._usage is None or self._usage.prompt_tokens is None:
            return None, None
        cached = self._usage.cached_tokens
        return max(0, self._usage.prompt_tokens - (cached or 0)), cached

    def _told(self) -> bool:
        return self._count > 0 or (self._timings is not None and self._timings.predicted_n is not None)

    def _decode_s(self) -> float | None:
        if self._counted is None or self._counted.predicted_ms is None:
            return None
        return self._counted.predicted_ms / 1e3

    def _early(self) -> str:
        """Why an answer ended at a limit that is not its own."""
        full = self._truncated or (self._end is TurnEnd.LIMIT and 0 < self._count < self._asked.max_tokens)
        return f"the context was full after {self._count} output tokens" if full else ""
