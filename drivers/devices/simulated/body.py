"""One simulated machine: its physics, stepped by time on a fixed grid. Pure: no clock, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, sqrt

from drivers.clock import MILLISECOND, SECOND
from drivers.devices.simulated.bodies import Spec
from drivers.devices.simulated.engine import Activity, Engine, EngineOptions, Speeds
from drivers.devices.simulated.governor import Governor, Status
from drivers.devices.simulated.noise import Noise
from drivers.devices.simulated.thermal import AMBIENT, ThermalNetwork

STEP_NS = 50 * MILLISECOND
COARSE_NS = SECOND // 2
"""Step while more than ``COARSE_AFTER_NS`` have to be made up for: nobody looked meanwhile."""
COARSE_AFTER_NS = 10 * SECOND

_SERIES_OHM = 0.08


class CueKind(StrEnum):
    """What a script can do to a machine."""

    CABLE = "cable"
    """1: the cable is plugged in; 0: it is pulled."""
    STATUS = "status"
    """The governor's status, whatever the temperature; None gives it back to the temperature."""
    HOT_PLATE = "hot plate"
    """Something of that temperature in °C is pressed on the SoC; None takes it away."""


@dataclass(frozen=True, slots=True)
class Cue:
    """At that time after the world's start this happens to the machine of that name."""

    at_s: float
    body: str
    kind: CueKind
    value: float | None


class Body:
    """A machine at a moment. Only ``advance`` lets time pass; a moment before the last one changes nothing."""

    def __init__(
        self,
        spec: Spec,
        noise: Noise,
        start_ns: int,
        cues: Sequence[Cue] = (),
        *,
        decode_tps: float | None = None,
    ) -> None:
        self.spec = spec
        self.noise = noise
        self.start_ns = start_ns
        self.connected = True
        self.governor = Governor(spec.thresholds_c, spec.policies)
        self.power_w = spec.idle_w
        self.gauge_w = spec.idle_w
        """What the battery's own gauge says: a mean, refreshed every 2 to 3 s."""
        self.gauge_ns = start_ns
        """When it was refreshed."""
        self.fan = 0.0
        """Fraction of its full speed."""
        self.engines: dict[int, Engine] = {}
        self._decode_tps = decode_tps or spec.decode_tps
        self._thermal = ThermalNetwork(spec.capacities, spec.conductances, spec.ambient_c)
        for _ in range(8):
            self._thermal.settle(self._heat(spec.idle_w))
            self._cool(seconds=1.0)
        self._t_ns = start_ns
        self._cues = sorted(cues, key=lambda cue: cue.at_s)
        self._contact: dict[str, tuple[float, float]] = {}
        self._drained_j = 0.0
        self._gauge_j = 0.0
        self._refreshes = 0
        self._next_pid = 4100
        self._actions = {
            CueKind.CABLE: self._set_cable,
            CueKind.STATUS: self._set_status,
            CueKind.HOT_PLATE: self._set_hot_plate,
        }

    def advance(self, t_ns: int) -> None:
        """Let time pass until the last step at or before ``t_ns``."""
        while self._t_ns + STEP_NS <= t_ns:
            step_ns = COARSE_NS if t_ns - self._t_ns > COARSE_AFTER_NS else STEP_NS
            self._step(step_ns)

    @property
    def temperatures(self) -> Mapping[str, float]:
        """By node, in °C."""
        return self._thermal.temperatures

    @property
    def status(self) -> Status:
        """Of the governor."""
        return self.governor.status

    @property
    def battery_percent(self) -> float:
        """What is left, 0…100; 100 without a battery."""
        if self.spec.battery_wh is None:
            return 100.0
        return max(0.0, self.spec.battery_percent - 100 * self._drained_j / (3600 * self.spec.battery_wh))

    @property
    def memory_available(self) -> float:
        """Bytes that a new process could have."""
        taken = sum(engine.rss_anon + engine.rss_file for engine in self.engines.values())
        return max(0.0, self.spec.memory_bytes - self.spec.used_bytes - taken)

    @property
    def cpu_percent(self) -> float:
        """Of all cores together, 0…100."""
        return {Activity.IDLE: 3.0, Activity.LOAD: 14.0}.get(self.activity, 100 * (1 - 1 / self.spec.cores))

    @property
    def activity(self) -> Activity:
        """The heaviest thing that any engine does."""
        return max((engine.activity for engine in self.engines.values()), default=Activity.IDLE)

    def terminals(self, t_ns: int) -> tuple[float, float]:
        """Volts and amperes at the battery's terminals, with the ripple of work; positive current leaves it."""
        power_w = self.power_w * (1 + 0.02 * self.noise.normal("terminals", t_ns - self.start_ns))
        open_v = 3.55 + 0.0072 * self.battery_percent
        volts = (open_v + sqrt(max(0.0, open_v**2 - 4 * power_w * _SERIES_OHM))) / 2
        return volts, power_w / volts

    def start_engine(self, options: EngineOptions, t_ns: int) -> tuple[int, Engine]:
        """A new process that loads its model: its pid and the engine in it."""
        self._next_pid += 7
        self.advance(t_ns)
        engine = Engine(options, self._speeds, self.noise, t_ns)
        self.engines[self._next_pid] = engine
        return self._next_pid, engine

    def end_engine(self, pid: int, returncode: int) -> None:
        """That process is gone, if it was still there."""
        engine = self.engines.pop(pid, None)
        if engine is not None:
            engine.end(returncode)

    def _speeds(self) -> Speeds:
        policy = self.spec.policies[-1]
        clock = (self.governor.frequency(len(self.spec.policies) - 1) / policy.top) ** 0.9
        share = clock / max(1, sum(engine.activity > Activity.LOAD for engine in self.engines.values()))
        return Speeds(
            load_bps=self.spec.load_bps,
            prefill_tps=self.spec.prefill_tps * share,
            decode_tps=self._decode_tps * share,
            default_weights=self.spec.weights_bytes,
            context_half=self.spec.context_half,
            kv_bytes=self.spec.kv_bytes,
            buffers_bytes=self.spec.buffers_bytes,
        )

    def _step(self, step_ns: int) -> None:
        self._t_ns += step_ns
        seconds = step_ns / SECOND
        self._play(self._t_ns)
        busy = self.activity > Activity.IDLE
        self.governor.step(seconds, self.temperatures["soc"], busy=busy)
        self.power_w = self._power() * (1 + 0.015 * self.noise.normal("power", self._t_ns - self.start_ns))
        self._cool(seconds)
        self._thermal.step(seconds, self._heat(self.power_w), self._contact)
        self._drain(seconds)

    def _play(self, t_ns: int) -> None:
        while self._cues and self.start_ns + round(self._cues[0].at_s * SECOND) <= t_ns:
            cue = self._cues.pop(0)
            self._actions[cue.kind](cue.value)

    def _power(self) -> float:
        spec = self.spec
        policy = spec.policies[-1]
        clock = self.governor.frequency(len(spec.policies) - 1) / policy.top
        voltage = spec.least_voltage + (1 - spec.least_voltage) * clock
        work_w = {Activity.IDLE: 0.0, Activity.LOAD: spec.load_w, Activity.PREFILL: spec.prefill_w}
        active_w = work_w.get(self.activity, spec.decode_w)
        leak_w = spec.leak_w * exp((self.temperatures["soc"] - 50) / 45)
        return spec.idle_w + leak_w + active_w * clock * voltage**2

    def _heat(self, power_w: float) -> dict[str, float]:
        return {node: share * power_w for node, share in self.spec.heat_shares.items()}

    def _cool(self, seconds: float) -> None:
        if self.spec.fan_rpm is None:
            return
        target = min(1.0, max(0.0, (self.temperatures["soc"] - 42) / 30))
        self.fan += (target - self.fan) * min(1.0, seconds / 3)
        self._thermal.set_conductance(
            "sink", AMBIENT, self.spec.conductances["sink", AMBIENT] + 0.3 * self.fan
        )

    def _drain(self, seconds: float) -> None:
        self._drained_j += self.power_w * seconds
        self._gauge_j += self.power_w * seconds
        since_ns = self._t_ns - self.gauge_ns
        if since_ns >= (2 + self.noise.uniform("gauge period", self._refreshes)) * SECOND:
            error = 1 + 0.01 * self.noise.normal("gauge", self._refreshes)
            self.gauge_w = self._gauge_j / (since_ns / SECOND) * error
            self.gauge_ns, self._gauge_j = self._t_ns, 0.0
            self._refreshes += 1

    def _set_cable(self, value: float | None) -> None:
        self.connected = bool(value)
        if not self.connected:
            for pid in list(self.engines):
                self.end_engine(pid, -9)

    def _set_status(self, value: float | None) -> None:
        self.governor.pinned = None if value is None else Status(int(value))

    def _set_hot_plate(self, value: float | None) -> None:
        self._contact = {} if value is None else {"soc": (value, 1.0)}
