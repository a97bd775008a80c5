"""A body that warms and a governor that slows it: two heat stores, and six ways to hold a clock down.

Everything in seconds, °C, W and parts of the highest clock. Nothing here knows of a platform or of tokens.
"""

from dataclasses import dataclass, field
from typing import Protocol

STEP_S = 0.1
"""The pace of the physics; the smallest time constant is some seconds."""

CLOCK_POWER = 2.4
"""Power goes with the clock to this power: voltage falls with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Die and case, J/K, W/K and °C."""

    die_jk: float
    case_jk: float
    die_to_case_wk: float
    case_to_air_wk: float
    air_c: float
    leak: float = 0.004
    """Part of the power that comes on top for each K above the air."""


class Heat:
    """Temperatures of a body."""

    def __init__(self, body: Body, above_air_k: float = 0.0) -> None:
        self.body = body
        self.die_c = self.case_c = body.air_c + above_air_k

    def step(self, watts: float, dt_s: float = STEP_S) -> float:
        """Let time pass at that power; what leakage makes of it."""
        body = self.body
        drawn = watts * (1 + body.leak * (self.die_c - body.air_c))
        across = body.die_to_case_wk * (self.die_c - self.case_c)
        self.die_c += (drawn - across) * dt_s / body.die_jk
        self.case_c += (across - body.case_to_air_wk * (self.case_c - body.air_c)) * dt_s / body.case_jk
        return drawn


def after(body: Body, watts: float, seconds: float) -> tuple[float, float]:
    """Die and case after so long at that power, from cold."""
    heat = Heat(body)
    for _ in range(round(seconds / STEP_S)):
        heat.step(watts)
    return heat.die_c, heat.case_c


@dataclass(frozen=True, slots=True)
class Felt:
    """What a governor sees."""

    t_s: float
    die_c: float
    case_c: float
    watts: float


class Governor(Protocol):
    """Decides on the clock."""

    cap: float
    """The clock, as a part of the highest."""
    status: int
    """As Android has it, 0…3."""
    alert: bool
    """Heat holds the clock down now."""
    power_alert: bool
    """The power does."""

    def step(self, felt: Felt) -> None:
        """One ``STEP_S`` later."""
        ...


@dataclass(slots=True)
class Free:
    """Never anything."""

    cap: float = 1.0
    status: int = 0
    alert: bool = False
    power_alert: bool = False

    def step(self, felt: Felt) -> None:
        """Nothing."""


@dataclass(slots=True)
class Staged:
    """Stages by temperature, each with its clock: falls at once, comes back below a margin and after a while."""

    trips_c: tuple[float, ...]
    caps: tuple[float, ...]
    """Of no stage, and of each."""
    by_case: bool = False
    margin_k: float = 4.0
    hold_s: float = 5.0
    slows: bool = True
    """Off: it tells its stages and leaves the clock alone."""
    cap: float = 1.0
    status: int = 0
    alert: bool = False
    power_alert: bool = False
    _since_s: float = 0.0

    def step(self, felt: Felt) -> None:
        """One stage up at a time, half a second apart; one down when it was cool enough for long enough."""
        temperature, held_s = felt.case_c if self.by_case else felt.die_c, felt.t_s - self._since_s
        up = self.status < len(self.trips_c) and temperature >= self.trips_c[self.status]
        down = self.status > 0 and temperature < self.trips_c[self.status - 1] - self.margin_k
        if up and held_s >= 0.5:
            self._go(self.status + 1, felt.t_s)
        elif down and held_s >= self.hold_s:
            self._go(self.status - 1, felt.t_s)

    def _go(self, status: int, t_s: float) -> None:
        self.status, self._since_s = status, t_s
        self.alert = status > 0
        if self.slows:
            self.cap = self.caps[status]


@dataclass(slots=True)
class Creeping:
    """Holds the die at a temperature by taking the clock back little by little, in steps of its table."""

    target_c: float
    gain: float
    """Part of the clock for each K above, each second."""
    floor: float
    light_below: float = 0.85
    """Of the clock: the status is LIGHT below it."""
    cap: float = 1.0
    status: int = 0
    alert: bool = False
    power_alert: bool = False
    _level: float = 1.0

    def step(self, felt: Felt) -> None:
        """Moves by what the die is off, and to the next of 24 clocks."""
        self._level -= self.gain * (felt.die_c - self.target_c) * STEP_S
        self._level = min(1.0, max(self.floor, self._level))
        self.cap = round(self._level * 24) / 24
        self.alert = self.cap < 1.0
        self.status = int(self.cap < self.light_below)


@dataclass(slots=True)
class Budget:
    """More power than that for a while, then no more than that."""

    watts: float
    tau_s: float
    full_w: float
    """Drawn at the highest clock."""
    cap: float = 1.0
    status: int = 0
    alert: bool = False
    power_alert: bool = False
    _mean_w: float = 0.0

    def step(self, felt: Felt) -> None:
        """By the moving average, with a little room before it is let go."""
        self._mean_w += (felt.watts - self._mean_w) * STEP_S / self.tau_s
        over = self._mean_w > self.watts * (0.97 if self.power_alert else 1.0)
        self.power_alert = over
        self.cap = min(1.0, (self.watts / self.full_w) ** (1 / CLOCK_POWER)) if over else 1.0


@dataclass(slots=True)
class Timed:
    """Somebody lowers the cap for a while: a power mode, a battery that is nearly empty."""

    spans_s: tuple[tuple[float, float], ...]
    low: float
    by_power: bool = False
    cap: float = 1.0
    status: int = 0
    alert: bool = False
    power_alert: bool = field(default=False)

    def step(self, felt: Felt) -> None:
        """By the clock on the wall."""
        held = any(a <= felt.t_s < b for a, b in self.spans_s)
        self.cap = self.low if held else 1.0
        self.power_alert = held and self.by_power
