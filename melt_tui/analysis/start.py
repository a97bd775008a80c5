"""How warm a device was when a run began, and what had been done so that it was not: every figure stands beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

from drivers.clock import SECOND
from drivers.model import Channel, ChannelKey, Quantity
from melt_tui import format as fmt
from melt_tui.analysis.recorded import Channels, Recorded
from melt_tui.analysis.runevents import RunEvents
from melt_tui.events import Wait
from melt_tui.measures.heat import STILL_K_PER_MIN, WARM_K, ThermalStart, cool, slope, thermal_state
from melt_tui.measures.sensors import meant

_BEFORE_S = 60
_LEAST_S = 20
"""Less than that before a run tells nothing of where the temperature was going."""
_KINDS = (
    "soc",
    "skin",
    "battery",
)
"""What stands for a device, best first."""
_COLUMNS = 240
_AT_ONCE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The thermal state in which a run began. What is not known is None, with the reason in ``why``."""

    thermal: ThermalStart
    why: str
    sensor: str | None
    celsius: float | None
    lowest_c: float | None
    """The lowest that it had been in the session before."""
    change_k_per_min: float | None
    """Over the minute before, or as much of it as is known; above 0 it got warmer."""
    limits: str
    """In force then: the platform's word, a reason, or ``none``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FairSummary:
    """What was done so that the run can be compared with others. What was not asked for is None."""

    variant: str | None
    settings: str | None
    place: int
    """In its series, from 1."""
    planned: int
    order: str | None
    gate: str | None
    gate_met: bool | None
    gate_waited_s: float | None
    cooldown: str | None
    cooled_s: float | None
    ceiling: str | None
    safety_stop: str | None
    """Why it was stopped for safety."""
    until: str | None
    steady: bool | None
    """Whether it ended since its rate was steady."""


def start_of(recording: Recorded, channels: Channels, events: RunEvents) -> Start:
    """Of one run."""
    look = _Look(recording, channels, events)
    thermal, why = look.judged()
    return Start(
        thermal=thermal,
        why=why,
        sensor=look.sensor.name if look.sensor else None,
        celsius=look.celsius,
        lowest_c=look.lowest_c,
        change_k_per_min=look.change,
        limits=look.limits,
    )


def fair_of(events: RunEvents) -> FairSummary:
    """Of one run, as it was asked for and as it went."""
    fair = events.spec.fair
    gate = next((one for one in events.waited if one.why is Wait.GATE), None)
    cooled = next((one for one in events.waited if one.why is Wait.COOLDOWN), None)
    return FairSummary(
        variant=fair.variant or None,
        settings=fair.settings or None,
        place=fair.place,
        planned=fair.planned,
        order=fair.order or None,
        gate=fair.gate or None,
        gate_met=gate.met if gate else None,
        gate_waited_s=gate.waited_s if gate else None,
        cooldown=fair.cooldown or None,
        cooled_s=cooled.waited_s if cooled else None,
        ceiling=fair.ceiling or None,
        safety_stop=events.safety.reason if events.safety else None,
        until=fair.until or None,
        steady=events.steady is not None if fair.until else None,
    )


def start_lines(start: Start, fair: FairSummary) -> Iterator[str]:
    """For people: a line on the state, one on what was waited for, where anything was."""
    at = (
        f" at {start.celsius:.1f} °C ({fmt.plain(fmt.words(start.sensor), 40)})"
        if start.celsius and start.sensor
        else ""
    )
    yield f"began {start.thermal}{at}: {start.why}"
    parts = list(_fair_parts(fair))
    if parts:
        yield fmt.whole("; ".join(parts))


def _fair_parts(fair: FairSummary) -> Iterator[str]:
    if fair.planned > 1:
        name = f"variant {fair.variant} ({fair.settings}), " if fair.variant else ""
        yield f"{name}run {fair.place} of {fair.planned}" + (f", in order {fair.order}" if fair.order else "")
    if fair.cooled_s is not None:
        yield f"cooled down for {fmt.seconds(fair.cooled_s)}"
    if fair.gate is not None:
        how = {True: "met", False: "not met", None: "not waited for"}[fair.gate_met]
        waited = (
            f" after {fmt.seconds(fair.gate_waited_s)}" if (fair.gate_waited_s or 0.0) > _AT_ONCE_S else ""
        )
        yield f"gate {fair.gate} {how}{waited}"
    if fair.ceiling is not None:
        yield f"ceiling {fair.ceiling}" + (f": {fair.safety_stop}" if fair.safety_stop else "")
    if fair.until is not None:
        yield "lasted until it was steady" if fair.steady else "never was steady"


class _Look:
    """The time before one run."""

    def __init__(self, recording: Recorded, channels: Channels, events: RunEvents) -> None:
        self._recording = recording
        self._t0_ns = events.started.t_ns
        self._view = recording.view(self._t0_ns)
        force = self._view.limits.get(events.started.device, ())
        self.limits = thermal_state(force)
        self._cool = cool(force)
        self.sensor: Channel | None = None
        self.celsius: float | None = None
        self.change: float | None = None
        self.lowest_c: float | None = None
        self._known_s = 0.0
        own = channels.of(events.started.device)
        for word in _KINDS:
            sensor = meant(word, [one for one in own if one.quantity is not Quantity.LIMIT_LEVEL])
            if sensor is not None and self._read(sensor):
                self.sensor = sensor
                return

    def judged(self) -> tuple[ThermalStart, str]:
        """The state, and why."""
        if not self._cool:
            return ThermalStart.THROTTLED, f"{self.limits} was in force"
        if self.celsius is None:
            return ThermalStart.UNKNOWN, "no sensor of the device had told a temperature"
        if self.lowest_c is not None and self.celsius - self.lowest_c > WARM_K:
            return ThermalStart.WARM, f"{self.celsius - self.lowest_c:.1f} K above where it had been before"
        if self.change is None:
            return ThermalStart.UNKNOWN, f"only {self._known_s:.0f} s before it were recorded"
        if abs(self.change) > STILL_K_PER_MIN:
            went = "rose" if self.change > 0 else "fell"
            return ThermalStart.WARM, f"it {went} by {abs(self.change):.1f} K/min"
        return ThermalStart.COLD, f"it changed by {abs(self.change):.1f} K/min, no limit in force"

    def _read(self, sensor: Channel) -> bool:
        """Whether it told anything shortly before the run."""
        t0_ns, key = self._t0_ns, sensor.key
        last = self._view.readings.get(key)
        if last is None or last.t_ns < t0_ns - _BEFORE_S * SECOND:
            return False
        before = self._means(key, t0_ns - _BEFORE_S * SECOND, _BEFORE_S)
        self.celsius = last.value
        self._known_s = (last.t_ns / SECOND - before[0][0]) if before else 0.0
        if self._known_s >= _LEAST_S:
            per_s = slope([t for t, _ in before], [value for _, value in before])
            self.change = None if per_s is None else 60 * per_s
        ever = self._means(key, self._recording.span()[0], _COLUMNS)
        self.lowest_c = min([last.value, *(value for _, value in ever)])
        return True

    def _means(self, key: ChannelKey, from_ns: int, columns: int) -> list[tuple[float, float]]:
        """Of the time before the run: second and mean of each column that lies in it whole."""
        seen = self._recording.window(key, from_ns, self._t0_ns, columns)
        return [
            (start_ns / SECOND, mean)
            for start_ns, mean in zip(seen.starts_ns, seen.means, strict=True)
            if start_ns + seen.width_ns <= self._t0_ns and not isnan(mean)
        ]
