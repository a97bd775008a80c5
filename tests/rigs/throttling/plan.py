"""What a trace is made of: a machine, what its platform tells of it, what is asked of it, and what comes between."""

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.model import DeviceKind
from tests.rigs.throttling.physics import Body, Governor

Span = tuple[float, float]
"""Seconds since the run's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """How fast it is, what it draws, and how it warms."""

    kind: DeviceKind
    body: Body
    decode_tps: float
    """At the highest clock and an empty context."""
    prefill_tps: float
    """Of a long prompt."""
    prefill_more_s: float
    """A prompt takes so much longer, however short it is."""
    half_context: float
    """Tokens in context at which a token takes twice as long."""
    idle_w: float
    decode_w: float
    prefill_w: float
    by_clock: float
    """Decode rate goes with the clock to this power: below 1 where memory holds it up as well."""
    governor: Governor
    above_air_k: float = 0.0
    """Warm at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What no two tokens, turns or links have in common."""

    gap: float = 0.05
    """Spread of the time of a token, as a part of it."""
    hiccup_s: float = 40.0
    """One stall in so long, in the mean: collection of garbage, the scheduler, a radio."""
    hiccup_long_s: tuple[float, float] = (0.04, 0.35)
    wander: float = 0.012
    """Spread of the slow drift of the speed, as a part of it."""
    wander_tau_s: float = 15.0
    turn: float = 0.006
    """Spread of the speed from turn to turn: another prompt, other experts."""
    late_ms: tuple[float, float] = (0.3, 2.3)
    very_late: float = 0.002
    """Of so many arrivals, one is up to 40 ms late."""
    sensor_k: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Turns: lengths are drawn between both ends."""

    prompt: tuple[int, int] = (48, 160)
    answer: tuple[int, int] = (160, 320)
    pause_s: float = 0.0
    shared: bool = False
    """One conversation whose context grows, until it is full."""
    context: int = 4096
    seconds: float = 420.0
    """After which no more token comes."""
    load_s: float = 4.0
    warmup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the platform lets one know of its limits."""

    status: bool = True
    """Off: the thermal status always says NONE."""
    caps: bool = True
    """Off: the caps cannot be read, or do not move."""
    coolers: bool = True
    counters: bool = True
    engine_times: bool = True
    """Off: a terminal program, of which only arrivals are seen."""
    stuck_s: float | None = None
    """From then on its sensors say what they said."""
    stuck_c: float | None = None
    """They said this all along."""
    little_caps: bool = False
    """Caps of the clusters that do not compute are lowered."""
    current: str = ""
    """How a limit of current is called that holds the clock down."""
    blinks_hz: float = 0.0
    """A counter of heat steps so often each second although nothing is slowed that anybody could measure."""
    peaks_hz: float = 0.0
    """``oc3`` climbs so often each second, as it does under ordinary load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowing:
    """Something else that takes speed away for a while."""

    span_s: Span
    factor: float
    watts: float = 0.0
    memory: bool = False
    """It is memory that is short; otherwise another process wants the processor."""
    told: bool = True
    """Of memory: the kernel tells its pressure."""
    ripple: float = 0.0
    """How much the factor comes and goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One trace."""

    machine: Machine
    work: Work
    noise: Noise = Noise()
    telling: Telling = Telling()
    slowings: tuple[Slowing, ...] = ()
    stall_s: float = 0.0
    """Once in so long, in the mean, the link holds back for up to 3 s what is sent; 0: never."""
    gaps_s: tuple[Span, ...] = ()
    """The link is away."""
    clock_s: float = 0.0
    """The device's clock is behind the host's by so much; its channels are then of its own clock."""
    drift_ppm: float = 0.0
    reasons: frozenset[str] = frozenset({"thermal"})
    """What an onset may be put down to."""
    witnessed: bool = True
    """A mechanism can be seen where the speed falls."""
    referenced: bool = True
    """There is a cool window to compare with; without one no onset is to be told."""
    notes: str = ""


Make = Callable[..., Plan]


@dataclass(slots=True)
class Progress:
    """What the physics of each step was, for the truth: one entry per ``STEP_S``."""

    t_s: list[float] = field(default_factory=list)
    decoding: list[bool] = field(default_factory=list)
    limited: list[float] = field(default_factory=list)
    """Decode speed under limits, as a part of that without, at the same context."""
    prefill: list[float] = field(default_factory=list)
    """The same of prefill."""
    slowed: list[float] = field(default_factory=list)
    """What other processes leave of it."""
    tps: list[float] = field(default_factory=list)
    """Decode rate of that step, free of noise."""
    limit_on: list[bool] = field(default_factory=list)
