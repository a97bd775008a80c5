"""What is sent for each turn, and whether the server may have had a part of it before. No I/O."""

from dataclasses import dataclass
from typing import Final

from drivers.model import RunSpec, Workload
from drivers.runs.asking import Request
from drivers.runtimes.ollama.given import request_fields
from drivers.runtimes.ollama.protocol import Message, chat_request, options, raw_request
from drivers.schedule import ScheduledTurn

NEW_SHARE: Final = 0.9
"""Of a prompt's characters that have to be new before its evaluation counts as that of the whole prompt."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    request: Request
    whole: bool
    """Whether the server has to evaluate all of it: what it reuses of an earlier prompt it does not tell."""


class Conversation:
    """Turns of one conversation share a context: what was said before is sent again."""

    def __init__(self, spec: RunSpec, workload: Workload, model: str) -> None:
        self._workload = workload
        self._model = model
        self._options = options(spec, workload.max_tokens)
        self._fields = request_fields(spec.args)
        self._messages: list[Message] = []
        self._seen: dict[str, None] = {}

    def ask(self, scheduled: ScheduledTurn) -> Asked:
        """The request for this turn."""
        if scheduled.fresh:
            self._messages = []
        self._messages.append({"role": "user", "content": scheduled.prompt.text})
        told = "\n".join(message["content"] for message in self._messages)
        whole = all(_shared(told, seen) <= (1 - NEW_SHARE) * len(told) for seen in self._seen)
        self._seen[told] = None
        if self._workload.chat:
            body = chat_request(self._model, self._messages, self._options, self._fields)
            return Asked(Request("/api/chat", body), whole)
        text = "".join(message["content"] for message in self._messages)
        body = raw_request(self._model, text, self._options, self._fields)
        return Asked(Request("/api/generate", body), whole)

    def answered(self, reply: str) -> None:
        """The turn is over: its answer is part of the conversation."""
        self._messages.append({"role": "assistant", "content": reply})


def _shared(one: str, other: str) -> int:
    """Characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
