"""A row of a comparison: one figure of every run, and each group's difference from the first."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from melt_tui.measures.comparing import Difference

NO_PAIR = "the runs have no prompt in common: every turn was taken, and what the prompts differ in is in the difference"


@dataclass(frozen=True, slots=True)
class Figure:
    """What can be compared."""

    name: str
    title: str
    unit: str
    better: str
    """``higher``, ``lower``; empty where neither is."""
    of_turns: bool = True
    """Each turn has one; else each run."""
    ratio: bool = True
    """It has a true zero: a percentage means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A group against the first one: a difference, or in words why there is none."""

    group: str
    difference: "Difference | None"
    refusal: str = ""
    without: tuple[str, ...] = ()
    """Runs of both that lack the figure and were passed over."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. Values are means over the turns of each run, also of prompts that others lack."""

    figure: str
    title: str
    unit: str
    better: str
    point: str
    """Of energy and power: the reference point."""
    basis: str
    """Of which it is: ``observed``, ``reported``, the sensor, what measured."""
    values: tuple[float | None, ...]
    """Of each run; None where it has none."""
    against: tuple[Against, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """What a row is made of: the figure of each run, by prompt or under one key; empty where it has none."""

    values: tuple[Mapping[Hashable, float], ...]
    refusal: str = ""
    said: str = ""
    point: str = ""
    notes: tuple[str, ...] = ()
    judged: bool = True
    """One may be better than another; else they differ for another reason, as ``notes`` say."""


def single(value: float | None) -> dict[Hashable, float]:
    """A figure that a run has one of, or none."""
    return {} if value is None else {0: value}
