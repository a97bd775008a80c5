from datetime import UTC

import pytest

from melt_tui.ui.entries import COLUMNS, GAP, cell_text, column_widths, entry_line, entry_texts
from tests.rigs.fake_bench import RECORDINGS

ROWS = [entry_texts(entry, UTC) for entry in RECORDINGS]
ESSENTIAL = {"when", "name", "state", "length", "tok/s", "models", "size"}


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (78, ESSENTIAL),
        (118, {one.title for one in COLUMNS} - {"runs"}),
        (198, {one.title for one in COLUMNS}),
    ],
)
def test_what_is_essential_has_room(width: int, shown: set[str]) -> None:
    widths = column_widths(ROWS, width)
    assert {COLUMNS[place].title for place, _ in widths} == shown
    assert sum(cells + GAP for _, cells in widths) <= width
    assert all(cells >= COLUMNS[place].width for place, cells in widths)


def test_with_plenty_of_room_nothing_is_cut() -> None:
    for place, cells in column_widths(ROWS, 198):
        assert all(cell_text(row[place], place, cells) == row[place] for row in ROWS)


def test_what_matters_most_stays_to_the_last() -> None:
    assert [COLUMNS[place].title for place, _ in column_widths(ROWS, 20)] == [
        "when",
        "name",
        "length",
        "tok/s",
        "size",
    ]


def test_a_narrow_moment_leaves_out_the_year_and_a_long_text_its_end() -> None:
    assert cell_text(ROWS[0][0], 0, 11) == "09-21 14:13"
    assert cell_text("tinyllama-1.1b, tiny-english", 7, 10) == "tinyllama…"
    assert ROWS[2][0] == "–"


def test_the_line_below_tells_what_a_narrow_table_leaves_out() -> None:
    assert (
        entry_line(RECORDINGS[0])
        == "/r/2026-09-21 night-run.melt · simulated devices · 0.412 J/tok (decode) at battery-terminals · throttled"
        " · tags thermal, desk"
    )
    assert entry_line(RECORDINGS[1]).endswith(" · the last 0.2 s before the crash were lost")
