"""What a detector said of a trace, held against what was true of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from drivers.base import Item
from melt_tui.events import (
    DerivedEvent,
    Phase,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
)
from melt_tui.session.bus import Bus, Transform
from tests.rigs.throttling.trace import Trace
from tests.rigs.throttling.truth import Episode, Truth, within

SECOND = 1_000_000_000
EARLY_S = 15.0
"""An onset may be dated so long before the crossing: with noise, 93 % are 90 % at times."""
LATE_S = 30.0
"""Or dated so much decoding after it: as long as symptom and mechanism may lie apart."""
ENDED_S = 20.0
"""Within so much decoding of the true end the end is told rightly."""
TURN_S = 30.0
"""A rate of prefill is that of a whole turn."""

Told = tuple[int, DerivedEvent]
"""Host time of the bus at which it was said, and what."""


class Listener:
    """Sink: keeps what is derived of throttling, and when."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.told: list[Told] = []

    def take(self, item: Item) -> None:
        """Keep it, if it was concluded."""
        if isinstance(item, DerivedEvent):
            self.told.append((self.now_ns, item))


def listen(trace: Trace, detector: Transform) -> list[Told]:
    """What the detector says, fed by a bus as in a session."""
    listener = Listener()
    bus = Bus((listener,), (detector,))
    for at_ns, item in trace.timed:
        listener.now_ns = at_ns
        bus.publish(item)
    return listener.told


@dataclass(slots=True)
class Judged:
    """Of one trace."""

    name: str
    seed: int
    hours: float
    duty: float
    """Share of it in which tokens come."""
    expected: int = 0
    found: int = 0
    standing: int = 0
    """Of those found: an onset told of an earlier one still stood, so that nothing had to be found."""
    onsets: int = 0
    missed: list[Episode] = field(default_factory=list)
    false: list[ThrottleOnset] = field(default_factory=list)
    """Confirmed although nothing was throttled, from the onset that is told until it was confirmed."""
    early: list[ThrottleOnset] = field(default_factory=list)
    """Confirmed of something that is true, and dated much too early."""
    wrong_reason: list[tuple[Episode, str]] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    """From the true crossing to ``ThrottleSuspected``; infinite where there was none. Without those where one stood."""
    lateness: list[float] = field(default_factory=list)
    """The same, as a part of 5 s or 8 tokens, whichever is longer."""
    dated_s: list[float] = field(default_factory=list)
    """By how much the onset is dated off."""
    recovering: int = 0
    """Of those found, how many end before the run."""
    ended: int = 0
    """And of these, at how many it was said so in time."""
    thermal: int = 0
    """Onsets called thermal."""
    vain: int = 0
    """Suspicions where nothing took speed away."""
    unexplained: int = 0


def judge(name: str, seed: int, trace: Trace, told: Sequence[Told]) -> Judged:
    """Hold one against the other."""
    truth = trace.truth
    judged = Judged(name, seed, trace.seconds / 3600, trace.duty)
    onsets = [event for _, event in told if isinstance(event, ThrottleOnset)]
    judged.onsets = len(onsets)
    judged.thermal = sum(onset.reason == "thermal" for onset in onsets)
    untrue = [onset for onset in onsets if not _true(onset, truth)]
    judged.early = [onset for onset in untrue if _begins_meanwhile(onset, truth)]
    judged.false = [onset for onset in untrue if onset not in judged.early]
    onsets = [onset for onset in onsets if onset not in untrue]
    ends = [event for _, event in told if isinstance(event, ThrottleEnded)]
    for episode in truth.expected:
        _find(judged, episode, onsets, ends, told)
    judged.vain = sum(
        not _explained(at_ns, truth) for at_ns, event in told if isinstance(event, ThrottleSuspected)
    )
    judged.unexplained = sum(
        isinstance(event, ThrottleRuledOut) and event.verdict is Verdict.UNEXPLAINED for _, event in told
    )
    return judged


def _find(
    judged: Judged,
    episode: Episode,
    onsets: Sequence[ThrottleOnset],
    ends: Sequence[ThrottleEnded],
    told: Sequence[Told],
) -> None:
    judged.expected += 1
    allowed_s = max(5.0, 8 / (episode.tps * episode.share))
    delay_s = _delay_s(episode, told)
    if delay_s is not None:
        judged.delays_s.append(delay_s)
        judged.lateness.append(delay_s / allowed_s)
    late_ns = round(LATE_S / judged.duty * SECOND)
    found = [onset for onset in onsets if _covers(onset, _end_ns(onset, ends), episode, late_ns)]
    if not found:
        judged.missed.append(episode)
        return
    judged.found += 1
    judged.standing += all(onset.t_ns < episode.onset_ns - EARLY_S * SECOND for onset in found)
    nearest = min(found, key=lambda onset: abs(onset.t_ns - episode.onset_ns))
    if nearest.phase is Phase.DECODE and nearest.t_ns >= episode.onset_ns - EARLY_S * SECOND:
        judged.dated_s.append((nearest.t_ns - episode.onset_ns) / SECOND)
    if episode.recovers:
        within_s = ENDED_S / judged.duty
        judged.recovering += 1
        judged.ended += any(abs(end.t_ns - episode.end_ns) <= within_s * SECOND for end in ends)
    if nearest.reason not in episode.reasons:
        judged.wrong_reason.append((episode, nearest.reason))


def _covers(onset: ThrottleOnset, end_ns: int, episode: Episode, late_ns: int) -> bool:
    """Whether it is dated near the episode's onset, or was in progress when that began."""
    early_ns = episode.onset_ns - round(EARLY_S * SECOND)
    near = early_ns <= onset.t_ns <= min(episode.end_ns, episode.onset_ns + late_ns)
    return near or onset.t_ns <= episode.onset_ns < end_ns


def _end_ns(onset: ThrottleOnset, ends: Iterable[ThrottleEnded]) -> int:
    return next((end.t_ns for end in ends if end.onset_ns == onset.t_ns), onset.t_ns)


def _true(onset: ThrottleOnset, truth: Truth) -> bool:
    if not truth.tellable:
        return False
    if onset.phase is Phase.PREFILL:
        return within(onset.t_ns, truth.prefill_ns, TURN_S, TURN_S)
    episodes = tuple((one.onset_ns, one.end_ns) for one in truth.episodes)
    return within(onset.t_ns, episodes, EARLY_S, 0) or within(onset.t_ns, truth.tolerated_ns, 3, 1)


def _begins_meanwhile(onset: ThrottleOnset, truth: Truth) -> bool:
    """Whether throttling begins between the onset as it is dated and the moment it was confirmed."""
    begins = [one.onset_ns for one in truth.episodes] + [a_ns for a_ns, _ in truth.tolerated_ns]
    return truth.tellable and any(onset.t_ns < t_ns <= onset.confirmed_ns for t_ns in begins)


def _explained(at_ns: int, truth: Truth) -> bool:
    """Whether anything took speed away a little before a suspicion."""
    spans = (*truth.tolerated_ns, *truth.slowed_ns, *truth.prefill_ns)
    return within(at_ns, spans, 0, TURN_S)


def _delay_s(episode: Episode, told: Sequence[Told]) -> float | None:
    """From the crossing until it is suspected; None where it was already."""
    open_suspicion = False
    for at_ns, event in told:
        if at_ns > episode.end_ns:
            break
        suspected = isinstance(event, ThrottleSuspected | ThrottleOnset)
        if at_ns <= episode.onset_ns:
            over = isinstance(event, ThrottleEnded | ThrottleRuledOut)
            open_suspicion = suspected or (open_suspicion and not over)
        elif open_suspicion:
            return None
        elif suspected:
            return (at_ns - episode.onset_ns) / SECOND
    return None if open_suspicion else float("inf")
