"""Differences of two sides against scipy.stats, closed forms and laws."""

from collections.abc import Hashable, Mapping, Sequence
from math import sqrt

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from melt_tui.measures.comparing import Difference, Method, compare, skewed
from melt_tui.measures.ordering import leaning

A = (18.1, 17.6, 18.4, 18.0)
B = (18.9, 19.4, 18.6, 19.0, 19.3)
Run = Mapping[Hashable, float]


def single(values: Sequence[float]) -> list[Run]:
    return [{0: value} for value in values]


def known(a: Sequence[Run], b: Sequence[Run]) -> Difference:
    found = compare(a, b)
    assert found is not None
    return found


def test_welch_is_that_of_scipy() -> None:
    found, truth = known(single(A), single(B)), stats.ttest_ind(B, A, equal_var=False)
    low, high = truth.confidence_interval(0.95)
    assert found.interval == pytest.approx((low, high))
    assert found.absolute == pytest.approx(np.mean(B) - np.mean(A))
    assert found.relative == pytest.approx(np.mean(B) / np.mean(A) - 1)
    assert (found.method, found.runs_a, found.runs_b, found.general) == (Method.WELCH, 4, 5, True)
    assert found.shown == (truth.pvalue < 0.05)
    pooled = sqrt((3 * np.var(A, ddof=1) + 4 * np.var(B, ddof=1)) / 7)
    assert found.effect == pytest.approx((1 - 3 / 27) * found.absolute / pooled)


def test_the_percentage_has_the_interval_of_fieller() -> None:
    found = known(single(A), single(B))
    assert found.relative_interval is not None
    va, vb = np.var(A, ddof=1) / 4, np.var(B, ddof=1) / 5
    t = stats.t.ppf(0.975, (va + vb) ** 2 / (va**2 / 3 + vb**2 / 4))
    for end in found.relative_interval:
        ratio = 1 + end
        assert abs(np.mean(B) - ratio * np.mean(A)) == pytest.approx(t * sqrt(vb + ratio**2 * va))


def test_few_runs_are_about_themselves_by_paired_turns() -> None:
    a: list[Run] = [{(0, 0): 18.0, (1, 0): 15.0, (2, 0): 20.0, (3, 0): 9.0}]
    b: list[Run] = [{(0, 0): 18.6, (1, 0): 15.5, (2, 0): 20.3, (4, 0): 50.0}]
    found = known(a, b)
    truth = stats.ttest_rel([18.6, 15.5, 20.3], [18.0, 15.0, 20.0])
    low, high = truth.confidence_interval(0.95)
    assert found.interval == pytest.approx((low, high))
    assert (found.method, found.general, found.prompts, found.left_out) == (Method.PAIRED, False, 3, 2)
    assert found.shown


def test_one_figure_a_run_has_no_interval_below_three_runs() -> None:
    found = known(single(A[:2]), single(B))
    assert (found.method, found.interval, found.relative_interval, found.effect) == (
        Method.NONE,
        None,
        None,
        None,
    )
    assert not found.shown


def test_prompts_that_not_all_have_do_not_count() -> None:
    """A run that lacks its slowest prompt is not the faster one."""
    a: list[Run] = [{0: 20.0 + i / 10, 1: 10.0} for i in range(3)]
    b: list[Run] = [{0: 20.0, 1: 10.0}, {0: 20.1}, {0: 20.2, 1: 10.0}]
    found = known(a, b)
    assert [found.a, found.b, found.prompts, found.left_out] == pytest.approx([20.1, 20.1, 1, 1])
    apart = known(a, [{7: 20.0}, {8: 21.0}, {7: 22.0}])
    assert apart.prompts == 0
    assert apart.a == pytest.approx(15.05)


def test_the_many_turns_of_a_run_count_once() -> None:
    """Twenty turns of three runs are three measurements."""
    draw = np.random.default_rng(1)
    off = [-1.0, 0.0, 1.0]
    runs: list[Run] = [
        dict(enumerate((18 + each + 0.01 * draw.standard_normal(20)).tolist())) for each in off
    ]
    found = known(runs, runs)
    truth = stats.ttest_ind([-1.0, 0, 1], [-1.0, 0, 1], equal_var=False).confidence_interval()
    assert found.interval == pytest.approx((truth.low, truth.high), rel=0.02)


def test_where_it_is_skewed_the_interval_is_not_even() -> None:
    draw = np.random.default_rng(7)
    a, b = draw.normal(18, 0.2, 12), 18 + draw.exponential(1.0, 12) ** 2
    assert skewed(b)
    assert not skewed(a)
    assert not skewed(b[:7])
    found = known(single(a.tolist()), single(b.tolist()))
    assert (found.method, found.interval is not None) == (Method.BOOTSTRAP, True)
    assert found.interval is not None
    low, high = found.interval
    assert high - found.absolute > 1.3 * (found.absolute - low) > 0
    assert found == known(single(a.tolist()), single(b.tolist()))


def test_without_a_true_zero_there_is_no_percentage() -> None:
    found = compare(single(A), single(B), ratio=False)
    assert found is not None
    assert (found.relative, found.relative_interval) == (None, None)
    below = known(single([-1.0, 1.0, 0.1]), single(B))
    assert below.relative_interval is None
    assert compare([{}, {}], single(B)) is None


def test_what_does_not_vary_is_certain() -> None:
    found = known(single([64.0] * 3), single([64.0] * 3))
    assert (found.interval, found.effect, found.shown) == ((0, 0), None, False)
    assert known(single([64.0] * 3), single([32.0] * 3)).shown


@settings(max_examples=60, deadline=None)
@example([1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0], 1.0)
@given(
    st.lists(st.floats(1, 100), min_size=3, max_size=10),
    st.lists(st.floats(1, 100), min_size=3, max_size=10),
    st.floats(0.1, 10),
)
def test_laws(a: list[float], b: list[float], unit: float) -> None:
    """Swapping turns it round, another unit scales it, and the percentage is shown exactly where the difference is."""
    found, turned = known(single(a), single(b)), known(single(b), single(a))
    assert found.absolute == pytest.approx(-turned.absolute)
    assert found.interval is not None
    if found.method is Method.WELCH:
        assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]))
        scaled = known(single([unit * x for x in a]), single([unit * x for x in b]))
        assert scaled.interval == pytest.approx([unit * end for end in found.interval], abs=1e-6)
    if found.relative_interval is not None and min(map(abs, found.interval)) > 1e-9:
        low, high = found.relative_interval
        assert (low <= 0 <= high) == (not found.shown)
        assert found.relative is not None
        assert low - 1e-9 <= found.relative <= high + 1e-9


@pytest.mark.parametrize(
    ("order", "leans"),
    [("AB", 0.5), ("BA", -0.5), ("ABBA", 0), ("ABAB", 0.25), ("AAABBB", 0.5), ("BAAB", 0), ("AAA", 0)],
)
def test_order(order: str, leans: float) -> None:
    starts = {side: [float(i) for i, each in enumerate(order) if each == side] for side in "AB"}
    assert leaning(starts["A"], starts["B"]) == leans
