"""What only the session can know: one frozen class per event, beside those of ``drivers.events``."""

from dataclasses import dataclass
from enum import StrEnum

from drivers.events import Event, RunEvent
from drivers.model import DeviceInfo, RunSpec
from drivers.modelfile import ModelFile

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
class Imported(Event):
    """What follows was not measured here: it was read from files that others wrote. Said once, after ``SessionStarted``."""

    origin: str
    """What these files are: ``MELT folder, llama.cpp on Android``."""
    sources: tuple[tuple[str, str], ...]
    """Each file as it was called, and its sha256."""
    notes: tuple[str, ...] = ()
    """What they do not tell, what of them could not be read, and what was made of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Event):
    """What follows is a span of another recording, which stayed as it was. Said once, after ``SessionStarted``."""

    source: str
    """Its file."""
    name: str
    """Its session's name."""
    wall_ns: int
    """When that recording begins."""
    from_ns: int
    to_ns: int
    """The span, both ends included. Only what it needs of the time before is there, too."""
    from_s: float
    to_s: float
    """The same, from the beginning of that recording on."""
    hz: float | None = None
    """To how many means a second fast channels were reduced; None where they are as they were measured."""
    reduced: tuple[str, ...] = ()
    """Those channels, as ``device.channel at 100000 Hz``."""
    notes: tuple[str, ...] = ()
    """What lies only partly in the span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated(RunEvent):
    """What an imported file itself states of a run or a turn, by its own names and in its own units."""

    turn: int | None
    """None: of the load of its model."""
    source: str
    values: tuple[tuple[str, str], ...]


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


class Wait(StrEnum):
    """What a run waits for before it begins."""

    COOLDOWN = "cool-down"
    GATE = "gate"
    IDLE = "idle"
    """The time that its energies above idle are reckoned from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """What a condition wants of a sensor, and what it is."""

    what: str
    """``soc``, ``slope(soc)/60s``."""
    unit: str
    value: float | None
    """None while it is not known."""
    wanted: str
    """``<=40``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting(RunEvent):
    """A run has not begun yet, and what it waits for: said at once, then every 2 s."""

    why: Wait
    wanted: str
    """A condition; empty where it is time alone."""
    waited_s: float
    done: float
    """Fraction 0…1."""
    eta_s: float | None = None
    """None where it cannot be told."""
    sensed: tuple[Sensed, ...] = ()
    note: str = ""
    """Why it may never end: ``soc levels off near 43.1 °C``, ``soc silent for 12 s``."""
    title: str = ""
    """What will run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaited(RunEvent):
    """The wait is over: what was wanted holds, or ``reason`` says why it is not waited for any more."""

    why: Wait
    wanted: str
    waited_s: float
    met: bool
    sensed: tuple[Sensed, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyStop(RunEvent):
    """A run is stopped so that nothing is harmed: its ceiling does not hold any more, or cannot be watched."""

    ceiling: str
    reason: str
    lost: bool
    """A sensor was lost; else the ceiling was passed."""
    sensed: tuple[Sensed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSteady(RunEvent):
    """The decode rate is steady: a run that was to last until then ends."""

    rate_tps: float
    """Mean of the last 5 min."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(RunEvent):
    """A run was asked for; loading begins."""

    spec: RunSpec
    facts: tuple[tuple[str, str], ...] = ()
    """Of its device, read anew for it: a power mode may be another than when the device came up. Empty where they were not."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedEvent(RunEvent):
    """Concluded on the bus by a transform, from what is recorded beside it: a replay concludes it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleWatched(DerivedEvent):
    """From the run's start on this detector, with these parameters, looks for throttling."""

    detector: str
    parameters: tuple[tuple[str, str], ...] = ()
    """Every one in force, as text that ``melt analyse --set`` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleReference(DerivedEvent):
    """The run's reference rate r0 is known, or it is known that there is none."""

    rate_tps: float | None
    """Decode rate of the first cool window; None: the run has none, for ``reason``."""
    tokens: int = 0
    seconds: float = 0.0
    context_tokens: float = 0.0
    """Mean tokens in context over that window."""
    reason: str = ""


class Phase(StrEnum):
    """Which of a turn's two rates fell."""

    DECODE = "decode"
    PREFILL = "prefill"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleSuspected(DerivedEvent):
    """The rate crossed 90 % of what is expected, downwards: told at once, before anybody knows why or for how long."""

    phase: Phase
    ratio: float
    """Rate over the expected one, in the window that crossed."""
    rate_tps: float
    expected_tps: float


class Confidence(StrEnum):
    """How far an onset can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleOnset(DerivedEvent):
    """Throttling began at ``t_ns``, the symptom's first crossing. Told later, when it had held: at ``confirmed_ns``."""

    confirmed_ns: int
    phase: Phase
    reason: str
    """As of ``LimitEngaged``: ``thermal``, ``power limit``, ``current limit``, ``operating-system cap`` …"""
    limit: str
    """The mechanism: the limit's name."""
    detail: str = ""
    """In the platform's words: ``SEVERE``, ``2.84 → 1.80 GHz``."""
    mechanism_ns: int
    """When it was engaged; long before ``t_ns`` where it was in force already."""
    confidence: Confidence
    ratio: float
    """Rate over the expected one, from the crossing until it was confirmed."""
    rate_tps: float
    expected_tps: float
    deep_ns: int | None = None
    """When 75 % was crossed, if it was before this was told."""
    temperature_c: float | None = None
    """At the crossing, of ``sensor``; None where no sensor told it, or the sensor stands still."""
    sensor: str = ""
    elapsed_s: float
    """Since the run's start; so are ``tokens`` and ``turns``."""
    tokens: int
    turns: int
    """Turns that had ended."""
    disagreement: str = ""
    """Where platform and data do not say the same: what each says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleEnded(DerivedEvent):
    """Throttling ended at ``t_ns``: the rate was back, or the run was over."""

    onset_ns: int
    recovered: bool
    """The rate was back and stayed; False: it was not until the run's end."""
    ratio: float
    """Rate over the expected one, from onset to end."""
    deepest: float
    """The least of it in any window."""
    deep_ns: int | None = None
    """When 75 % was first crossed."""


class Verdict(StrEnum):
    """What was found that is no onset."""

    RECOVERED = "recovered"
    """The rate was back before it had stayed low."""
    UNEXPLAINED = "slower, cause unknown"
    CAPPED = "capped, not slower"
    POWER_LIMITED = "power-limited, not slower"
    CONTEXT_GROWTH = "context growth"
    """Slower than r0, as it is expected at so many tokens in context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleRuledOut(DerivedEvent):
    """What looked like throttling is not, for one of the two witnesses is missing."""

    verdict: Verdict
    symptom_ns: int | None = None
    """The crossing, where there was one."""
    mechanism_ns: int | None = None
    """When the limit was engaged, where there was one."""
    reason: str = ""
    """Of the limit."""
    limit: str = ""
    ratio: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksCompared(DerivedEvent):
    """The clock of a meter, ``device``, against that of the device it feeds, by the power edges of a run's first turns."""

    feeds: str
    offset_ns: int | None
    """``fed device = meter + offset_ns``; None: it cannot be said, for ``reason``."""
    uncertainty_ns: int | None
    confidence: float
    edges: int
    offered: bool
    """It may be believed, and would change what is told: ``melt align`` applies it to the recording."""
    reason: str = ""
