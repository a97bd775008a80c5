"""In which order a workload's turns come: one answer for every runtime."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from drivers.events import TurnPurpose
from drivers.model import Prompt, Workload


@dataclass(frozen=True, slots=True)
class ScheduledTurn:
    """One turn to run. ``fresh`` says that the context is to be empty before it."""

    turn: int
    conversation: int
    prompt_index: int
    repetition: int
    prompt: Prompt
    purpose: TurnPurpose
    fresh: bool


def schedule(workload: Workload) -> Iterator[ScheduledTurn]:
    """The turns of ``workload`` in order: warm-up first, then conversation by conversation, repetition by repetition.

    ``turns`` counts measured turns only. Endless when ``repeat`` is 0 and ``turns`` None.
    """
    numbers = count(1)
    first = workload.conversations[0][0]
    for _ in range(workload.warmup):
        yield ScheduledTurn(next(numbers), 0, 0, 0, first, TurnPurpose.WARMUP, fresh=True)
    measured = _measured(workload)
    for done, (repetition, conversation, index, prompt) in enumerate(measured):
        if workload.turns is not None and done >= workload.turns:
            return
        fresh = index == 0 or not workload.share_context
        yield ScheduledTurn(
            next(numbers), conversation, index, repetition, prompt, TurnPurpose.MEASURED, fresh=fresh
        )


def _measured(workload: Workload) -> Iterator[tuple[int, int, int, Prompt]]:
    repetitions = count() if workload.repeat == 0 else range(workload.repeat)
    for repetition in repetitions:
        for conversation, prompts in enumerate(workload.conversations):
            for index, prompt in enumerate(prompts):
                yield repetition, conversation, index, prompt
