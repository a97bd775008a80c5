"""A shell for questions that may hang: one that does is left behind, with its process, and the next goes to a new one."""

import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from itertools import pairwise
from types import TracebackType
from typing import Self

from drivers.clock import Clock
from drivers.errors import LinkTimeout
from drivers.links.asking import Answer, Conversation, OwnTime, converse
from drivers.links.base import ShellLink


class SlowShell:
    """Asks one question after the other. Its shell is started when first needed, and ended with the block."""

    def __init__(self, shell: ShellLink, clock: Clock) -> None:
        self._shell = shell
        self._clock = clock
        self._stack = AsyncExitStack()
        self._conversation: Conversation | None = None
        self._mark = f"melt-{secrets.token_hex(8)} "

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

    async def ask_together(self, scripts: Sequence[str], *, timeout_s: float) -> Sequence[Answer]:
        """What each of them wrote, one after the other, at the cost of one question; the shell tells ``OwnTime.REAL_TIME``,
        by which it is known when each ran. No text where the answer came damaged. Raises as ``ask``."""
        tell = f'echo "{self._mark}{OwnTime.REAL_TIME.value}"\n'
        answer = await self.ask(
            tell + tell.join(f"{script}\n" for script in scripts) + tell, timeout_s=timeout_s
        )
        return parted(answer, self._mark, len(scripts))

    async def drop(self) -> None:
        """End the shell and what hangs in it."""
        self._conversation = None
        await self._stack.aclose()


def parted(answer: Answer, mark: str, n: int) -> Sequence[Answer]:
    """An answer cut into ``n`` by lines of ``mark`` and the device's time, one before the first and one after each.

    What the way took is shared by both its ends. Damaged, or when the device's clock was set: all of the time for each.
    """
    before, *parts = answer.text.split(mark)
    times, texts = [], []
    for part in parts:
        time, _, text = part.partition("\n")
        times.append(OwnTime.REAL_TIME.read(time))
        texts.append(text.removesuffix("\n"))
    told = [time for time in times if time is not None]
    if before or len(parts) != n + 1 or texts[-1] or len(told) != len(times):
        return [Answer(answer.t0_ns, answer.t1_ns, "")] * n
    way_ns = (answer.t1_ns - answer.t0_ns) - (told[-1] - told[0])
    if way_ns < 0 or any(b < a for a, b in pairwise(told)):
        return [Answer(answer.t0_ns, answer.t1_ns, text) for text in texts[:-1]]
    start_ns = answer.t0_ns + way_ns // 2 - told[0]
    return [
        Answer(start_ns + a, start_ns + b, text) for (a, b), text in zip(pairwise(told), texts, strict=False)
    ]
