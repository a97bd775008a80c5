"""How a run becomes what a Runtime is asked for: work that tells items as it goes, and that a stop interrupts."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from drivers.base import Item
from drivers.clock import Clock, pause
from drivers.errors import DriverError
from drivers.events import Absent, Event, LogLine, Preparing, TurnEnd, bounded
from drivers.inbox import Ended, Inbox
from drivers.links.base import ShellLink
from drivers.model import RunSpec, Samples, Sampling
from drivers.runs.hearing import Cut, Halt

Emit = Callable[[Item], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run has at hand."""

    spec: RunSpec
    shell: ShellLink
    clock: Clock
    inbox: Inbox
    """What it hears."""
    emit: Emit
    """How it tells."""

    def log(self, source: str, text: str, t_ns: int | None = None) -> None:
        """Tell a line of text."""
        at_ns = self.clock.now() if t_ns is None else t_ns
        self.emit(
            LogLine(t_ns=at_ns, device=self.spec.device, run=self.spec.run, source=source, text=bounded(text))
        )

    def absent(self, what: str, reason: str, remedy: str = "") -> None:
        """Tell what this run does not give."""
        self.emit(
            Absent(t_ns=self.clock.now(), device=self.spec.device, what=what, reason=reason, remedy=remedy)
        )

    def preparing(self, step: str, done: float = 0.0, eta_s: float | None = None) -> None:
        """Tell how far a step before the first prompt is."""
        self.emit(
            Preparing(
                t_ns=self.clock.now(),
                device=self.spec.device,
                run=self.spec.run,
                step=step,
                done=done,
                eta_s=eta_s,
            )
        )

    def limit_time(self, seconds: float | None) -> None:
        """From now on it has that many seconds; None for as long as it takes."""
        if seconds is not None:
            self.inbox.listen("time", self._time_up(seconds))

    async def _time_up(self, seconds: float) -> None:
        await pause(self.clock, seconds)
        self.inbox.put(Halt(TurnEnd.TIME))


class StagedRuntime(ABC):
    """A runtime whose run is one piece of work on a stage. Interrupting it ends what it started."""

    def __init__(self) -> None:
        self._stopped = False
        self._inbox: Inbox | None = None

    @property
    def holding(self) -> bool:
        """Whether something of this run may live on its device under a lease, although ``run`` has ended by a lost
        link: calling ``run`` again takes it up, and ends it when ``stop`` was called meanwhile."""
        return False

    @abstractmethod
    def objection(self, spec: RunSpec) -> DriverError | None:
        """As ``drivers.base.Runtime`` says."""

    @abstractmethod
    def sampling(self, spec: RunSpec) -> Sampling:
        """As ``drivers.base.Runtime`` says."""

    @abstractmethod
    async def perform(self, stage: Stage) -> None:
        """The whole run. Raises Cut where it was to end before its end, DriverError when it cannot go on."""

    async def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        """As ``drivers.base.Runtime`` says. Raises RunFailed, AskUser, LinkError or Garbled."""
        items, inbox = Inbox(), Inbox()
        self._inbox = inbox
        if self._stopped and not self.holding:
            return
        if self._stopped:
            inbox.put(Halt(TurnEnd.STOPPED))
        async with items:
            items.listen("run", self._performed(Stage(spec, shell, clock, inbox, items.put)))
            while (item := _told(await items.take())) is not None:
                yield item

    async def stop(self) -> None:
        """Make ``run`` end within 1 s: the turn in progress ends as ``stopped``."""
        self._stopped = True
        if self._inbox is not None:
            self._inbox.put(Halt(TurnEnd.STOPPED))

    async def _performed(self, stage: Stage) -> None:
        async with stage.inbox:
            try:
                await self.perform(stage)
            except Cut:
                return


def _told(item: object) -> Item | None:
    """What the run tells; None when it is over. Raises what ended it."""
    if isinstance(item, Ended) and item.error is not None:
        raise item.error
    return item if isinstance(item, Samples | Event) else None
