"""The detectors of throttling, by the names under which their results are stored."""

from collections.abc import Callable, Iterable, Mapping

from melt_tui.detectors import throttling
from melt_tui.detectors.parameters import Parameters
from melt_tui.errors import UsageError
from melt_tui.session.bus import Transform

DETECTORS: Mapping[str, Callable[[Parameters], Transform]] = {throttling.NAME: throttling.Throttling}


def detector_of(name: str = "", settings: Iterable[str] = ()) -> Transform:
    """A new one, the usual one without a name; its parameters changed by ``name=value``. Raises UsageError for a name or setting that there is not."""
    make = DETECTORS.get(name or throttling.NAME)
    if make is None:
        raise UsageError(f"there is no detector {name!r}", f"choose {', '.join(DETECTORS)}")
    return make(Parameters().changed(settings))
