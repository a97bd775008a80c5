"""Is B really better than A? Runs of one or many recordings side by side, in figures and laid over one another.

The first group of runs is what every other is measured against. What may not be compared is not: the reason stands in its
place. Imports scipy: reached only when somebody compares.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from melt_tui.analysis.compare_figures import Row, rows_of
from melt_tui.analysis.compare_request import Axis, CompareRequest, alignment_of
from melt_tui.analysis.compare_runs import ComparedRun, Group, chosen, read_figures
from melt_tui.analysis.compare_series import Overlay, overlays
from melt_tui.analysis.compare_setup import Differing, differing, forbidden, warnings
from melt_tui.errors import UsageError

__all__ = ["Comparison", "compare_runs", "read_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a screen or a report shows."""

    runs: tuple[ComparedRun, ...]
    groups: tuple[Group, ...]
    """The first is what the others are measured against."""
    rows: tuple[Row, ...]
    setup: tuple[Differing, ...]
    """What is not the same in all runs."""
    refusal: str
    """Why no figure may be compared; empty where they may. Single figures have their own."""
    warnings: tuple[str, ...]
    align: str
    overlays: tuple[Overlay, ...]
    """Along each axis that there is."""

    def overlay(self, axis: Axis) -> Overlay | None:
        """Along one axis; None where no run has it."""
        return next((one for one in self.overlays if one.axis is axis), None)

    def as_json(self, axis: Axis) -> dict[str, Any]:
        """Plain dicts, lists, numbers, texts and None; with the overlay along one axis, None where there is none."""
        along = self.overlay(axis)
        return {
            "runs": [asdict(run) for run in self.runs],
            "groups": [asdict(group) for group in self.groups],
            "figures": [_row(row) for row in self.rows],
            "setup": [asdict(one) for one in self.setup],
            "refusal": self.refusal or None,
            "warnings": list(self.warnings),
            "align": self.align,
            "overlay": asdict(along) if along else None,
        }


def compare_runs(request: CompareRequest) -> Comparison:
    """Read and compare. Raises UsageError for what cannot be compared at all, and what opening a recording raises."""
    alignment = alignment_of(request.align)
    with ExitStack() as stack:
        known, groups = chosen(request, stack)
        alignment.fits(len(known))
        refusal = forbidden(known)
        rows = rows_of(known, groups, refusal)
        setup = differing(known, groups)
        laid = overlays(known, groups, alignment) if request.laid else ()
        if request.laid and not laid and alignment.word not in {"start", "hand"}:
            raise UsageError(
                f"no run has a moment to be aligned by {request.align[:60]}", "align them by start"
            )
        return Comparison(
            runs=tuple(one.told for one in known),
            groups=tuple(groups),
            rows=rows,
            setup=setup,
            refusal=refusal,
            warnings=warnings(known, groups, rows, setup),
            align=request.align,
            overlays=laid,
        )


def _row(row: Row) -> Mapping[str, Any]:
    """With what follows from a difference beside it."""
    told = asdict(row)
    for plain, each in zip(told["against"], row.against, strict=True):
        if each.difference is not None:
            plain["difference"] |= {"general": each.difference.general, "shown": each.difference.shown}
    return told
