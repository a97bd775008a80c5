"""Everything a user can do, without a screen. TUI and headless commands both stand on this floor.

``contract`` holds the words, ``facade`` the door that any thread may knock at, ``desk`` the only place where
concrete classes meet; the desk is imported on the session thread, after the first paint.
"""

from melt_tui.store.info import RecordingInfo, RecordingState
from melt_tui.workbench.contract import (
    TRIES,
    Bench,
    Choice,
    HostKey,
    PasswordWanted,
    Place,
    RunRequest,
    SelfReport,
    SessionSetup,
    SetupProgress,
    SetupRequest,
    Status,
)
from melt_tui.workbench.facade import Workbench
from melt_tui.workbench.fairness import check as check_fairness
from melt_tui.workbench.objections import Objection, told
from melt_tui.workbench.supply import SupplyCheck, SupplyRequest

__all__ = [
    "TRIES",
    "Bench",
    "Choice",
    "HostKey",
    "Objection",
    "PasswordWanted",
    "Place",
    "RecordingInfo",
    "RecordingState",
    "RunRequest",
    "SelfReport",
    "SessionSetup",
    "SetupProgress",
    "SetupRequest",
    "Status",
    "SupplyCheck",
    "SupplyRequest",
    "Workbench",
    "check_fairness",
    "told",
]
