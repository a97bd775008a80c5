"""The runtime's processes: memory and CPU time of every watched process and its descendants, as one sum."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND, Clock
from drivers.devices.host.channels import (
    FAST_HZ,
    PROCESS_CPU,
    PSS,
    RSS,
    RSS_ANON,
    RSS_FILE,
    RSS_PEAK,
    SLOW_HZ,
)
from drivers.devices.host.probes import period_ns, readable
from drivers.links.sysfiles import SysFiles
from drivers.model import Channel, reading

_FAMILY_NS = SECOND
"""How often children are looked for."""

_ROLLUP_SHARE = 200
"""``smaps_rollup`` walks every page: the next walk waits this many times as long as the last one took."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process at a moment. ``started`` tells it from a later one of the same id."""

    started: float
    cpu_s: float
    """Of it and of the children that it has waited for."""
    memory: linux.Memory


class ProcessTable(Protocol):
    """Where processes are looked up."""

    @property
    def splits(self) -> bool:
        """Whether it tells anonymous memory from that of files."""
        ...

    def look(self, pid: int) -> Process | None:
        """A living process; None when it is gone, or ending, or not to be looked at."""
        ...

    def children(self, pid: int) -> Iterable[int]:
        """Its children, not theirs."""
        ...


class ProcFiles:
    """Linux: ``/proc``."""

    splits = True

    def __init__(self, files: SysFiles) -> None:
        self._files = files
        self._tick_s = 1 / os.sysconf("SC_CLK_TCK")

    def look(self, pid: int) -> Process | None:
        """From ``stat`` and ``status``."""
        times = linux.stat_times(readable(self._files, f"/proc/{pid}/stat"))
        memory = linux.status_memory(readable(self._files, f"/proc/{pid}/status"))
        if times is None or memory is None:
            return None
        return Process(times.start, times.cpu * self._tick_s, memory)

    def children(self, pid: int) -> Iterable[int]:
        """Each thread knows those that it started."""
        for path in self._files.glob(f"/proc/{pid}/task/[0-9]*/children"):
            yield from linux.numbers(readable(self._files, path))


class PsutilProcesses:
    """Any other system: what psutil gives."""

    splits = False

    def look(self, pid: int) -> Process | None:
        """RSS and CPU time; anonymous and file pages are not told apart."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                memory = linux.Memory(process.memory_info().rss)
                return Process(process.create_time(), times.user + times.system, memory)
        except psutil.Error:
            return None

    def children(self, pid: int) -> Iterable[int]:
        """By the parent that each process names."""
        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []


class Watched:
    """The processes to follow: those that were named, and their descendants as last looked for."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._roots: dict[int, float | None] = {}
        self._family: tuple[int, ...] = ()
        self._looked_ns: int | None = None
        self.splits = table.splits

    def add(self, pid: int) -> None:
        """Follow it from now on."""
        process = self._table.look(pid)
        self._roots[pid] = None if process is None else process.started
        self._looked_ns = None

    def discard(self, pid: int) -> None:
        """Follow it no longer."""
        self._roots.pop(pid, None)
        self._looked_ns = None

    @property
    def pids(self) -> Sequence[int]:
        """Every process that belongs, as last looked for."""
        return self._family

    def look(self, t_ns: int) -> dict[int, Process]:
        """Every process that belongs and is alive, by its id."""
        self._forget_the_dead()
        if self._looked_ns is None or t_ns - self._looked_ns >= _FAMILY_NS:
            self._looked_ns = t_ns
            self._family = tuple(self._descend())
        seen = ((pid, self._table.look(pid)) for pid in self._family)
        return {pid: process for pid, process in seen if process is not None}

    def _forget_the_dead(self) -> None:
        for pid, started in list(self._roots.items()):
            process = self._table.look(pid)
            if process is None or process.started != started:
                self.discard(pid)

    def _descend(self) -> Iterable[int]:
        known: dict[int, None] = {}
        waiting = list(self._roots)
        while waiting:
            pid = waiting.pop()
            if pid not in known:
                known[pid] = None
                waiting += self._table.children(pid)
        return known


class ProcessProbe:
    """Memory and CPU use of what is watched, ten times a second; nothing while nothing is watched."""

    blocking = False
    period_ns = period_ns(FAST_HZ)
    channels: tuple[Channel, ...] = ()

    def __init__(self, watched: Watched, device: str, cores: int) -> None:
        self._watched = watched
        self._cores = cores
        self._before: tuple[int, dict[int, Process]] | None = None
        self._peak = 0
        self._cpu, self._rss, self._anon, self._file, self._top = (
            row.of(device) for row in (PROCESS_CPU, RSS, RSS_ANON, RSS_FILE, RSS_PEAK)
        )
        split = (self._anon, self._file) if watched.splits else ()
        self.announced = (self._rss, *split, self._top, self._cpu)
        """To be opened when the first process is watched."""

    def read(self, clock: Clock) -> list[Item]:
        """Sums over the living; a part that one of them does not tell is left out."""
        t_ns = clock.now()
        seen = self._watched.look(t_ns)
        before, self._before = self._before, (t_ns, seen)
        if not seen:
            return []
        if before is None or not seen.keys() & before[1].keys():
            self._peak = 0
        memories = [process.memory for process in seen.values()]
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

    def _use(
        self, before: tuple[int, dict[int, Process]] | None, t_ns: int, seen: dict[int, Process]
    ) -> float | None:
        """Percent of all cores since the round before, by those that were there then and still are."""
        if before is None or not before[1] or t_ns <= before[0]:
            return None
        steps = [
            process.cpu_s - before[1][pid].cpu_s
            for pid, process in seen.items()
            if pid in before[1] and before[1][pid].started == process.started
        ]
        if not steps:
            return None
        return 100 * max(0.0, sum(steps)) * SECOND / (t_ns - before[0]) / self._cores


class RollupProbe:
    """Memory of what is watched counted page by page, as often as its cost allows. Linux only."""

    blocking = True
    period_ns = period_ns(SLOW_HZ)
    channels: tuple[Channel, ...] = ()

    def __init__(self, watched: Watched, files: SysFiles, device: str) -> None:
        self._watched = watched
        self._files = files
        self._pss = PSS.of(device)
        self._next_ns = 0
        self.announced = (self._pss,)

    def read(self, clock: Clock) -> list[Item]:
        """The sum, when all of them tell their share."""
        t_ns = clock.now()
        if t_ns < self._next_ns or not (pids := self._watched.pids):
            return []
        shares = [linux.kilobytes(readable(self._files, f"/proc/{pid}/smaps_rollup"), "Pss") for pid in pids]
        done_ns = clock.now()
        self._next_ns = done_ns + _ROLLUP_SHARE * (done_ns - t_ns)
        total = _sum(shares)
        return [] if total is None else [reading(self._pss, done_ns, total)]


def _sum(parts: Iterable[int | None]) -> int | None:
    """The sum; None when a part is not known."""
    total = 0
    for part in parts:
        if part is None:
            return None
        total += part
    return total
