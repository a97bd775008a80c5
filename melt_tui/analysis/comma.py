"""Tables as CSV: numbers exact, what is not known empty, text such that no spreadsheet takes it for a formula."""

from collections.abc import Iterable, Sequence
from math import isnan
from typing import TextIO

from melt_tui.analysis.columns import Cell, Column
from melt_tui.analysis.tables import cell
from melt_tui.analysis.wide import Wide
from melt_tui.measures.integral import Values


def head(columns: Sequence[Column], out: TextIO) -> None:
    """The names."""
    out.write(f"{','.join(cell(column.name) for column in columns)}\n")


def rows(table: Iterable[tuple[Cell, ...]], out: TextIO) -> None:
    """Rows of any table."""
    out.writelines(f"{','.join(map(text_of, row))}\n" for row in table)


def wide_rows(wide: Wide, names: Sequence[str], before: str, out: TextIO) -> None:
    """Rows of samples; ``before`` stands before each."""
    width = len(wide.t_s)
    cells = [_texts(wide.values[name]) if name in wide.values else [""] * width for name in names]
    moments = [f"{before}{t_s:.9f}" for t_s in wide.t_s.tolist()]
    out.writelines(f"{','.join(row)}\n" for row in zip(moments, *cells, strict=True))


def text_of(value: Cell) -> str:
    """One cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return cell(value) if isinstance(value, str) else repr(value)


def _texts(values: Values) -> list[str]:
    return ["" if isnan(value) else repr(value) for value in values.tolist()]
