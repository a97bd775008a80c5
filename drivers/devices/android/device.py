"""An open phone: what it streams."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND, Clock
from drivers.devices.android.fastshell import FastShell
from drivers.devices.android.gauges import Missing
from drivers.devices.android.opening import Opening, hung
from drivers.devices.android.services import Service
from drivers.devices.android.slowshell import SlowShell
from drivers.devices.android.turns import in_turn, next_turn
from drivers.devices.android.watching import FamilyService, PagesService, Watched
from drivers.errors import LinkLost, LinkTimeout
from drivers.events import Absent, ChannelsOpened, ClockMeasured, LogLine
from drivers.inbox import Ended, Inbox
from drivers.links.asking import Answer, OwnTime, measure_offset
from drivers.links.base import SeverableLink, ShellLink
from drivers.model import Channel, DeviceInfo

SERVICE_S = 5.0
"""How long a service may take for an answer."""
HUNG_NS = 60 * SECOND
"""How long a service that hung is left alone."""
OFFSET_NS = 60 * SECOND
"""How often the phone's clock is measured."""


@dataclass(slots=True)
class _Due:
    """A service, when it is asked next, and whether it was said that it hangs."""

    service: Service
    due_ns: int
    alone_ns: int
    """Until when it is asked alone: since it, or one that was asked with it, hung."""
    said: bool = False


_ALWAYS_NS = 1 << 62
_EARLY_NS = 100 * MILLISECOND
"""So much earlier a service is asked, where the phone is heard then: its clock and ours do not go alike."""


def _due_together(waiting: Sequence[_Due], now_ns: int) -> Sequence[Sequence[_Due]]:
    """The services that are due, by what is asked in one go."""
    due = [one for one in waiting if one.due_ns - _EARLY_NS <= now_ns]
    joint = [one for one in due if one.alone_ns <= now_ns]
    return [some for some in (joint, *([one] for one in due if one.alone_ns > now_ns)) if some]


class AndroidDevice:
    """A phone, open."""

    def __init__(
        self,
        opening: Opening,
        shell: ShellLink,
        slow: SlowShell,
        clock: Clock,
        *,
        said: Sequence[str] = (),
        together: Callable[[], int] = lambda: 1,
    ) -> None:
        """``said``: what was done on the way to it, for the log; ``together``: how many ticks it shall tell at once, now."""
        self.info: DeviceInfo = opening.info
        self.shell: ShellLink | None = shell
        self._opening = opening
        self._slow = slow
        self._clock = clock
        self._said = said
        self._device = opening.info.device
        rounds = (opening.fast, opening.steady)
        given = [channel for one in rounds for gauge in one.gauges for channel in gauge.channels]
        told = [channel for service in opening.services for channel in service.channels]
        self.channels: Sequence[Channel] = (*given, *told)
        self._opened = {channel.name for channel in self.channels}
        self._watched = Watched(self._device, opening.settings)
        self._fast = FastShell(opening, self._watched, shell, clock, self._open, together)
        self._heard = asyncio.Event()
        self._due_ns = _ALWAYS_NS
        """When services are due that wait until the phone is heard."""

    def watch(self, pid: int) -> None:
        """From now on follow the memory and CPU time of this process and its children."""
        self._watched.add(pid)

    def unwatch(self, pid: int) -> None:
        """Follow it no longer."""
        self._watched.discard(pid)

    async def stream(self) -> AsyncGenerator[Item, None]:
        """What is missing, once; then the fast shell's rounds and the services' answers, as they come."""
        for missing in self._opening.missing:
            yield self._absent(missing)
        for text in self._said:
            yield LogLine(t_ns=self._clock.now(), device=self._device, source="adb", text=text)
        async with Inbox() as inbox:
            inbox.listen("fast", self._follow_files(inbox))
            inbox.listen("silent", self._fast.watch_over())
            inbox.listen("slow", self._follow_services(inbox))
            while True:
                for item in self._items(await inbox.take()):
                    yield item

    def _items(self, taken: object) -> Sequence[Item]:
        if isinstance(taken, Ended):
            if isinstance(taken.error, LinkTimeout) and isinstance(self.shell, SeverableLink):
                self.shell.sever(str(taken.error))  # nobody has to wait for a phone that does not answer
            raise taken.error or LinkLost(f"{self._device}: its {taken.listener} shell has ended")
        return taken if isinstance(taken, list) else ()

    async def _follow_files(self, inbox: Inbox) -> None:
        async with aclosing(self._fast.rounds()) as rounds:
            async for items in rounds:
                inbox.put(items)
                if self._clock.now() >= self._due_ns - _EARLY_NS:
                    self._heard.set()

    # --- the slow shell

    async def _follow_services(self, inbox: Inbox) -> None:
        try:
            await self._ask_services(inbox)
        finally:
            await self._slow.drop()

    async def _ask_services(self, inbox: Inbox) -> None:
        device, settings = self._device, self._opening.settings
        kin: tuple[Service, ...] = (
            FamilyService(self._watched, needed=not settings.children),
            PagesService(device, self._watched),
        )
        waiting = [
            _Due(one, self._begin(one.period_ns), self._alone_ns(one)) for one in self._opening.services
        ]
        waiting += [_Due(one, self._begin(one.period_ns), _ALWAYS_NS) for one in kin]
        offset_ns = self._begin(OFFSET_NS)
        while True:
            if self._clock.now() >= offset_ns:
                offset_ns = next_turn(offset_ns, OFFSET_NS, self._clock.now())
                inbox.put(await self._measure_clock())
            await self._until_heard(min(one.due_ns for one in waiting))
            for some in _due_together(waiting, self._clock.now()):
                inbox.put(await self._ask_some(some))

    async def _until_heard(self, due_ns: int) -> None:
        """Return when the phone has told of its files, at ``due_ns`` or soon after: the loop is awake then, so that one
        wake-up serves both. A phone that tells nothing has nothing to be asked: it is about to be lost."""
        self._due_ns = due_ns
        self._heard.clear()
        await self._heard.wait()

    def _begin(self, period_ns: int) -> int:
        """Since when something is due that is asked so often. Many phones are opened at one moment: asked together every second,
        they would answer together. What one phone is asked falls together."""
        return in_turn(self._opening.turn, period_ns, self._clock.now())

    def _alone_ns(self, service: Service) -> int:
        """Together only where the phone tells when each began, and with none that did not answer at first."""
        if self._opening.own_time is not OwnTime.REAL_TIME:
            return _ALWAYS_NS
        return 0 if service.channels else self._clock.now() + HUNG_NS

    async def _ask_some(self, some: Sequence[_Due]) -> list[Item]:
        """What services tell that are asked in one go. When that hangs each is asked alone, and known by that."""
        scripts = [due.service.script() for due in some]
        asked = [due for due, script in zip(some, scripts, strict=True) if script]
        try:
            answers = await self._answers([script for script in scripts if script])
        except LinkTimeout:
            return self._hung(asked)
        items: list[Item] = []
        for due, answer in zip(asked, answers, strict=True):
            told = due.service.take(answer)
            items += [*self._open(answer.t0_ns, due.service.channels), *told]
        for due in some:
            due.due_ns = next_turn(due.due_ns, due.service.period_ns, self._clock.now())
        return items

    async def _answers(self, scripts: Sequence[str]) -> Sequence[Answer]:
        if len(scripts) > 1:
            return await self._slow.ask_together(scripts, timeout_s=SERVICE_S)
        return [await self._slow.ask(script, timeout_s=SERVICE_S) for script in scripts]

    def _hung(self, asked: Sequence[_Due]) -> list[Item]:
        now_ns = self._clock.now()
        for due in asked:
            due.due_ns, due.alone_ns = now_ns, max(due.alone_ns, now_ns + 2 * HUNG_NS)
        if len(asked) > 1:
            return []
        asked[0].due_ns = now_ns + HUNG_NS
        said, asked[0].said = asked[0].said, True
        return [] if said else [self._absent(hung(asked[0].service.what, SERVICE_S))]

    async def _measure_clock(self) -> list[Item]:
        own = self._opening.own_time
        if own is None:
            return []
        try:
            offset = await measure_offset(await self._slow.conversation(), own)
        except LinkTimeout:
            await self._slow.drop()
            return []
        return [
            ClockMeasured(
                t_ns=offset.t_ns,
                device=self._device,
                offset_ns=offset.offset_ns,
                uncertainty_ns=offset.uncertainty_ns,
                origin="round trip",
            )
        ]

    # --- what is said of both

    def _open(self, t_ns: int, channels: Sequence[Channel]) -> list[Item]:
        """The event for those that were not open before."""
        late = tuple(channel for channel in channels if channel.name not in self._opened)
        self._opened |= {channel.name for channel in late}
        return [ChannelsOpened(t_ns=t_ns, device=self._device, channels=late)] if late else []

    def _absent(self, missing: Missing) -> Absent:
        return Absent(
            t_ns=self._clock.now(),
            device=self._device,
            what=missing.what,
            reason=missing.reason,
            remedy=missing.remedy,
        )
