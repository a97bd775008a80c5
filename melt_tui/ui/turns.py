"""The turns of the runs as a table: what each took, from the events that have come of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.events import Event, FirstToken, TurnEnded, TurnPurpose, TurnStarted
from melt_tui.measures import rates

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
        """As the engine tells tokens and time."""
        return rates.prefill_rate(self.ended.prompt_tokens, self.ended.prompt_s) if self.ended else None

    @property
    def decode_tps(self) -> float | None:
        """Observed: by the arrivals of the first and the last output token."""
        if self.ended is None:
            return None
        return rates.decode_rate(
            self.ended.output_tokens, self.ended.first_token_ns, self.ended.last_token_ns
        )

    @property
    def reported_tps(self) -> float | None:
        """The same by the engine's own time."""
        if self.ended is None:
            return None
        return rates.reported_decode_rate(self.ended.output_tokens, self.ended.decode_s)

    @property
    def flagged(self) -> bool:
        """Whether observed and reported are further apart than they should be."""
        return rates.differ(self.decode_tps, self.reported_tps) is True


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
