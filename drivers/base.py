"""The contracts of a driver: Driver (scan, open) → Device (channels, stream); Runtime (run, stop)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from drivers.clock import Clock
from drivers.errors import DriverError
from drivers.events import Event
from drivers.links.base import ShellLink
from drivers.model import Channel, DeviceInfo, Found, RunSpec, Samples, Sampling

Item = Samples | Event
"""What a source yields and the bus carries."""


class Device(Protocol):
    """An open device. It is polled or pushed by ``stream``; leaving the context it came from closes it."""

    @property
    def info(self) -> DeviceInfo:
        """Who it is."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """What it gives from the start; later ones are announced in the stream by ``ChannelsOpened``."""
        ...

    @property
    def shell(self) -> ShellLink | None:
        """How a runtime reaches it; None where nothing can be started."""
        ...

    def stream(self) -> AsyncGenerator[Item, None]:
        """Samples and events, in order, until the device is closed.

        Raises LinkError when the device is gone (the sampler opens it again), Garbled for what cannot be read.
        ``Absent`` events come first, once per opening.
        """
        ...

    def watch(self, pid: int) -> None:
        """From now on follow the memory of this process and its children."""
        ...

    def unwatch(self, pid: int) -> None:
        """It has ended, or is no longer of interest."""
        ...


class Driver(Protocol):
    """A kind of device. Drivers hold no state between openings."""

    async def scan(self) -> Sequence[Found]:
        """What is there, and what is there but cannot be used, each with the reason and the next step."""
        ...

    def open(self, address: str, name: str, clock: Clock) -> AbstractAsyncContextManager[Device]:
        """Open the device at ``address`` under the name that it bears in the session.

        Raises AskUser when opening again would not help, LinkError when it may.
        """
        ...


class Runtime(Protocol):
    """One run of one inference engine. A new instance for each run."""

    def objection(self, spec: RunSpec) -> DriverError | None:
        """Why this run cannot work, as far as that can be told before anything is started; None otherwise.

        The model's file need not be there yet.
        """
        ...

    def sampling(self, spec: RunSpec) -> Sampling:
        """How the engine will be asked to choose tokens: as ``spec`` says, but for what it cannot be told, and for what
        ``spec.args`` say in place of it."""
        ...

    def run(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> AsyncGenerator[Item, None]:
        """Load, run the workload, end. Yields in order, for the device named in ``spec``:

        ``ChannelsOpened`` (``tokens``, ``token_arrivals``), ``Preparing`` …, ``ProcessStarted``, ``ModelLoaded``,
        then per turn ``TurnStarted``, ``PrefillProgress`` …, ``FirstToken``, token samples, ``OutputText`` …,
        ``TurnEnded``; at last ``ProcessEnded``. Closing the generator ends what it started.
        Raises RunFailed, AskUser or LinkError.
        """
        ...

    async def stop(self) -> None:
        """Ask ``run`` to end within 1 s: the turn in progress ends as ``stopped``, nothing stays behind."""
        ...


@runtime_checkable
class Restating(Protocol):
    """Of a device: its facts may change while it is open, as its power mode does."""

    async def restated(self) -> tuple[tuple[str, str], ...]:
        """Its facts as they are now. Raises AskUser, LinkError or Garbled."""
        ...


@runtime_checkable
class LookingRuntime(Runtime, Protocol):
    """A runtime that can look before a run whether the device has what the run takes."""

    async def look(self, spec: RunSpec, shell: ShellLink, clock: Clock) -> None:
        """Look there now, and leave nothing. Raises AskUser, LinkError or Garbled when the run could not start."""
        ...


@runtime_checkable
class LeasedRuntime(Runtime, Protocol):
    """A runtime whose run may outlive the link."""

    @property
    def holding(self) -> bool:
        """Whether something of the run may live on under its lease, although ``run`` has raised LinkError: calling
        ``run`` again, with the shell that the device has then, takes it up, or ends it after ``stop``."""
        ...
