"""Columns of numbers out of text of any length, some thousand rows at a time. Rows that cannot be read are counted.

Times of the rows rise: one that does not is counted as lost, for nobody knows where it belongs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from melt_tui.errors import BadImport
from melt_tui.importing.files import LINE_LIMIT, opened, shown

CHUNK = 1 << 20
"""Bytes that are read at once."""

Rows = NDArray[np.float64]
"""A row for each line, a column for each one asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the numbers stand."""

    columns: tuple[int, ...]
    """Of each line, counted from 0; the first of them is the time."""
    separator: str = ","
    comma: bool = False
    """Decimals stand behind a comma."""
    head: int = 0
    """Lines before the first row."""


@dataclass(slots=True)
class Losses:
    """What of a file could not be taken."""

    unreadable: int = 0
    backwards: int = 0
    """Rows whose time is not after that of the row before."""
    notes: list[str] = field(default_factory=list)

    def told(self, name: str) -> list[str]:
        """In words."""
        lost = []
        if self.unreadable:
            lost.append(f"{name}: {self.unreadable} line{'s' * (self.unreadable > 1)} could not be read")
        if self.backwards:
            lost.append(
                f"{name}: {self.backwards} row{'s' * (self.backwards > 1)} left out whose time does not rise"
            )
        return lost + self.notes


def rows_of(path: Path, layout: Layout, losses: Losses) -> Iterator[Rows]:
    """All rows, in pieces; the first column rises. Raises BadImport for a file that cannot be read."""
    newest = -np.inf
    for text in _pieces(path, layout.head, losses):
        rows = _read(text.replace(b",", b".") if layout.comma else text, layout, losses)
        rows = rows[np.isfinite(rows).all(axis=1)]
        ahead = np.maximum.accumulate(np.concatenate([[newest], rows[:, 0]]))[:-1]
        kept = rows[rows[:, 0] > ahead]
        losses.backwards += len(rows) - len(kept)
        if len(kept):
            newest = float(kept[-1, 0])
            yield kept


def pieces(rows: Iterable[Rows], second: float) -> Iterator[Rows]:
    """The same in pieces of a second, which ``second`` is in the unit of their time."""
    for some in rows:
        whole = np.floor(some[:, 0] / second)
        yield from np.split(some, np.flatnonzero(np.diff(whole)) + 1)


def _pieces(path: Path, head: int, losses: Losses) -> Iterator[bytes]:
    """Whole lines. A last one without its end was cut off: nobody knows which digits are missing."""
    rest = b""
    with opened(path) as stream:
        for _ in range(head):
            stream.readline(LINE_LIMIT)
        while data := stream.read(CHUNK):
            whole, mark, rest = (rest + data).rpartition(b"\n")
            if len(rest) > LINE_LIMIT:
                raise BadImport(f"{shown(path)} is no text of lines", "is it another file?")
            if mark:
                yield whole
    if rest.strip():
        losses.unreadable += 1


def _read(text: bytes, layout: Layout, losses: Losses) -> Rows:
    lines = [line for line in text.decode("ascii", "replace").splitlines() if line and not line.isspace()]
    try:
        return _parsed(lines, layout)
    except ValueError:
        return _one_by_one(lines, layout, losses)


def _parsed(lines: Sequence[str], layout: Layout) -> Rows:
    if not lines:
        return np.empty((0, len(layout.columns)))
    separator = None if layout.separator.isspace() and layout.separator != "\t" else layout.separator
    rows: Rows = np.loadtxt(lines, delimiter=separator, usecols=layout.columns, ndmin=2, comments=None)
    return rows


def _one_by_one(lines: Sequence[str], layout: Layout, losses: Losses) -> Rows:
    """Halves until those that cannot be read stand alone: a few bad lines among many cost little."""
    if len(lines) <= 1:
        try:
            return _parsed(lines, layout)
        except ValueError:
            losses.unreadable += 1
            return np.empty((0, len(layout.columns)))
    half = len(lines) // 2
    parts = []
    for some in (lines[:half], lines[half:]):
        try:
            parts.append(_parsed(some, layout))
        except ValueError:
            parts.append(_one_by_one(some, layout, losses))
    return np.concatenate(parts)
