"""What is looked at when comparing: groups, parts of an axis, runs moved by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melt_tui.analysis.compare_request import Alignment, Axis
from melt_tui.ui.compare_lens import OUT, Lens, told, ways

WHOLE = (-10.0, 90.0)
TWO = Lens(groups=("A", "B"))


def test_groups_are_put_together_by_hand() -> None:
    lens = Lens(groups=tuple("ABCDEF"))
    assert (lens.labels, lens.by_means) == (("A1", "B1", "C1", "D1", "E1", "F1"), False)
    for i, letter in enumerate("AABABB"):
        lens = replace(lens, selected=i).put(letter)
    assert lens.members == (("A", (0, 1, 3)), ("B", (2, 4, 5)))
    assert lens.labels == ("A1", "A2", "B1", "A3", "B2", "B3")
    assert (lens.against, lens.by_means) == ("B", True)
    left = replace(lens, selected=1).put(OUT)
    assert (left.labels, left.members[0]) == (("A1", "–", "B1", "A2", "B2", "B3"), ("A", (0, 3)))


def test_the_next_group_goes_round_through_a_new_one() -> None:
    lens, seen = TWO, []
    for _ in range(4):
        lens = lens.put_next()
        seen.append(lens.groups[0])
    assert seen == ["B", "A", "B", "A"]  # alone in A: what it left is the new one
    three = Lens(groups=("A", "A", "B"))
    assert [three.put_next().groups[0], three.put_next().put_next().groups[0]] == ["B", "C"]


def test_figures_of_each_group_against_the_first_in_turn() -> None:
    lens = Lens(groups=("A", "B", "C"))
    assert [lens.against, lens.next_against().against, lens.next_against().next_against().against] == list(
        "BCB"
    )
    assert replace(lens, other="C", groups=("A", "B", "B")).against == "B"
    assert Lens(groups=("A", "A")).next_against().against == ""


@settings(max_examples=60)
@given(
    start=st.floats(-10, 80), length=st.floats(0.1, 10), factor=st.sampled_from([0.25, 0.5, 1.25, 2.0, 8.0]),
    spans=st.floats(-1e9, 1e9), at=st.floats(-20, 100),
)  # fmt: skip
def test_what_is_shown_lies_within_what_there_is(
    start: float, length: float, factor: float, spans: float, at: float
) -> None:
    lens = replace(TWO, span=(start, start + length)).pointed(at, WHOLE)
    for moved in (lens.zoomed(factor, WHOLE), lens.panned(spans, WHOLE), lens.zoomed(factor, WHOLE, at)):
        a, b = moved.shown(WHOLE)
        assert WHOLE[0] - 1e-6 <= a < b <= WHOLE[1] + 1e-6
        assert moved.cursor is None or a - 1e-6 <= moved.cursor <= b + 1e-6
    a, b = lens.panned(spans, WHOLE).shown(WHOLE)
    assert b - a == pytest.approx(length, rel=1e-6)


def test_the_cursor_stays_where_it_is_when_zooming() -> None:
    lens = TWO.pointed(20.0, WHOLE).zoomed(4.0, WHOLE)
    a, b = lens.shown(WHOLE)
    assert b - a == pytest.approx(25.0)
    assert lens.cursor == 20.0
    assert (20.0 - a) / (b - a) == pytest.approx(30 / 100)
    assert lens.zoomed(1 / 4, WHOLE).span is None


def test_a_run_is_moved_along_the_axis_shown_and_back() -> None:
    lens = replace(TWO, selected=1, cursor=3.0).shifted(2, WHOLE)
    assert (lens.shifts(), lens.span) == ((0.0, 1.0), WHOLE)
    other = lens.along(tuple(Axis))
    assert (other.axis, other.shifts(), other.span) == (Axis.TOKENS, (0.0, 0.0), None)
    assert lens.put_back().shifts() == (0.0, 0.0)
    assert lens.put_back().cursor is None


def test_runs_are_aligned_by_marks_that_all_have() -> None:
    found = ways([("door", "here"), ("here", "gone")])
    assert found[3:] == (Alignment("mark", mark="here"),)
    lens = TWO
    for way in (*found[1:], found[0]):
        lens = lens.aligned(found)
        assert lens.alignment == way
    assert [told(way) for way in found][1:] == [
        "from the first token",
        "from throttling onset",
        "from mark here",
    ]
