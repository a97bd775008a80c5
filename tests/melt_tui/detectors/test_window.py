"""Windows that trail behind, and stays below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.detectors.window import Lately, Part, Spell, Stretch, Trailing
from melt_tui.measures.pace import Line

parts = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 32).map(lambda quarters: quarters / 4)),
    min_size=1,
    max_size=60,
)


@given(parts)
def test_it_holds_the_fewest_newest_that_make_a_window(found: list[tuple[int, float]]) -> None:
    window = Trailing(5.0, 8.0)
    for i, (tokens, seconds) in enumerate(found):
        window.add(Stretch(i, tokens, seconds, 100.0 * tokens))
        best = next(
            (
                found[j : i + 1]
                for j in range(i, -1, -1)
                if sum(s for _, s in found[j : i + 1]) >= 5 and sum(n for n, _ in found[j : i + 1]) >= 8
            ),
            found[: i + 1],
        )
        assert window.tokens == sum(n for n, _ in best)
        assert window.seconds == pytest.approx(sum(s for _, s in best))
        assert window.context == pytest.approx(100 * window.tokens)


def test_how_long_it_should_have_taken_follows_the_context() -> None:
    window = Trailing(5.0, 8.0)
    window.add(Stretch(0, 10, 1.0, 10 * 300.0))
    line = Line(100.0, 0.05, 1e-5, 0.0, 0.0, 0.0)
    assert window.expected_s(line) == pytest.approx(10 * (0.05 + 1e-5 * 200))


def stay(line: float = 0.9) -> Spell:
    return Spell(100, 0.88, line, Lately(3.0, 3.0))


def spent(one: Spell, *ratios: float, start: int = 101) -> Spell:
    """A second of each ratio, which is that of the window as well, two tokens a second."""
    for t, ratio in enumerate(ratios, start):
        one.go_on(t, ratio, Part(2, ratio, 1.0), below=ratio < one.line, deep=ratio < 0.75)
    return one


def test_the_newest_parts_are_looked_at_once_they_are_long_enough() -> None:
    lately = Lately(3.0, 8.0)
    for _ in range(3):
        lately.add(Part(2, 0.5, 1.0))
    assert lately.ratio is None, "six tokens"
    lately.add(Part(2, 1.25, 1.0, leeway=2.0))
    assert lately.ratio == pytest.approx(4.0 / 4)
    lately.add(Part(6, 1.0, 1.0))
    assert lately.ratio == pytest.approx(4.0 / 3)


def test_a_stay_goes_on_through_a_few_good_seconds_and_is_over_when_the_last_are_good_on_the_whole() -> None:
    one = spent(stay(), 0.7, 0.8, 0.95, 0.8, 0.7)
    assert (one.since_ns, one.deepest, one.deep_ns, one.again_ns) == (100, 0.7, 101, 104)
    assert (one.crossings, one.back_ns, one.tokens) == ([100, 101, 104], None, 10)
    assert one.ratio == pytest.approx(3.95 / 5)
    spent(one, 1.0, 1.0, start=106)
    assert (one.back_ns, one.back_s) == (106, 1.0), "0.7, 1.0 and 1.0 are 0.9"
    assert one.ratio_below == pytest.approx(3.95 / 5), "what came after it was back is no part of it"
    spent(one, 0.88, start=108)
    assert one.back_ns == 106, "one bad second is no relapse"
    spent(one, 0.7, start=109)
    assert one.back_s == 0


def test_a_stay_that_was_none_on_the_whole_begins_anew_until_it_is_told() -> None:
    one = spent(stay(), 0.89, 0.95, 0.91)
    assert one.since_ns == 100
    spent(one, 0.89, start=104)
    assert (one.since_ns, one.tokens, one.again_ns) == (104, 0.0, None)
    assert one.ratio == 0.89
    spent(one, 0.6, start=105)
    assert (one.since_ns, one.ratio) == (104, 0.6)
    told = stay()
    told.fixed = True
    assert spent(told, 0.89, 0.95, 0.91, 0.89).since_ns == 100


def test_what_is_told_of_a_stay_is_what_was_expected_and_what_it_is_held_against_has_leeway() -> None:
    one = stay()
    for t in range(101, 106):
        one.go_on(t, 0.7, Part(2, 0.7, 1.0, leeway=1.3), below=False, deep=False)
    assert (one.ratio, one.at_most) == pytest.approx((0.7, 0.91))
    assert one.back_ns == 101


def test_it_is_held_by_time_or_by_whole_turns_that_are_not_too_short() -> None:
    one = stay()
    assert one.ratio == 0.88
    one.turn(slow=True)
    one.turn(slow=True)
    assert not one.held(10, 2, 5)
    spent(one, *[0.8] * 5)
    assert one.held(10, 2, 5)
    one.turn(slow=False)
    assert (one.held(10, 2, 5), one.good_turns) == (False, 1)
    spent(one, *[0.8] * 5)
    assert one.held(10, 2, 5)
