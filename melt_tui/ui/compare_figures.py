"""How far the figures of a comparison have been reckoned: what is known, what is still being read, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from melt_tui.ui import compare_tables as tables
from melt_tui.ui.renderables.cells import Ink
from melt_tui.ui.renderables.delta_lines import Said, Text

if TYPE_CHECKING:
    from melt_tui.analysis.compare import Comparison


@dataclass(kw_only=True)
class Reckoning:
    """As of now."""

    comparison: "Comparison | None" = None
    problem: str = ""
    """Why there is no comparison."""
    pending: tuple[int, int] | None = (0, 0)
    """Recordings whose figures are known, and how many there are; None: nothing is being read."""
    read: frozenset[Path] = frozenset()
    onsets: tuple[float | None, ...] = ()
    """Of each run, s since its start; empty while they are not known."""
    notes: Mapping[int, str] = field(default_factory=dict)
    """Of each compared run the thermal state that its figures were measured in."""

    def settled(
        self, comparison: "Comparison | None", problem: str, order: Sequence[int], runs: int
    ) -> "Reckoning":
        """With what came of it; ``order``: which run each of the comparison's is."""
        if comparison is None:
            return replace(self, comparison=None, problem=problem, pending=None)
        onsets = list(self.onsets or (None,) * runs)
        notes = dict(self.notes)
        for i, told, note in zip(order, comparison.runs, tables.run_notes(comparison), strict=True):
            onsets[i], notes[i] = told.onset_s, note
        return replace(
            self, comparison=comparison, problem="", pending=None, onsets=tuple(onsets), notes=notes
        )

    @property
    def told(self) -> str:
        """What is still being done; empty when nothing is."""
        if self.pending is None:
            return ""
        known, every = self.pending
        return f"reading the figures: {known} of {every}" if every else "reading"

    def texts(self, pane: str, against: str) -> tuple[Text, ...]:
        """What stands below the charts."""
        if self.problem:
            return (Said(self.problem, Ink.ERROR),)
        if self.comparison is None:
            said = self.told or "reckoning"
            return (Said(f"{said[:1].upper()}{said[1:]} …", Ink.DIM),)
        if pane == "set-up":
            return tables.setup(self.comparison)
        if pane == "with care":
            return tables.care(self.comparison)
        return tables.figures(self.comparison, against)
