"""The contract between what is known and what is drawn: what was true at ``t``, and what happened in a window.

``LiveState`` answers for now, ``Recording`` for any moment of any session, ``Spliced`` for a session still being
written. Every time in an answer is host-monotonic ns, device clocks corrected by the clock map.
"""

from melt_tui.timeline.model import (
    DeviceState,
    DeviceView,
    Interval,
    IntervalKind,
    Reading,
    RunPhase,
    RunView,
    Timeline,
    TurnView,
    View,
    Window,
)

__all__ = [
    "DeviceState",
    "DeviceView",
    "Interval",
    "IntervalKind",
    "Reading",
    "RunPhase",
    "RunView",
    "Timeline",
    "TurnView",
    "View",
    "Window",
]
