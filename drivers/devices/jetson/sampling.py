"""Asking the board on even ticks: groups of files, each over a shell of its own, so that none waits for another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.jetson import protocol, scripts
from drivers.devices.jetson.processes import Processes
from drivers.devices.jetson.readers import Reader
from drivers.errors import Garbled
from drivers.links.asking import Answer, Conversation, converse
from drivers.links.base import ShellLink
from drivers.model import Channel
from drivers.ticks import ticks

ASK_LIMIT_S = 8.0
"""How long a group may take. A link that is dead is noticed before, so that it is a sensor that hangs."""

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


async def sample(shell: ShellLink, clock: Clock, group: Group, root: str, put: Put) -> None:
    """Ask for a group for ever. Raises LinkTimeout when it hangs, LinkLost, Garbled."""
    quick, slow = _paths(group.readers), _paths(group.slow)
    async with converse(shell, clock) as conversation:
        functions = scripts.functions(root, **{group.name: quick, f"{group.name}_slow": slow})
        await conversation.ask(functions, timeout_s=ASK_LIMIT_S)
        asking = _Asking(conversation, group)
        rounds = count()
        async for _ in ticks(clock, SECOND // group.rate_hz):
            for item in await asking.round(slow=next(rounds) % group.rate_hz == 0):
                put(item)


class _Asking:
    """The rounds of one group."""

    def __init__(self, conversation: Conversation, group: Group) -> None:
        self._conversation = conversation
        self._group = group
        self._garbled = 0

    async def round(self, *, slow: bool) -> list[Item]:
        """The quick readers, and the slow ones if it is their turn."""
        group, processes = self._group, self._group.processes
        items: list[Item] = []
        if slow and group.slow:
            answer = await self._ask(scripts.request(f"{group.name}_slow"))
            items += self._read(group.slow, None, answer)
        if slow and processes and processes.roots:
            processes.adopt((await self._ask(scripts.descendants(processes.roots))).text)
        if group.readers or (processes and processes.roots):
            watched = processes.pids if processes else ()
            answer = await self._ask(scripts.request(group.name, watched))
            items += self._read(group.readers, processes if watched else None, answer)
        return items

    async def _ask(self, script: str) -> Answer:
        return await self._conversation.ask(script, timeout_s=ASK_LIMIT_S)

    def _read(self, readers: Sequence[Reader], processes: Processes | None, answer: Answer) -> list[Item]:
        """What an answer says; nothing when it is not of these files. Raises Garbled when it never is."""
        told = protocol.split(answer.text, len(_paths(readers)))
        self._garbled = self._garbled + 1 if told is None else 0
        if told is None:
            if self._garbled > _GARBLED_LIMIT:
                raise Garbled(f"the board's shell answers {self._group.title} with the wrong number of lines")
            return []
        values, rest = told
        items: list[Item] = []
        at = 0
        for reader in readers:
            items += reader.take(answer.middle_ns, values[at : at + len(reader.paths)])
            at += len(reader.paths)
        return items + (processes.take(answer.middle_ns, rest) if processes else [])


def _paths(readers: Sequence[Reader]) -> list[str]:
    return [path for reader in readers for path in reader.paths]
