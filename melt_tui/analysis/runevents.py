"""What a recording tells of each run, before anything is reckoned from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from drivers.events import FirstToken, ModelLoaded, RunEvent, TurnEnded, TurnStarted
from drivers.model import ModelFile, RunSpec
from melt_tui.analysis.recorded import EVERY, Recorded
from melt_tui.events import ModelPrepared, RunEnded, RunStarted
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
        match event:
            case ModelPrepared():
                self.prepared = event
            case ModelLoaded():
                self.loaded = event
            case RunEnded():
                self.ended = event
            case TurnStarted():
                self.turns.append(event)
            case FirstToken():
                self.first[event.turn] = event
            case TurnEnded():
                self.turn_ends[event.turn] = event


def run_events(recording: Recorded) -> list[RunEvents]:
    """Every run of a recording, in the order in which they started."""
    kinds = (RunStarted, ModelPrepared, ModelLoaded, RunEnded, TurnStarted, FirstToken, TurnEnded)
    runs: dict[tuple[str, str], RunEvents] = {}
    for event in recording.events(*recording.span(), kinds=kinds, limit=EVERY):
        if isinstance(event, RunStarted):
            runs[event.device, event.run] = RunEvents(event)
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
