"""Having the times of meters corrected by what was found of their clocks, and taking that back.

What the library tells of energy per token is reckoned again with it. What was measured stays as it was.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from melt_tui.analysis.alignment import found, require
from melt_tui.analysis.editing import reckon
from melt_tui.analysis.logic_lines import Line
from melt_tui.errors import UsageError
from melt_tui.store import library
from melt_tui.store.recording import Recording


def apply(path: Path, meter: str = "", line: Line | None = None) -> Sequence[str]:
    """Correct the meters whose clocks are surely off, or the one of this name; their names. By a line that was named
    every meter is corrected that has it.

    Raises UsageError where a named one cannot be corrected, BadRecording, CannotWrite.
    """
    with closing(Recording(path)) as recording:
        require(recording, meter)
        known = [(one, row) for one, row in found(recording, line) if not meter or one.meter == meter]
    chosen = [(one, row) for one, row in known if row is not None and (one.offered or meter or line)]
    if (meter or line) and not chosen:
        reason = known[0][0].reason if known else "it was wired to no device that ran a model"
        name = meter or known[0][0].meter
        raise UsageError(f"{name} cannot be aligned: {reason}", "`melt align FILE` tells what is known")
    for one, row in chosen:
        library.correct_clock(path, one.meter, row)
    if chosen:
        reckon(path)
    return [one.meter for one, _ in chosen]


def take_back(path: Path, meter: str = "") -> Sequence[str]:
    """Take back every correction, or that of one meter; their names. Raises UsageError, BadRecording, CannotWrite."""
    with closing(Recording(path)) as recording:
        require(recording, meter)
        recording.span()
        corrected = [device for device in recording.clock.corrected() if meter in {"", device}]
    if meter and not corrected:
        raise UsageError(f"the times of {meter} are as they were measured", "there is nothing to take back")
    for device in corrected:
        library.correct_clock(path, device, None)
    if corrected:
        reckon(path)
    return corrected
