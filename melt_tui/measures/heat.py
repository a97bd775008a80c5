"""How a device stands towards heat, from what its platform says: pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from drivers.events import LimitEngaged

STEADY_SHARE = 0.01
STEADY_S = 300.0
"""A rate is steady when its slope is below 1 % in 5 min."""


class Reason(StrEnum):
    """Why a device is slower; the values are those of ``LimitEngaged.reason``."""

    THERMAL = "thermal"
    POWER = "power limit"
    CURRENT = "current limit"
    SYSTEM = "operating-system cap"
    MEMORY = "memory pressure"
    UNKNOWN = "unknown"


COOL_BREAKERS = frozenset({Reason.THERMAL, Reason.SYSTEM, Reason.UNKNOWN})
"""A device under one of these is not cool: its rate is no reference."""

UNLIMITED = "none"
UNTOLD = "not told"
"""No limit is known to be in force, and nothing has told of any yet: not the same as none."""
STATUS = "thermal status"


class ThermalStart(StrEnum):
    """How a device was when a run began."""

    COLD = "cold"
    """No limit in force, its temperature at rest, and not above where it had been before."""
    WARM = "warm"
    """No limit in force, but it still gave off the heat of something, or took some up."""
    THROTTLED = "throttled"
    """A thermal limit or a lowered cap was in force: there is no reference rate."""
    UNKNOWN = "unknown"


WARM_K = 3.0
"""So much above the lowest that it had been before, a device is warm."""
STILL_K_PER_MIN = 2.0
"""What changes by more is not at rest."""


def cool(limits: Iterable[LimitEngaged]) -> bool:
    """No thermal limit and no lowered cap is in force."""
    return not any(limit.reason in COOL_BREAKERS for limit in limits)


def thermal_state(limits: Iterable[LimitEngaged]) -> str:
    """Of a device under these limits: its platform's word (``SEVERE``), the worst reason in force, or ``none``."""
    known = list(limits)
    status = next((limit.detail for limit in known if limit.limit == STATUS and limit.detail), "")
    if status:
        return status
    reasons = {limit.reason for limit in known}
    return next((str(reason) for reason in Reason if reason in reasons), UNLIMITED)


def limited(shares: Mapping[str, float]) -> float:
    """Share of a time under a limit, of the shares of all states."""
    return min(1.0, sum(share for state, share in shares.items() if state not in {UNLIMITED, UNTOLD}))


def slope(times_s: Iterable[float], values: Iterable[float]) -> float | None:
    """Least-squares change per second; None without two moments apart."""
    points = list(zip(times_s, values, strict=True))
    if len(points) < 2:
        return None
    middle = sum(t for t, _ in points) / len(points)
    spread = sum((t - middle) ** 2 for t, _ in points)
    return sum((t - middle) * value for t, value in points) / spread if spread > 0 else None
