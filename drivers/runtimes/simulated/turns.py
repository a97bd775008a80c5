"""One turn of the simulated engine: from its messages to what everybody understands. Pure."""

from collections.abc import Iterator
from hashlib import sha256
from typing import TypedDict

from drivers.base import Item
from drivers.clock import MILLISECOND
from drivers.events import FirstToken, OutputText, PrefillProgress, TurnEnd, TurnEnded, TurnStarted, bounded
from drivers.model import Channel, RunSpec, reading
from drivers.runtimes.simulated.protocol import End, Message, Prefill, Tokens
from drivers.schedule import ScheduledTurn

TEXT_NS = 250 * MILLISECOND
"""Text is passed on at most this often."""


class _Who(TypedDict):
    device: str
    run: str
    turn: int


class TurnReader:
    """Reads the messages of one turn. The engine's times are placed at the first token's arrival."""

    def __init__(
        self,
        spec: RunSpec,
        scheduled: ScheduledTurn,
        channels: tuple[Channel, Channel],
        sent_ns: int,
        context_tokens: int,
    ) -> None:
        self.context_tokens = context_tokens
        """Before the prompt; after the turn's end what the next one finds."""
        self.engine_ns = sent_ns
        """Time of the newest token on the engine's clock."""
        self._spec = spec
        self._scheduled = scheduled
        self._tokens, self._arrivals = channels
        self._sent_ns = sent_ns
        self._first: tuple[int, float] | None = None
        self._last_ns: int | None = None
        self._digest = sha256()
        self._text = ""
        self._told_ns = sent_ns

    def started(self) -> TurnStarted:
        """The prompt was sent."""
        turn = self._scheduled
        return TurnStarted(
            t_ns=self._sent_ns,
            device=self._spec.device,
            run=self._spec.run,
            turn=turn.turn,
            conversation=turn.conversation,
            prompt=turn.prompt_index,
            repetition=turn.repetition,
            purpose=turn.purpose,
            context_tokens=self.context_tokens,
            text=bounded(turn.prompt.text),
        )

    def read(self, t_ns: int, message: Message) -> Iterator[Item]:
        """What follows from a message that came at ``t_ns``; nothing from one that is not of this turn."""
        match message:
            case Prefill(turn, processed, total) if turn == self._scheduled.turn:
                yield PrefillProgress(t_ns=t_ns, processed=processed, total=total, **self._who())
            case Tokens(turn) if turn == self._scheduled.turn:
                yield from self._read_tokens(t_ns, message)

    def end(self, t_ns: int, message: End, end: TurnEnd) -> Iterator[Item]:
        """The engine's last word on the turn."""
        self.context_tokens = message.cached_tokens + message.prompt_tokens + message.output_tokens
        yield from self._flush(t_ns)
        yield TurnEnded(
            t_ns=t_ns,
            end=end,
            prompt_tokens=message.prompt_tokens,
            cached_tokens=message.cached_tokens,
            output_tokens=message.output_tokens,
            first_token_ns=self._first[0] if self._first else None,
            last_token_ns=self._last_ns,
            prompt_s=None if message.prompt_ms is None else message.prompt_ms / 1e3,
            decode_s=None if message.decode_ms is None else message.decode_ms / 1e3,
            output_sha256=self._digest.hexdigest() if self._first else "",
            **self._who(),
        )

    def cut(self, t_ns: int, end: TurnEnd, detail: str) -> Iterator[Item]:
        """The turn ended without a last word."""
        yield from self._flush(t_ns)
        yield TurnEnded(
            t_ns=t_ns,
            end=end,
            first_token_ns=self._first[0] if self._first else None,
            last_token_ns=self._last_ns,
            detail=bounded(detail),
            **self._who(),
        )

    def _read_tokens(self, t_ns: int, message: Tokens) -> Iterator[Item]:
        if self._first is None:
            self._first = (t_ns, message.ms)
            yield FirstToken(t_ns=t_ns, ttft_s=(t_ns - self._sent_ns) / 1e9, **self._who())
        placed_ns = self._first[0] + round((message.ms - self._first[1]) * MILLISECOND)
        self.engine_ns = max(self.engine_ns, placed_ns)
        self._last_ns = t_ns
        self._digest.update(message.text.encode("utf-8", "replace"))
        self._text += message.text
        yield reading(self._tokens, self.engine_ns, message.n)
        yield reading(self._arrivals, t_ns, message.n)
        if t_ns >= self._told_ns + TEXT_NS:
            yield from self._flush(t_ns)

    def _flush(self, t_ns: int) -> Iterator[Item]:
        if self._text:
            yield OutputText(t_ns=t_ns, text=bounded(self._text), **self._who())
            self._text, self._told_ns = "", t_ns

    def _who(self) -> _Who:
        return {"device": self._spec.device, "run": self._spec.run, "turn": self._scheduled.turn}
