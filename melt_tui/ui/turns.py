"""The turns of the runs as a table: what each took, from the events that have come of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.events import Event, FirstToken, TurnEnded, TurnPurpose, TurnStarted

TURN_KINDS: tuple[type[Event], ...] = (TurnStarted, FirstToken, TurnEnded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn. What is not known, or not yet, is None."""

    started: TurnStarted
    first_token: FirstToken | None = None
    ended: TurnEnded | None = None

    @property
    def warmup(self) -> bool:
        """Whether it does not count."""
        return self.started.purpose is TurnPurpose.WARMUP

    @property
    def ttft_s(self) -> float | None:
        """Prompt sent until the first output token."""
        return self.first_token.ttft_s if self.first_token else None

    @property
    def prefill_tps(self) -> float | None:
        """New prompt tokens by prompt-evaluation time, as the engine tells both."""
        return _rate(self.ended.prompt_tokens, self.ended.prompt_s) if self.ended else None

    @property
    def decode_tps(self) -> float | None:
        """Observed: decode tokens by the time from the first to the last output token, as they reached us."""
        ended = self.ended
        if ended is None or ended.first_token_ns is None or ended.last_token_ns is None:
            return None
        return _rate(self._decoded, (ended.last_token_ns - ended.first_token_ns) / 1e9)

    @property
    def reported_tps(self) -> float | None:
        """The same by the engine's own times."""
        return _rate(self._decoded, self.ended.decode_s) if self.ended else None

    @property
    def _decoded(self) -> int | None:
        tokens = self.ended.output_tokens if self.ended else None
        return tokens - 1 if tokens else None


def turns_of(events: Iterable[Event]) -> Sequence[Turn]:
    """The turns that these events tell of, in order of their start."""
    found: dict[tuple[str, str, int], Turn] = {}
    for event in events:
        if isinstance(event, TurnStarted):
            found[event.device, event.run, event.turn] = Turn(started=event)
        elif isinstance(event, FirstToken | TurnEnded):
            key = (event.device, event.run, event.turn)
            turn = found.get(key)
            if turn is not None:
                found[key] = _with(turn, event)
    return tuple(found.values())


def _with(turn: Turn, event: FirstToken | TurnEnded) -> Turn:
    if isinstance(event, FirstToken):
        return Turn(started=turn.started, first_token=event, ended=turn.ended)
    return Turn(started=turn.started, first_token=turn.first_token, ended=event)


def _rate(tokens: int | None, duration_s: float | None) -> float | None:
    return None if not tokens or not duration_s or duration_s <= 0 else tokens / duration_s
