"""What is learnt while a run is cool."""

from random import Random

import pytest

from drivers.clock import SECOND
from melt_tui.detectors.parameters import Parameters
from melt_tui.detectors.reference import Prefills, Reference
from melt_tui.detectors.window import Stretch


def stretch(t: float, rate: float = 20.0, context: float = 100.0) -> Stretch:
    """A quarter of a second at a rate."""
    return Stretch(round(t * SECOND), rate / 4, 0.25, context * rate / 4)


def begun(rate: float = 20.0) -> Reference:
    reference = Reference(Parameters())
    t = 0.0
    while not reference.begin(stretch(t, rate)):
        t += 0.25
    return reference


@pytest.mark.parametrize(("rate", "tokens"), [(20.0, 100), (4.0, 32)])
def test_the_first_window_is_the_longer_of_time_and_tokens(rate: float, tokens: int) -> None:
    reference = begun(rate)
    assert (reference.rate_tps, reference.tokens) == pytest.approx((rate, tokens))
    assert reference.line is not None


def test_what_follows_is_learnt_when_it_has_settled() -> None:
    reference = begun()
    for k in range(60):
        reference.learn(stretch(10 + k / 4, 30.0))
    assert reference.learnt_s == 5.0
    reference.learn(stretch(40, 30.0))
    assert reference.learnt_s == 20.0
    assert reference.line is not None
    assert 1 / reference.line.expected_s(1, 100) == pytest.approx(27, abs=0.6)


def test_what_has_not_settled_at_a_doubt_is_not_learnt() -> None:
    reference = begun()
    reference.learn(stretch(10, 30.0))
    reference.doubt()
    reference.learn(stretch(60, 30.0))
    assert reference.learnt_s == 5.0


def test_known_contexts_are_learnt_for_a_while_new_ones_always() -> None:
    reference = begun()
    for k in range(400):
        reference.learn(stretch(10 + k / 4))
    assert reference.learnt_s == 30.0
    for k in range(200):
        reference.learn(stretch(110 + k / 4, context=200.0 + k))
    assert reference.learnt_s > 60
    assert reference.reach == pytest.approx(200 + 130, abs=10), "the mean of a block"


def test_what_was_learnt_shortly_before_a_limit_is_forgotten_where_there_is_enough() -> None:
    reference = begun()
    for k in range(600):
        reference.learn(stretch(10 + k / 4, 20.0 if k < 400 else 16.0, context=100.0 + 5 * k))
    assert reference.line is not None
    slow = 1 / reference.line.expected_s(1, 3000)
    reference.forget(159 * SECOND)
    assert 1 / reference.line.expected_s(1, 3000) > slow + 1
    assert reference.learnt_s == pytest.approx(109, abs=6)


def test_a_growing_context_is_told_from_noise() -> None:
    reference, random = begun(), Random(3)
    for k in range(800):
        context = 100 + 5.0 * k
        tokens = 5 / (1 + 1e-4 * context) * random.gauss(1, 0.05)
        reference.learn(Stretch((10 + k // 4) * SECOND, tokens, 0.25, tokens * context))
    assert reference.line is not None
    assert 1 / reference.line.expected_s(1, 5000) == pytest.approx(20 / 1.5, rel=0.05)


def test_prompts_are_compared_at_equal_length_behind_equal_context() -> None:
    prefills = Prefills()
    prefills.learn(512, 0, 1.0)
    assert prefills.expected(512, 0) is None, "one short prompt is no reference"
    prefills.learn(510, 0, 1.2)
    found = prefills.expected(512, 0)
    assert found is not None
    assert found.seconds == pytest.approx(512 * (1 / 512 + 1.2 / 510) / 2)
    assert (found.scatter, found.known) == (0.05, 2)
    assert prefills.expected(600, 0) is None
    assert prefills.expected(512, 1000) is None
    prefills.learn(4000, 0, 8.0)
    alone = prefills.expected(4000, 0)
    assert alone is not None, "one long prompt is"
    assert alone.seconds == pytest.approx(8.0)


def test_prompts_that_differ_say_by_how_much_and_the_first_are_kept() -> None:
    prefills = Prefills()
    for seconds in (1.0, 1.1, 0.9):
        prefills.learn(512, 0, seconds)
    found = prefills.expected(512, 0)
    assert found is not None
    assert found.scatter == pytest.approx(0.1)
    for _ in range(30):
        prefills.learn(512, 0, 1.0)
    more = prefills.expected(512, 0)
    assert more is not None
    assert more.known == 12
