"""A run that goes on while the link to its device is gone: waiting for the device, for as long as its lease."""

import asyncio
from collections.abc import Callable

from drivers.base import LeasedRuntime, Runtime
from drivers.clock import SECOND, Clock
from drivers.errors import LinkError, RunFailed
from drivers.links.base import ShellLink
from drivers.model import RunSpec
from melt_tui.session.backoff import backoff, wait_unless

Reach = Callable[[], ShellLink | None]
"""The shell of the run's device as it is now; None while the device is away."""


class Keeping:
    """Whether a run may be taken up again, and the wait until it can be."""

    def __init__(self, runtime: Runtime, reach: Reach | None, clock: Clock) -> None:
        self.stopped = asyncio.Event()
        """Nobody wants it any more."""
        self._runtime = runtime
        self._reach = reach
        self._clock = clock
        self._delays = backoff()
        self._lost_ns: int | None = None

    def progressed(self) -> None:
        """It told something: what is lost from now on is another loss."""
        if self._lost_ns is not None:
            self._lost_ns, self._delays = None, backoff()

    def holds(self, failure: Exception | None) -> bool:
        """Whether after this something of the run may live on its device."""
        lost = isinstance(failure, LinkError) and self._reach is not None
        return lost and isinstance(self._runtime, LeasedRuntime) and self._runtime.holding

    async def returned(self, spec: RunSpec) -> ShellLink | None:
        """The device's shell once it is there; None when the run was stopped meanwhile.

        Raises RunFailed when the lease has run out.
        """
        assert self._reach is not None
        if self._lost_ns is None:
            self._lost_ns = self._clock.now()
        deadline_ns = self._lost_ns + round(spec.lease_s * SECOND)
        while self._clock.now() < deadline_ns:
            left_s = (deadline_ns - self._clock.now()) / SECOND
            await wait_unless(self._clock, min(next(self._delays), left_s), self.stopped)
            if self.stopped.is_set():
                return None
            shell = self._reach()
            if shell is not None:
                return shell
        raise RunFailed(
            f"{spec.device} did not come back within {spec.lease_s:g} s, so its engine has ended itself",
            remedy="take a longer --lease, or see why the device stays away",
        )
