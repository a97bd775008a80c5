"""What is sent for each turn of a workload: the conversation so far, and how the next prompt joins it. No I/O."""

from drivers.model import RunSpec, Workload
from drivers.runtimes.llama_server.protocol import (
    Limits,
    Message,
    PromptPart,
    chat_request,
    completion_request,
)
from drivers.schedule import ScheduledTurn

Request = tuple[str, dict[str, object]]
"""Path and body of a POST."""


class Conversation:
    """Turns of one conversation share a context: what was said before is sent again, and the server may reuse it."""

    def __init__(self, spec: RunSpec, workload: Workload) -> None:
        self._workload = workload
        self._sampling = spec.sampling
        self._messages: list[Message] = []
        self._parts: list[PromptPart] = []
        self._context_tokens: int | None = 0
        self._before = (0, 0)

    @property
    def context_tokens(self) -> int | None:
        """Tokens in the context before the next prompt; None when the server did not say."""
        return self._context_tokens

    def ask(self, scheduled: ScheduledTurn) -> Request:
        """The request for this turn. Prompts made of token ids are always sent as they are."""
        if scheduled.fresh:
            self._messages, self._parts, self._context_tokens = [], [], 0
        self._before = (len(self._messages), len(self._parts))
        prompt = scheduled.prompt
        limits = Limits(
            max_tokens=self._workload.max_tokens,
            ignore_eos=self._workload.ignore_eos,
            sampling=self._sampling,
            reuse=not scheduled.fresh,
        )
        if self._workload.chat and not prompt.tokens:
            self._messages.append({"role": "user", "content": prompt.text})
            return "/v1/chat/completions", chat_request(self._messages, limits)
        self._parts += prompt.tokens or (prompt.text,)
        return "/completion", completion_request(self._parts, limits)

    def answered(self, reply: str, context_tokens: int | None) -> None:
        """The turn is over: its answer is part of the conversation."""
        if self._messages:
            self._messages.append({"role": "assistant", "content": reply})
        if self._parts:
            self._parts.append(reply)
        self._context_tokens = context_tokens

    def unanswered(self) -> None:
        """The answer was lost on its way: the conversation goes on as if this prompt had not been sent."""
        messages, parts = self._before
        del self._messages[messages:], self._parts[parts:]
