"""A run under watch, stretch by stretch."""

import pytest

from drivers.clock import SECOND
from drivers.events import LimitEngaged, TurnEnd, TurnEnded
from drivers.model import RunSpec
from melt_tui.detectors.cause import Surroundings
from melt_tui.detectors.mechanism import Mechanisms
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.thermometer import Thermometer
from melt_tui.detectors.throttling import Throttling
from melt_tui.detectors.watched import WatchedRun
from melt_tui.detectors.window import Stretch
from melt_tui.events import (
    DerivedEvent,
    RunStarted,
    ThrottleEnded,
    ThrottleOnset,
    ThrottleReference,
    ThrottleRuledOut,
    ThrottleSuspected,
    Verdict,
)
from tests.rigs.token_traces import DEVICE, Found, Trace, at

STARTED = RunStarted(
    t_ns=0, device="d", run="r", spec=RunSpec(run="r", device="d", runtime="x", model=None, workload=None)
)


class Told:
    """A run that decodes as it is told, a quarter of a second at a time."""

    def __init__(self) -> None:
        self.mechanisms = Mechanisms(10.0)
        self.run = WatchedRun(STARTED, Parameters(), Surroundings(self.mechanisms, Thermometer(), {}))
        self.told: list[DerivedEvent] = []
        self.t = 0.0

    def decode(self, seconds: float, rate: float, context: float = 100) -> "Told":
        for _ in range(round(4 * seconds)):
            self.t += 0.25
            stretch = Stretch(round(self.t * SECOND), rate / 4, 0.25, context * rate / 4)
            self.told += self.run.take(stretch)
            self.told += self.run.tick(stretch.t_ns)
        return self

    def limit(self, reason: str = "thermal") -> "Told":
        at_ns = round(self.t * SECOND)
        self.mechanisms.engaged(LimitEngaged(t_ns=at_ns, device="d", limit="it", reason=reason))
        return self

    def prompt(self, seconds: float) -> "Told":
        ended = TurnEnded(
            t_ns=round(self.t * SECOND),
            device="d",
            run="r",
            turn=1,
            end=TurnEnd.EOS,
            prompt_tokens=512,
            prompt_s=seconds,
        )
        self.told += self.run.turn_ended(ended, None)
        return self

    def story(self) -> list[type[DerivedEvent]]:
        return [type(one) for one in self.told]


def test_a_short_stumble_is_over_and_told_to_be() -> None:
    told = Told().decode(30, 20).limit().decode(2.5, 6).decode(40, 20)
    assert told.story() == [ThrottleReference, ThrottleSuspected, ThrottleRuledOut, ThrottleRuledOut]
    assert [one.verdict for one in told.told if isinstance(one, ThrottleRuledOut)] == [
        Verdict.RECOVERED,
        Verdict.CAPPED,
    ]


def test_what_has_just_engaged_may_still_explain_what_holds() -> None:
    told = Told().decode(30, 20).decode(15, 12)
    assert told.story() == [ThrottleReference, ThrottleSuspected]
    assert told.limit().decode(1, 12).story()[-1] is ThrottleOnset


def test_a_good_second_ends_no_stay_and_a_stumble_before_it_is_no_part_of_it() -> None:
    told = Told().decode(30, 20).limit().decode(6, 12).decode(1.5, 20).decode(8, 12)
    (onset,) = [one for one in told.told if isinstance(one, ThrottleOnset)]
    assert onset.t_ns == pytest.approx(31.25 * SECOND, abs=SECOND)
    stumbled = Told().decode(30, 20).decode(1.5, 10).decode(5, 20).limit().decode(20, 12)
    (onset,) = [one for one in stumbled.told if isinstance(one, ThrottleOnset)]
    assert onset.t_ns == pytest.approx(37.75 * SECOND, abs=SECOND)
    assert (onset.tokens, onset.elapsed_s) == (0, onset.t_ns / SECOND), "nobody counted tokens here"
    assert onset.rate_tps == pytest.approx(18, rel=0.03)


def test_a_bad_second_keeps_no_end_from_being_told() -> None:
    told = Told().decode(30, 20).limit().decode(20, 12).decode(15, 20).decode(1, 4).decode(20, 20)
    (ended,) = [one for one in told.told if isinstance(one, ThrottleEnded)]
    assert ended.t_ns == pytest.approx(54 * SECOND, abs=SECOND)


def test_what_is_slow_for_no_known_reason_may_become_slower_for_one() -> None:
    told = Told().decode(30, 20).decode(50, 16).limit().decode(15, 10).decode(40, 16)
    kinds = [ThrottleReference, ThrottleSuspected, ThrottleRuledOut, ThrottleSuspected, ThrottleOnset]
    assert told.story()[:6] == [*kinds, ThrottleEnded]
    onset = told.told[4]
    assert isinstance(onset, ThrottleOnset)
    assert onset.t_ns == pytest.approx(81 * SECOND, abs=1.5 * SECOND)


def test_what_was_slow_before_a_stumble_is_known_after_it() -> None:
    told = Told().decode(30, 20).decode(50, 16).decode(2.5, 6).decode(50, 16)
    verdicts = [one.verdict for one in told.told if isinstance(one, ThrottleRuledOut)]
    assert verdicts == [Verdict.UNEXPLAINED, Verdict.RECOVERED]


def test_what_a_longer_context_may_explain_is_no_symptom_and_is_learnt_while_it_is_cool() -> None:
    told = Told().decode(30, 20).decode(40, 11, context=3000)
    assert [one.verdict for one in told.told if isinstance(one, ThrottleRuledOut)] == [Verdict.CONTEXT_GROWTH]
    assert ThrottleSuspected not in told.story()
    assert told.limit().decode(20, 8, context=3000).story()[-1] is ThrottleOnset, "by now it is known"


def test_the_end_of_the_run_is_the_end_of_throttling() -> None:
    told = Told().decode(30, 20).limit().decode(20, 12)
    assert [type(one) for one in told.run.end(60 * SECOND)] == [ThrottleEnded]


def test_a_rate_that_was_back_before_the_run_ended_was_back() -> None:
    told = Told().decode(30, 20).limit().decode(20, 12).decode(15, 20)
    (ended,) = told.run.end(70 * SECOND)
    assert isinstance(ended, ThrottleEnded)
    assert ended.recovered
    assert ended.t_ns == pytest.approx(54 * SECOND, abs=SECOND)


def test_prompts_alone_make_an_onset_and_end_it() -> None:
    told = Told()
    for took in (1.0, 1.0, 1.0):
        told.decode(2, 20).prompt(took)
    told.limit()
    for took in (1.5, 1.5, 1.5, 1.5, 1.5):
        told.decode(2, 20).prompt(took)
    assert told.story().count(ThrottleOnset) == 1
    told.decode(2, 20).prompt(1.0)
    assert ThrottleEnded not in told.story()
    told.decode(2, 20).prompt(1.0)
    assert told.story()[-1] is ThrottleEnded


def test_power_limits_without_slowness_are_no_throttling() -> None:
    told = Told().decode(10, 20).limit("power limit").decode(60, 20)
    (ruled_out,) = [one for one in told.told if isinstance(one, ThrottleRuledOut)]
    assert (ruled_out.verdict, ruled_out.reason) == (Verdict.POWER_LIMITED, "power limit")


def test_sentences_name_limits_in_words() -> None:
    """What a driver calls ``throttle_count``; the name by which it is known stays what it is."""
    warm = LimitEngaged(t_ns=at(-0.5), device=DEVICE, limit="core_throttle_count", reason="thermal")
    known = Found(Trace(lambda _: 20.0, others=(warm,), seconds=80).items(), Throttling())
    (reference,) = known.of(ThrottleReference)
    assert reference.reason.startswith("core throttle count (thermal) was in force")
