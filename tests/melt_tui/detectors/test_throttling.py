"""Throttling on the bus: traces of a run with a known truth, by hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Item
from drivers.clock import SECOND
from drivers.events import ChannelsOpened, ClockMeasured, LimitEngaged, TurnEnd, TurnEnded
from drivers.model import Quantity, Samples, Unit, reading
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.throttling import NAME, RATIO, Throttling
from melt_tui.events import (
    Confidence,
    DerivedEvent,
    DeviceLost,
    Phase,
    RunStarted,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    ThrottleWatched,
    Verdict,
    Wired,
)
from tests.rigs.random_sessions import Step, session, steps
from tests.rigs.throttling.classes import trace
from tests.rigs.throttling.judging import judge, listen
from tests.rigs.token_traces import (
    CAP,
    DEVICE,
    RUN,
    SOC,
    SPEC,
    STATUS,
    TOKENS,
    Found,
    Trace,
    at,
    calm,
    severe,
)

Speed = Callable[[float], float]


def drop(t0: float, share: float, until: float = 1e9, rate: float = 20.0) -> Speed:
    """So many tokens a second, between two moments only that part of them."""
    return lambda t: rate * share if t0 <= t < until else rate


def found(*others: Item, speed: Speed, **more: Any) -> Found:
    """What is concluded from a trace."""
    return Found(Trace(speed, others=others, **more).items(), Throttling())


def seconds(t_ns: int | None) -> float:
    """A moment of the trace."""
    assert t_ns is not None
    return t_ns / SECOND - 1000


def verdicts(known: Found) -> list[Verdict]:
    """What was ruled out, in order; that it was over soon is none."""
    return [one.verdict for one in known.of(ThrottleRuledOut) if one.verdict is not Verdict.RECOVERED]


def limit(t: float, name: str, reason: str) -> LimitEngaged:
    """A limit engages."""
    return LimitEngaged(t_ns=at(t), device=DEVICE, limit=name, reason=reason)


def test_a_sharp_drop_under_a_thermal_limit_is_an_onset_with_all_that_is_known_of_it() -> None:
    known = found(severe(44), speed=drop(45, 0.7), soc=lambda t: 40 + t / 2, turn_tokens=400, seconds=80)
    (watched,), (reference,) = known.of(ThrottleWatched), known.of(ThrottleReference)
    assert (watched.detector, dict(watched.parameters)["below"]) == (NAME, "0.9")
    assert reference.rate_tps == pytest.approx(20, rel=0.02)
    assert reference.seconds >= 5
    assert reference.tokens >= 32
    (suspected,), (onset,), (ended,) = (
        known.of(ThrottleSuspected),
        known.of(ThrottleOnset),
        known.of(ThrottleEnded),
    )
    # 90 % of 5 s are reached when a third of it is slow: 0.7 x + (1 - x) = 0.9
    assert seconds(suspected.t_ns) == pytest.approx(45 + 5 / 3, abs=1)
    assert onset.t_ns == suspected.t_ns
    assert onset.ratio == pytest.approx(0.7, abs=0.03)
    assert 9.5 <= seconds(onset.confirmed_ns) - seconds(onset.t_ns) <= 12
    assert (onset.reason, onset.limit, onset.detail, onset.phase) == (
        "thermal",
        "thermal status",
        "SEVERE",
        Phase.DECODE,
    )
    assert (onset.mechanism_ns, onset.confidence, onset.disagreement) == (at(44), Confidence.HIGH, "")
    assert onset.expected_tps == pytest.approx(20, rel=0.03)
    assert onset.sensor == "soc"
    assert onset.temperature_c == pytest.approx(63, abs=1)
    assert onset.elapsed_s == pytest.approx(seconds(onset.t_ns))
    assert onset.tokens == pytest.approx(20 * 46, abs=25)
    assert 0 < seconds(onset.deep_ns) - seconds(onset.t_ns) < 5
    assert (ended.recovered, ended.t_ns, ended.onset_ns) == (False, at(80), onset.t_ns)


def test_it_is_over_when_the_rate_is_back_and_stays_so() -> None:
    known = found(severe(44), calm(90), speed=drop(45, 0.6, until=90), turn_tokens=400, seconds=160)
    (ended,) = known.of(ThrottleEnded)
    assert ended.recovered
    assert seconds(ended.t_ns) == pytest.approx(90 + 5 * 5 / 6, abs=1.5)
    assert ended.ratio == pytest.approx(0.62, abs=0.05)
    assert ended.deepest == pytest.approx(0.6, abs=0.05)
    assert len(known.of(ThrottleOnset)) == 1


def test_a_slow_drop_is_dated_to_its_crossing() -> None:
    def slow(t: float) -> float:
        return 20 * max(0.7, 1 - max(0, t - 60) * 0.003)

    (onset,) = found(severe(75, "LIGHT"), speed=slow, turn_tokens=400, seconds=180).of(ThrottleOnset)
    assert seconds(onset.t_ns) == pytest.approx(60 + 100 / 3 + 2.5, abs=6)


@pytest.mark.parametrize("tokens", [100_000, 900])
def test_a_growing_context_alone_is_none(tokens: int) -> None:
    known = found(speed=lambda _: 20.0, slope=3e-4, turn_tokens=tokens, seconds=150)
    assert known.of(ThrottleSuspected) == []
    assert verdicts(known) == [Verdict.CONTEXT_GROWTH]


def test_a_growing_context_under_a_limit_is_capped_and_not_slower() -> None:
    known = found(severe(50, "LIGHT"), speed=lambda _: 20.0, slope=1.5e-4, seconds=150)
    assert known.of(ThrottleOnset) == []
    (capped,) = [one for one in known.of(ThrottleRuledOut) if one.verdict is Verdict.CAPPED]
    assert (capped.mechanism_ns, capped.limit, capped.reason) == (at(50), "thermal status", "thermal")


def test_a_load_beside_it_is_slower_for_no_known_cause() -> None:
    known = found(speed=drop(60, 0.65, until=110), seconds=160)
    assert known.of(ThrottleOnset) == []
    (unexplained,) = known.of(ThrottleRuledOut)
    assert unexplained.verdict is Verdict.UNEXPLAINED
    assert seconds(unexplained.symptom_ns) == pytest.approx(61.4, abs=1)
    assert unexplained.t_ns >= at(91)
    assert "no limit is in force" in unexplained.detail


def test_heat_after_a_load_beside_it_is_still_found() -> None:
    def speed(t: float) -> float:
        return 20.0 * (0.85 if t >= 40 else 1) * (0.6 if t >= 120 else 1)

    known = found(severe(119), speed=speed, turn_tokens=400, seconds=160)
    assert [one.verdict for one in known.of(ThrottleRuledOut)] == [Verdict.UNEXPLAINED]
    (onset,) = known.of(ThrottleOnset)
    assert seconds(onset.t_ns) == pytest.approx(121.5, abs=1.5)


@pytest.mark.parametrize("half", [2.0, 5.0, 8.0])
def test_a_governor_that_swings_is_one_onset(half: float) -> None:
    def swing(t: float) -> float:
        return 20.0 if t < 60 or (t - 60) % (2 * half) >= half else 11.0

    known = found(severe(60), speed=swing, seconds=150)
    (onset,) = known.of(ThrottleOnset)
    assert seconds(onset.t_ns) == pytest.approx(62, abs=4)


@pytest.mark.parametrize(("again", "onsets"), [(122.0, [67.7]), (127.0, [67.7, 130.7])])
def test_what_falls_again_before_it_was_back_for_long_goes_on(again: float, onsets: list[float]) -> None:
    def swing(t: float) -> float:
        return 17.0 if 64 <= t < 94 or again <= t < again + 40 else 20.0

    limits = severe(64), calm(94), severe(again), calm(again + 40)
    known = found(*limits, speed=swing, turn_tokens=150, seconds=240)
    assert [seconds(one.t_ns) for one in known.of(ThrottleOnset)] == pytest.approx(onsets, abs=0.5)
    assert len(known.of(ThrottleEnded)) == len(onsets)


def test_short_turns_hold_by_two_and_prompts_fall_too() -> None:
    known = found(
        severe(44), speed=drop(45, 0.6), turn_tokens=30, prompt_tokens=64, prefill=drop(45, 0.5, rate=200.0), seconds=70
    )  # fmt: skip
    (onset,) = known.of(ThrottleOnset)
    assert onset.phase is Phase.PREFILL
    assert seconds(onset.t_ns) == pytest.approx(47, abs=2)
    assert seconds(onset.confirmed_ns) < 57
    assert onset.turns == pytest.approx(24, abs=2)


def test_a_run_that_starts_warm_has_no_reference_and_no_onset() -> None:
    known = found(severe(-0.5), speed=drop(40, 0.6), seconds=80)
    (reference,) = known.of(ThrottleReference)
    assert reference.rate_tps is None
    assert reference.reason.startswith("thermal status (thermal, SEVERE) was in force")
    assert [type(one) for one in known.derived if isinstance(one, DerivedEvent)] == [
        ThrottleWatched,
        ThrottleReference,
    ]


def test_a_run_too_short_for_a_reference_says_so() -> None:
    (reference,) = found(speed=lambda _: 2.0, seconds=8).of(ThrottleReference)
    assert reference.rate_tps is None
    assert "5 s and 32 tokens" in reference.reason


@pytest.mark.parametrize(
    "reason", ["power limit", "current limit", "memory pressure", "operating-system cap"]
)
def test_the_reason_is_that_of_the_limit(reason: str) -> None:
    (onset,) = found(limit(46, "it", reason), speed=drop(45, 0.7), seconds=75).of(ThrottleOnset)
    assert (onset.reason, onset.limit) == (reason, "it")
    assert onset.confidence is not Confidence.HIGH or reason in {"power limit", "current limit"}


def test_heat_goes_before_the_cap_that_follows_from_it() -> None:
    cap = limit(45, "cpu cap policy4", "operating-system cap")
    (onset,) = found(cap, severe(50), speed=drop(45, 0.7), seconds=75).of(ThrottleOnset)
    assert onset.reason == "thermal"


def test_a_limit_too_far_from_the_crossing_explains_nothing() -> None:
    known = found(severe(90), speed=drop(45, 0.7), seconds=120)
    assert known.of(ThrottleOnset) == []
    known = found(severe(70), speed=drop(45, 0.7), seconds=120)
    assert [seconds(one.mechanism_ns) for one in known.of(ThrottleOnset)] == [70]


def test_a_platform_that_says_none_while_its_cap_falls_is_contradicted() -> None:
    caps = [reading(CAP, at(t), 2.84e9 if t < 44 else 1.8e9) for t in range(-1, 80)]
    status = [reading(STATUS, at(t), 0) for t in range(-1, 80)]
    (onset,) = found(*caps, *status, speed=drop(45, 0.7), seconds=80).of(ThrottleOnset)
    assert (onset.reason, onset.limit, onset.detail) == (
        "operating-system cap",
        "cap policy4",
        "2.84 GHz → 1.80 GHz",
    )
    assert "NONE" in onset.disagreement


def test_a_sensor_that_stands_still_is_named_and_not_believed() -> None:
    (onset,) = found(severe(80), speed=drop(81, 0.7), soc=lambda _: 45.0, seconds=110).of(ThrottleOnset)
    assert (onset.temperature_c, onset.sensor) == (None, "soc")
    assert "soc has read 45.0 °C for" in onset.disagreement


@pytest.mark.parametrize("lost", [(), ((30.0, 40.0),), ((44.0, 52.0), (60.0, 63.0))])
def test_tokens_that_were_never_told_neither_make_nor_hide_an_onset(
    lost: Sequence[tuple[float, float]],
) -> None:
    assert found(severe(20, "LIGHT"), speed=lambda _: 20.0, lost=lost, seconds=80).of(ThrottleOnset) == []
    (onset,) = found(severe(44), speed=drop(45, 0.7), lost=lost, seconds=80).of(ThrottleOnset)
    assert seconds(onset.t_ns) == pytest.approx(47, abs=8)


def test_time_away_from_the_device_is_no_slowness() -> None:
    away = [DeviceLost(t_ns=at(40), device=DEVICE, reason="cable")]
    trace = Trace(lambda _: 20.0, others=[severe(38, "LIGHT"), *away], seconds=80)
    held = [item for item in trace.items() if not _arrived(item, 40, 55)]
    shifted = [replace_count(item) if _arrived(item, 55, 99) else item for item in held]
    assert Found(shifted, Throttling()).of(ThrottleSuspected) == []


def _arrived(item: Item, a: float, b: float) -> bool:
    return isinstance(item, Samples) and item.channel == "tokens" and at(a) <= item.t0_ns < at(b)


def replace_count(item: Item) -> Item:
    """As if nothing had been decoded meanwhile."""
    assert isinstance(item, Samples)
    return reading(TOKENS, item.t0_ns, item.last_code - 300)


@pytest.mark.parametrize("behind", [-7.0, 7.0, 3600.0])
def test_a_clock_that_is_off_is_put_right(behind: float) -> None:
    own = replace(TOKENS, own_clock=True)
    offset = ClockMeasured(
        t_ns=at(-0.5), device=DEVICE, offset_ns=round(behind * SECOND), uncertainty_ns=1, origin="round trip"
    )
    straight = found(severe(44), speed=drop(45, 0.7), seconds=80)
    off = found(offset, severe(44), speed=drop(45, 0.7), seconds=80, tokens=own, shift_s=behind)
    (one,), (other,) = straight.of(ThrottleOnset), off.of(ThrottleOnset)
    assert abs(one.t_ns - other.t_ns) < SECOND / 10


def test_seconds_that_nobody_put_right_hide_nothing() -> None:
    (onset,) = found(severe(44), speed=drop(45, 0.7), seconds=80, shift_s=5.0).of(ThrottleOnset)
    assert seconds(onset.t_ns) == pytest.approx(42, abs=1.5)


def test_a_limit_of_the_meter_that_feeds_it_counts() -> None:
    wired = Wired(t_ns=at(-1), device="hvpm", feeds=DEVICE, point="battery-terminals")
    over = LimitEngaged(t_ns=at(45), device="hvpm", limit="output", reason="current limit")
    (onset,) = found(wired, over, speed=drop(45, 0.7), seconds=75).of(ThrottleOnset)
    assert (onset.limit, onset.reason) == ("output", "current limit")


def test_the_rate_as_a_part_of_the_expected_one_is_told_four_times_a_second() -> None:
    known = found(severe(44), speed=drop(45, 0.7), seconds=80)
    (opened,) = known.of(ChannelsOpened)
    (channel,) = opened.channels
    assert (channel.name, channel.quantity, channel.unit, channel.derived) == (
        RATIO,
        Quantity.RATE_SHARE,
        Unit.PERCENT,
        True,
    )
    values = {round(seconds(one.t0_ns), 2): one.last_code for one in known.of(Samples)}
    assert values[40.0] == pytest.approx(100, abs=4)
    assert values[70.0] == pytest.approx(70, abs=4)
    assert len([t for t in values if 20 <= t < 30]) >= 30


def test_other_parameters_find_other_things() -> None:
    items = Trace(drop(45, 0.93), others=[severe(44)], turn_tokens=400, seconds=80).items()
    assert Found(items, Throttling()).of(ThrottleOnset) == []
    assert len(Found(items, Throttling(Parameters().changed(["below=0.97"]))).of(ThrottleOnset)) == 1


def test_a_context_that_grows_on_under_a_limit_is_never_called_thermal() -> None:
    """What was learnt before the limit says little of contexts far beyond; those differ by a stall at the wrong time."""
    for seed in (1000, 212943333):
        said = [event for _, event in listen(trace("context growth, a limit told", seed), Throttling())]
        assert [one for one in said if isinstance(one, ThrottleOnset)] == []
        assert Verdict.CONTEXT_GROWTH in [one.verdict for one in said if isinstance(one, ThrottleRuledOut)]


def test_stalls_of_a_link_make_no_reference_and_noise_no_recovery() -> None:
    for name, seed in (("bad link, throttles", 212943344), ("short turns, throttles", 212943331)):
        one = trace(name, seed)
        judged = judge(name, seed, one, listen(one, Throttling()))
        assert (judged.missed, judged.false, judged.early) == ([], [], [])
        assert all(part < 1.5 for part in judged.lateness)


@given(
    st.lists(st.tuples(st.integers(0, 59), st.sampled_from(range(10)), st.integers(0, 9)), max_size=25),
    st.sampled_from((20.0, 200.0, 3.0)),
    st.sampled_from((30, 400)),
)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_in_a_run_is_borne(wild: list[tuple[int, int, int]], rate: float, turn: int) -> None:
    """Values that are none, devices and clocks that come and go, runs over runs: ends follow their onsets."""
    told: list[tuple[float, Item]] = [(t + by / 10, _wild(t + by / 10, what)) for t, what, by in wild]
    trace = Trace(
        drop(30, 0.6, rate=rate), turn_tokens=turn, prompt_tokens=40, seconds=60, soc=lambda t: 40 + t
    )
    known = Found([*_mixed(trace.items(), told)], Throttling())
    open_since = None
    for one in known.derived:
        if isinstance(one, ThrottleOnset):
            assert open_since is None
            assert one.t_ns <= one.confirmed_ns
            open_since = one.t_ns
        elif isinstance(one, ThrottleEnded):
            assert one.onset_ns == open_since
            assert one.t_ns > one.onset_ns
            open_since = None
    assert open_since is None


def _wild(t: float, what: int) -> Item:
    nan, inf = float("nan"), float("inf")
    again = RunStarted(t_ns=at(t), device=DEVICE, run=RUN, spec=SPEC)
    cut = TurnEnded(
        t_ns=at(t), device=DEVICE, run=RUN, turn=1, end=TurnEnd.FAILED, prompt_tokens=50, output_tokens=9,
        prompt_s=nan, decode_s=inf,
    )  # fmt: skip
    offset = ClockMeasured(
        t_ns=at(t), device=DEVICE, offset_ns=5 * SECOND, uncertainty_ns=1, origin="round trip"
    )
    return (
        severe(t), calm(t), reading(CAP, at(t), nan), reading(STATUS, at(t), inf), reading(SOC, at(t), nan),
        DeviceLost(t_ns=at(t), device=DEVICE, reason="x"), again, cut, offset, limit(t, "oc1", "power limit"),
    )[what]  # fmt: skip


def _mixed(items: list[Item], told: list[tuple[float, Item]]) -> list[Item]:
    def moment(item: Item) -> int:
        return item.t0_ns if isinstance(item, Samples) else item.t_ns

    return sorted([*items, *(item for _, item in told)], key=moment)


@given(steps())
@settings(max_examples=60, deadline=None)
def test_any_session_is_borne_and_concluded_from_in_the_same_way(taken: list[Step]) -> None:
    items = list(session(taken))
    first, again = Found(items, Throttling()), Found(items, Throttling())
    assert first.derived == again.derived
