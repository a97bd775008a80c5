"""Decoding cut into stretches."""

from typing import Any

import pytest

from drivers.clock import SECOND
from drivers.events import TurnEnd, TurnEnded, TurnStarted
from melt_tui.detectors.decoding import Decoding
from melt_tui.detectors.window import Stretch


def begun(context: int | None = 0, prompt: int = 0) -> TurnStarted:
    return TurnStarted(t_ns=0, device="d", run="r", turn=1, context_tokens=context, prompt=prompt)


def over(**more: Any) -> TurnEnded:
    values: dict[str, Any] = {"prompt_tokens": 50, "cached_tokens": 0, "output_tokens": 21, **more}
    return TurnEnded(t_ns=9 * SECOND, device="d", run="r", turn=1, end=TurnEnd.EOS, **values)


def counted(decoding: Decoding, n: int, start: int = 0, t_ns: int = SECOND) -> list[Stretch]:
    """Ten tokens a second."""
    found = (decoding.count(t_ns + k * SECOND // 10, start + k + 1) for k in range(n))
    return [one for one in found if one is not None]


def test_the_first_token_takes_no_time_and_stretches_end_with_tokens() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    decoding.prompt(50)
    one, two = counted(decoding, 8)
    assert (one.t_ns, one.tokens, one.seconds) == pytest.approx((SECOND + 3 * SECOND // 10, 3, 0.3))
    assert one.context == sum(50 + 1 + k for k in (1, 2, 3)) - 3 + 3 * 1
    assert (two.tokens, two.seconds) == pytest.approx((3, 0.3))
    assert (decoding.tokens, decoding.reached) == (8, 7)


def test_what_is_left_of_a_turn_comes_with_its_end() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    counted(decoding, 5)
    last = decoding.end(over())
    assert last is not None
    assert (last.tokens, decoding.reached) == (1, 5)
    decoding.begin(begun())
    assert decoding.before == 5
    assert counted(decoding, 1, start=5, t_ns=90 * SECOND) == [], (
        "the time between two turns is none of decoding"
    )


def test_a_prompt_like_one_before_is_as_long_and_a_shared_context_goes_on() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    decoding.end(over(output_tokens=None))
    decoding.begin(begun(None, prompt=1))
    assert decoding.started_with == 50
    (one,) = counted(decoding, 5)
    assert one.context == pytest.approx(3 * (50 + 50 + 1 + 2))
    decoding.begin(begun(None))
    assert decoding.started_with == 0


def test_tokens_that_come_together_or_late_are_counted_in_the_time_they_took() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    assert decoding.count(SECOND, 1) is None
    assert decoding.count(SECOND, 3) is None
    assert decoding.count(SECOND - 5, 4) is None
    assert decoding.count(SECOND, 4) is None
    assert decoding.count(2 * SECOND, 11) is None
    one = decoding.count(2 * SECOND + SECOND // 10, 12)
    assert one is not None
    assert (one.t_ns, one.tokens, one.seconds) == (2 * SECOND, 10, 1.0)


def test_what_a_link_held_back_is_of_one_stretch_with_the_stall_before_it() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    times = [0.0, 0.1, 0.2, *(1.7 + k / 1000 for k in range(15)), 1.8, 1.9, 2.0, 2.1]
    found = [decoding.count(SECOND + round(t * SECOND), k + 1) for k, t in enumerate(times)]
    one, two = (stretch for stretch in found if stretch is not None)
    assert (one.tokens, one.seconds) == pytest.approx((17, 1.714))
    assert (two.tokens, two.seconds) == pytest.approx((3, 0.286))


def test_a_run_that_tells_of_no_turns_is_one_turn() -> None:
    assert [one.tokens for one in counted(Decoding(), 8)] == [3, 3]


def test_a_clock_that_was_set_back_starts_anew() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    counted(decoding, 3, t_ns=500 * SECOND)
    (one,) = counted(decoding, 4, start=3, t_ns=SECOND)
    assert (one.tokens, one.seconds) == pytest.approx((3, 0.3))


def test_time_away_is_left_out_and_counts_outside_of_turns_too() -> None:
    decoding = Decoding()
    counted(decoding, 3)
    decoding.begin(begun())
    counted(decoding, 3, start=3)
    decoding.interrupt()
    (one,) = counted(decoding, 5, start=6, t_ns=60 * SECOND)
    assert (one.tokens, one.seconds) == pytest.approx((3, 0.3))
    assert decoding.tokens == 11


def test_a_turn_whose_tokens_nobody_told_is_one_stretch_by_the_engines_word() -> None:
    decoding = Decoding()
    decoding.begin(begun())
    one = decoding.end(over(decode_s=2.0, last_token_ns=8 * SECOND))
    assert one == Stretch(8 * SECOND, 20.0, 2.0, 20 * (50 + 1 + 10.5))
    decoding.begin(begun())
    assert decoding.end(over(output_tokens=1, decode_s=2.0)) is None
