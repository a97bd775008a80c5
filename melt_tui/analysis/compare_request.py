"""What may be asked of a comparison, and the words for it. Light: screens and the command line know it, too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from melt_tui.errors import UsageError

LEAST_RUNS, MOST_RUNS = 2, 64
MOST_DRAWN = 8
"""Runs that are laid over one another; the figures take all."""


class Axis(StrEnum):
    """Along what runs are laid over one another."""

    TIME = "time"
    TOKENS = "tokens"
    JOULES = "joules"


class Grouping(StrEnum):
    """By what runs can be put together, but by hand."""

    FILE = "file"
    DEVICE = "device"
    MODEL = "model"
    QUANTISATION = "quantisation"
    RUNTIME = "runtime"
    THREADS = "threads"
    WORKLOAD = "workload"
    VARIANT = "variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """What to compare. The first group is what the others are measured against."""

    sources: tuple[str, ...]
    """``FILE``: all runs of it; ``FILE#RUN``: one, by its id or number, or those of a device."""
    group: str = ""
    """A name for each source (``old,new,new,old``), or a ``Grouping``; empty: each source is a group; of a single file
    each variant that was run in turn, or else each run."""
    letters: tuple[str, ...] = ()
    """The group of each source as somebody put them together, ``A`` to ``Z``; instead of ``group``."""
    laid: bool = True
    """They are laid over one another, too; else only the figures are told."""
    align: str = "start"
    """``start``, ``first-token``, ``mark:NAME``, ``onset``, or by how many seconds runs are moved (``0,1.5``; one number
    moves all but the first)."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which moment of each run is 0."""

    word: str
    """``start``, ``first-token``, ``mark``, ``onset`` or ``hand``."""
    mark: str = ""
    moved_s: tuple[float, ...] = ()
    """By hand: the number for each run; the last one holds for the rest."""

    def moved(self, run: int) -> float:
        """By how many seconds the run of that index is moved to the right."""
        if not self.moved_s:
            return 0.0
        return self.moved_s[min(run, len(self.moved_s) - 1)]

    def fits(self, runs: int) -> None:
        """Raises UsageError where more runs are to be moved than there are."""
        if len(self.moved_s) > runs:
            raise UsageError(
                f"{len(self.moved_s)} runs are to be moved, of {runs}", "give at most one number for each run"
            )


def alignment_of(text: str) -> Alignment:
    """What was typed. Raises UsageError."""
    if text in {"start", "first-token", "onset"}:
        return Alignment(text)
    word, colon, name = text.partition(":")
    if word == "mark" and colon and name.strip():
        return Alignment("mark", mark=name.strip())
    moved = _numbers(text)
    if moved is None:
        raise UsageError(
            f"runs cannot be aligned by “{text[:60]}”",
            "give start, first-token, mark:NAME, onset, or seconds, as 1.5 or 0,1.5",
        )
    return Alignment("hand", moved_s=(0.0, *moved) if len(moved) == 1 else moved)


def named_groups(text: str, sources: int) -> Sequence[str] | None:
    """The name for each source; None where the text is no list of names. Raises UsageError."""
    if "," not in text:
        return None
    names = [name.strip()[:40] for name in text.split(",")]
    if len(names) != sources or not all(names):
        raise UsageError(
            f"there are {len(names)} names of groups for {sources} recordings",
            "give one for each, as old,new,new,old",
        )
    return names


def _numbers(text: str) -> tuple[float, ...] | None:
    try:
        found = tuple(map(float, text.split(",")))
    except ValueError:
        return None
    return found if all(math.isfinite(one) and abs(one) < 1e6 for one in found) else None
