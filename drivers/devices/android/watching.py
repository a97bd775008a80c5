"""The processes that a runtime started on the phone: memory and CPU time of them and their descendants, as one sum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers import linux
from drivers.base import Item
from drivers.clock import SECOND
from drivers.devices.android import protocol, scripts
from drivers.devices.android.channels import PROCESS_CPU, PSS, RSS, RSS_ANON, RSS_FILE, RSS_PEAK
from drivers.events import Absent
from drivers.links.asking import Answer
from drivers.model import Channel, reading

_TICK_S = 0.01
"""Android's kernels count CPU time in hundredths of a second."""
_GONE_AFTER = 3
"""Rounds without a sign of life after which a process is forgotten."""
_PAGES_SHARE, _APP_SHARE = 200, 50
"""Counting page by page takes the phone's time: the next count waits this many times as long as the last one took."""
_PAGES_NS, _APP_NS = 5 * SECOND, 10 * SECOND


@dataclass(slots=True)
class _Followed:
    """One process of the family."""

    started: int | None = None
    cpu_ticks: int | None = None
    memory: linux.Memory | None = None
    peak: int | None = None
    owner: int | None = None
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What is needed to read a phone's processes."""

    page_size: int
    processors: int
    user: int | None
    """Of adb's shell."""
    builtin: bool
    children: bool
    """Whether the kernel tells a process's children."""


class Watched:
    """What is to be followed, how it is asked for, and what the answers mean."""

    def __init__(self, device: str, settings: Settings) -> None:
        self._settings = settings
        self._roots: list[int] = []
        self._family: dict[int, _Followed] = {}
        self._device = device
        self._before_ns: int | None = None
        self._peak = 0
        self._rss, self._anon, self._file, self._top, self._cpu, self._pss = (
            row.of(device) for row in (RSS, RSS_ANON, RSS_FILE, RSS_PEAK, PROCESS_CPU, PSS)
        )

    @property
    def announced(self) -> Sequence[Channel]:
        """To be opened when the first process is watched."""
        return (self._rss, self._anon, self._file, self._top, self._cpu, self._pss)

    @property
    def roots(self) -> Sequence[int]:
        """Those that were named."""
        return tuple(self._roots)

    @property
    def pids(self) -> Sequence[int]:
        """Every process that belongs."""
        return tuple(self._family)

    def add(self, pid: int) -> None:
        """Follow it, and its descendants, from now on."""
        if pid not in self._roots:
            self._roots.append(pid)
        self.adopt(())

    def discard(self, pid: int) -> None:
        """Follow it no longer."""
        if pid in self._roots:
            self._roots.remove(pid)
        self._family = {one: self._family[one] for one in self._roots}

    def adopt(self, pids: Iterable[int]) -> None:
        """The family is the roots and these."""
        wanted = dict.fromkeys((*self._roots, *pids))
        if list(wanted) != list(self._family):
            self._family = {pid: self._family.get(pid, _Followed()) for pid in wanted}

    # --- ten times a second

    def readings(self) -> list[str]:
        """Two for each process."""
        return [
            text
            for pid in self._family
            for text in (scripts.process_times(pid), scripts.line(f"/proc/{pid}/statm"))
        ]

    def take(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """Sums over the living; a process whose start is another's is gone."""
        before_ns, self._before_ns = self._before_ns, t_ns
        spent = [
            self._follow(pid, times, pages)
            for pid, times, pages in zip(self.pids, texts[::2], texts[1::2], strict=True)
        ]
        self._bury()
        memories = [one.memory for one in self._family.values() if one.memory is not None]
        items: list[Item] = []
        if memories:
            items += self._memory(t_ns, memories)
        steps = [step for step in spent if step is not None]
        if steps and before_ns is not None and t_ns > before_ns:
            percent = 100 * sum(steps) * _TICK_S * SECOND / (t_ns - before_ns) / self._settings.processors
            items.append(reading(self._cpu, t_ns, percent))
        return items

    def _memory(self, t_ns: int, memories: Sequence[linux.Memory]) -> list[Item]:
        rss = sum(memory.rss for memory in memories)
        self._peak = max(self._peak, rss)
        return [
            reading(self._rss, t_ns, rss),
            reading(self._anon, t_ns, sum(memory.anon or 0 for memory in memories)),
            reading(self._file, t_ns, sum(memory.file or 0 for memory in memories)),
        ]

    def _follow(self, pid: int, times: str, pages: str) -> int | None:
        """Note what a process has now; the CPU time that it spent since the round before."""
        one = self._family[pid]
        read = linux.stat_times(f") {times}")
        if read is None or (one.started is not None and read.start != one.started):
            one.silent += 1 if read is None else _GONE_AFTER
            one.memory = None
            return None
        spent = None if one.cpu_ticks is None else max(0, read.cpu - one.cpu_ticks)
        one.started, one.cpu_ticks, one.silent = read.start, read.cpu, 0
        one.memory = protocol.statm(pages, self._settings.page_size)
        return spent

    def _bury(self) -> None:
        gone = [pid for pid, one in self._family.items() if one.silent >= _GONE_AFTER]
        if gone:
            self._roots = [pid for pid in self._roots if pid not in gone]
            self._family = {pid: one for pid, one in self._family.items() if pid not in gone}
        if not self._family:
            self._peak, self._before_ns = 0, None

    # --- once a second

    def kin_readings(self) -> list[str]:
        """Two for each process."""
        return [
            text
            for pid in self._family
            for text in (scripts.peak_and_owner(pid, builtin=self._settings.builtin), scripts.children(pid))
        ]

    def take_kin(self, t_ns: int, texts: Sequence[str]) -> list[Item]:
        """The greatest memory so far; new children join."""
        born: list[int] = []
        for one, status, children in zip(self._family.values(), texts[::2], texts[1::2], strict=True):
            peak, _, user = status.partition(",")
            kilobytes, users = linux.integer(peak), linux.numbers(user)
            one.peak = one.peak if kilobytes is None else kilobytes * 1024
            one.owner = users[0] if users else one.owner
            born += linux.numbers(children)
        if self._settings.children:
            living = [pid for pid in self._family if pid not in self._roots]
            self.adopt((*living, *born))
        known = [one.peak for one in self._family.values() if one.peak is not None]
        self._peak = max((self._peak, *known))
        return [reading(self._top, t_ns, self._peak)] if self._peak else []

    # --- as often as it costs

    def strangers(self) -> list[int]:
        """Processes of another user than adb's shell: their pages may not be counted."""
        mine = self._settings.user
        return [
            pid
            for pid, one in self._family.items()
            if one.owner is not None and mine is not None and one.owner != mine
        ]

    def own(self) -> list[int]:
        """The others."""
        strange = self.strangers()
        return [pid for pid in self._family if pid not in strange]

    def unread(self, pid: int) -> bool:
        """Whether its memory is not to be had from the kernel."""
        one = self._family.get(pid)
        return one is None or one.memory is None

    def shared(self, t_ns: int, pss: int, rss: int | None) -> list[Item]:
        """What a count page by page gave; ``rss`` where nothing else tells it."""
        items: list[Item] = [reading(self._pss, t_ns, pss)]
        return items if rss is None else [*items, reading(self._rss, t_ns, rss)]


class FamilyService:
    """Descendants by ``ps``, where the kernel does not tell children."""

    what = "child processes"
    period_ns = 5 * SECOND
    channels: Sequence[Channel] = ()

    def __init__(self, watched: Watched, *, needed: bool) -> None:
        self._watched = watched
        self._needed = needed

    def script(self) -> str:
        """What to ask; nothing while nothing is watched."""
        return scripts.PROCESSES if self._needed and self._watched.pids else ""

    def take(self, answer: Answer) -> list[Item]:
        """The family as it is now."""
        known = [pid for root in self._watched.roots for pid in protocol.family(answer.text, root)]
        self._watched.adopt(known)
        return []


class PagesService:
    """Memory counted page by page: by the kernel for our own processes, by the activity service for an app."""

    what = "memory counted page by page"

    def __init__(self, device: str, watched: Watched) -> None:
        self._device = device
        self._watched = watched
        self._app = False
        self._said = False
        self.period_ns = SECOND

    @property
    def channels(self) -> Sequence[Channel]:
        """All that are told of processes: it may be the first to tell something."""
        return self._watched.announced if self._watched.pids else ()

    def script(self) -> str:
        """What to ask; nothing while nothing is watched."""
        strangers = self._watched.strangers()
        self._app = bool(strangers)
        if self._app:
            return scripts.app_memory(strangers[0])
        own = self._watched.own()
        self.period_ns = SECOND
        return scripts.pages(own) if own else ""

    def take(self, answer: Answer) -> list[Item]:
        """The count, and when to count again."""
        cost_ns = answer.t1_ns - answer.t0_ns
        if self._app:
            self.period_ns = max(_APP_NS, _APP_SHARE * cost_ns)
            return [*self._say(answer, cost_ns), *self._of_app(answer)]
        self.period_ns = max(_PAGES_NS, _PAGES_SHARE * cost_ns)
        shares = protocol.shares(answer.text)
        whole = bool(shares) and len(shares) == len(self._watched.own())
        return self._watched.shared(answer.t1_ns, sum(shares), None) if whole else []

    def _of_app(self, answer: Answer) -> list[Item]:
        told = protocol.app_memory(answer.text)
        strangers = self._watched.strangers()
        if told is None or told.pss is None or not strangers:
            return []
        rss = told.rss if self._watched.unread(strangers[0]) else None
        return self._watched.shared(answer.t1_ns, told.pss, rss)

    def _say(self, answer: Answer, cost_ns: int) -> list[Item]:
        if self._said:
            return []
        self._said = True
        return [
            Absent(
                t_ns=answer.t1_ns,
                device=self._device,
                what="memory of the app at each moment",
                reason=f"it belongs to another user: dumpsys meminfo counts it, which takes {cost_ns / SECOND:.1f} s of the"
                f" phone and is done every {self.period_ns / SECOND:.0f} s",
            )
        ]
