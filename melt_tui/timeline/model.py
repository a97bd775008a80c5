"""What a Timeline answers with: frozen objects, the same whether they come from memory or from a file."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from drivers.events import Event, FirstToken, LimitEngaged, ModelLoaded, TurnEnded, TurnStarted
from drivers.model import Channel, ChannelKey, DeviceInfo, RunSpec
from melt_tui.events import RunEnded, SessionStarted, ThrottleOnset

EVER = -(1 << 62)
"""A time before any other: held from the very start."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The last value of a channel at or before a moment."""

    t_ns: int
    value: float


class DeviceState(StrEnum):
    """How a device stands."""

    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device at a moment. ``info`` is None until it was up for the first time."""

    device: str
    state: DeviceState
    since_ns: int
    info: DeviceInfo | None = None
    reason: str = ""
    remedy: str = ""
    feeds: str = ""
    """Of a meter: the device that it feeds."""
    point: str = ""
    """Of a meter: the reference point of its figures."""


class RunPhase(StrEnum):
    """What a run is doing."""

    LOADING = "loading"
    PREFILL = "prefill"
    DECODE = "decode"
    PAUSE = "pause"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """The turn in progress, or the last one of a run: the events that have come of it so far."""

    started: TurnStarted
    first_token: FirstToken | None = None
    ended: TurnEnded | None = None
    prefill_done: float | None = None
    """Fraction 0…1, where the engine tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The run in progress on a device, or its last one."""

    spec: RunSpec
    started_ns: int
    phase: RunPhase
    loaded: ModelLoaded | None = None
    turn: TurnView | None = None
    turns_ended: int = 0
    """Measured turns that have ended, warm-up left out."""
    ended: RunEnded | None = None
    preparing: str = ""
    """While loading: the step, with ``preparing_done`` as its fraction 0…1."""
    preparing_done: float | None = None
    preparing_eta_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was true at ``t_ns``."""

    t_ns: int
    session: SessionStarted | None = None
    devices: Mapping[str, DeviceView] = field(default_factory=dict)
    """By name, in the order in which they first appeared."""
    channels: Mapping[ChannelKey, Channel] = field(default_factory=dict)
    readings: Mapping[ChannelKey, Reading] = field(default_factory=dict)
    runs: Mapping[str, RunView] = field(default_factory=dict)
    """By device: the run in progress, or the last one that ended."""
    limits: Mapping[str, tuple[LimitEngaged, ...]] = field(default_factory=dict)
    """By device: the limits in force."""
    throttled: Mapping[str, ThrottleOnset] = field(default_factory=dict)
    """By device: the onset of the throttling that goes on. Told late: it begins before anybody knew."""
    corrected: frozenset[str] = frozenset()
    """Devices of which somebody corrected a meter since: its clock, its wires, its voltage. What was derived of their energy
    while it was recorded holds no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One channel over a span, as columns on a fixed grid: a spike never vanishes.

    Only columns that hold samples are present. Column ``i`` states the samples at
    ``starts_ns[i] <= t < starts_ns[i] + width_ns``: how many, their least, greatest and mean value, in the
    channel's unit. Arrays are of equal length: ``array('q')`` for ``starts_ns`` and ``counts``, ``array('d')``
    otherwise. A run of absent columns longer than the channel's rate explains is a gap.
    """

    key: ChannelKey
    width_ns: int
    starts_ns: "array[int]"
    counts: "array[int]"
    minima: "array[float]"
    maxima: "array[float]"
    means: "array[float]"


class IntervalKind(StrEnum):
    """What lasts: drawn as bands."""

    RUN = "run"
    LOAD = "load"
    TURN = "turn"
    PREFILL = "prefill"
    DECODE = "decode"
    LIMIT = "limit"
    THROTTLED = "throttled"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Something that lasts, or lasted, on one device. ``t1_ns`` None: it goes on."""

    kind: IntervalKind
    device: str
    t0_ns: int
    t1_ns: int | None
    label: str = ""
    """Of a limit: its name and reason; of throttling: its reason and the platform's words; of an outage: its reason; of a turn: its number; of a run: its id."""
    run: str = ""


class Timeline(Protocol):
    """Answers looks at a session. Every method returns soon and may be called from any thread."""

    def span(self) -> tuple[int, int]:
        """First and newest moment known, in ns. Equal when nothing is known yet."""
        ...

    def view(self, t_ns: int) -> View:
        """What was true at ``t_ns``: events and samples at or before it."""
        ...

    def window(self, key: ChannelKey, t0_ns: int, t1_ns: int, columns: int) -> Window:
        """The channel's samples from ``t0_ns`` up to ``t1_ns``, in at most ``columns + 1`` columns.

        The width is chosen by ``grid.choose`` from the span and ``columns`` alone, and columns start on
        multiples of it in the channel's own time: panning never re-cuts them. A column is stated whole or not
        at all: one that straddles ``t0_ns`` or ``t1_ns`` is included with all of its samples.
        """
        ...

    def intervals(self, t0_ns: int, t1_ns: int) -> Sequence[Interval]:
        """What lasted at any moment of the span, both ends included, by start time; ``t1_ns`` as known by now."""
        ...

    def events(
        self, t0_ns: int, t1_ns: int, *, kinds: Sequence[type[Event]] = (), limit: int = 1000
    ) -> Sequence[Event]:
        """Events of the span, both ends included, by time and then in the order of their publication.

        Of these kinds if any are named; the newest ``limit`` of them.
        """
        ...

    def event_after(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """The first event of these kinds later than ``t_ns``."""
        ...

    def event_before(self, t_ns: int, kinds: Sequence[type[Event]]) -> Event | None:
        """The last event of these kinds earlier than ``t_ns``."""
        ...
