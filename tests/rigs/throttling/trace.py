"""A trace: a plan played through physics and engine, as the items of a session in the order of the bus, and its truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from drivers.base import Item
from drivers.clock import MILLISECOND, SECOND
from drivers.events import ChannelsOpened, ClockMeasured
from drivers.model import DeviceInfo, DeviceKind, RunSpec, Samples
from melt_tui.events import (
    SELF,
    DeviceConnecting,
    DeviceLost,
    DeviceUp,
    RunEnded,
    RunOutcome,
    RunStarted,
    SessionEnded,
    SessionStarted,
    Tick,
)
from tests.rigs.throttling.engine import Activity, Engine
from tests.rigs.throttling.physics import CLOCK_POWER, STEP_S, Felt, Heat
from tests.rigs.throttling.plan import Plan, Progress
from tests.rigs.throttling.telling import Platform, State
from tests.rigs.throttling.truth import Truth, tell
from tests.rigs.throttling.voice import RUN, RunVoice

BEFORE_S = 6.0
"""The session begins so long before the run."""
TICK_NS = SECOND // 4
NAMES = {DeviceKind.PHONE: "phone", DeviceKind.BOARD: "jetson", DeviceKind.HOST: "host"}


@dataclass(frozen=True, slots=True)
class Trace:
    """What passed on the bus, and what was true."""

    timed: tuple[tuple[int, Item], ...]
    """Host time at which each item is published; in order."""
    truth: Truth
    device: str
    progress: Progress

    @property
    def items(self) -> Iterator[Item]:
        """In order."""
        return (item for _, item in self.timed)

    @property
    def duty(self) -> float:
        """Share of the run in which tokens come."""
        return sum(self.progress.decoding) / max(1, len(self.progress.decoding))

    @property
    def seconds(self) -> float:
        """From run's start to its end."""
        return (self.truth.run_ns[1] - self.truth.run_ns[0]) / SECOND


def play(plan: Plan, rng: np.random.Generator) -> Trace:
    """Play it. The same plan and state of ``rng``: the same trace."""
    return _Player(plan, rng).play()


@dataclass(slots=True)
class _Drift:
    """Slow wander of the speed: a first-order process."""

    spread: float
    tau_s: float
    rng: np.random.Generator
    value: float = 0.0
    _drawn: list[float] = field(default_factory=list)

    def step(self) -> float:
        if not self._drawn:
            self._drawn = self.rng.standard_normal(1024).tolist()
        part = STEP_S / self.tau_s
        self.value += -self.value * part + self.spread * (2 * part) ** 0.5 * self._drawn.pop()
        return 1 + self.value


class _Player:
    def __init__(self, plan: Plan, rng: np.random.Generator) -> None:
        self._plan = plan
        self._rng = rng
        self._device = NAMES[plan.machine.kind]
        self._start_ns = int(rng.integers(1_000, 900_000)) * SECOND + int(rng.integers(SECOND))
        self._timed: list[tuple[int, Item]] = []
        self._heat = Heat(plan.machine.body, plan.machine.above_air_k)
        self._drift = _Drift(plan.noise.wander, plan.noise.wander_tau_s, rng)
        self._ripple = _Drift(0.05, 4.0, rng)
        self._voice = RunVoice(plan, self._device, self._start_ns, self._own, rng, self._publish)
        overhead = plan.machine.prefill_more_s * plan.machine.prefill_tps
        self._engine = Engine(plan.work, plan.noise, overhead, rng, self._voice)
        self._progress = Progress()
        self._pressure = 0.0
        self._platform = self._opened(-BEFORE_S)
        self._away = False
        self._drawn = plan.machine.idle_w

    def play(self) -> Trace:
        self._begin()
        k = -round(BEFORE_S / STEP_S)
        while self._engine.activity is not Activity.OVER:
            self._step(k)
            k += 1
        end_ns = self._timed[-1][0] + 20 * MILLISECOND
        self._publish(end_ns, RunEnded(t_ns=end_ns, device=self._device, run=RUN, outcome=RunOutcome.DONE))
        for later in range(30):
            self._step(k + later)
        self._end()
        self._timed.sort(key=lambda one: one[0])
        truth = tell(self._plan, self._progress, (self._start_ns, end_ns))
        return Trace(tuple(self._timed), truth, self._device, self._progress)

    def _begin(self) -> None:
        at_ns = self._at(-BEFORE_S)
        started = SessionStarted(t_ns=at_ns, device=SELF, wall_ns=at_ns, name="corpus", version="0", host="")
        self._timed.insert(0, (at_ns, started))
        spec = RunSpec(run=RUN, device=self._device, runtime="llama_server", model=None, workload=None)
        self._publish(
            self._start_ns, RunStarted(t_ns=self._start_ns, device=self._device, run=RUN, spec=spec)
        )
        self._voice.opened()

    def _end(self) -> None:
        last_ns = max(t_ns for t_ns, _ in self._timed)
        for t_ns in range(self._at(-BEFORE_S) + TICK_NS, last_ns + TICK_NS, TICK_NS):
            self._publish(t_ns, Tick(t_ns=t_ns, device=SELF))
        if self._plan.clock_s:
            for t_ns in range(self._at(-BEFORE_S) + 50 * MILLISECOND, last_ns, 60 * SECOND):
                self._publish(t_ns, self._measured(t_ns))
        end_ns = last_ns + TICK_NS
        self._publish(end_ns, SessionEnded(t_ns=end_ns, device=SELF, wall_ns=end_ns))

    def _step(self, k: int) -> None:
        t_s, machine = k * STEP_S, self._plan.machine
        governor = machine.governor
        governor.step(Felt(t_s, self._heat.die_c, self._heat.case_c, self._drawn_w))
        memory, other, extra_w = self._taken(t_s)
        limited = governor.cap**machine.by_clock * memory
        prefill = governor.cap * memory
        pace = self._drift.step()
        activity = self._engine.activity
        self._note(t_s, limited, prefill, other, memory, pressed=memory < 1)
        if t_s >= 0:
            self._engine.advance(
                t_s,
                STEP_S,
                machine.prefill_tps * prefill * other * pace,
                machine.decode_tps * limited * other * pace,
                machine.half_context,
            )
        self._warm(activity, governor.cap, extra_w)
        self._sample(k, t_s, activity, memory, other)

    def _note(
        self, t_s: float, limited: float, prefill: float, other: float, memory: float, *, pressed: bool
    ) -> None:
        if t_s < 0:
            return
        machine, progress = self._plan.machine, self._progress
        progress.t_s.append(t_s)
        progress.decoding.append(self._engine.activity is Activity.DECODE)
        progress.limited.append(limited)
        progress.prefill.append(prefill)
        progress.slowed.append(other)
        progress.tps.append(
            machine.decode_tps * limited * other / (1 + self._engine.context / machine.half_context)
        )
        progress.limit_on.append(machine.governor.cap < 1 or pressed)

    def _taken(self, t_s: float) -> tuple[float, float, float]:
        """What is left by short memory, what by other processes, and what those draw."""
        memory, other, watts, ripple = 1.0, 1.0, 0.0, self._ripple.step() - 1
        for one in self._plan.slowings:
            if not one.span_s[0] <= t_s < one.span_s[1]:
                continue
            factor = min(1.0, max(0.2, one.factor + one.ripple * ripple / 0.05))
            memory, other = (memory * factor, other) if one.memory else (memory, other * factor)
            watts += one.watts
        return memory, other, watts

    @property
    def _drawn_w(self) -> float:
        machine = self._plan.machine
        slowed = float(machine.governor.cap**CLOCK_POWER)
        return self._watts_of(self._engine.activity) * slowed + machine.idle_w

    def _watts_of(self, activity: Activity) -> float:
        machine = self._plan.machine
        return {Activity.DECODE: machine.decode_w, Activity.PREFILL: machine.prefill_w}.get(activity, 0.0)

    def _warm(self, activity: Activity, cap: float, extra_w: float) -> None:
        machine = self._plan.machine
        self._drawn = self._heat.step(machine.idle_w + self._watts_of(activity) * cap**CLOCK_POWER + extra_w)

    def _sample(self, k: int, t_s: float, activity: Activity, memory: float, other: float) -> None:
        if any(a <= t_s < b for a, b in self._plan.gaps_s):
            self._lose(t_s)
            return
        if self._away:
            self._away = False
            self._platform = self._opened(t_s)
        told = any(one.memory and one.told for one in self._plan.slowings)
        self._pressure += ((90 * (1 - memory) if told else 0.0) - self._pressure) * STEP_S / 10
        governor, busy = self._plan.machine.governor, activity in {Activity.DECODE, Activity.PREFILL}
        state = State(
            t_s=t_s,
            die_c=self._heat.die_c,
            case_c=self._heat.case_c,
            watts=self._drawn,
            cap=governor.cap,
            status=governor.status,
            alert=governor.alert,
            power_alert=governor.power_alert,
            cpu_percent=(60.0 if busy else 4.0) + (35.0 if other < 1 else 0.0),
            pressure_percent=round(self._pressure, 2),
            free_bytes=9e7 if memory < 1 else 4e9,
        )
        t_ns = self._at(t_s) + int(self._rng.integers(8 * MILLISECOND))
        bus_ns = t_ns + 3 * MILLISECOND
        for item in self._platform.sample(k, t_ns, state):
            self._publish(bus_ns, self._stamped(item))

    def _stamped(self, item: Item) -> Item:
        """At the device's own time, where its channel is of that clock."""
        own = getattr(item, "channel", None) in self._own_names
        if not own or not isinstance(item, Samples):
            return item
        t_ns = self._own(item.t0_ns)
        return item._replace(t0_ns=t_ns, t1_ns=t_ns)

    def _lose(self, t_s: float) -> None:
        if self._away:
            return
        self._away = True
        length_s = min(b - a for a, b in self._plan.gaps_s)
        t_ns = self._at(t_s) + round(float(self._rng.uniform(0.02, min(4.0, length_s / 2))) * SECOND)
        self._publish(t_ns, DeviceLost(t_ns=t_ns, device=self._device, reason="the link broke"))
        self._publish(
            t_ns,
            DeviceConnecting(t_ns=t_ns, device=self._device, address="adb:phone", retry_ns=t_ns + SECOND),
        )

    def _opened(self, t_s: float) -> Platform:
        plan, t_ns = self._plan, self._at(t_s) + MILLISECOND
        platform = Platform(
            plan.machine.kind,
            self._device,
            plan.telling,
            self._rng,
            plan.noise.sensor_k,
            own_clock=bool(plan.clock_s),
        )
        info = DeviceInfo(device=self._device, address=f"adb:{self._device}", kind=plan.machine.kind)
        self._own_names = {channel.name for channel in platform.channels if channel.own_clock}
        self._publish(t_ns, DeviceUp(t_ns=t_ns, device=self._device, info=info))
        self._publish(t_ns, ChannelsOpened(t_ns=t_ns, device=self._device, channels=tuple(platform.channels)))
        return platform

    def _measured(self, t_ns: int) -> ClockMeasured:
        off_ns = t_ns - self._own(t_ns) + int(self._rng.integers(-MILLISECOND, MILLISECOND))
        return ClockMeasured(
            t_ns=t_ns,
            device=self._device,
            offset_ns=off_ns,
            uncertainty_ns=2 * MILLISECOND,
            origin="round trip",
        )

    def _own(self, t_ns: int) -> int:
        """The device's own clock at that host time."""
        drift_ns = round((t_ns - self._start_ns) * self._plan.drift_ppm * 1e-6)
        return t_ns - round(self._plan.clock_s * SECOND) - drift_ns

    def _publish(self, at_ns: int, item: Item) -> None:
        self._timed.append((at_ns, item))

    def _at(self, t_s: float) -> int:
        return self._start_ns + round(t_s * SECOND)
