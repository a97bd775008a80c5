"""From the few events that matter to what was true: pure, and the same for what is live and what is recorded.

Two orders are in use; they agree, since every device and every run puts its own events on the bus by time (what throttles
is told late and dated back, in an order of its own):

- **Views** are folded from the events at or before a moment, given in order of ``(t_ns, order of publication)``. Each
  function names its *relevant* events; more events of the same device or run change nothing, so that a recording may
  fetch just those.
- **Intervals** are folded in order of publication, as the events pass (``IntervalFold``).

Spans are closed: what touches any moment of ``t0_ns … t1_ns``, both ends included, belongs to it. Devices are told in
the order of their first ``DEVICE_STATES`` event, channels in that of the ``ChannelsOpened`` that first named them,
then by place within it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from drivers.events import (
    Event,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    PrefillProgress,
    Preparing,
    RunEvent,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from melt_tui.events import (
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    ModelPrepared,
    RunEnded,
    RunStarted,
    SessionEnded,
    ThrottleEnded,
    ThrottleOnset,
    Wired,
)
from melt_tui.timeline.model import (
    DeviceState,
    DeviceView,
    Interval,
    IntervalKind,
    RunPhase,
    RunView,
    TurnView,
)

DEVICE_STATES: tuple[type[Event], ...] = (DeviceConnecting, DeviceUp, DeviceLost, DeviceFailed)
"""Events that say how a device stands; the first of them makes it known."""

DEVICE_EVENTS: tuple[type[Event], ...] = (*DEVICE_STATES, Wired)
"""Relevant to ``device_view``: of one device, the last of each kind."""

RUN_EVENTS: tuple[type[Event], ...] = (RunStarted, Preparing, ModelPrepared, ModelLoaded, RunEnded)
"""Relevant to ``run_view``: of one run, the last of each kind."""

TURN_EVENTS: tuple[type[Event], ...] = (TurnStarted, PrefillProgress, FirstToken, TurnEnded)
"""Relevant to ``run_view`` too: the last ``TurnStarted`` of the run, and the last of each other kind of that turn since."""

LIMIT_EVENTS: tuple[type[Event], ...] = (LimitEngaged, LimitReleased)
"""Relevant to ``limits_in_force``: of one device, the last of either kind for each limit, and the last break."""

LIMIT_BREAKS: tuple[type[Event], ...] = (DeviceUp, DeviceLost, DeviceFailed, SessionEnded)
"""After one of these nothing is known of a device's limits until it engages them again. SessionEnded is for all."""

THROTTLE_EVENTS: tuple[type[Event], ...] = (ThrottleOnset, ThrottleEnded)
"""Relevant to ``throttled_by``: of one device, the last of either kind, and the last SessionEnded."""

E = TypeVar("E", bound=Event)


def device_view(events: Iterable[Event]) -> DeviceView | None:
    """The device that these events are of; None before its first state event.

    A lost device that is being tried again stays LOST, since the loss, with the newest reason.
    """
    known = list(events)
    states = [event for event in known if isinstance(event, DEVICE_STATES)]
    if not states:
        return None
    up, wired = _last(known, DeviceUp), _last(known, Wired)
    state, since, reason, remedy = _standing(states)
    return DeviceView(
        device=since.device,
        state=state,
        since_ns=since.t_ns,
        info=up.info if up else None,
        reason=reason,
        remedy=remedy,
        feeds=wired.feeds if wired else "",
        point=wired.point if wired else "",
    )


def run_view(events: Iterable[Event], turns_ended: int | None = None) -> RunView | None:
    """The run that these events are of; None without its ``RunStarted``.

    A device shows the run of its last ``RunStarted``. ``turns_ended`` is ``count_turns_ended`` over all events of the
    run; None counts those given.
    """
    known = list(events)
    started = _last(known, RunStarted)
    if started is None:
        return None
    loaded, ended, turn = _last(known, ModelLoaded), _last(known, RunEnded), turn_view(known)
    prepared = _last(known, ModelPrepared)
    phase = _phase(loaded, turn, ended)
    step = _last(known, Preparing) if phase is RunPhase.LOADING else None
    return RunView(
        spec=replace(started.spec, model=prepared.model) if prepared else started.spec,
        started_ns=started.t_ns,
        phase=phase,
        loaded=loaded,
        turn=turn,
        turns_ended=count_turns_ended(known) if turns_ended is None else turns_ended,
        ended=ended,
        preparing=step.step if step else "",
        preparing_done=step.done if step else None,
        preparing_eta_s=step.eta_s if step else None,
    )


def turn_view(events: Iterable[Event]) -> TurnView | None:
    """The last turn that started in a run, with what has come of it since."""
    known = list(events)
    starts = [i for i, event in enumerate(known) if isinstance(event, TurnStarted)]
    if not starts:
        return None
    started = known[starts[-1]]
    assert isinstance(started, TurnStarted)
    since = [event for event in known[starts[-1] :] if getattr(event, "turn", None) == started.turn]
    prefill = _last(since, PrefillProgress)
    return TurnView(
        started=started,
        first_token=_last(since, FirstToken),
        ended=_last(since, TurnEnded),
        prefill_done=prefill.processed / prefill.total if prefill and prefill.total > 0 else None,
    )


def count_turns_ended(events: Iterable[Event]) -> int:
    """How many measured turns of a run have ended: each number once, warm-up left out."""
    measured: set[int] = set()
    ended: set[int] = set()
    for event in events:
        if isinstance(event, TurnStarted) and event.purpose is TurnPurpose.MEASURED:
            measured.add(event.turn)
        elif isinstance(event, TurnEnded) and event.turn in measured:
            ended.add(event.turn)
    return len(ended)


def limits_in_force(events: Iterable[Event]) -> tuple[LimitEngaged, ...]:
    """The limits of one device that are in force after these events, by the time they were engaged.

    The same are the ``LimitEngaged`` that opened the LIMIT intervals with ``t0_ns <= t`` and ``t < t1_ns`` or no end.
    """
    engaged: dict[str, LimitEngaged] = {}
    for event in events:
        if isinstance(event, LIMIT_BREAKS):
            engaged.clear()
        elif isinstance(event, LimitEngaged | LimitReleased):
            engaged.pop(event.limit, None)
            if isinstance(event, LimitEngaged):
                engaged[event.limit] = event
    return tuple(engaged.values())


def throttled_by(events: Iterable[Event]) -> ThrottleOnset | None:
    """The onset of the throttling of one device that goes on after these events.

    The same is the ``ThrottleOnset`` that opened the THROTTLED interval with ``t0_ns <= t`` and ``t < t1_ns`` or no end.
    """
    last = _last([event for event in events if isinstance(event, (*THROTTLE_EVENTS, SessionEnded))], Event)
    return last if isinstance(last, ThrottleOnset) else None


Track = tuple[IntervalKind, str, str]
"""``(kind, device, limit name or "")``: intervals of one track follow each other by time and never overlap."""


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """An interval as it stands now. ``number`` counts from 1 in the session: a row said again replaces the former."""

    number: int
    interval: Interval
    opened_by: Event

    @property
    def track(self) -> Track:
        """The line of intervals that it stands in."""
        return (self.interval.kind, self.interval.device, _limit_name(self.opened_by))


class IntervalFold:
    """Opens and closes intervals as events pass, in order of publication.

    ========  ==================================  =====================================================
    kind      from                                to the first of
    ========  ==================================  =====================================================
    RUN       RunStarted                          its RunEnded, another RunStarted on the device
    LOAD      RunStarted                          ModelLoaded, TurnStarted, the end of its RUN
    TURN      TurnStarted                         its TurnEnded, another TurnStarted, the end of its RUN
    PREFILL   TurnStarted                         its FirstToken, the end of its TURN
    DECODE    FirstToken                          ``last_token_ns`` of its TurnEnded, the end of its TURN
    LIMIT     LimitEngaged                        LimitReleased or LimitEngaged of that name, a break
    THROTTLED ThrottleOnset                       ThrottleEnded, another ThrottleOnset on the device
    OUTAGE    DeviceLost or DeviceFailed          DeviceUp
    ========  ==================================  =====================================================

    SessionEnded closes all. A lost device does not end its run. Events of a turn or run that is not open are passed
    over. An interval ends no earlier than it starts, and starts no earlier than the one before it on its track ended.
    """

    def __init__(self) -> None:
        self._open: dict[Track, IntervalRow] = {}
        self._ends: dict[Track, int] = {}
        self._count = 0
        self._changed: dict[int, IntervalRow] = {}

    def take(self, event: Event) -> Sequence[IntervalRow]:
        """The rows that this event opened or closed, by number."""
        handler = self._HANDLERS.get(type(event))
        if handler is None:
            return ()
        handler(self, event)
        changed = sorted(self._changed.items())
        self._changed.clear()
        return tuple(row for _, row in changed)

    def _run_started(self, event: RunStarted) -> None:
        self._end_run(event.device, event.t_ns)
        self._start(IntervalKind.RUN, event, event.run)
        self._start(IntervalKind.LOAD, event, event.run)

    def _model_loaded(self, event: ModelLoaded) -> None:
        if self._belongs(event):
            self._close((IntervalKind.LOAD, event.device, ""), event.t_ns)

    def _turn_started(self, event: TurnStarted) -> None:
        if self._belongs(event):
            self._end_turn(event.device, event.t_ns)
            self._close((IntervalKind.LOAD, event.device, ""), event.t_ns)
            self._start(IntervalKind.TURN, event, str(event.turn))
            self._start(IntervalKind.PREFILL, event, str(event.turn))

    def _first_token(self, event: FirstToken) -> None:
        prefill = self._open.get((IntervalKind.PREFILL, event.device, ""))
        if prefill and self._belongs(event) and prefill.interval.label == str(event.turn):
            self._close(prefill.track, event.t_ns)
            self._start(IntervalKind.DECODE, event, str(event.turn))

    def _turn_ended(self, event: TurnEnded) -> None:
        turn = self._open.get((IntervalKind.TURN, event.device, ""))
        if turn and self._belongs(event) and turn.interval.label == str(event.turn):
            last_ns = event.t_ns if event.last_token_ns is None else event.last_token_ns
            self._close((IntervalKind.DECODE, event.device, ""), last_ns)
            self._end_turn(event.device, event.t_ns)

    def _run_ended(self, event: RunEnded) -> None:
        if self._belongs(event):
            self._end_run(event.device, event.t_ns)

    def _limit_engaged(self, event: LimitEngaged) -> None:
        self._close((IntervalKind.LIMIT, event.device, event.limit), event.t_ns)
        self._start(IntervalKind.LIMIT, event, f"{event.limit}: {event.reason}")

    def _limit_released(self, event: LimitReleased) -> None:
        self._close((IntervalKind.LIMIT, event.device, event.limit), event.t_ns)

    def _throttle_onset(self, event: ThrottleOnset) -> None:
        self._close((IntervalKind.THROTTLED, event.device, ""), event.t_ns)
        label = f"{event.reason}, {event.detail}" if event.detail else event.reason
        self._start(IntervalKind.THROTTLED, event, label)

    def _throttle_ended(self, event: ThrottleEnded) -> None:
        self._close((IntervalKind.THROTTLED, event.device, ""), event.t_ns)

    def _device_gone(self, event: DeviceLost | DeviceFailed) -> None:
        self._end_limits(event.device, event.t_ns)
        if (IntervalKind.OUTAGE, event.device, "") not in self._open:
            self._start(IntervalKind.OUTAGE, event, event.reason)

    def _device_up(self, event: DeviceUp) -> None:
        self._end_limits(event.device, event.t_ns)
        self._close((IntervalKind.OUTAGE, event.device, ""), event.t_ns)

    def _session_ended(self, event: SessionEnded) -> None:
        for track in list(self._open):
            self._close(track, event.t_ns)

    def _belongs(self, event: RunEvent) -> bool:
        run = self._open.get((IntervalKind.RUN, event.device, ""))
        return run is not None and run.interval.run == event.run

    def _end_run(self, device: str, t_ns: int) -> None:
        self._end_turn(device, t_ns)
        self._close((IntervalKind.LOAD, device, ""), t_ns)
        self._close((IntervalKind.RUN, device, ""), t_ns)

    def _end_turn(self, device: str, t_ns: int) -> None:
        for kind in (IntervalKind.PREFILL, IntervalKind.DECODE, IntervalKind.TURN):
            self._close((kind, device, ""), t_ns)

    def _end_limits(self, device: str, t_ns: int) -> None:
        for track in [t for t in self._open if t[:2] == (IntervalKind.LIMIT, device)]:
            self._close(track, t_ns)

    def _start(self, kind: IntervalKind, event: Event, label: str) -> None:
        track = (kind, event.device, _limit_name(event))
        t0_ns = max(event.t_ns, self._ends.get(track, event.t_ns))
        run = event.run if isinstance(event, RunEvent) else ""
        interval = Interval(kind=kind, device=event.device, t0_ns=t0_ns, t1_ns=None, label=label, run=run)
        self._count += 1
        row = IntervalRow(self._count, interval, event)
        self._open[track] = self._changed[row.number] = row

    def _close(self, track: Track, t_ns: int) -> None:
        row = self._open.pop(track, None)
        if row is not None:
            t1_ns = self._ends[track] = max(row.interval.t0_ns, t_ns)
            self._changed[row.number] = replace(row, interval=replace(row.interval, t1_ns=t1_ns))

    _HANDLERS: ClassVar[dict[type[Event], Callable[["IntervalFold", Any], None]]] = {
        RunStarted: _run_started,
        ModelLoaded: _model_loaded,
        TurnStarted: _turn_started,
        FirstToken: _first_token,
        TurnEnded: _turn_ended,
        RunEnded: _run_ended,
        LimitEngaged: _limit_engaged,
        LimitReleased: _limit_released,
        ThrottleOnset: _throttle_onset,
        ThrottleEnded: _throttle_ended,
        DeviceLost: _device_gone,
        DeviceFailed: _device_gone,
        DeviceUp: _device_up,
        SessionEnded: _session_ended,
    }


def touches(interval: Interval, t0_ns: int, t1_ns: int) -> bool:
    """Whether it lasted at any moment of the span, both ends included."""
    return interval.t0_ns <= t1_ns and (interval.t1_ns is None or interval.t1_ns >= t0_ns)


def by_start(rows: Iterable[IntervalRow]) -> tuple[Interval, ...]:
    """Intervals as a Timeline answers them: by start time, then in the order in which they opened."""
    ordered = sorted(rows, key=lambda row: (row.interval.t0_ns, row.number))
    return tuple(row.interval for row in ordered)


def _last(events: Sequence[Event], kind: type[E]) -> E | None:
    return next((event for event in reversed(events) if isinstance(event, kind)), None)


def _standing(states: Sequence[Event]) -> tuple[DeviceState, Event, str, str]:
    """State, the event that it stands since, reason and remedy."""
    last = states[-1]
    if isinstance(last, DeviceUp):
        return DeviceState.UP, last, "", ""
    if isinstance(last, DeviceLost):
        return DeviceState.LOST, last, last.reason, ""
    if isinstance(last, DeviceFailed):
        return DeviceState.FAILED, last, last.reason, last.remedy
    return _connecting(states)


def _connecting(states: Sequence[Event]) -> tuple[DeviceState, Event, str, str]:
    trying = _last(states, DeviceConnecting)
    before = next((event for event in reversed(states) if not isinstance(event, DeviceConnecting)), None)
    reason = trying.reason if trying else ""
    if isinstance(before, DeviceLost):
        return DeviceState.LOST, before, reason or before.reason, ""
    return DeviceState.CONNECTING, states[-1], reason, ""


def _phase(loaded: ModelLoaded | None, turn: TurnView | None, ended: RunEnded | None) -> RunPhase:
    if ended is not None:
        return RunPhase.ENDED
    if turn is None:
        return RunPhase.PAUSE if loaded else RunPhase.LOADING
    if turn.ended is not None:
        return RunPhase.PAUSE
    return RunPhase.DECODE if turn.first_token else RunPhase.PREFILL


def _limit_name(event: Event) -> str:
    return event.limit if isinstance(event, LimitEngaged) else ""
