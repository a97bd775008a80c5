"""What is known round a run, and which of the limits explains that it became slower."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.clock import SECOND
from melt_tui.detectors.mechanism import Episode, Mechanisms
from melt_tui.detectors.thermometer import Thermometer
from melt_tui.measures.heat import Reason

POWERS = frozenset({Reason.POWER, Reason.CURRENT})
"""Limits of power: not heat."""

_RANKS: Mapping[str, int] = {
    Reason.THERMAL: 0,
    Reason.POWER: 0,
    Reason.CURRENT: 0,
    Reason.MEMORY: 2,
    Reason.SYSTEM: 3,
}
"""A lowered cap is how heat is fought as well as a choice of the system's: it explains what nothing else does."""
_UNKNOWN_RANK = 1
_ORDINARY_TIMES = 2
"""A power limit that engaged so often before, and nothing was slower, does not explain what is slow now."""


@dataclass(slots=True)
class Surroundings:
    """What is known of the device that a run is on, and of the meters that feed it."""

    mechanisms: Mechanisms
    thermometer: Thermometer
    meters: Mapping[str, Mechanisms]

    def cause(self, crossed_ns: int, started_ns: int, near_s: float) -> Episode | None:
        """The limit that explains best why a run became slower at ``crossed_ns``.

        In force then, or engaged within ``near_s`` before or after it; of those that explain it equally well the one
        that engaged nearest.
        """
        reach_ns = round(near_s * SECOND)
        likely = [
            one
            for mechanisms in (self.mechanisms, *self.meters.values())
            for one in mechanisms.near(crossed_ns, reach_ns)
            if not _ordinary(one, mechanisms, started_ns, crossed_ns - reach_ns)
        ]
        return min(likely, key=lambda one: (_rank(one), abs(one.t0_ns - crossed_ns)), default=None)

    def lasting(self, t_ns: int, least_ns: int) -> Iterator[Episode]:
        """The device's own limits that have been in force for so long."""
        return (one for one in self.mechanisms.in_force() if t_ns - one.t0_ns >= least_ns)

    def silence(self) -> str:
        """What the platform says while something is slow and no limit is near."""
        ordinary = self.mechanisms.ordinary
        counted = f"; oc3 counted {ordinary} more, as it does under ordinary load" if ordinary else ""
        if self.mechanisms.tells:
            return f"the platform says that no limit is in force{counted}"
        return f"this device tells of no limit{counted}"


def weak(cause: Episode) -> bool:
    """Whether it often is in force while nothing is slower."""
    return _rank(cause) in {_UNKNOWN_RANK, _RANKS[Reason.MEMORY]}


def _rank(episode: Episode) -> int:
    return _RANKS.get(episode.reason, _UNKNOWN_RANK)


def _ordinary(episode: Episode, mechanisms: Mechanisms, t0_ns: int, t1_ns: int) -> bool:
    """A power limit that engages now and then in any case."""
    if episode.reason not in POWERS:
        return False
    return mechanisms.times(episode.limit, t0_ns, t1_ns) >= _ORDINARY_TIMES
