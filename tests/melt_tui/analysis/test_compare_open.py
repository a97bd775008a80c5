"""Runs laid over one another for any part of an axis: what is drawn is what was measured, whatever is looked at."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.analysis import compare_tracks
from melt_tui.analysis.compare import compare_runs
from melt_tui.analysis.compare_open import LayAsk, OpenRuns, runs_of
from melt_tui.analysis.compare_request import Alignment, Axis, CompareRequest
from melt_tui.analysis.compare_series import COLUMNS, TOPICS, Laid
from melt_tui.errors import BadRecording, UsageError
from tests.rigs.compared import Made

RATE, POWER = 0, 2
SPIKE_S = 20.0
WATTS = 5.0

MADE = (
    Made(watts=WATTS, prompts=[1.0] * 6, spike_s=SPIKE_S, mark_s=7.0),
    Made(watts=2 * WATTS, prompts=[1.0] * 6, falling=0.5, mark_s=9.0),
)
ASK = LayAsk(
    axis=Axis.TIME,
    alignment=Alignment("start"),
    moved=(0.0, 0.0),
    groups=(("A", (0,)), ("B", (1,))),
    topics=tuple(range(len(TOPICS))),
    columns=200,
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("laid")
    return tuple(made.record(folder / f"{i}.melt") for i, made in enumerate(MADE))


@pytest.fixture(scope="module")
def runs(paths: tuple[str, ...]) -> Iterator[OpenRuns]:
    with OpenRuns(CompareRequest(sources=paths)) as opened:
        yield opened


def panel(runs: OpenRuns, ask: LayAsk, topic: int, *, closely: bool = True) -> Laid:
    return runs.lay(ask, closely=closely).panels[topic]


def test_the_whole_is_what_a_comparison_tells(runs: OpenRuns, paths: tuple[str, ...]) -> None:
    """The screen and the text say the same."""
    told = compare_runs(CompareRequest(sources=paths))
    for axis in Axis:
        along = told.overlay(axis)
        assert along is not None
        assert along.columns <= COLUMNS
        lay = runs.lay(replace(ASK, axis=axis, columns=along.columns), closely=False)
        assert (lay.start, lay.step) == pytest.approx((along.start, along.step))
        for one in along.panels:
            mine = lay.panels[[title for title, _ in TOPICS].index(one.title)]
            assert (mine.unit, mine.point) == (one.unit, one.point)
            for line in one.lines:
                told_means = [np.nan if value is None else value for value in line.mean]
                np.testing.assert_allclose(mine.lines[line.run][1].mean, told_means)


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(0, 17.9), length=st.floats(0.1, 19), columns=st.integers(1, 400), closely=st.booleans()
)
def test_a_spike_is_seen_where_it_was_however_one_looks(
    runs: OpenRuns, start: float, length: float, columns: int, closely: bool
) -> None:
    """It began 18 s after the run did: in a part that holds it there is a column that reaches it, elsewhere none does."""
    at_s = SPIKE_S - 2
    ask = replace(ASK, span=(start, start + length), columns=columns)
    lay = runs.lay(ask, closely=closely)
    high = lay.panels[POWER].lines[0][1].high
    reached = np.flatnonzero(high > 9 * WATTS)
    margin = 0.06 + lay.step
    if start + margin < at_s < start + length - margin:
        assert len(reached)
    for column in reached:
        left = lay.start + column * lay.step
        assert left - margin <= at_s <= left + lay.step + margin


@settings(max_examples=25, deadline=None)
@given(
    moved=st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
    start=st.floats(-3, 15),
    length=st.floats(0.5, 20),
    columns=st.integers(2, 200),
    axis=st.sampled_from(list(Axis)),
)
def test_laws_of_an_overlay(
    runs: OpenRuns, moved: tuple[float, float], start: float, length: float, columns: int, axis: Axis
) -> None:
    """Least ≤ mean ≤ greatest; B less A is that; a run moved by hand is the same run, so much farther to the right."""
    ask = replace(ASK, axis=axis, moved=moved, span=(start, start + length), columns=columns)
    laid = runs.lay(ask, closely=True)
    for one in laid.panels.values():
        for _, line in one.lines.values():
            some = ~np.isnan(line.mean)
            assert (line.low[some] <= line.mean[some] + 1e-9).all()
            assert (line.mean[some] <= line.high[some] + 1e-9).all()
        if len(one.lines) == 2:
            expected = one.lines[1][1].mean - one.lines[0][1].mean
            np.testing.assert_allclose(one.differences["B"], expected)
    # Moved to the right, and looked at so much farther to the right.
    there = replace(ask, moved=(moved[0] + 1, moved[1] + 1), span=(start + 1, start + 1 + length))
    for topic, one in runs.lay(there, closely=True).panels.items():
        for i, (_, line) in one.lines.items():
            before = laid.panels[topic].lines[i][1].mean
            both = ~np.isnan(before) & ~np.isnan(line.mean)
            assert abs(np.count_nonzero(both) - np.count_nonzero(~np.isnan(before))) <= 2
            assert (
                np.abs(before[both] - line.mean[both]).max(initial=0)
                <= float(before[both].max(initial=0) - before[both].min(initial=0)) + 1e-9
            )


def test_what_is_looked_at_closely_is_read_again_and_what_is_at_hand_is_told_from_it(
    paths: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long run a column stands for many samples: the spike is somewhere in it, until the part has been read."""
    monkeypatch.setattr(compare_tracks, "FINE", 16)
    at_s, span = SPIKE_S - 2, (17.0, 18.4)
    ask = replace(ASK, span=span, columns=40)
    with OpenRuns(CompareRequest(sources=paths)) as opened:
        coarse = opened.lay(ask, closely=False)
        assert (coarse.exact, coarse.panels[POWER].exact) == (False, False)
        lay = opened.lay(ask, closely=True)
        reached = np.flatnonzero(lay.panels[POWER].lines[0][1].high > 9 * WATTS)
        assert lay.exact
        assert len(reached)
        assert np.abs(lay.start + (reached + 0.5) * lay.step - at_s).max() < 0.06 + lay.step
        assert opened.lay(ask, closely=False).exact


def test_marks_align_and_say_where_they_are(runs: OpenRuns) -> None:
    """Made at 7 and 9 s of sessions whose runs begin at 2 s."""
    assert [run.marks for run in runs.runs] == [("here",), ("here",)]
    lay = runs.lay(replace(ASK, alignment=Alignment("mark", mark="here")), closely=False)
    assert lay.whole[0] == pytest.approx(-7.0)
    for heads in lay.heads.values():
        assert [name for _, name in heads] == ["here"]
        assert heads[0][0] == pytest.approx(0.0)


def test_who_has_no_such_moment_is_not_drawn_and_it_is_said(runs: OpenRuns) -> None:
    lay = runs.lay(replace(ASK, alignment=Alignment("onset"), onsets=(3.0, None)), closely=False)
    assert list(lay.panels[RATE].lines) == [0]
    assert lay.missing == {1: "it has no such moment to be aligned by"}
    assert lay.panels[RATE].differences == {}
    where, name = lay.heads[0][0]
    assert (where, name) == (0.0, "onset")
    later = runs.lay(ASK, closely=False)
    assert "onset" not in {name for heads in later.heads.values() for _, name in heads}, (
        "it is not remembered"
    )


def test_runs_left_out_are_not_in_the_means(runs: OpenRuns) -> None:
    alone = panel(runs, replace(ASK, groups=(("B", (1,)),)), POWER)
    assert list(alone.lines) == [1]
    assert set(np.round(alone.means["B"][~np.isnan(alone.means["B"])], 6)) == {2 * WATTS}
    assert runs.lay(replace(ASK, groups=()), closely=True).panels == {}


def test_what_cannot_be_opened(tmp_path: Path, paths: tuple[str, ...]) -> None:
    (tmp_path / "empty.melt").write_bytes(b"")
    for sources, sentence in (
        (paths[:1], "1 run to lay"),
        ((paths[0], paths[0]), "given twice"),
        ((paths[0], f"{paths[1]}#7"), "no such run"),
    ):
        with pytest.raises(UsageError, match=sentence):
            OpenRuns(CompareRequest(sources=sources))
    with pytest.raises(BadRecording):
        OpenRuns(CompareRequest(sources=(paths[0], str(tmp_path / "empty.melt"))))
    assert runs_of(paths) == 2
