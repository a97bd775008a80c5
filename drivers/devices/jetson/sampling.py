"""Asking the board on even ticks: groups of files, all over one shell while each answers at once.

A request crosses as two packets and as many system calls, whatever it asks for, so that one is cheaper than three.
When an answer is late each group gets a shell of its own, and none waits for another any more.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.jetson import protocol, scripts
from drivers.devices.jetson.processes import Processes
from drivers.devices.jetson.readers import Reader
from drivers.errors import Garbled, LinkTimeout
from drivers.links.asking import Answer, Conversation, converse
from drivers.links.base import ShellLink
from drivers.model import Channel
from drivers.ticks import ticks

START_LIMIT_S = 8.0
TOGETHER_LIMIT_S = 1.0
"""How long an answer of all groups may take before they are asked apart."""
ASK_LIMIT_S = 8.0
"""How long a group may take by itself. A link that is dead is noticed before, so that it is a sensor that hangs."""

_GARBLED_LIMIT = 20
"""So many answers in a row that have the wrong number of lines, and the board's shell is not what it should be."""

Put = Callable[[Item], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Readers that share a shell: those of one rate, and slow ones, asked for once a second."""

    name: str
    title: str
    """What a user is told when it hangs."""
    rate_hz: int
    readers: Sequence[Reader] = ()
    slow: Sequence[Reader] = ()
    processes: Processes | None = field(default=None, compare=False)
    """Asked with the quick ones; their descendants with the slow ones."""

    @property
    def channels(self) -> list[Channel]:
        """Of all its readers."""
        return [channel for reader in (*self.readers, *self.slow) for channel in reader.channels]

    @property
    def idle(self) -> bool:
        """Whether it has nothing to ask."""
        return not self.readers and not self.slow and self.processes is None


@dataclass(frozen=True, slots=True)
class Board:
    """Where groups are asked for, and where their items go."""

    shell: ShellLink
    clock: Clock
    root: str
    put: Put


async def together(board: Board, groups: Sequence[Group], apart: Callable[[], None]) -> None:
    """Ask for all groups over one shell until an answer is late; then call ``apart`` and end. Raises as ``sample``."""
    async with _asking(board, groups, TOGETHER_LIMIT_S) as asking:
        try:
            await asking.rounds(board)
        except LinkTimeout:
            apart()


async def sample(board: Board, group: Group) -> None:
    """Ask for a group for ever. Raises LinkTimeout when it hangs, LinkLost, Garbled."""
    async with _asking(board, (group,), ASK_LIMIT_S) as asking:
        await asking.rounds(board)


@asynccontextmanager
async def _asking(board: Board, groups: Sequence[Group], limit_s: float) -> AsyncIterator["_Asking"]:
    async with converse(board.shell, board.clock) as conversation:
        functions = scripts.functions(board.root, **_functions(groups))
        await conversation.ask(functions, timeout_s=START_LIMIT_S)
        yield _Asking(conversation, groups, limit_s)


def _functions(groups: Sequence[Group]) -> dict[str, list[str]]:
    quick = {group.name: _paths(group.readers) for group in groups}
    return quick | {_slow(group): _paths(group.slow) for group in groups}


def _slow(group: Group) -> str:
    return f"{group.name}_slow"


class _Asking:
    """The rounds of some groups."""

    def __init__(self, conversation: Conversation, groups: Sequence[Group], limit_s: float) -> None:
        self._conversation = conversation
        self._groups = groups
        self._limit_s = limit_s
        self._processes = next((group.processes for group in groups if group.processes), None)
        self._garbled = 0

    async def rounds(self, board: Board) -> None:
        """Ask for ever, on a grid that all boards share: what wakes this program for one wakes it for all."""
        rate_hz = max(group.rate_hz for group in self._groups)
        period_ns = SECOND // rate_hz
        await board.clock.sleep_until((board.clock.now() // period_ns + 1) * period_ns)
        numbers = count()
        async for _ in ticks(board.clock, period_ns):
            for item in await self._round(next(numbers), rate_hz):
                board.put(item)

    async def _round(self, number: int, rate_hz: int) -> list[Item]:
        """One request for all that is due."""
        slow = number % rate_hz == 0
        due: list[tuple[str, Sequence[Reader]]] = [
            (group.name, group.readers)
            for group in self._groups
            if group.readers and number % (rate_hz // group.rate_hz) == 0
        ]
        due += [(_slow(group), group.slow) for group in self._groups if slow and group.slow]
        roots = self._processes.roots if self._processes else ()
        if not due and not roots:
            return []
        script = scripts.request(
            [name for name, _ in due], self._processes.pids if self._processes else (), roots if slow else ()
        )
        answer = await self._conversation.ask(script, timeout_s=self._limit_s)
        return self._read([reader for _, readers in due for reader in readers], answer)

    def _read(self, readers: Sequence[Reader], answer: Answer) -> list[Item]:
        """What an answer says; nothing when it is not of these files. Raises Garbled when it never is."""
        told = protocol.split(answer.text, sum(len(reader.paths) for reader in readers))
        self._garbled = self._garbled + 1 if told is None else 0
        if told is None:
            if self._garbled > _GARBLED_LIMIT:
                what = self._groups[0].title
                raise Garbled(f"the board's shell answers with too few parts when asked for {what}")
            return []
        values, rest = told
        items: list[Item] = []
        at = 0
        for reader in readers:
            items += reader.take(answer.middle_ns, values[at : at + len(reader.paths)])
            at += len(reader.paths)
        if self._processes is not None and rest:
            items += self._processes.take(answer.middle_ns, rest)
        return items


def _paths(readers: Sequence[Reader]) -> list[str]:
    return [path for reader in readers for path in reader.paths]
