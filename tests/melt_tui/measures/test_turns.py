"""The figures of a turn, by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.events import TurnEnd, TurnEnded, TurnStarted
from melt_tui.measures.percentiles import spread
from melt_tui.measures.turns import Arrivals, Gap, arrivals, gaps, turn_figures

S = 1_000_000_000
MS = 1_000_000

STARTED = TurnStarted(t_ns=10 * S, device="phone", run="r", turn=1)


def ended(**told: float | None) -> TurnEnded:
    fields = {
        "prompt_tokens": 100,
        "output_tokens": 11,
        "first_token_ns": 10 * S + 500 * MS,
        "last_token_ns": 12 * S + 500 * MS,
        "prompt_s": 0.4,
        "decode_s": 1.95,
        **told,
    }
    return TurnEnded(t_ns=13 * S, device="phone", run="r", turn=1, end=TurnEnd.EOS, **fields)  # type: ignore[arg-type]


def steady(n: int, period_ns: int, first_ns: int = 10 * S + 500 * MS) -> Arrivals:
    return Arrivals([first_ns + k * period_ns for k in range(n)], [float(k + 1) for k in range(n)])


def test_the_figures_of_a_turn() -> None:
    figures = turn_figures(STARTED, ended(), steady(11, 200 * MS), steady(11, 195 * MS))
    assert (figures.prompt_tokens, figures.output_tokens) == (100, 11)
    assert (figures.ttft_s, figures.e2e_s) == (0.5, 2.5)
    assert figures.tpot_s == pytest.approx(0.2)
    assert figures.prefill_tps == 250.0
    assert figures.decode_tps_observed == pytest.approx(5.0)
    assert figures.decode_tps_reported == pytest.approx(10 / 1.95)
    assert figures.itl_s == spread([0.195] * 10)
    assert not figures.flagged


def test_where_nobody_told_when_the_prompt_was_sent_nothing_is_counted_from_then() -> None:
    figures = turn_figures(replace(STARTED, sent=False), ended(), steady(11, 200 * MS), None)
    assert (figures.ttft_s, figures.e2e_s) == (None, None)
    assert figures.tpot_s == pytest.approx(0.2)
    assert figures.decode_tps_observed == pytest.approx(5.0)


def test_a_turn_whose_figures_differ_is_flagged() -> None:
    assert turn_figures(STARTED, ended(decode_s=1.8), steady(11, 200 * MS), None).flagged


def test_what_the_engine_does_not_tell_is_not_made_up() -> None:
    silent = ended(prompt_tokens=None, prompt_s=None, decode_s=None, output_tokens=None)
    figures = turn_figures(STARTED, silent, steady(11, 200 * MS), None)
    assert (figures.prefill_tps, figures.decode_tps_reported, figures.tpot_s) == (None, None, None)
    assert figures.decode_tps_observed == pytest.approx(5.0)
    assert figures.itl_s == spread([0.2] * 10)
    assert not figures.flagged


def test_without_arrivals_nothing_is_observed() -> None:
    figures = turn_figures(STARTED, ended(last_token_ns=None, first_token_ns=None), Arrivals([], []), None)
    assert (figures.ttft_s, figures.e2e_s, figures.decode_tps_observed, figures.itl_s) == (None,) * 4
    assert figures.decode_tps_reported is not None


def test_the_engines_times_report_a_rate_where_it_tells_none() -> None:
    figures = turn_figures(STARTED, ended(decode_s=None), steady(11, 200 * MS), steady(11, 100 * MS))
    assert figures.decode_tps_reported == pytest.approx(10.0)
    assert figures.flagged


def test_a_gap_carries_what_came_at_its_end() -> None:
    assert gaps(Arrivals([0, S, 3 * S], [1, 4, 5])) == [Gap(S, 1.0, 3), Gap(3 * S, 2.0, 1)]
    assert gaps(Arrivals([0], [1])) == []


def test_arrivals_of_a_turn_out_of_a_run() -> None:
    times = [0, 1, 2, 3, 4, 5, 6]
    counts = [5, 5, 6, 8, 8, 9, 12]
    assert arrivals(times, counts, 2, 5, before=5) == Arrivals([2, 3, 5], [6, 8, 9])
    assert arrivals(times, counts, 0, 1, before=5) == Arrivals([], [])


def test_a_count_that_falls_begins_anew() -> None:
    assert arrivals([1, 2, 3, 4], [7, 8, 1, 3], 0, 9) == Arrivals([3, 4], [1, 3])


@given(st.lists(st.integers(0, 4), max_size=40))
def test_gaps_carry_every_token_but_the_first_arrivals(rises: list[int]) -> None:
    counts = [sum(rises[: k + 1]) for k in range(len(rises))]
    seen = arrivals(range(len(rises)), counts, 0, len(rises))
    assert len(gaps(seen)) == max(0, len(seen.times_ns) - 1)
    if seen.counts:
        assert sum(gap.tokens for gap in gaps(seen)) == seen.counts[-1] - seen.counts[0]
        assert seen.counts[-1] == sum(rises)
