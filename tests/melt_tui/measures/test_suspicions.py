"""Suspicions and what they came to."""

from typing import Any

from melt_tui.events import Confidence, Phase, ThrottleOnset, ThrottleRuledOut, ThrottleSuspected, Verdict
from melt_tui.measures.suspicions import answered

WHO: dict[str, Any] = {"device": "d", "run": "r"}


def suspected(t_ns: int, run: str = "r") -> ThrottleSuspected:
    return ThrottleSuspected(
        t_ns=t_ns, device="d", run=run, phase=Phase.DECODE, ratio=0.8, rate_tps=8.0, expected_tps=10.0
    )


def ruled_out(t_ns: int, crossed_ns: int, verdict: Verdict = Verdict.RECOVERED) -> ThrottleRuledOut:
    return ThrottleRuledOut(t_ns=t_ns, verdict=verdict, symptom_ns=crossed_ns, **WHO)


def onset(t_ns: int, confirmed_ns: int) -> ThrottleOnset:
    values: dict[str, Any] = {"elapsed_s": 1.0, "tokens": 1, "turns": 0, "ratio": 0.8}
    return ThrottleOnset(
        t_ns=t_ns,
        confirmed_ns=confirmed_ns,
        phase=Phase.DECODE,
        reason="thermal",
        limit="status",
        mechanism_ns=t_ns,
        confidence=Confidence.HIGH,
        rate_tps=8.0,
        expected_tps=10.0,
        **values,
        **WHO,
    )


def test_a_verdict_answers_the_suspicion_it_is_dated_to_or_the_one_before() -> None:
    first, second, third = suspected(10), suspected(40), suspected(90)
    told = [ruled_out(20, 10), ruled_out(60, 45, Verdict.UNEXPLAINED), first, second, third]
    assert answered(told) == {first, second}


def test_two_that_are_open_at_once_are_both_answered() -> None:
    first, second = suspected(10), suspected(20)
    assert answered([first, second, ruled_out(50, 25)]) == {second}
    assert answered([first, second, ruled_out(50, 25), ruled_out(60, 20)]) == {first, second}


def test_an_onset_answers_all_of_its_run_and_growth_of_context_none() -> None:
    first, second, later, other = suspected(10), suspected(20), suspected(90), suspected(15, run="s")
    told = [onset(25, 40), first, second, later, other, ruled_out(95, 95, Verdict.CONTEXT_GROWTH)]
    assert answered(told) == {first, second}
