"""The governor: heat decides a status, stepwise and with hysteresis; the status decides how fast cores may run."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

HYSTERESIS_C = 4.0
RISE_S = 0.5
"""A status holds at least this long before the next higher one."""
FALL_S = 2.0
"""And this long before the next lower one."""
SLEW_S = 0.15
"""A core takes this long from one frequency to the next lower one."""


class Status(IntEnum):
    """Thermal status, in Android's words and numbers."""

    NONE = 0
    LIGHT = 1
    MODERATE = 2
    SEVERE = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """Cores that share a frequency: what they can run at, and what they may under each status. All in Hz."""

    name: str
    frequencies: tuple[float, ...]
    """Ascending."""
    caps: tuple[float, float, float, float]
    """By status; the first is the highest frequency."""

    @property
    def top(self) -> float:
        """The highest frequency."""
        return self.frequencies[-1]


class Governor:
    """Steps the status by temperature and lets each policy's frequency follow its cap."""

    def __init__(self, thresholds_c: Sequence[float], policies: Sequence[Policy]) -> None:
        self.status = Status.NONE
        self.pinned: Status | None = None
        """A script's decision, which goes before the temperature's."""
        self.policies = tuple(policies)
        self._thresholds = tuple(thresholds_c)
        self._held_s = 0.0
        self._slewed_s = 0.0
        self._indices = [0] * len(self.policies)

    def step(self, seconds: float, temperature_c: float, *, busy: bool) -> None:
        """Let time pass at that temperature; ``busy`` cores run as fast as they may, idle ones as slow as they can."""
        self._held_s += seconds
        self._slewed_s += seconds
        wanted = self._wanted(temperature_c) if self.pinned is None else self.pinned
        if wanted != self.status:
            self.status = wanted
            self._held_s = 0.0
        falls = self._slewed_s >= SLEW_S
        if falls:
            self._slewed_s = 0.0
        for i, policy in enumerate(self.policies):
            target = self._target(policy) if busy else 0
            now = self._indices[i]
            self._indices[i] = target if target >= now else now - falls

    def frequency(self, i: int) -> float:
        """What policy ``i`` runs at, in Hz."""
        return self.policies[i].frequencies[self._indices[i]]

    def cap(self, i: int) -> float:
        """What policy ``i`` may run at, in Hz."""
        return self.policies[i].caps[self.status]

    def _wanted(self, temperature_c: float) -> Status:
        level = int(self.status)
        if level < len(self._thresholds) and temperature_c >= self._thresholds[level]:
            return Status(level + 1) if self._held_s >= RISE_S else self.status
        if level > 0 and temperature_c < self._thresholds[level - 1] - HYSTERESIS_C:
            return Status(level - 1) if self._held_s >= FALL_S else self.status
        return self.status

    def _target(self, policy: Policy) -> int:
        cap = policy.caps[self.status]
        return max(i for i, hz in enumerate(policy.frequencies) if hz <= cap or i == 0)
