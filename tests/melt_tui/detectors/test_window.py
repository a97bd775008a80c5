"""Windows that trail behind, and stays below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melt_tui.detectors.window import Spell, Stretch, Trailing
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


def test_a_stay_counts_time_below_and_starts_again_when_it_was_back() -> None:
    stay = Spell(100, 0.88)
    for t, ratio in ((101, 0.8), (102, 0.7), (103, 0.95), (104, 0.95), (105, 0.8)):
        stay.spend(2, ratio, 1.0)
        stay.go_on(t, ratio, below=ratio < 0.9, deep=ratio < 0.75, took_s=1.0)
    assert (stay.below_s, stay.back_s, stay.back_ns) == (3.0, 0.0, None)
    assert (stay.deepest, stay.deep_ns, stay.again_ns) == (0.7, 102, 105)
    assert stay.crossings == [100, 102, 105]
    assert stay.ratio == pytest.approx(4.2 / 5)
    stay.go_on(106, 1.0, below=False, deep=False, took_s=1.0)
    stay.spend(2, 2.0, 1.0)
    assert (stay.back_s, stay.back_ns, stay.tokens) == (1.0, 106, 12)
    assert stay.ratio_below == pytest.approx(4.2 / 5), "what came after it was back is no part of it"


def test_it_is_held_by_time_or_by_whole_turns_that_are_not_too_short() -> None:
    stay = Spell(0, 0.8)
    assert stay.ratio == 0.8
    stay.turn(slow=True)
    stay.turn(slow=True)
    assert not stay.held(10, 2, 5)
    stay.below_s = 5.0
    assert stay.held(10, 2, 5)
    stay.turn(slow=False)
    assert (stay.held(10, 2, 5), stay.good_turns) == (False, 1)
    stay.below_s = 10.0
    assert stay.held(10, 2, 5)
