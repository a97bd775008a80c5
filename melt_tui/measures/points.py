"""Reference points of power: how much of a device each sees, and what may be told of it. Pure.

Energies of different points are never added, and never compared without saying so.
"""

from typing import Final

GAUGE: Final = "battery-gauge"
USB: Final = "usb-input"
NET: Final = "net-device"
"""``usb-input`` minus what goes into the battery: an upper bound, for it contains the charger's loss."""

WHOLE_DEVICE: Final = ("board-input", "battery-terminals", NET, USB, "package", GAUGE)
"""By how much of a device they see, most first; a single rail comes after them."""

SLOWEST_GAUGE_NS: Final = 7_000_000_000
"""A battery's gauge refreshes its figures every 2 to 7 s."""
LEAST_PERIODS: Final = 4
"""A span of fewer periods of its source than this has no energy per token that is told without its uncertainty."""
LEAST_REFRESHES: Final = 10
"""The same of a battery's gauge."""

ENERGY = "energy"
OURS = "energy ± ours"
STATED = "energy ± meter"
COVERAGE = "coverage"
PER_TOKEN = "J/token"
"""Of the turn in progress: by decode tokens so far."""
PER_TOKEN_DECODE = "J/token decode"
"""Of a turn that counts, at its end: first to last token / decode tokens."""
PER_TOKEN_WHOLE = "J/token whole"
"""The same: prompt sent to last token / output tokens."""

PER_TOKEN_OFF = "J/token ±"
WHOLE_OFF = "J/token whole ±"

_PARTS: Final = ("load", "turn", "prefill", "decode")
_EACH: Final = ("melt", "prefill")


def part(scope: str) -> str:
    """The energy of the load, or of a part of the last turn that counts."""
    return f"{ENERGY} {scope}"


def each(definition: str) -> str:
    """J/token of that turn by a definition beside decode and whole."""
    return f"{PER_TOKEN} {definition}"


def off(name: str) -> str:
    """How far one of these may be off, all of it."""
    return f"{name} ±"


def net(name: str) -> str:
    """One of these less what the device takes when it is idle."""
    return f"{name} net"


NETS: Final = (ENERGY, part("turn"), PER_TOKEN, PER_TOKEN_WHOLE, *(each(one) for one in _EACH))
"""What is told net of idle too."""

_OFFS: Final = (
    OURS, STATED, PER_TOKEN_OFF, WHOLE_OFF, *(off(part(one)) for one in _PARTS), *(off(each(one)) for one in _EACH),
    *(off(net(one)) for one in NETS),
)  # fmt: skip


def tells_off(name: str) -> bool:
    """Whether a channel of that name tells how far another's figure may be off."""
    return name.startswith(_OFFS)


def rank(point: str) -> int:
    """Lower sees more of a device."""
    return WHOLE_DEVICE.index(point) if point in WHOLE_DEVICE else len(WHOLE_DEVICE)


def sees_whole(point: str) -> bool:
    """Whether it sees a device as a whole, one way or another: not a rail."""
    return point in WHOLE_DEVICE


def sees_charger(point: str, *, battery: bool) -> bool:
    """Whether it sees what a charger takes instead of what the device does."""
    return point == USB and battery


def tells_tokens(point: str, *, battery: bool) -> bool:
    """Whether energy per token may be told of it: not of an upper bound, nor of a charger."""
    return bool(point) and point != NET and not sees_charger(point, battery=battery)


def least_span_ns(point: str, period_ns: float) -> float:
    """How long a span must be for its energy per token to be told, by a source of that period."""
    if point == GAUGE:
        return LEAST_REFRESHES * max(period_ns, SLOWEST_GAUGE_NS)
    return LEAST_PERIODS * period_ns
