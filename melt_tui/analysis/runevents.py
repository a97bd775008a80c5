"""What a recording tells of each run, before anything is reckoned from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drivers.events import FirstToken, ModelLoaded, RunEvent, TurnEnded, TurnStarted
from drivers.model import RunSpec
from drivers.modelfile import ModelFile
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.events import ModelPrepared, RunEnded, RunStarted, RunSteady, RunWaited, SafetyStop
from melt_tui.timeline.model import EVER


@dataclass(slots=True)
class RunEvents:
    """What was said of one run, in order."""

    started: RunStarted
    prepared: ModelPrepared | None = None
    loaded: ModelLoaded | None = None
    ended: RunEnded | None = None
    turns: list[TurnStarted] = field(default_factory=list)
    first: dict[int, FirstToken] = field(default_factory=dict)
    turn_ends: dict[int, TurnEnded] = field(default_factory=dict)
    waited: Sequence[RunWaited] = ()
    """What was waited for before it."""
    safety: SafetyStop | None = None
    steady: RunSteady | None = None

    @property
    def spec(self) -> RunSpec:
        """As it was asked for."""
        return self.started.spec

    @property
    def model(self) -> ModelFile | None:
        """As it was checked, else as it was asked for; None for a server that was only watched."""
        return self.prepared.model if self.prepared else self.spec.model

    def note(self, event: RunEvent) -> None:
        """Take what was said next."""
        if isinstance(event, TurnStarted):
            self.turns.append(event)
        elif isinstance(event, FirstToken):
            self.first[event.turn] = event
        elif isinstance(event, TurnEnded):
            self.turn_ends[event.turn] = event
        elif type(event) in _ONCE:
            setattr(self, _ONCE[type(event)], event)


_ONCE: Mapping[type[RunEvent], str] = {
    ModelPrepared: "prepared",
    ModelLoaded: "loaded",
    RunEnded: "ended",
    SafetyStop: "safety",
    RunSteady: "steady",
}
"""What is said once of a run, and where it is kept."""
_KINDS = (RunWaited, RunStarted, TurnStarted, FirstToken, TurnEnded, *_ONCE)


def run_events(recording: Recorded) -> list[RunEvents]:
    """Every run of a recording, in the order in which they started."""
    runs: dict[tuple[str, str], RunEvents] = {}
    waited: dict[tuple[str, str], list[RunWaited]] = {}
    for event in recording.events(*recording.span(), kinds=_KINDS, limit=EVERY):
        if isinstance(event, RunWaited):
            waited.setdefault((event.device, event.run), []).append(event)
        elif isinstance(event, RunStarted):
            before = waited.pop((event.device, event.run), ())
            runs[event.device, event.run] = RunEvents(event, waited=before)
        elif isinstance(event, RunEvent) and (event.device, event.run) in runs:
            runs[event.device, event.run].note(event)
    return list(runs.values())


def busy_until(runs: Sequence[RunEvents], run: RunEvents) -> int:
    """When the last of the other runs on its device ended that began before it; its own start where one had not."""
    before = [other for other in runs if other is not run and other.started.device == run.started.device]
    ends = [
        min(other.ended.t_ns, run.started.t_ns) if other.ended else run.started.t_ns
        for other in before
        if other.started.t_ns <= run.started.t_ns
    ]
    return max(ends, default=EVER)
