"""Progress without a screen: what happens, a line each."""

from collections.abc import Callable
from typing import Any

from drivers.events import (
    Absent,
    Event,
    LimitEngaged,
    LimitReleased,
    LogLine,
    ModelLoaded,
    Preparing,
    SamplesLost,
    SupplySet,
    TurnEnded,
    TurnStarted,
)
from drivers.fair import Fair
from melt_tui import format as fmt
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Mark,
    RunEnded,
    RunStarted,
    RunSteady,
    RunWaited,
    RunWaiting,
    SafetyStop,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    Verdict,
)
from melt_tui.measures import rates
from melt_tui.timeline import Timeline
from melt_tui.ui.waits import waited_words, waiting_words

WAIT_TOLD_S = 10.0
"""So often it is told how a wait stands."""


class Follower:
    """Tells each event of a session once, in words."""

    def __init__(self, timeline: Callable[[], Timeline], tell: Callable[[str], None]) -> None:
        self._timeline = timeline
        self._tell = tell
        self._told_ns = -1
        self._last: dict[str, str] = {}
        self._waits: dict[str, RunWaiting] = {}
        """By device: how the wait stood that was told last."""
        self._late: set[tuple[str, str, int]] = set()
        """What was told of happenings that are dated back."""

    def catch_up(self) -> None:
        """Tell what has happened since the last time."""
        timeline = self._timeline()
        events = timeline.events(self._told_ns + 1, _LAST_NS, kinds=_KINDS)
        start_ns = timeline.span()[0] if events else 0
        for event in events:
            words = WORDS[type(event)](event)
            if words and self._worth(event):
                self._say(event, words, start_ns)
            self._told_ns = max(self._told_ns, event.t_ns)
        for event in timeline.events(0, _LAST_NS, kinds=_LATE):
            name = (type(event).__name__, event.device, event.t_ns)
            if name not in self._late:
                self._late.add(name)
                self._say(event, LATE_WORDS[type(event)](event), timeline.span()[0])

    def _worth(self, event: Event) -> bool:
        """That we are there needs no line, and a wait one now and then."""
        if isinstance(event, RunWaiting):
            before = self._waits.get(event.device)
            same = before is not None and (before.run, before.why) == (event.run, event.why)
            if before is not None and same and event.waited_s - before.waited_s < WAIT_TOLD_S:
                return False
            self._waits[event.device] = event
        return event.device != SELF or not isinstance(event, DeviceUp)

    def _say(self, event: Event, words: str, start_ns: int) -> None:
        """A line, unless it is what was said of this device last: progress that is no step further."""
        if self._last.get(event.device) != words:
            self._last[event.device] = words
            self._tell(f"{fmt.stamp((event.t_ns - start_ns) / 1e9)}  {event.device}  {words}")


def remedied(reason: str, remedy: str) -> str:
    """A sentence with what to do about it."""
    return f"{reason}: {remedy}" if remedy else reason


def _turn_words(event: TurnEnded) -> str:
    parts = [f"turn {event.turn} {event.end}", f"{fmt.count(event.output_tokens)} tokens"]
    if rate := _decode_words(event):
        parts.append(f"decode {rate}")
    return ", ".join(parts) + (f" ({event.detail})" if event.detail else "")


def _decode_words(event: TurnEnded) -> str:
    """The rate that we observed; with the engine's own before it where the two are too far apart."""
    observed = rates.decode_rate(event.output_tokens, event.first_token_ns, event.last_token_ns)
    reported = rates.reported_decode_rate(event.output_tokens, event.decode_s)
    if observed is not None and reported is not None and rates.differ(observed, reported):
        return f"{fmt.rate(reported)} as the engine reports, {fmt.rate(observed)} observed"
    return "" if observed is None else fmt.rate(observed)


def _lost(ratio: float) -> str:
    return fmt.percent(100 * (ratio - 1), signed=True)


def _place(fair: Fair) -> str:
    """Which of several runs it is."""
    if fair.planned == 1:
        return ""
    return f", {fair.place} of {fair.planned}" + (f" ({fair.variant})" if fair.variant else "")


def _reference_words(event: ThrottleReference) -> str:
    if event.rate_tps is None:
        return f"no reference rate: {event.reason}"
    return f"reference rate {fmt.rate(event.rate_tps)}"


_OURS = ("melt", "adb", "ssh")
"""Sources of log lines that are sentences of our own and of the links; all others are what a device writes."""
WORDS: dict[type[Event], Callable[[Any], str]] = {
    DeviceConnecting: lambda e: f"connecting: {e.reason}" if e.reason else f"connecting to {e.address}",
    DeviceUp: lambda e: f"up{' (simulated)' if e.info.simulated else ''} {e.info.model}",
    DeviceLost: lambda e: f"lost: {e.reason}",
    DeviceFailed: lambda e: f"given up: {remedied(e.reason, e.remedy)}",
    Absent: lambda e: f"no {e.what}: {remedied(e.reason, e.remedy)}",
    Preparing: lambda e: f"{e.step} {fmt.percent(e.done * 100)}",
    ModelLoaded: lambda e: f"model loaded in {fmt.seconds(e.load_s)}",
    RunWaiting: waiting_words,
    RunWaited: waited_words,
    RunStarted: lambda e: f"run {e.spec.run} started: {e.spec.runtime}{_place(e.spec.fair)}",
    RunSteady: lambda e: f"steady at {fmt.rate(e.rate_tps)}",
    SafetyStop: lambda e: e.reason.replace("safety stop", "SAFETY STOP", 1),
    RunEnded: lambda e: (
        f"run {e.run} {e.outcome}" + (f": {remedied(e.reason, e.remedy)}" if e.reason else "")
    ),
    TurnStarted: lambda e: f"turn {e.turn} started{' (warm-up)' if e.purpose == 'warmup' else ''}",
    TurnEnded: _turn_words,
    LimitEngaged: lambda e: f"LIMIT {fmt.words(e.limit)}: {e.reason} {e.detail}".rstrip(),
    LimitReleased: lambda e: f"limit {fmt.words(e.limit)} released",
    ThrottleReference: _reference_words,
    ThrottleRuledOut: lambda e: (
        "" if e.verdict is Verdict.RECOVERED else f"no throttling: {remedied(e.verdict, e.detail)}"
    ),
    SamplesLost: lambda e: f"lost {fmt.count(e.count)} {e.what}",
    SupplySet: lambda e: e.said,
    Mark: lambda e: f"mark {e.name}",
    LogLine: lambda e: e.text if e.source in _OURS else "",
}
"""Event class → its line."""
LATE_WORDS: dict[type[Event], Callable[[Any], str]] = {
    ThrottleOnset: lambda e: f"THROTTLING: {e.reason} {e.detail}".rstrip() + f", {_lost(e.ratio)}",
    ThrottleEnded: lambda e: (
        f"throttling {'over' if e.recovered else 'until the end of the run'}: {_lost(e.ratio)}"
    ),
}
"""The same of what is told late and dated back: its line comes after later ones."""
_KINDS = tuple(WORDS)
_LATE = tuple(LATE_WORDS)
_LAST_NS = 1 << 62
