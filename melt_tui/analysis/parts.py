"""The parts of a run that have an energy of their own, and when they were."""

from collections.abc import Iterator
from dataclasses import dataclass

from melt_tui.measures.energy import Scope


@dataclass(frozen=True, slots=True)
class TurnSpan:
    """When the parts of a turn began and ended, host ns, and its tokens; None where it is not known."""

    turn: int
    sent_ns: int | None
    first_ns: int | None
    last_ns: int | None
    prompt_tokens: int | None
    """New ones."""
    output_tokens: int | None
    """All, the first included."""
    whole: bool
    """It counts, and ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpan:
    """The same of a run."""

    device: str
    t0_ns: int
    t1_ns: int
    loaded: tuple[int, int] | None
    """Runtime start and ready; None where it was running already, or never was ready."""
    baseline_s: float
    """Of the time before the run that is taken for idle."""
    busy_until_ns: int
    """Until then something else ran on the device."""
    model_loaded: bool
    """The model was loaded before the run began."""
    turns: tuple[TurnSpan, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A window, or why there is none."""

    scope: Scope
    turn: TurnSpan | None
    window: tuple[int, int] | None
    lacking: str = ""

    @property
    def title(self) -> str:
        """``run``, ``turn 3``, ``prefill of turn 3``."""
        if self.turn is None:
            return self.scope
        whole = f"turn {self.turn.turn}"
        return whole if self.scope is Scope.TURN else f"{self.scope} of {whole}"


def parts_of(run: RunSpan) -> Iterator[Part]:
    """In order: the run, its load, and of each turn the whole, its prefill and its decode."""
    yield Part(Scope.RUN, None, (run.t0_ns, run.t1_ns))
    yield Part(Scope.LOAD, None, run.loaded, "" if run.loaded else "no load of the model was seen")
    for turn in run.turns:
        yield _part(Scope.TURN, turn, turn.sent_ns, turn.last_ns)
        yield _part(Scope.PREFILL, turn, turn.sent_ns, turn.first_ns)
        yield _part(Scope.DECODE, turn, turn.first_ns, turn.last_ns)


def _part(scope: Scope, turn: TurnSpan, t0_ns: int | None, t1_ns: int | None) -> Part:
    if turn.sent_ns is None and scope is not Scope.DECODE:
        return Part(scope, turn, None, "nobody told when the prompt was sent")
    if t0_ns is None or t1_ns is None:
        return Part(scope, turn, None, "no last token was seen" if turn.first_ns else "no token came")
    if t1_ns <= t0_ns:
        single = scope is Scope.DECODE and turn.output_tokens == 1
        return Part(scope, turn, None, "a single output token has no decode" if single else "it took no time")
    return Part(scope, turn, (t0_ns, t1_ns))
