"""A shell for questions that may hang: one that does is left behind, with its process, and the next goes to a new one."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

from drivers.clock import Clock
from drivers.errors import LinkTimeout
from drivers.links.asking import Answer, Conversation, converse
from drivers.links.base import ShellLink


class SlowShell:
    """Asks one question after the other. Its shell is started when first needed, and ended with the block."""

    def __init__(self, shell: ShellLink, clock: Clock) -> None:
        self._shell = shell
        self._clock = clock
        self._stack = AsyncExitStack()
        self._conversation: Conversation | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def conversation(self) -> Conversation:
        """The shell as it is now. Raises LinkError."""
        if self._conversation is None:
            opening: AbstractAsyncContextManager[Conversation] = converse(self._shell, self._clock)
            self._conversation = await self._stack.enter_async_context(opening)
        return self._conversation

    async def ask(self, script: str, *, timeout_s: float) -> Answer:
        """What ``script`` wrote, in one piece. Raises LinkTimeout when it hung: it has been ended; and LinkLost."""
        conversation = await self.conversation()
        try:
            return await conversation.ask(script, timeout_s=timeout_s, at_once=True)
        except LinkTimeout:
            await self.drop()
            raise

    async def drop(self) -> None:
        """End the shell and what hangs in it."""
        self._conversation = None
        await self._stack.aclose()
