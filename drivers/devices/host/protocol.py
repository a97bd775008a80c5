"""What only this computer's own drivers read: energy counters, the processor's time and its clock. Pure, never raises.

Sources: the kernel's Documentation/ABI (sysfs-class-powercap), psutil's documentation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MOST_W = 10_000


@dataclass(frozen=True, slots=True)
class Energy:
    """A RAPL counter at a moment: as read, and since the first reading without its wraps. Both in µJ."""

    t_ns: int
    raw_uj: int
    total_uj: int
    power_w: float | None = None
    """Mean since the reading before; None at the first one and after a restart."""


def advance(before: Energy | None, t_ns: int, raw_uj: int, range_uj: int) -> Energy:
    """The counter's next state. It wraps to 0 past ``range_uj``.

    A step that would need more than 10 kW is a restart: the total falls to what the counter shows.
    """
    if before is None:
        return Energy(t_ns, raw_uj, raw_uj)
    step = raw_uj - before.raw_uj
    if step < 0:
        step += range_uj + 1
    span_ns = t_ns - before.t_ns
    if span_ns <= 0 or step < 0 or step * 1000 > _MOST_W * span_ns:
        return Energy(t_ns, raw_uj, raw_uj)
    return Energy(t_ns, raw_uj, before.total_uj + step, step * 1000 / span_ns)


def busy_percent(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Share of all cores' time that was not idle between two readings of ``psutil.cpu_times()``, in percent.

    Guest time is part of user time already. None when no time has passed.
    """
    parts = [key for key in after if key in before and key not in {"guest", "guest_nice"}]
    steps = {key: max(0.0, after[key] - before[key]) for key in parts}
    total = sum(steps.values())
    if total <= 0:
        return None
    return 100 * (total - steps.get("idle", 0.0) - steps.get("iowait", 0.0)) / total


def cpuinfo_hertz(text: str | None) -> float | None:
    """Mean of the cores' ``cpu MHz``, in Hz: a measurement only where the processor has ``aperfmperf``."""
    if not re.search(r"^flags[ \t]*:.*\baperfmperf\b", text or "", re.MULTILINE):
        return None
    found = re.findall(r"^cpu MHz[ \t]*:[ \t]*([0-9]{1,6}(?:\.[0-9]{1,6})?)$", text or "", re.MULTILINE)
    return sum(map(float, found)) * 1e6 / len(found) if found else None
