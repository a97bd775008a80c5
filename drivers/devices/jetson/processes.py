"""The runtime's processes on the board: memory and CPU time of those watched and their descendants, as one sum. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.jetson.channels import PROCESS_CPU, RSS, RSS_ANON, RSS_FILE, RSS_PEAK
from drivers.model import Channel, reading

PROCESS_LIMIT = 64
"""Of one family; a request for more would take longer than its period."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A living process at a moment. ``times.start`` tells it from a later one of the same id."""

    times: linux.ProcessTimes
    memory: linux.Memory


def parse(parts: Iterable[str]) -> dict[int, Seen]:
    """The answer of ``scripts.request`` about processes; one that is gone, or ending, is not in it."""
    blocks: dict[int, list[str]] = {}
    block: list[str] = []
    for line in parts:
        if line.startswith("P "):
            pid = linux.integer(line[2:])
            block = blocks.setdefault(pid, []) if pid is not None else []
        else:
            block.append(line)
    read = {pid: _seen(block) for pid, block in blocks.items()}
    return {pid: seen for pid, seen in read.items() if seen is not None}


def _seen(block: Sequence[str]) -> Seen | None:
    stat = next((line[2:] for line in block if line.startswith("S ")), None)
    times = linux.stat_times(stat)
    memory = linux.status_memory("\n".join(line for line in block if line.startswith(("Vm", "Rss"))))
    return Seen(times, memory) if times is not None and memory is not None else None


class Processes:
    """Which processes to ask for, and what they tell together."""

    def __init__(self, device: str, *, cores: int, ticks_hz: int) -> None:
        self._cores = cores
        self._ticks_hz = ticks_hz
        self._roots: dict[int, int | None] = {}
        """By process id when it was started; None until it was seen."""
        self._family: tuple[int, ...] = ()
        self._before: tuple[int, dict[int, Seen]] | None = None
        self._peak = 0
        self._cpu, self._rss, self._anon, self._file, self._top = (
            row.of(device) for row in (PROCESS_CPU, RSS, RSS_ANON, RSS_FILE, RSS_PEAK)
        )
        self.channels: tuple[Channel, ...] = (self._rss, self._anon, self._file, self._top, self._cpu)

    def watch(self, pid: int) -> None:
        """Follow it and its children from now on."""
        self._roots.setdefault(pid, None)

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._roots.pop(pid, None)
        self._family = ()

    @property
    def roots(self) -> tuple[int, ...]:
        """What was asked to be watched and is alive, as far as known."""
        return tuple(self._roots)

    @property
    def pids(self) -> tuple[int, ...]:
        """Whom to ask for."""
        return tuple(dict.fromkeys((*self._roots, *self._family)))[:PROCESS_LIMIT]

    def take(self, t_ns: int, parts: Sequence[str]) -> list[Item]:
        """The sums; a part that one of the living does not tell is left out. Descendants are asked for from now on."""
        seen = parse(parts)
        for part in parts:
            if part == "F" or part.startswith("F "):
                self._family = tuple(linux.numbers(part[1:]))
        self._forget_the_dead(seen)
        before, self._before = self._before, (t_ns, seen)
        if not seen:
            return []
        if before is None or not seen.keys() & before[1].keys():
            self._peak = 0
        memories = [one.memory for one in seen.values()]
        rss = sum(memory.rss for memory in memories)
        self._peak = max(self._peak, rss, *(memory.peak or 0 for memory in memories))
        values = (
            (self._rss, rss),
            (self._anon, _sum(memory.anon for memory in memories)),
            (self._file, _sum(memory.file for memory in memories)),
            (self._top, self._peak),
            (self._cpu, self._use(before, t_ns, seen)),
        )
        return [reading(channel, t_ns, value) for channel, value in values if value is not None]

    def _forget_the_dead(self, seen: dict[int, Seen]) -> None:
        """A root that was seen once and is gone now, or is another process of the same id."""
        for pid, started in list(self._roots.items()):
            now = seen[pid].times.start if pid in seen else None
            if started is None:
                self._roots[pid] = now
            elif now != started:
                self.unwatch(pid)
                seen.pop(pid, None)

    def _use(
        self, before: tuple[int, dict[int, Seen]] | None, t_ns: int, seen: dict[int, Seen]
    ) -> float | None:
        """Percent of all cores since the last answer, by those that were there then and still are."""
        if before is None or t_ns <= before[0]:
            return None
        steps = [
            one.times.cpu - before[1][pid].times.cpu
            for pid, one in seen.items()
            if pid in before[1] and before[1][pid].times.start == one.times.start
        ]
        if not steps:
            return None
        spent_s = max(0, sum(steps)) / self._ticks_hz
        return 100 * spent_s * SECOND / (t_ns - before[0]) / self._cores


def _sum(parts: Iterable[int | None]) -> int | None:
    total = 0
    for part in parts:
        if part is None:
            return None
        total += part
    return total
