from hypothesis import given
from hypothesis import strategies as st

from melt_tui.ui.renderables.cells import Ground, Ink, ground_of, text_of
from melt_tui.ui.renderables.rows import column, justified, length, row, wrapped
from melt_tui.ui.renderables.text import cell_count, plain

texts = st.text(max_size=40)
parts = st.lists(st.tuples(texts, st.sampled_from(Ink)), max_size=6)


@given(st.integers(0, 80), parts)
def test_a_row_has_exactly_its_width(width: int, given_parts: list[tuple[str, Ink]]) -> None:
    assert sum(cell_count(text) for text, _ in row(width, given_parts)) == width


@given(st.integers(0, 80), parts, parts)
def test_a_justified_row_has_exactly_its_width(
    width: int, left: list[tuple[str, Ink]], right: list[tuple[str, Ink]]
) -> None:
    assert sum(cell_count(text) for text, _ in justified(width, left, right)) == width


def test_the_right_part_stands_at_the_edge_and_the_left_gives_way() -> None:
    assert text_of([justified(12, [("left part", Ink.DIM)], [("right", Ink.TEXT)])]) == "left p…right"
    assert text_of([justified(20, [("left", Ink.DIM)], [("right", Ink.TEXT)])]) == "left           right"


def test_a_row_lies_on_its_ground_and_its_text_is_harmless() -> None:
    line = row(10, [("a\x1b[31mb", Ink.TEXT)], Ground.SELECTED)
    assert text_of([line]) == "a␛[31mb   "
    assert {ground_of(style) for _, style in line} == {Ground.SELECTED}


@given(texts, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_count(line) <= width for line in lines)
    expected = "".join(plain(part) for part in text.splitlines())
    assert "".join(lines).replace(" ", "") == expected.replace(" ", "")


def test_wrapping_breaks_at_spaces_and_within_long_words() -> None:
    assert wrapped("the quick brown fox", 9) == ["the quick", "brown fox"]
    assert wrapped("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert wrapped("a\nb", 9) == ["a", "b"]


def test_columns() -> None:
    assert column("abc", 5) == "abc  "
    assert column("abc", 5, right=True) == "  abc"
    assert column("abcdef", 4, right=True) == "abc…"
    assert length([("ab", Ink.TEXT), ("漢", Ink.TEXT)]) == 4
