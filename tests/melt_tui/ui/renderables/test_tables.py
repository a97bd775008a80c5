from melt_tui.ui.renderables.cells import Ground, Ink, ground_of, ink_of, text_of
from melt_tui.ui.renderables.tables import Column, TableRow, fitting, heading, sheets, table_line

COLUMNS = (Column("turn", 4), Column("device", 8, right=False, rank=2), Column("rate", 6, rank=1))
ROW = TableRow(("12", "pixel-8", "18.4"), head=Ink.DEVICE_1)


def test_columns_keep_their_places() -> None:
    assert text_of([heading(COLUMNS, 24)]) == " turn device     rate   "
    assert text_of([table_line(COLUMNS, ROW, 24)]) == "   12 pixel-8    18.4   "


def test_the_highest_rank_goes_first_and_rank_zero_stays() -> None:
    assert fitting(COLUMNS, 22) == [0, 1, 2]
    assert fitting(COLUMNS, 20) == [0, 2]
    assert fitting(COLUMNS, 3) == [0]
    assert text_of([table_line(COLUMNS, ROW, 13)]) == "   12   18.4 "


def test_the_first_column_has_the_devices_ink() -> None:
    line = table_line(COLUMNS, ROW, 24, chosen=True)
    assert [ink_of(style) for text, style in line if "12" in text] == [Ink.DEVICE_1]
    assert {ground_of(style) for _, style in line} == {Ground.SELECTED}


def test_what_had_no_room_stands_on_further_sheets_beside_the_first_column() -> None:
    assert sheets(COLUMNS, 22) == [[0, 1, 2]]
    assert sheets(COLUMNS, 15) == [[0, 2], [0, 1]]
    assert sheets(COLUMNS, 3) == [[0], [0, 2], [0, 1]]
    assert text_of([table_line(COLUMNS, ROW, 15, sheets(COLUMNS, 15)[1])]) == "   12 pixel-8  "
    assert text_of([heading(COLUMNS, 15, sheets(COLUMNS, 15)[1])]) == " turn device   "
