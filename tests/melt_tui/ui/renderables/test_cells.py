from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from melt_tui.ui.renderables.cells import Cells, Ground, Ink, device_ink, ground_of, ink_of, style_of, text_of
from melt_tui.ui.renderables.text import plain


def test_a_blank_sheet() -> None:
    assert Cells(3, 2).lines() == ((("   ", 0),), (("   ", 0),))


def test_runs_of_one_style() -> None:
    cells = Cells(8, 1)
    assert cells.put(2, 0, "abc", Ink.WARNING) == 5
    cells.ground(4, 6, 0, 1, Ground.CURSOR)
    assert cells.lines() == (
        (
            ("  ", style_of(Ink.TEXT)),
            ("ab", style_of(Ink.WARNING)),
            ("c", style_of(Ink.WARNING, Ground.CURSOR)),
            (" ", style_of(Ink.TEXT, Ground.CURSOR)),
            ("  ", style_of(Ink.TEXT)),
        ),
    )


def test_writing_keeps_the_ground() -> None:
    cells = Cells(2, 1)
    cells.ground(0, 2, 0, 1, Ground.OUTAGE)
    cells.put(0, 0, "x", Ink.ERROR)
    assert [(ink_of(style), ground_of(style)) for style in cells.styles[0]] == [
        (Ink.ERROR, Ground.OUTAGE),
        (Ink.TEXT, Ground.OUTAGE),
    ]


def test_what_falls_outside_is_not_drawn() -> None:
    cells = Cells(4, 1)
    assert cells.put(-2, 0, "abcd", Ink.TEXT) == 2
    assert cells.put(3, 0, "xyz", Ink.TEXT) == 6
    cells.put(0, 1, "below", Ink.TEXT)
    cells.put(0, -1, "above", Ink.TEXT)
    assert text_of(cells.lines()) == "cd x"


def test_no_half_of_a_wide_character_is_left() -> None:
    cells = Cells(6, 1)
    cells.put(0, 0, "手机手", Ink.TEXT)
    cells.put(1, 0, "xy", Ink.TEXT)
    assert text_of(cells.lines()) == " xy 手"
    cells = Cells(3, 1)
    cells.put(-1, 0, "手机", Ink.TEXT)
    assert text_of(cells.lines()) == " 机"
    cells.put(2, 0, "手", Ink.TEXT)
    assert text_of(cells.lines()) == "   "


@given(st.integers(-1, 5), st.integers(-1, 5), st.integers(-1, 5), st.booleans())
def test_an_upright_is_the_character_put_row_by_row(x: int, y0: int, y1: int, wide: bool) -> None:
    sheets = Cells(5, 4), Cells(5, 4)
    for cells in sheets:
        cells.put(0, 2, "手x手" if wide else "other", Ink.TITLE)
        cells.ground(1, 3, 1, 4, Ground.OUTAGE)
    sheets[0].upright(x, y0, y1, "╎", Ink.MARK)
    for y in range(y0, y1):
        sheets[1].put(x, y, "╎", Ink.MARK)
    assert sheets[0].lines() == sheets[1].lines()


def test_a_row_as_it_was_before_is_the_same_line() -> None:
    before, after = Cells(4, 3), Cells(4, 3)
    for cells, text in ((before, "old"), (after, "new")):
        cells.put(0, 0, "stay", Ink.TITLE)
        cells.put(0, 1, text, Ink.TITLE)
        cells.put(0, 2, "ink", Ink.TITLE)
    after.ground(0, 1, 2, 3, Ground.CURSOR)
    old, new, plainly = before.lines(), after.lines(before), after.lines()
    assert new == plainly
    assert [a is b for a, b in zip(old, new, strict=True)] == [True, False, False]
    assert after.lines(Cells(4, 2)) == after.lines(Cells(9, 3)) == plainly


def test_device_colours_begin_again() -> None:
    assert [device_ink(i) for i in (0, 7, 8)] == [Ink.DEVICE_0, Ink.DEVICE_7, Ink.DEVICE_0]


@given(
    st.integers(0, 12),
    st.lists(
        st.tuples(st.integers(-4, 14), st.integers(-1, 3), st.text("ab手机 \u2801", max_size=6)), max_size=8
    ),
)
def test_lines_always_have_their_width(width: int, writings: list[tuple[int, int, str]]) -> None:
    cells = Cells(width, 2)
    for x, y, text in writings:
        cells.put(x, y, plain(text), Ink.MARK)
    assert [sum(cell_len(text) for text, _ in line) for line in cells.lines()] == [width, width]
