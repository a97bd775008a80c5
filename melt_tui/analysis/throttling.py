"""What throttling did to a run: onset, end, reason and what it cost, from what a detector concluded.

By the events that were recorded, or by those of another detector that a replay is put through.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import LimitEngaged
from drivers.model import Quantity
from melt_tui import format as fmt
from melt_tui.analysis.meter import about
from melt_tui.analysis.power import sources
from melt_tui.analysis.recorded import EVERY, Channels, Recorded
from melt_tui.analysis.runevents import RunEvents, run_events
from melt_tui.analysis.speeds import Speeds
from melt_tui.analysis.thermal import LimitEvent, limit_events, states
from melt_tui.analysis.traces import measured
from melt_tui.detectors.catalog import detector_of
from melt_tui.events import (
    DerivedEvent,
    Phase,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    ThrottleWatched,
    Verdict,
)
from melt_tui.measures.heat import COOL_BREAKERS, UNTOLD
from melt_tui.measures.suspicions import answered
from melt_tui.session.bus import Bus
from melt_tui.store.recording import Recording
from melt_tui.store.replay import Replay

KINDS: tuple[type[DerivedEvent], ...] = (
    ThrottleWatched,
    ThrottleReference,
    ThrottleSuspected,
    ThrottleOnset,
    ThrottleEnded,
    ThrottleRuledOut,
)
"""What a detector of throttling tells."""

CONTEXT_GROWTH = "context growth"
UNKNOWN = "unknown"

T = TypeVar("T", bound=DerivedEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToThrottle:
    """From the run's start to the onset; all None without one."""

    s: float | None = None
    tokens: int | None = None
    turns: int | None = None
    """That had ended."""
    j: float | None = None
    """At ``energy_point``: of those that measured enough the one that sees most of the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlingSummary:
    """Of one run; times are seconds since its start. What is not known is None, with its reason in ``notes``."""

    onset_s: float | None = None
    symptom_s: float | None = None
    """The first crossing of 90 %, also where it was no onset."""
    mechanism_s: float | None = None
    """When the limit engaged; below 0 where that was before the run."""
    end_s: float | None = None
    """The rate was back; None where it was not until the run's end."""
    reason: str | None = None
    """Of ``LimitEngaged``; without an onset ``context growth`` or ``unknown`` where the rate fell."""
    limit: str | None = None
    phase: Phase | None = None
    confidence: str | None = None
    reference_tps: float | None = None
    """r0."""
    peak_tps: float | None = None
    plateau_tps: float | None = None
    """Mean of the last 5 min of a run of at least 20 min."""
    steady: bool | None = None
    retained: float | None = None
    """Plateau over r0."""
    ratio: float | None = None
    """Rate over the expected one, from onset to end, as far as it was told."""
    deep_s: float | None = None
    """When 75 % was crossed."""
    time_to_throttle: TimeToThrottle = field(default_factory=TimeToThrottle)
    energy_point: str | None = None
    """Reference point of its energy."""
    states: Mapping[str, float] = field(default_factory=dict)
    """Share of the run's time in each thermal state."""
    recovery_s: float | None = None
    """From the release of the limit to the return of the rate, or, where the run was over first, from the run's end to the
    release of the last limit."""
    temperature_c: float | None = None
    """At the onset; so are ``power_w`` and ``caps``."""
    power_w: float | None = None
    power_point: str | None = None
    caps: Mapping[str, float] = field(default_factory=dict)
    """Hz, by channel."""
    onsets: int = 0
    """The first is told."""
    detector: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def recorded_events(recording: Recorded) -> Sequence[DerivedEvent]:
    """What was concluded while it was recorded."""
    found = recording.events(*recording.span(), kinds=KINDS, limit=EVERY)
    return [event for event in found if isinstance(event, DerivedEvent)]


@dataclass(frozen=True, slots=True)
class Analysed:
    """A run, and what a detector found in it."""

    run: str
    device: str
    throttling: ThrottlingSummary


def analyse_file(path: Path, detector: str, settings: Iterable[str]) -> list[Analysed]:
    """Every run of a recording by a detector of that name, with these settings.

    Raises UsageError for a name or setting that there is not, and what opening a recording raises.
    """
    chosen, concluded = detector_of(detector, settings), _Concluded()
    with closing(Recording(path)) as recording:
        asyncio.run(Replay(recording).run(Bus((concluded,), (chosen,))))
        channels = Channels(recording)
        found = (
            (run.started, summarise_throttling(recording, run, channels, concluded.events))
            for run in run_events(recording)
        )
        return [Analysed(started.run, started.device, throttling) for started, throttling in found]


def summarise_throttling(
    recording: Recorded, run: RunEvents, channels: Channels, concluded: Iterable[DerivedEvent]
) -> ThrottlingSummary:
    """One run, by what a detector concluded."""
    return _Look(recording, run, channels, concluded).summary()


class _Concluded:
    """A sink that keeps what a detector says."""

    def __init__(self) -> None:
        self.events: list[DerivedEvent] = []

    def take(self, item: Item) -> None:
        """Keep it."""
        if isinstance(item, DerivedEvent):
            self.events.append(item)


class _AtPoint(NamedTuple):
    """An energy or a power, and the reference point that it was measured at."""

    value: float
    point: str


class _Look:
    """What is known of one run."""

    def __init__(
        self, recording: Recorded, run: RunEvents, channels: Channels, concluded: Iterable[DerivedEvent]
    ) -> None:
        self._recording = recording
        self._channels = channels
        self._device = run.started.device
        self._t0_ns = run.started.t_ns
        self._t1_ns = run.ended.t_ns if run.ended else recording.span()[1]
        self._mine = [
            one for one in concluded if one.run == run.started.run and one.device == run.started.device
        ]
        self._speeds = Speeds(recording, run, channels)
        self._energy: _AtPoint | None = None

    def summary(self) -> ThrottlingSummary:
        onset, ended, watched = (
            self._first(ThrottleOnset),
            self._first(ThrottleEnded),
            self._first(ThrottleWatched),
        )
        reference, plateau = self._first(ThrottleReference), self._speeds.plateau(self._t1_ns)
        r0 = reference.rate_tps if reference else None
        symptom_ns, mechanism_ns = self._witnesses(onset)
        power, caps = self._at(onset.t_ns) if onset else (None, {})
        energy = self._energy = self._joules(self._t0_ns, onset.t_ns) if onset else None
        return ThrottlingSummary(
            onset_s=self._s(onset.t_ns) if onset else None,
            symptom_s=self._s(symptom_ns),
            mechanism_s=self._s(mechanism_ns),
            end_s=self._s(ended.t_ns) if ended and ended.recovered else None,
            reason=self._reason(onset),
            limit=onset.limit if onset else None,
            phase=onset.phase if onset else None,
            confidence=onset.confidence if onset else None,
            reference_tps=r0,
            peak_tps=self._speeds.peak(),
            plateau_tps=plateau.rate_tps if plateau else None,
            steady=plateau.steady if plateau else None,
            retained=plateau.rate_tps / r0 if plateau and r0 else None,
            ratio=ended.ratio if ended else onset.ratio if onset else None,
            deep_s=self._s((ended.deep_ns if ended else None) or (onset.deep_ns if onset else None)),
            time_to_throttle=self._time_to(onset),
            energy_point=energy.point if energy else None,
            states=self._states(),
            recovery_s=self._recovery(onset, ended),
            temperature_c=onset.temperature_c if onset else None,
            power_w=power.value if power else None,
            power_point=power.point if power else None,
            caps=caps,
            onsets=len(self._of(ThrottleOnset)),
            detector=watched.detector if watched else None,
            parameters=dict(watched.parameters) if watched else {},
            notes=tuple(self._notes(onset, ended, reference, plateaued=plateau is not None)),
        )

    def _of(self, kind: type[T]) -> list[T]:
        return [one for one in self._mine if isinstance(one, kind)]

    def _first(self, kind: type[T]) -> T | None:
        return next(iter(self._of(kind)), None)

    def _s(self, t_ns: int | None) -> float | None:
        return None if t_ns is None else (t_ns - self._t0_ns) / SECOND

    def _witnesses(self, onset: ThrottleOnset | None) -> tuple[int | None, int | None]:
        """When the rate crossed, and when the limit engaged."""
        if onset is not None:
            return onset.t_ns, onset.mechanism_ns
        verdicts = self._of(ThrottleRuledOut)
        crossed = [one.symptom_ns for one in verdicts if one.verdict is Verdict.UNEXPLAINED]
        limited = [one.mechanism_ns for one in verdicts if one.mechanism_ns is not None]
        return next(iter(crossed), None), next(iter(limited), None)

    def _reason(self, onset: ThrottleOnset | None) -> str | None:
        if onset is not None:
            return onset.reason
        verdicts = {one.verdict for one in self._of(ThrottleRuledOut)}
        if Verdict.UNEXPLAINED in verdicts:
            return UNKNOWN
        return CONTEXT_GROWTH if Verdict.CONTEXT_GROWTH in verdicts else None

    def _time_to(self, onset: ThrottleOnset | None) -> TimeToThrottle:
        if onset is None:
            return TimeToThrottle()
        joules = self._energy.value if self._energy else None
        return TimeToThrottle(s=onset.elapsed_s, tokens=onset.tokens, turns=onset.turns, j=joules)

    def _joules(self, a_ns: int, b_ns: int) -> "_AtPoint | None":
        """At the first point that was measured well enough."""
        for source in sources(self._recording, self._channels, self._device, b_ns):
            trace = about(self._recording, self._channels, source, a_ns, b_ns)
            looked = measured(
                self._recording, self._channels, source.channel, trace, a_ns - SECOND, b_ns + SECOND
            )
            energy = looked.energy(a_ns, b_ns) if looked is not None else None
            if energy is not None and energy.enough:
                return _AtPoint(energy.joules.value, source.point)
        return None

    def _at(self, t_ns: int) -> tuple["_AtPoint | None", dict[str, float]]:
        """Power and caps at a moment."""
        view = self._recording.view(t_ns)
        caps = {
            channel.name: view.readings[key].value
            for key, channel in view.channels.items()
            if key[0] == self._device and channel.quantity is Quantity.FREQUENCY_CAP and key in view.readings
        }
        for source in sources(self._recording, self._channels, self._device, t_ns):
            known = view.readings.get(source.channel.key)
            if source.channel.quantity is Quantity.POWER and known is not None:
                return _AtPoint(known.value, source.point), caps
        return None, caps

    def _states(self) -> dict[str, float]:
        """Share of the run's time in each; none where nobody looked."""
        if self._t1_ns <= self._t0_ns:
            return {}
        known = states(self._recording, self._channels, self._device, self._t0_ns, self._t1_ns)
        spent: dict[str, int] = {}
        for (a_ns, state), (b_ns, _) in pairwise([*known, (self._t1_ns, "")]):
            spent[state] = spent.get(state, 0) + b_ns - a_ns
        found = {state: ns / (self._t1_ns - self._t0_ns) for state, ns in spent.items() if ns}
        return {} if set(found) == {UNTOLD} else found

    def _limits(self, a_ns: int, b_ns: int) -> list[LimitEvent]:
        return limit_events(self._recording, self._device, a_ns, b_ns)

    def _recovery(self, onset: ThrottleOnset | None, ended: ThrottleEnded | None) -> float | None:
        if onset is None or ended is None:
            return None
        if ended.recovered:
            released = [
                e.t_ns for e in self._limits(onset.mechanism_ns, ended.t_ns) if e.limit == onset.limit
            ]
            return max(0.0, (ended.t_ns - released[-1]) / SECOND) if released else None
        force = {
            one.limit for one in self._recording.view(ended.t_ns).limits.get(self._device, ()) if _hot(one)
        }
        for event in self._limits(ended.t_ns + 1, self._recording.span()[1]):
            force.discard(event.limit)
            if isinstance(event, LimitEngaged) and _hot(event):
                force.add(event.limit)
            if not force:
                return (event.t_ns - ended.t_ns) / SECOND
        return None

    def _notes(
        self,
        onset: ThrottleOnset | None,
        ended: ThrottleEnded | None,
        reference: ThrottleReference | None,
        *,
        plateaued: bool,
    ) -> Iterator[str]:
        lasted = fmt.seconds((self._t1_ns - self._t0_ns) / SECOND)
        if not self._of(ThrottleWatched):
            yield "no detector looked at this run when it was recorded: melt analyse does"
        elif reference is None:
            yield "reference_tps: the run did not decode long enough for a reference rate: no onset can be told"
        elif reference.rate_tps is None:
            yield f"reference_tps: none: {reference.reason}: no onset can be told"
        if onset is None and self._mine:
            yield f"onset_s: none within {lasted}"
        yield from self._of_onset(onset, ended)
        verdicts = self._of(ThrottleRuledOut)
        yield from (
            _verdict(one, self._s(one.symptom_ns), self._s(one.mechanism_ns))
            for one in verdicts
            if one.verdict is not Verdict.RECOVERED
        )
        short = sum(one.verdict is Verdict.RECOVERED for one in verdicts)
        if short:
            yield f"the rate fell below 90 % of the expected one {short} ×, and was back before it had held"
        if onset is None and self._open():
            yield "the rate fell below 90 % of the expected one at the end of the run, too late to tell why"
        if not plateaued:
            yield f"retained: {lasted} are too short for a sustained rate, which is that of the last 5 of at least 20 min"

    def _of_onset(self, onset: ThrottleOnset | None, ended: ThrottleEnded | None) -> Iterator[str]:
        if onset is None:
            return
        if onset.disagreement:
            yield f"platform and data disagree: {onset.disagreement}"
        if onset.phase is Phase.PREFILL:
            yield "onset_s: prefill fell first"
        if ended is None or not ended.recovered:
            yield "end_s: the rate was not back until the run's end"
        if self._energy is None:
            yield "time_to_throttle: nothing measured enough of the energy until the onset"
        more = len(self._of(ThrottleOnset)) - 1
        if more:
            yield f"it throttled {more} more time{'s' * (more > 1)}: the first is told"

    def _open(self) -> bool:
        """Whether a suspicion came to nothing, not even to an end."""
        last = next(reversed(self._of(ThrottleSuspected)), None)
        return last is not None and last not in answered(self._mine)


def _hot(limit: LimitEngaged) -> bool:
    return limit.reason in COOL_BREAKERS


def _verdict(told: ThrottleRuledOut, symptom_s: float | None, mechanism_s: float | None) -> str:
    at = symptom_s if symptom_s is not None else mechanism_s
    since = f" from {fmt.seconds(at)} on" if at is not None else ""
    share = f", {fmt.percent(100 * told.ratio)} of the {_compared(told)}" if told.ratio is not None else ""
    limit = f": {fmt.words(told.limit)} ({told.reason})" if told.limit else ""
    detail = f": {told.detail}" if told.detail else ""
    return f"{told.verdict}{limit}{since}{share}{detail}"


def _compared(told: ThrottleRuledOut) -> str:
    return "reference rate" if told.verdict is Verdict.CONTEXT_GROWTH else "expected rate"
