"""A server that somebody else drives: from what its slots say a few times a second to samples and events. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from drivers.base import Item
from drivers.events import TurnEnd, TurnEnded, TurnStarted
from drivers.model import Channel, reading
from drivers.runtimes.llama_server.protocol import Slot


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn in progress in one slot, as last seen."""

    turn: int
    seen: Slot


class SlotReader:
    """Counts tokens over all slots together; a turn lasts as long as its slot is busy with one task.

    The last tokens of a turn, made after the last look at it, stay unseen: its count is not told, only what was seen.
    """

    def __init__(self, channel: Channel, run: str) -> None:
        self._channel = channel
        self._run = run
        self._turns: dict[int, _Turn] = {}
        self._numbers = count(1)
        self._tokens = 0

    def read(self, t_ns: int, slots: Sequence[Slot]) -> Iterator[Item]:
        """What has changed since the last look."""
        before = self._tokens
        for slot in slots:
            yield from self._slot(t_ns, slot)
        if self._tokens > before:
            yield reading(self._channel, t_ns, self._tokens)

    def left(self, t_ns: int) -> Iterator[Item]:
        """Turns that go on when nobody looks any more."""
        for turn in self._turns.values():
            yield self._ended(t_ns, turn, TurnEnd.STOPPED, "it is not watched any more")
        self._turns.clear()

    def _slot(self, t_ns: int, slot: Slot) -> Iterator[Item]:
        turn = self._turns.get(slot.slot)
        if turn is not None and (not slot.busy or slot.task != turn.seen.task):
            del self._turns[slot.slot]
            yield self._ended(t_ns, turn, TurnEnd.EOS, "")
            turn = None
        if not slot.busy:
            return
        if turn is None:
            turn = _Turn(next(self._numbers), replace(slot, output_tokens=0))
            yield TurnStarted(t_ns=t_ns, device=self._channel.device, run=self._run, turn=turn.turn)
        self._tokens += max(0, (slot.output_tokens or 0) - (turn.seen.output_tokens or 0))
        self._turns[slot.slot] = replace(turn, seen=slot)

    def _ended(self, t_ns: int, turn: _Turn, end: TurnEnd, detail: str) -> TurnEnded:
        seen = turn.seen.output_tokens or 0
        return TurnEnded(
            t_ns=t_ns,
            device=self._channel.device,
            run=self._run,
            turn=turn.turn,
            end=end,
            prompt_tokens=turn.seen.prompt_tokens,
            cached_tokens=turn.seen.cached_tokens,
            approximate=True,
            detail=detail or f"at least {seen} output tokens, seen by polling",
        )
