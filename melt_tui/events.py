"""What only the session can know: one frozen class per event, beside those of ``drivers.events``."""

from dataclasses import dataclass
from enum import StrEnum

from drivers.events import Event, RunEvent
from drivers.model import DeviceInfo, ModelFile, RunSpec

SELF = "melt"
"""Name of the device that stands for melt itself: session events and its own cost belong to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """First item of every session. ``t_ns`` and ``wall_ns`` were read together."""

    wall_ns: int
    name: str
    version: str
    host: str
    settings: tuple[tuple[str, str], ...] = ()
    """Every option in force, as text: for the reader of the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """Last item of a session that ended in order."""

    wall_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Event):
    """Four times a second: silence can be noticed, live and on replay alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConnecting(Event):
    """A device is being opened, or will be again at ``retry_ns``."""

    address: str
    reason: str = ""
    retry_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUp(Event):
    """The device answers; ``ChannelsOpened`` follows."""

    info: DeviceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(Event):
    """The link broke; the sampler goes on trying. The gap stays in the recording."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFailed(Event):
    """The device was given up: somebody has to do something first, or we have a bug."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(Event):
    """From now on the meter ``device`` measures what ``feeds`` draws, at this reference point."""

    feeds: str
    point: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Event):
    """A named moment, set by the user."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(RunEvent):
    """A run was asked for; loading begins."""

    spec: RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrepared(RunEvent):
    """The model lies ready and was checked: from now on this stands in place of the one in the run's spec."""

    model: ModelFile


class RunOutcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(RunEvent):
    """The run is over and nothing of it is left on the device, or ``reason`` says what is."""

    outcome: RunOutcome
    reason: str = ""
    remedy: str = ""
