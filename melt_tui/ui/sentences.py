"""What happened, in a sentence for people: one for each class of event."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from drivers.events import (
    Absent,
    Event,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    ProcessEnded,
    SamplesLost,
    SupplySet,
    TurnEnd,
    TurnEnded,
)
from drivers.modelfile import ModelFile
from melt_tui.events import (
    ClocksCompared,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Imported,
    Mark,
    RunEnded,
    RunOutcome,
    RunStarted,
    RunSteady,
    RunWaited,
    SafetyStop,
    SessionEnded,
    SessionStarted,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
    Wired,
)
from melt_tui.format import UNKNOWN, celsius, count, percent, rate, seconds, words
from melt_tui.ui.waits import waited_words


class Severity(Enum):
    """How much an event asks for attention."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"
    MARK = "mark"
    QUIET = "quiet"


Sentence = tuple[str, Severity]


def sentence(event: Event) -> Sentence:
    """What the event says; its text is still data from outside."""
    say = _SENTENCES.get(type(event))
    return say(event) if say else (type(event).__name__, Severity.QUIET)


def model_title(model: ModelFile | None) -> str:
    """A model's name with its quantisation and the note that goes with it everywhere."""
    if model is None:
        return "model unknown"
    parts = [model.name]
    if model.quantisation and model.quantisation.lower() not in model.name.lower():
        parts.append(model.quantisation)
    note = model.note or ("synthetic weights" if model.synthetic else "")
    return " ".join(parts) + (f" · {note}" if note else "")


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _remedied(text: str, remedy: str) -> str:
    return f"{text}: {remedy}" if remedy else text


def _up(event: DeviceUp) -> Sentence:
    made = "simulated" if event.info.simulated else ""
    detail = _joined(event.info.model, event.info.os, made)
    return f"up  {detail}" if detail else "up", Severity.GOOD


def _connecting(event: DeviceConnecting) -> Sentence:
    if event.reason:
        return f"connecting again: {event.reason}", Severity.QUIET
    return f"connecting to {event.address}", Severity.QUIET


def _run_started(event: RunStarted) -> Sentence:
    workload = event.spec.workload.name if event.spec.workload else "watching"
    fair = event.spec.fair
    if fair.planned > 1:
        workload += f", {fair.place} of {fair.planned}" + f" ({fair.variant})" * bool(fair.variant)
    return f"run started  {model_title(event.spec.model)}, {workload}, {event.spec.runtime}", Severity.PLAIN


def _loaded(event: ModelLoaded) -> Sentence:
    took = f" in {seconds(event.load_s)}" if event.load_s is not None else ""
    return f"model loaded{took}  {_joined(event.backend, event.build)}".rstrip(), Severity.PLAIN


def _turn_ended(event: TurnEnded) -> Sentence:
    tokens = f"  {count(event.output_tokens)} tokens" if event.output_tokens is not None else ""
    detail = f"  {event.detail}" if event.detail else ""
    if event.end is TurnEnd.REFUSED:
        return f"turn {event.turn} refused{detail}", Severity.WARNING
    return f"turn {event.turn} ended{tokens}, {event.end}{detail}", Severity.PLAIN


def _run_ended(event: RunEnded) -> Sentence:
    severity = Severity.ERROR if event.outcome is RunOutcome.FAILED else Severity.PLAIN
    said = f"run {event.outcome}" + (f"  {event.reason}" if event.reason else "")
    return _remedied(said, event.remedy), severity


def _process_ended(event: ProcessEnded) -> Sentence:
    bad = event.returncode not in {0, None}
    code = f" with code {event.returncode}" if bad else ""
    detail = f"  {event.detail}" if event.detail else ""
    return f"process {event.pid} ended{code}{detail}", Severity.WARNING if bad else Severity.QUIET


def _lost(event: SamplesLost) -> Sentence:
    many = count(event.count) if event.count is not None else "some"
    return f"lost {many} {event.what}", Severity.WARNING


def _compared(event: ClocksCompared) -> Sentence:
    if event.offset_ns is None or event.uncertainty_ns is None:
        return f"clock not compared with {event.feeds}: {event.reason}", Severity.QUIET
    within = f"± {seconds(event.uncertainty_ns / 1e9)}"
    if abs(event.offset_ns) <= event.uncertainty_ns:
        return f"clock agrees with {event.feeds} by the power edge, {within}", Severity.QUIET
    side = "late" if event.offset_ns < 0 else "early"
    told = f"clock {seconds(abs(event.offset_ns) / 1e9)} {side} of {event.feeds} by the power edge, {within}"
    if not event.offered:
        return told, Severity.QUIET
    return _remedied(told, "melt align corrects the recording"), Severity.WARNING


_VERDICTS = {
    Verdict.RECOVERED: Severity.QUIET,
    Verdict.UNEXPLAINED: Severity.WARNING,
}


def _lost_share(ratio: float) -> str:
    """``−13 %``: what is missing of the expected rate."""
    return percent(100 * (ratio - 1), signed=True)


def _onset(event: ThrottleOnset) -> Sentence:
    heat = celsius(event.temperature_c)
    parts = (
        f"{event.reason} {event.detail}".rstrip(),
        "" if heat == UNKNOWN else heat,
        _lost_share(event.ratio),
    )
    told = f"throttling onset: {_joined(*parts)}"
    return _remedied(told, event.disagreement), Severity.WARNING


def _throttle_ended(event: ThrottleEnded) -> Sentence:
    lasted, share = seconds((event.t_ns - event.onset_ns) / 1e9), _lost_share(event.ratio)
    if event.recovered:
        return f"throttling over after {lasted}, {share} meanwhile", Severity.GOOD
    return f"throttled until the run's end, for {lasted}: {share}", Severity.PLAIN


def _reference(event: ThrottleReference) -> Sentence:
    if event.rate_tps is None:
        return f"no reference rate, so no throttling can be told: {event.reason}", Severity.WARNING
    return f"reference rate r0 {rate(event.rate_tps)}", Severity.QUIET


def _ruled_out(event: ThrottleRuledOut) -> Sentence:
    share = _lost_share(event.ratio) if event.symptom_ns is not None and event.ratio is not None else ""
    said = _joined(
        event.verdict, share, event.limit and f"{words(event.limit)}: {event.reason}", event.detail
    )
    return f"no throttling: {said}", _VERDICTS.get(event.verdict, Severity.PLAIN)


def _waited(event: RunWaited) -> Sentence:
    return waited_words(event), Severity.QUIET if event.met else Severity.WARNING


_SENTENCES: dict[type[Event], Callable[[Any], Sentence]] = {
    SessionStarted: lambda e: (f"session {e.name} started", Severity.QUIET),
    SessionEnded: lambda e: (_remedied("session ended", e.reason), Severity.QUIET),
    DeviceUp: _up,
    DeviceConnecting: _connecting,
    DeviceLost: lambda e: (f"lost  {e.reason}", Severity.ERROR),
    DeviceFailed: lambda e: (_remedied(f"failed  {e.reason}", e.remedy), Severity.ERROR),
    Imported: lambda e: (f"imported, not measured here: {e.origin}", Severity.PLAIN),
    Wired: lambda e: (f"measures {e.feeds} at {e.point}", Severity.QUIET),
    Mark: lambda e: (f"mark  {e.name}", Severity.MARK),
    LimitEngaged: lambda e: (f"{words(e.limit)} engaged: {_joined(e.reason, e.detail)}", Severity.WARNING),
    LimitReleased: lambda e: (_remedied(f"{words(e.limit)} released", e.detail), Severity.GOOD),
    ClocksCompared: _compared,
    ThrottleReference: _reference,
    ThrottleSuspected: lambda e: (
        f"throttling? {e.phase} {_lost_share(e.ratio)} of what is expected",
        Severity.PLAIN,
    ),
    ThrottleOnset: _onset,
    ThrottleEnded: _throttle_ended,
    ThrottleRuledOut: _ruled_out,
    RunWaited: _waited,
    RunStarted: _run_started,
    RunSteady: lambda e: (f"steady at {rate(e.rate_tps)}: the run ends", Severity.GOOD),
    SafetyStop: lambda e: (e.reason, Severity.ERROR),
    ModelLoaded: _loaded,
    FirstToken: lambda e: (f"first token  TTFT {seconds(e.ttft_s)}", Severity.PLAIN),
    TurnEnded: _turn_ended,
    RunEnded: _run_ended,
    ProcessEnded: _process_ended,
    SamplesLost: _lost,
    SupplySet: lambda e: (e.said, Severity.MARK),
    Absent: lambda e: (_remedied(f"{e.what}: {e.reason}", e.remedy), Severity.QUIET),
}

TOLD_KINDS: tuple[type[Event], ...] = tuple(_SENTENCES)
"""Events that the event list tells of."""
