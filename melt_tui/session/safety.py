"""The ceiling of a run: it is watched for as long as the run is there, and ends it when it does not hold any more."""

from dataclasses import dataclass

from drivers.clock import Clock, pause
from melt_tui.session.sensing import Probe

_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a run has to end."""

    reason: str
    lost: bool
    """A sensor is silent: nobody knows whether the ceiling holds."""


async def breached(probe: Probe, clock: Clock) -> Breach:
    """Return when the ceiling does not hold, or a sensor of it is silent."""
    while (found := breach(probe)) is None:
        await pause(clock, _LOOK_S)
    return found


def breach(probe: Probe) -> Breach | None:
    """What is wrong now; None while all is well, also while a slope is not known yet."""
    if probe.holds() is False:
        now = ", ".join(
            f"{one.what} {one.value:.1f} {one.unit}".rstrip()
            for one in probe.sensed()
            if one.value is not None
        )
        return Breach(f"safety stop: {now}, the ceiling is {probe.condition}", lost=False)
    silent = probe.silent()
    if silent is not None and probe.holds() is None:
        return Breach(
            f"safety stop: {silent[0]} has said nothing for {silent[1]:.0f} s, the ceiling {probe.condition} cannot be watched",
            lost=True,
        )
    return None
