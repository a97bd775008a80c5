"""Folding events: the few relevant ones say as much as all, and intervals open and close as their table says."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import SECOND
from drivers.events import (
    Event,
    FirstToken,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    PrefillProgress,
    Preparing,
    RunEvent,
    TurnEnd,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from drivers.model import DeviceInfo, DeviceKind, RunSpec
from melt_tui.events import (
    SELF,
    Confidence,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Phase,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    ThrottleEnded,
    ThrottleOnset,
    Wired,
)
from melt_tui.timeline import DeviceState, Interval, IntervalKind, RunPhase
from melt_tui.timeline.fold import (
    DEVICE_EVENTS,
    LIMIT_BREAKS,
    LIMIT_EVENTS,
    RUN_EVENTS,
    TURN_EVENTS,
    IntervalFold,
    IntervalRow,
    count_turns_ended,
    device_view,
    limits_in_force,
    run_view,
    throttled_by,
    touches,
)
from tests.rigs.random_sessions import DEVICES, Step, session, steps

INFO = DeviceInfo(device="phone", address="adb:1", kind=DeviceKind.PHONE)
SPEC = RunSpec(run="r1", device="phone", runtime="llama_server", model=None, workload=None)


def up(t: int) -> DeviceUp:
    return DeviceUp(t_ns=t, device="phone", info=INFO)


def lost(t: int, reason: str = "cable") -> DeviceLost:
    return DeviceLost(t_ns=t, device="phone", reason=reason)


def connecting(t: int, reason: str = "") -> DeviceConnecting:
    return DeviceConnecting(t_ns=t, device="phone", address="adb:1", reason=reason)


def started(t: int, run: str = "r1") -> RunStarted:
    return RunStarted(t_ns=t, device="phone", run=run, spec=replace(SPEC, run=run))


def turn(t: int, number: int, purpose: TurnPurpose = TurnPurpose.MEASURED) -> TurnStarted:
    return TurnStarted(t_ns=t, device="phone", run="r1", turn=number, purpose=purpose)


def first(t: int, number: int) -> FirstToken:
    return FirstToken(t_ns=t, device="phone", run="r1", turn=number, ttft_s=0.1)


def ended(t: int, number: int, last_token_ns: int | None = None) -> TurnEnded:
    return TurnEnded(
        t_ns=t, device="phone", run="r1", turn=number, end=TurnEnd.EOS, last_token_ns=last_token_ns
    )


def engaged(t: int, limit: str = "thermal", detail: str = "") -> LimitEngaged:
    return LimitEngaged(t_ns=t, device="phone", limit=limit, reason="heat", detail=detail)


def released(t: int, limit: str = "thermal") -> LimitReleased:
    return LimitReleased(t_ns=t, device="phone", limit=limit)


def over(t: int, run: str = "r1") -> RunEnded:
    return RunEnded(t_ns=t, device="phone", run=run, outcome=RunOutcome.DONE)


def loaded(t: int) -> ModelLoaded:
    return ModelLoaded(t_ns=t, device="phone", run="r1", load_s=1.0)


def test_a_device_that_is_tried_again_stays_lost_since_the_loss() -> None:
    view = device_view([connecting(0), up(1), lost(5), connecting(6, "no cable")])
    assert view is not None
    assert (view.state, view.since_ns, view.reason) == (DeviceState.LOST, 5, "no cable")
    assert view.info == INFO


def test_states_of_a_device() -> None:
    failed = DeviceFailed(t_ns=7, device="phone", reason="unauthorised", remedy="accept the prompt")
    wired = Wired(t_ns=2, device="phone", feeds="board", point="usb-input")
    assert device_view([]) is None
    assert device_view([wired]) is None
    for events, state, since, reason, remedy in (
        ([connecting(3, "busy")], DeviceState.CONNECTING, 3, "busy", ""),
        ([connecting(0), up(4)], DeviceState.UP, 4, "", ""),
        ([up(4), lost(5, "x")], DeviceState.LOST, 5, "x", ""),
        ([up(4), failed], DeviceState.FAILED, 7, "unauthorised", "accept the prompt"),
        ([failed, connecting(8)], DeviceState.CONNECTING, 8, "", ""),
        ([lost(5), up(6)], DeviceState.UP, 6, "", ""),
    ):
        view = device_view([*events, wired])
        assert view is not None
        assert (view.state, view.since_ns, view.reason, view.remedy) == (state, since, reason, remedy)
        assert (view.device, view.feeds, view.point) == ("phone", "board", "usb-input")


def test_phases_of_a_run() -> None:
    events: list[Event] = []
    phases = []
    for event in (
        started(0),
        Preparing(t_ns=1, device="phone", run="r1", step="push", done=0.5, eta_s=2.0),
        loaded(2),
        turn(3, 1),
        PrefillProgress(t_ns=4, device="phone", run="r1", turn=1, processed=30, total=120),
        first(5, 1),
        ended(6, 1),
        turn(7, 2),
        over(8),
    ):
        events.append(event)
        view = run_view(events)
        assert view is not None
        phases.append(view.phase.value)
        assert view.preparing == ("push" if event.t_ns == 1 else "")
        assert (view.preparing_done, view.preparing_eta_s) == (
            (0.5, 2.0) if event.t_ns == 1 else (None, None)
        )
    assert phases == [
        "loading",
        "loading",
        "pause",
        "prefill",
        "prefill",
        "decode",
        "pause",
        "prefill",
        "ended",
    ]
    view = run_view(events[:5])
    assert view is not None
    assert view.turn is not None
    assert view.turn.prefill_done == 0.25
    view = run_view(events)
    assert view is not None
    assert (view.turns_ended, view.started_ns, view.spec) == (1, 0, SPEC)
    assert view.turn is not None
    assert (view.turn.started.turn, view.turn.first_token, view.turn.prefill_done) == (2, None, None)
    assert view.phase is RunPhase.ENDED


def test_what_a_runtime_told_of_an_earlier_turn_is_not_told_of_this_one() -> None:
    view = run_view([started(0), turn(1, 1), first(2, 1), turn(3, 2), ended(4, 1)])
    assert view is not None
    assert view.turn is not None
    assert (view.turn.first_token, view.turn.ended, view.phase) == (None, None, RunPhase.PREFILL)


def test_a_run_without_its_start_is_none() -> None:
    assert run_view([loaded(2), turn(3, 1)]) is None


def test_warm_up_turns_are_not_counted() -> None:
    events = [turn(0, 1, TurnPurpose.WARMUP), ended(1, 1), turn(2, 2), ended(3, 2), ended(4, 2), turn(5, 3)]
    assert count_turns_ended(events) == 1


def test_limits_in_force() -> None:
    a, b, again = engaged(1), engaged(2, "cap"), engaged(3, detail="SEVERE")
    assert limits_in_force([a, b]) == (a, b)
    assert limits_in_force([a, b, again]) == (b, again)
    assert limits_in_force([a, b, released(4)]) == (b,)
    assert limits_in_force([released(0), a]) == (a,)
    for end in (lost(5), up(5), SessionEnded(t_ns=5, device=SELF, wall_ns=0)):
        assert limits_in_force([a, b, end]) == ()
        assert limits_in_force([a, end, b]) == (b,)


def events_of(taken: list[Step]) -> list[Event]:
    return [item for item in session(taken) if isinstance(item, Event)]


@given(steps(), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_the_relevant_events_say_as_much_as_all(taken: list[Step], upto: int) -> None:
    events = events_of(taken)[: upto + 1]
    for device in DEVICES:
        own = [event for event in events if event.device == device]
        assert device_view(latest(own, DEVICE_EVENTS)) == device_view(own)
        limiting = [event for event in events if event.device in {device, SELF}]
        limiting = [event for event in limiting if isinstance(event, (*LIMIT_EVENTS, *LIMIT_BREAKS))]
        assert limits_in_force(relevant_limits(limiting)) == limits_in_force(limiting)
    for run in {event.run for event in events if isinstance(event, RunEvent)}:
        told = [event for event in events if isinstance(event, RunEvent) and event.run == run]
        few = run_view(relevant_to_run(told), count_turns_ended(told))
        assert few == run_view(told)


def latest(events: Sequence[Event], kinds: tuple[type[Event], ...]) -> list[Event]:
    last = {type(event): place for place, event in enumerate(events) if type(event) in kinds}
    return [events[place] for place in sorted(last.values())]


def relevant_limits(events: list[Event]) -> list[Event]:
    last: dict[str, int] = {}
    for place, event in enumerate(events):
        last[event.limit if isinstance(event, LimitEngaged | LimitReleased) else ""] = place
    return [events[place] for place in sorted(last.values())]


def relevant_to_run(events: Sequence[Event]) -> list[Event]:
    starts = [place for place, event in enumerate(events) if isinstance(event, TurnStarted)]
    since = events[starts[-1] :] if starts else []
    number = getattr(since[0], "turn", 0) if since else 0
    turn_events = latest([event for event in since if getattr(event, "turn", None) == number], TURN_EVENTS)
    chosen = [*latest(events, RUN_EVENTS), *turn_events]
    return [event for event in events if any(event is one for one in chosen)]


def intervals(*events: Event) -> list[tuple[str, int, int | None, str]]:
    rows: dict[int, IntervalRow] = {}
    fold = IntervalFold()
    for event in events:
        rows.update((row.number, row) for row in fold.take(event))
    told = [row.interval for _, row in sorted(rows.items())]
    return [(i.kind.value, i.t0_ns, i.t1_ns, i.label) for i in told]


def test_a_run_from_start_to_end() -> None:
    assert intervals(
        started(0), loaded(2), turn(3, 1), first(5, 1), ended(9, 1, last_token_ns=8), turn(10, 2), over(12)
    ) == [
        ("run", 0, 12, "r1"),
        ("load", 0, 2, "r1"),
        ("turn", 3, 9, "1"),
        ("prefill", 3, 5, "1"),
        ("decode", 5, 8, "1"),
        ("turn", 10, 12, "2"),
        ("prefill", 10, 12, "2"),
    ]


def test_what_goes_on_has_no_end() -> None:
    assert intervals(started(0)) == [("run", 0, None, "r1"), ("load", 0, None, "r1")]


def test_a_lost_device_does_not_end_its_run_but_its_limits() -> None:
    assert intervals(
        up(0), started(1), engaged(2), lost(3), lost(4, "again"), up(6), engaged(7), released(9)
    ) == [
        ("run", 1, None, "r1"),
        ("load", 1, None, "r1"),
        ("limit", 2, 3, "thermal: heat"),
        ("outage", 3, 6, "cable"),
        ("limit", 7, 9, "thermal: heat"),
    ]


def test_a_limit_that_deepens_is_another_interval() -> None:
    assert intervals(engaged(1), engaged(4, "cap"), engaged(5, detail="SEVERE")) == [
        ("limit", 1, 5, "thermal: heat"),
        ("limit", 4, None, "cap: heat"),
        ("limit", 5, None, "thermal: heat"),
    ]


def onset(t: int, detail: str = "") -> ThrottleOnset:
    return ThrottleOnset(
        t_ns=t, device="phone", run="r1", confirmed_ns=t + 10, phase=Phase.DECODE, reason="thermal", limit="status",
        detail=detail, mechanism_ns=t, confidence=Confidence.HIGH, ratio=0.8, rate_tps=8.0, expected_tps=10.0,
        elapsed_s=1.0, tokens=5, turns=0,
    )  # fmt: skip


def back(t: int, since: int) -> ThrottleEnded:
    return ThrottleEnded(t_ns=t, device="phone", onset_ns=since, recovered=True, ratio=0.8, deepest=0.7)


def test_throttling_lasts_from_its_onset_to_its_end_however_late_they_are_told() -> None:
    told = [up(0), started(1), onset(5, "SEVERE"), back(20, 5), onset(30)]
    assert intervals(*told)[2:] == [
        ("throttled", 5, 20, "thermal, SEVERE"),
        ("throttled", 30, None, "thermal"),
    ]
    assert throttled_by(told) == told[-1]
    assert throttled_by(told[:4]) is None
    assert throttled_by(told[:3]) == told[2]
    assert throttled_by([*told, SessionEnded(t_ns=40, device=SELF, wall_ns=0)]) is None


def test_the_end_of_the_session_closes_all() -> None:
    told = intervals(
        lost(1), started(2), turn(3, 1), first(4, 1), engaged(5), SessionEnded(t_ns=9, device=SELF, wall_ns=0)
    )
    assert {end for kind, _, end, _ in told if kind not in {"load", "prefill"}} == {9}
    assert {end for kind, _, end, _ in told if kind == "load"} == {3}


def test_events_of_what_is_not_open_are_passed_over() -> None:
    assert intervals(loaded(1), turn(2, 1), first(3, 1), ended(4, 1), over(5), released(6), up(7)) == []
    assert intervals(started(1), turn(2, 1), first(3, 2), ended(4, 2), over(5, "r2")) == [
        ("run", 1, None, "r1"),
        ("load", 1, 2, "r1"),
        ("turn", 2, None, "1"),
        ("prefill", 2, None, "1"),
    ]


def test_another_run_on_the_device_ends_the_one_before() -> None:
    told = intervals(started(1), turn(2, 1), started(5, "r2"))
    assert [end for *_, end, _ in told] == [5, 2, 5, 5, None, None]


def test_a_turn_is_not_shorter_than_nothing() -> None:
    assert ("decode", 5, 5, "1") in intervals(
        started(0), turn(1, 1), first(5, 1), ended(6, 1, last_token_ns=3)
    )


@given(steps())
@settings(max_examples=100, deadline=None)
def test_intervals_of_one_track_follow_each_other(taken: list[Step]) -> None:
    rows: dict[int, IntervalRow] = {}
    fold = IntervalFold()
    for event in events_of(taken):
        for row in fold.take(event):
            assert row.interval.t1_ns is None or rows[row.number].interval.t1_ns is None
            rows[row.number] = row
    tracks: dict[object, list[Interval]] = {}
    for row in rows.values():
        tracks.setdefault(row.track, []).append(row.interval)
    for track in tracks.values():
        for one, other in pairwise(track):
            assert one.t1_ns is not None
            assert one.t0_ns <= one.t1_ns <= other.t0_ns
    assert all(row.interval.t1_ns is not None for row in rows.values())


def test_touching_is_closed_at_both_ends() -> None:
    interval = Interval(kind=IntervalKind.TURN, device="phone", t0_ns=SECOND, t1_ns=2 * SECOND)
    assert touches(interval, 0, SECOND)
    assert touches(interval, 2 * SECOND, 3 * SECOND)
    assert not touches(interval, 0, SECOND - 1)
    assert not touches(interval, 2 * SECOND + 1, 3 * SECOND)
    assert touches(replace(interval, t1_ns=None), 9 * SECOND, 10 * SECOND)
