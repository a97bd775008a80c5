"""What somebody wants to have corrected in a recording. Light: screens make one."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """One correction: of a meter, or of a turn, or one to take back."""

    path: Path
    meter: str = ""
    feeds: str = ""
    """The device that the meter fed; empty: as it was."""
    point: str = ""
    """Where it measured; empty: as it was."""
    volts: float | None = None
    """What its current is to be multiplied by."""
    turn: int | None = None
    """To be left out."""
    run: str = ""
    """Of that turn: its number, id or device; empty where there is one."""
    undo: int | None = None
    """The number of the one to take back; 0: the last."""
    reason: str = ""
