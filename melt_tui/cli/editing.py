"""``melt edit FILE``: what was corrected in a recording; corrects it, or takes that back, when asked."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from melt_tui.analysis import editing
from melt_tui.analysis.provenance import EditSummary, edit_line
from melt_tui.cli.output import result, result_json
from melt_tui.errors import UsageError


def edit(options: Namespace) -> int:
    """Do what was asked for, then list."""
    path: Path = options.file
    _carry_out(path, options)
    known = editing.listing(path)
    if options.json:
        result_json([asdict(one) for one in known])
    else:
        result("\n".join(_lines(known)) or "nothing was corrected in it")
    return 0


def _carry_out(path: Path, options: Namespace) -> None:
    reason: str = options.reason or ""
    asked = {
        "--undo": options.undo is not None,
        "--exclude": options.exclude is not None,
        "--meter": bool(options.meter),
    }
    chosen = [name for name, on in asked.items() if on]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} were given together", "correct one thing at a time")
    if options.undo is not None:
        editing.undo(path, options.undo or None)
    elif options.exclude is not None:
        editing.exclude(path, options.exclude, run=options.run or "", reason=reason)
    elif options.meter:
        _meter(path, options)
    elif reason or options.feeds or options.point or options.voltage is not None:
        raise UsageError("it was not said what to correct", "name --meter, or --exclude a turn")


def _meter(path: Path, options: Namespace) -> None:
    if options.voltage is not None:
        if options.feeds or options.point:
            raise UsageError("a voltage and a wiring were given together", "correct one thing at a time")
        editing.set_voltage(path, options.meter, options.voltage, reason=options.reason or "")
    else:
        editing.wire(
            path,
            options.meter,
            feeds=options.feeds or "",
            point=options.point or "",
            reason=options.reason or "",
        )


def _lines(known: tuple[EditSummary, ...]) -> Iterator[str]:
    for one in known:
        yield edit_line(one) + ("" if one.standing else "  [no longer in force]")
