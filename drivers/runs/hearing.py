"""What a run listens to while it works: its engine, the user's stop, the clock, its own listeners."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.errors import DriverError
from drivers.events import TurnEnd
from drivers.inbox import Ended, Inbox
from drivers.links.base import Line


class Listened(Protocol):
    """An engine's process as a run hears it."""

    def note(self, line: Line) -> None:
        """Keep a line that it printed, and tell it."""
        ...

    def post_mortem(self, returncode: int) -> DriverError:
        """Why it ended."""
        ...


@dataclass(frozen=True, slots=True)
class Gone:
    """The engine's process has ended."""

    returncode: int


@dataclass(frozen=True, slots=True)
class Halt:
    """The run is to end now: ``stopped`` by the user, or ``time`` is up."""

    end: TurnEnd


class Cut(Exception):
    """Raised where a run notices that it is to end."""

    def __init__(self, end: TurnEnd) -> None:
        super().__init__(end)
        self.end = end


class Ear:
    """Hears one thing after the other; what concerns the whole run interrupts whoever listens."""

    def __init__(self, inbox: Inbox, engine: Listened | None) -> None:
        self.inbox = inbox
        self._engine = engine

    async def hear(self) -> object:
        """The next thing; the engine's lines are kept and told on the way.

        Raises Cut when the run is to end, RunFailed when its engine is gone, and what a listener failed of.
        """
        item = await self.inbox.take()
        if isinstance(item, Halt):
            raise Cut(item.end)
        if isinstance(item, Ended) and item.error is not None:
            raise item.error
        if self._engine is not None and isinstance(item, Line):
            self._engine.note(item)
        if self._engine is not None and isinstance(item, Gone):
            raise self._engine.post_mortem(item.returncode)
        return item

    async def attend(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Wait for ``work``, hearing meanwhile; it is cancelled when something interrupts. Raises as ``hear`` does."""
        task = self.inbox.listen(name, work)
        try:
            heard: object = None
            while not (isinstance(heard, Ended) and heard.listener == name):
                heard = await self.hear()
        finally:
            await self.inbox.dismiss(task)
