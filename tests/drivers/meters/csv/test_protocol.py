from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.meters.csv.protocol import LINE_LIMIT, Column, LineReader, Rows

VA = (Column("V", -1000, 1000), Column("A", -100, 100))


def reader(columns: tuple[Column, ...] = VA, separator: str = ",") -> LineReader:
    """One that has seen the line end with which its knowledge begins."""
    one = LineReader(columns, separator)
    assert one.feed(b"\n") == Rows(tuple(array("d") for c in columns if c.heading), 0)
    return one


def rows(*columns: list[float], damaged: int = 0) -> Rows:
    return Rows(tuple(array("d", column) for column in columns), damaged)


def test_lines_are_read_whole() -> None:
    one = reader()
    assert one.feed(b"3.9,0.5\n3.8,0.6\r\n3.7") == rows([3.9, 3.8], [0.5, 0.6])
    assert one.feed(b"5,0.7") == rows([], [])
    assert one.feed(b"\n") == rows([3.75], [0.7])


def test_the_piece_before_the_first_line_end_is_no_sample() -> None:
    """It may be the end of 13.9,0.5: a wrong number is worse than none."""
    assert LineReader(VA, ",").feed(b"3.9,0.5\n3.8,0.6\n") == rows([3.8], [0.6])


@pytest.mark.parametrize(
    "line",
    [
        b"3.9", b"3.9,0.5,1", b"3.9;0.5", b"nan,0.5", b"inf,0.5", b"3.9,-inf", b"3.9,", b",", b"3.90.51,0.5",
        b"3_9,0.5", b"0x3,0.5", "٣,٤".encode(), b"\xff\xfe", b"3.9,0.5\x00", b"1e999,0.5", b"1001,0.5", b"3.9,-101",
        b"1" * 19 + b",0.5", b"V", b"3.9,0.5 A",
    ],
)  # fmt: skip
def test_what_is_no_row_is_counted(line: bytes) -> None:
    assert reader().feed(b"3.9,0.5\n" + line + b"\n3.8,0.6\n") == rows([3.9, 3.8], [0.5, 0.6], damaged=1)


@pytest.mark.parametrize("line", [b"", b"  ", b"# comment", b"V,A", b"v,a\r", b"\r"])
def test_what_is_harmless_is_not(line: bytes) -> None:
    assert reader().feed(b"3.9,0.5\n" + line + b"\n") == rows([3.9], [0.5])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"3", 3.0),
        (b"+3.", 3.0),
        (b"-.5", -0.5),
        (b"5e-1", 0.5),
        (b" 3.9 ", 3.9),
        (b"\t1E+02", 100.0),
        (b"007", 7.0),
    ],
)
def test_forms_of_a_number(text: bytes, number: float) -> None:
    assert reader().feed(text + b",1\n") == rows([number], [1.0])


def test_a_line_of_a_megabyte_is_one_damaged_line_and_is_not_kept() -> None:
    one = reader()
    damaged = 0
    for _ in range(1000):
        found = one.feed(b"1" * 1000)
        damaged += found.damaged
        assert found.n == 0
        assert len(one._rest) <= LINE_LIMIT
    assert one.feed(b",5\n3.9,0.5\n") == rows([3.9], [0.5], damaged=1)
    assert damaged == 0
    assert one.feed(b"1" * 1_000_000 + b"\n3.9,0.5\n") == rows([3.9], [0.5], damaged=1)


def test_columns_may_be_skipped_and_separated_otherwise() -> None:
    columns = (Column(""), Column("W"), Column(""))
    assert reader(columns, ";").feed(b"12:00:01;3.5;ok\nx;4;\n") == rows([3.5, 4.0])
    assert reader(VA, "\t").feed(b"1\t2\n") == rows([1.0], [2.0])
    assert reader(VA, " ").feed(b" 1  2\n3 4 \n5\n") == rows([1.0, 3.0], [2.0, 4.0], damaged=1)
    assert reader(VA, "|").feed(b"1|2\n") == rows([1.0], [2.0])


NUMBERS = st.floats(-99, 99).map(lambda x: round(x, 5))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30), st.data())
def test_bytes_may_come_in_any_pieces(pairs: list[tuple[float, float]], data: st.DataObject) -> None:
    text = "".join(f"{v:.5f},{a:.5f}\n" for v, a in pairs).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    one = reader()
    found: list[tuple[float, float]] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = one.feed(text[start:end])
        assert piece.damaged == 0
        found += zip(*piece.columns, strict=True)
    assert found == pairs


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_give_rows_within_bounds_and_no_more_losses_than_lines(pieces: list[bytes]) -> None:
    one = LineReader(VA, ",")
    for piece in pieces:
        found = one.feed(piece)
        assert len(found.columns[0]) == len(found.columns[1]) == found.n
        assert found.n + found.damaged <= piece.count(b"\n")
        assert all(-1000 <= v <= 1000 for v in found.columns[0])
        assert all(-100 <= a <= 100 for a in found.columns[1])


LINES = st.one_of(
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"{pair[0]:.5f},{pair[1]:.5f}".encode()),
    st.sampled_from([b"x", b"nan,1", b"1,2,3", b"1", b"\xff" * 9]),
)


@given(st.lists(LINES, max_size=40))
def test_every_line_is_a_sample_or_a_loss(lines: list[bytes]) -> None:
    found = reader().feed(b"".join(line + b"\n" for line in lines))
    assert found.n + found.damaged == len(lines)
