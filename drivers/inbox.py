"""Several things waited for at once: what they tell comes out in order of arrival, and none outlives the block."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Ended:
    """A listener has ended: by itself, or by ``error``."""

    listener: str
    error: BaseException | None


class Inbox:
    """Owns the tasks that put things into it; leaving the block cancels them and waits for their end."""

    def __init__(self) -> None:
        self._items: deque[object] = deque()
        self._filled = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.dismiss(*self._tasks)

    def put(self, item: object) -> None:
        """Add something; never waits."""
        self._items.append(item)
        self._filled.set()

    def listen(self, listener: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work``, which puts what it hears; ``Ended`` follows, unless it was cancelled, as by ``dismiss``."""
        task = asyncio.get_running_loop().create_task(work, name=listener)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    async def dismiss(self, *tasks: asyncio.Task[None]) -> None:
        """Cancel these listeners and return when they have cleaned up; their ``Ended`` is forgotten."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        names = {task.get_name() for task in tasks}
        self._items = deque(
            item for item in self._items if not (isinstance(item, Ended) and item.listener in names)
        )

    async def take(self) -> object:
        """The oldest item; waits for one."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()

    def more(self, kind: type[Kind]) -> list[Kind]:
        """Take the items of this kind that already wait in front."""
        found: list[Kind] = []
        while self._items and isinstance(item := self._items[0], kind):
            self._items.popleft()
            found.append(item)
        return found

    def drop(self, *kinds: type) -> int:
        """Forget waiting items of these kinds; how many there were."""
        before = len(self._items)
        self._items = deque(item for item in self._items if not isinstance(item, kinds))
        return before - len(self._items)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self.put(Ended(task.get_name(), task.exception()))
        elif not task.cancelling():
            # nobody cancelled it, but something it waited for: said to nobody, it would be waited for without an end
            self.put(Ended(task.get_name(), RuntimeError(f"what {task.get_name()} waited for was cancelled")))
