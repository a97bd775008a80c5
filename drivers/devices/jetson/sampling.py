"""Asking the board on even ticks: groups of files, each over a shell of its own, so that none waits for another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.jetson import protocol, scripts
from drivers.devices.jetson.processes import Processes
from drivers.devices.jetson.readers import Reader
from drivers.errors import Garbled
from drivers.events import Absent
from drivers.links.asking import Answer, Conversation, converse
from drivers.links.base import ShellLink
from drivers.ticks import ticks

ASK_LIMIT_S = 8.0
"""How long a group may take. A link that is dead is noticed before, so that it is a sensor that hangs."""

_GARBLED_LIMIT = 20
"""So many answers in a row that have the wrong number of lines, and the board's shell is not what it should be."""

Put = Callable[[Item], None]


@dataclass(frozen=True, slots=True)
class Group:
    """Readers of one rate. ``title`` is what a user is told when it hangs."""

    name: str
    title: str
    rate_hz: float
    readers: Sequence[Reader] = ()
    processes: Processes | None = field(default=None, compare=False)
    """Asked with it."""
    family: Processes | None = field(default=None, compare=False)
    """Whose descendants are looked for, with it."""

    @property
    def paths(self) -> list[str]:
        """Every file, in order."""
        return [path for reader in self.readers for path in reader.paths]


async def sample(shell: ShellLink, clock: Clock, group: Group, root: str, put: Put) -> None:
    """Ask for a group for ever. Raises LinkTimeout when it hangs, LinkLost, Garbled."""
    async with converse(shell, clock) as conversation:
        await conversation.ask(scripts.functions(root, **{group.name: group.paths}), timeout_s=ASK_LIMIT_S)
        garbled = 0
        async for _ in ticks(clock, round(SECOND / group.rate_hz)):
            answer = await _round(conversation, group)
            items = _items(group, answer)
            garbled = garbled + 1 if items is None else 0
            if garbled > _GARBLED_LIMIT:
                raise Garbled(f"the board's shell answers {group.title} with the wrong number of lines")
            for item in items or ():
                put(item)


async def _round(conversation: Conversation, group: Group) -> Answer:
    if group.family is not None and (roots := group.family.roots):
        answer = await conversation.ask(scripts.descendants(roots), timeout_s=ASK_LIMIT_S)
        group.family.adopt(answer.text)
    watched = group.processes.pids if group.processes else ()
    return await conversation.ask(scripts.request(group.name, watched), timeout_s=ASK_LIMIT_S)


def _items(group: Group, answer: Answer) -> list[Item] | None:
    """What an answer says; None when it is not of these files."""
    told = protocol.split(answer.text, len(group.paths))
    if told is None:
        return None
    values, rest = told
    items: list[Item] = []
    at = 0
    for reader in group.readers:
        items += reader.take(answer.middle_ns, values[at : at + len(reader.paths)])
        at += len(reader.paths)
    if group.processes is not None and group.processes.roots:
        items += group.processes.take(answer.middle_ns, rest)
    return items


def hung(group: Group, t_ns: int, device: str) -> Absent:
    """What is said of a group that did not answer."""
    return Absent(
        t_ns=t_ns,
        device=device,
        what=group.title,
        reason=f"reading it did not end within {ASK_LIMIT_S:g} s on the board",
        remedy="look at dmesg there; open the device again to try anew",
    )
