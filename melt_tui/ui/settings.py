"""What the user may set about the screens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from melt_tui.workbench import RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """Every choice has a default; the config file and the command line may change it."""

    frames_per_s: float = 10.0
    """0: nothing moves by itself; a frame is drawn after each command."""
    theme: str = "textual-dark"
    keys: Mapping[str, str] = field(default_factory=dict)
    """Name of a command to its keys."""
    zone: tzinfo | None = None
    """Of the clock in the header; None: the computer's own."""
    last_run: "RunRequest | None" = None
    """What the run dialog offers first."""
    remember_run: "Callable[[RunRequest], None] | None" = None
    """Told of every run that was started, so that it can be offered again."""
    notes: Sequence[str] = ()
    """What is wrong with the settings: said when the screen opens."""
