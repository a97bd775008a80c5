"""What columns of a table are: each has a name, holds one kind of thing, and says what that means."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Cell = str | float | int | bool | None


class Holds(StrEnum):
    """What stands in a column."""

    TEXT = "text"
    REAL = "number"
    WHOLE = "whole number"
    TRUTH = "true or false"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    holds: Holds
    unit: str
    """Empty where it has none."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and how its cell is had of a row's object."""

    column: Column
    of: Callable[[Any], Any]

    def cell(self, row: object) -> Cell:
        """What stands in it: plain, so that every format can hold it."""
        value = self.of(row)
        if value is None or isinstance(value, bool):
            return value
        if self.column.holds is Holds.WHOLE:
            return int(value)
        return float(value) if self.column.holds is Holds.REAL else str(value)
