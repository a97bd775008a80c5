"""Progress without a screen: what happens, a line each, on stderr."""

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from typing import TextIO

from drivers.events import (
    Absent,
    Event,
    LimitEngaged,
    LimitReleased,
    ModelLoaded,
    Preparing,
    SamplesLost,
    TurnEnded,
    TurnPurpose,
    TurnStarted,
)
from melt_tui import format as fmt
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceFailed,
    DeviceLost,
    DeviceUp,
    Mark,
    RunEnded,
    RunOutcome,
    RunStarted,
)
from melt_tui.measures.turns import turn_figures
