"""What is opened behind the first frame, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from melt_tui.ui.demo import Cue
from melt_tui.ui.settings import ScreenSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

    from melt_tui.analysis.compare_request import Axis, CompareRequest
    from melt_tui.workbench import Bench


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A bench with everything that the app does on it by itself."""

    bench: "Bench"
    settings: ScreenSettings = field(default_factory=ScreenSettings)
    replay: Path | None = None
    """Opens that recording instead of the session in progress."""
    compare: "tuple[CompareRequest, Axis] | None" = None
    """Opens these runs beside one another, along that axis, instead of the session in progress."""
    script: Sequence[Cue] = ()
    """Runs along the session's time until a key is pressed."""
    failed: "Future[None] | None" = None
    """Raises what the app is to end with: what kept the session from beginning comes after it was opened."""
    seconds: float | None = None
    """After these it leaves by itself."""
