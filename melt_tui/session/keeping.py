"""A run that goes on while the link to its device is gone: the wait until the device is there again, and what is said
of it meanwhile. The wait ends with the session: what an engine kept on its device is there also after its lease."""

import asyncio
import time
from collections.abc import Callable

from drivers.base import LeasedRuntime, Runtime
from drivers.clock import SECOND, Clock
from drivers.errors import DriverError, LinkError
from drivers.links.base import ShellLink
from drivers.model import OnLinkLoss, RunSpec
from melt_tui.session.backoff import backoff, wait_unless

Reach = Callable[[], ShellLink | None]
"""The shell of the run's device as it is now; None while the device is away."""
Say = Callable[[str], None]

ENDS_ITSELF = "ends itself with its lease"
"""By these words what is left on a device is known to be an engine that lives."""

_LATE = 1.1
"""Of a lease: at the latest after so much of it an engine has ended itself."""


class Keeping:
    """Whether a run may be taken up again, and the wait until it can be."""

    def __init__(self, spec: RunSpec, runtime: Runtime, reach: Reach | None, clock: Clock) -> None:
        self.away = asyncio.Event()
        """Its device is being waited for."""
        self._spec = spec
        self._runtime = runtime
        self._reach = reach
        self._clock = clock
        self._stopped = asyncio.Event()
        self._delays = backoff()
        self._lost_ns: int | None = None
        self._said: set[str] = set()

    @property
    def possible(self) -> bool:
        """Whether the run may outlive its link at all."""
        kept = self._spec.on_link_loss is OnLinkLoss.KEEP and self._reach is not None
        return kept and isinstance(self._runtime, LeasedRuntime)

    def progressed(self) -> None:
        """It told something: what is lost from now on is another loss."""
        if self._said:
            self._delays = backoff()
            self._said.clear()

    def holds(self, failure: Exception | None) -> bool:
        """Whether after this something of the run may live on its device, or wait there."""
        lost = isinstance(failure, LinkError) and self._reach is not None
        return lost and isinstance(self._runtime, LeasedRuntime) and self._runtime.holding

    @property
    def held(self) -> bool:
        """Whether at last its device could not be reached while something of the run may have lived there."""
        return self.away.is_set() or (isinstance(self._runtime, LeasedRuntime) and self._runtime.holding)

    def stop(self) -> None:
        """Nobody wants it any more: it is ended as soon as its device is there."""
        self._stopped.set()

    async def returned(self, failure: DriverError, say: Say) -> ShellLink:
        """The device's shell, once it is there again after this failure; what is to be known meanwhile is said once."""
        self._lost_ns = self._clock.now()
        self._say_once(say, f"{failure}: it goes on there, for at most {self._spec.lease_s:g} s")
        self.away.set()
        while (shell := await self._waited(say)) is None:
            pass
        self.away.clear()
        self._lost_ns = None
        return shell

    def left(self, *, over: bool) -> str:
        """What is still on the device after a stop, and until when; ``over``: the session ends as well."""
        how = "is away" if self.away.is_set() else "does not answer"
        if self._expired:
            kept = "what it kept stays there" if over else "what it kept is taken from there when it is back"
            return f"{self._spec.device} {how}: its engine has ended itself with its lease, {kept}"
        ended = "" if over else "is ended when it is back, and "
        ends = f"{ENDS_ITSELF} at {self._ends_at()} at the latest"
        return f"{self._spec.device} {how}: its engine {ended}{ends}"

    async def _waited(self, say: Say) -> ShellLink | None:
        """The shell, if it is there after the next delay. Who stops the run is told at once."""
        assert self._reach is not None
        pending = asyncio.Event() if self._stopped.is_set() else self._stopped
        await wait_unless(self._clock, next(self._delays), pending)
        if self._stopped.is_set():
            self._say_once(say, self.left(over=False), about="stopped")
        elif self._expired:
            self._say_once(
                say,
                f"the lease of {self._spec.lease_s:g} s has run out: what {self._spec.device} kept is waited for",
            )
        return self._reach()

    @property
    def _ends_ns(self) -> int:
        lost_ns = self._clock.now() if self._lost_ns is None else self._lost_ns
        return lost_ns + round(self._spec.lease_s * _LATE * SECOND)

    @property
    def _expired(self) -> bool:
        return self._clock.now() >= self._ends_ns

    def _ends_at(self) -> str:
        """The second after, by this computer's clock."""
        wall_ns = self._clock.wall() + self._ends_ns - self._clock.now()
        return time.strftime("%H:%M:%S", time.localtime(-(-wall_ns // SECOND)))

    def _say_once(self, say: Say, text: str, *, about: str = "") -> None:
        if (about or text) not in self._said:
            self._said.add(about or text)
            say(text)
