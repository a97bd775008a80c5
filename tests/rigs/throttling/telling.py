"""What a platform lets one know of a machine: the channels of its real driver, and its limits as that driver tells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drivers.base import Item
from drivers.devices.android import channels as android
from drivers.devices.host import channels as host
from drivers.devices.jetson import channels as jetson
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Channel, DeviceKind, Quantity, reading
from tests.rigs.throttling.plan import Telling

SECOND = 1_000_000_000
STATUSES = ("NONE", "LIGHT", "MODERATE", "SEVERE")
THERMAL, POWER, SYSTEM, CURRENT = "thermal", "power limit", "operating-system cap", "current limit"
QUIET_S = 5.0
"""So long without a step, and a counter's limit is taken to be over."""
OWN_CLOCK = frozenset({Quantity.TEMPERATURE, Quantity.FREQUENCY_CAP, Quantity.LIMIT_LEVEL})
"""Stamped on the device, where its clock is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The machine at one moment."""

    t_s: float
    die_c: float
    case_c: float
    watts: float
    cap: float
    status: int
    alert: bool
    power_alert: bool
    cpu_percent: float
    pressure_percent: float
    free_bytes: float


Told = tuple[Channel, float] | LimitEngaged | LimitReleased


class Limits:
    """Which limits this opening of the device has told of."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._told: dict[str, str] = {}

    def set(self, t_ns: int, limit: str, reason: str, detail: str, *, on: bool) -> Iterator[Item]:
        """Tell it, when it begins, changes or ends."""
        before = self._told.get(limit, "")
        if (detail if on else "") == before:
            return
        if on:
            self._told[limit] = detail
            yield LimitEngaged(t_ns=t_ns, device=self._device, limit=limit, reason=reason, detail=detail)
        else:
            del self._told[limit]
            yield LimitReleased(t_ns=t_ns, device=self._device, limit=limit, detail=detail)


@dataclass(slots=True)
class Cap:
    """A channel with a frequency's upper bound, against that of when the device was opened."""

    channel: Channel
    limit: str
    top_hz: float
    start_hz: float | None = None

    def tell(self, t_ns: int, part: float, limits: Limits) -> Iterator[Item]:
        hz = round(self.top_hz * part / 1e7) * 1e7
        yield reading(self.channel, t_ns, hz)
        self.start_hz = hz if self.start_hz is None else self.start_hz
        detail = f"{self.start_hz / 1e9:.2f} → {hz / 1e9:.2f} GHz"
        yield from limits.set(t_ns, self.limit, SYSTEM, detail, on=hz < self.start_hz)


@dataclass(slots=True)
class Count:
    """A counter of protection."""

    channel: Channel
    reason: str
    rate_hz: float
    alarm: bool = True
    total: int = 0
    _stepped_s: float | None = None

    def tell(self, t_ns: int, t_s: float, step: int, limits: Limits) -> Iterator[Item]:
        self.total += step
        yield reading(self.channel, t_ns, self.total)
        if not self.alarm:
            return
        self._stepped_s = t_s if step else self._stepped_s
        quiet = self._stepped_s is None or t_s - self._stepped_s >= QUIET_S
        yield from limits.set(t_ns, self.channel.name, self.reason, "counted more", on=not quiet)


class Platform:
    """One opening of a device: its channels, and what each tenth of a second brings."""

    def __init__(
        self,
        kind: DeviceKind,
        device: str,
        telling: Telling,
        rng: np.random.Generator,
        sensor_k: float,
        *,
        own_clock: bool,
    ) -> None:
        self._telling = telling
        self._rng = rng
        self._sensor_k = sensor_k
        self._own_clock = own_clock
        self._limits = Limits(device)
        self._device = device
        self._kind = kind
        self._stuck: dict[str, float] = {}
        self._caps: list[Cap] = []
        self._counts: list[Count] = []
        {DeviceKind.PHONE: self._phone, DeviceKind.BOARD: self._board, DeviceKind.HOST: self._host}[kind]()

    @property
    def channels(self) -> Sequence[Channel]:
        """All of them."""
        made = (self.die, self.case, self.power, self.cpu, self.memory)
        extra = [one for one in (self.pressure, self.status) if one is not None]
        return (
            *made,
            *extra,
            *self.coolers,
            *(c.channel for c in self._caps),
            *(c.channel for c in self._counts),
        )

    def sample(self, k: int, t_ns: int, state: State) -> Iterator[Item]:
        """What is read in tenth ``k`` at that time."""
        fast = self._kind is DeviceKind.PHONE or k % 2 == 0
        if fast:
            yield reading(self.die, t_ns, self._felt(self.die, state, state.die_c))
            yield from self._capped(t_ns, state)
            yield from self._counted(t_ns, state)
        if k % 5 == 0:
            yield reading(self.cpu, t_ns, state.cpu_percent)
            yield reading(self.memory, t_ns, int(state.free_bytes))
            yield reading(self.power, t_ns, self._watts(state))
        if k % 10 == 0:
            yield reading(self.case, t_ns, self._felt(self.case, state, state.case_c))
            if self.pressure is not None:
                yield reading(self.pressure, t_ns, state.pressure_percent)
        if k % (10 if self._kind is DeviceKind.PHONE else 2) == 0:
            yield from self._held(t_ns, state)

    def _felt(self, channel: Channel, state: State, celsius: float) -> float:
        told, name = self._telling, channel.name
        if told.stuck_c is not None:
            return told.stuck_c
        felt = round(celsius + self._sensor_k * float(self._rng.standard_normal()), 1)
        if told.stuck_s is None or state.t_s < told.stuck_s:
            self._stuck[name] = felt
        return self._stuck.get(name, felt)

    def _watts(self, state: State) -> float:
        watts = state.watts * (1 + 0.02 * float(self._rng.standard_normal()))
        scale = self.power.decoding.pieces[0][1]
        return watts if scale == 1.0 else round(watts / scale)

    def _capped(self, t_ns: int, state: State) -> Iterator[Item]:
        for i, cap in enumerate(self._caps):
            part = state.cap if self._telling.caps else 1.0
            if i > 0:
                part = min(1.0, part + 0.08)
            if i == len(self._caps) - 1 and i > 0:
                part = 0.8 if self._telling.little_caps and state.alert else 1.0
            yield from cap.tell(t_ns, part, self._limits)

    def _counted(self, t_ns: int, state: State) -> Iterator[Item]:
        for count in self._counts:
            acts = state.alert if count.reason == THERMAL else state.power_alert
            rate_hz = count.rate_hz if acts and count.alarm else 0.0
            rate_hz = self._telling.peaks_hz if not count.alarm else rate_hz
            rate_hz += self._telling.blinks_hz if count.reason == THERMAL else 0.0
            step = int(self._rng.poisson(rate_hz * 0.2)) if rate_hz else 0
            yield from count.tell(t_ns, state.t_s, step, self._limits)

    def _held(self, t_ns: int, state: State) -> Iterator[Item]:
        """Status, cooling devices, and a limit of current."""
        told = self._telling
        if self.status is not None:
            status = state.status if told.status else 0
            yield reading(self.status, t_ns, status)
            yield from self._limits.set(t_ns, "thermal status", THERMAL, STATUSES[status], on=status > 0)
        for cooler in self.coolers:
            level = self._level(state)
            yield reading(cooler, t_ns, level)
            yield from self._limits.set(t_ns, cooler.name, THERMAL, f"state {level}", on=level > 0)
        if told.current:
            yield from self._limits.set(t_ns, told.current, CURRENT, "over its limit", on=state.power_alert)

    def _level(self, state: State) -> int:
        if not state.alert:
            return 0
        return round((1 - state.cap) * 12) if self._kind is DeviceKind.PHONE else 1

    def _own(self, channel: Channel) -> Channel:
        own = self._own_clock and channel.quantity in OWN_CLOCK
        return replace(channel, own_clock=True) if own else channel

    def _phone(self) -> None:
        name = self._device
        self.die = self._own(android.ZONES[Quantity.TEMPERATURE].of(name, "cpu-1-3-usr"))
        self.case = android.SENSORS[Quantity.SKIN_TEMPERATURE].of(name, "skin")
        self.power = android.BATTERY["power"].of(name)
        self.cpu = android.CPU_USE.of(name, "use policy4")
        self.memory = android.MEMORY_AVAILABLE.of(name)
        self.pressure: Channel | None = None
        self.status: Channel | None = self._own(android.THERMAL_STATUS.of(name))
        coolers = self._telling.coolers and self._telling.status
        self.coolers = [self._own(android.COOLING.of(name, "cooling cpu-7"))] if coolers else []
        if self._telling.caps or self._telling.little_caps:
            tops = (("policy7", 3.19e9), ("policy4", 2.84e9), ("policy0", 2.02e9))
            self._caps = [
                Cap(self._own(android.FREQUENCY_CAP.of(name, f"cap {one}")), f"cpu cap {one}", hz)
                for one, hz in tops
            ]

    def _board(self) -> None:
        name = self._device
        self.die = self._own(jetson.TEMPERATURES[Quantity.TEMPERATURE].of(name, "tj-thermal"))
        self.case = jetson.TEMPERATURES[Quantity.OTHER_TEMPERATURE].of(name, "board")
        self.power = jetson.TOLD_RAIL.of(name, "VDD_IN", point="board-input")
        self.cpu, self.memory = jetson.CPU.of(name), jetson.MEMORY_AVAILABLE.of(name)
        self.pressure = jetson.MEMORY_PRESSURE.of(name)
        self.status = None
        alerts = ("cpu-throttle-alert", "gpu-throttle-alert") if self._telling.coolers else ()
        self.coolers = [self._own(jetson.COOLING.of(name, one)) for one in alerts]
        self._caps = [
            Cap(self._own(jetson.CAP.of(name, "cap gpu")), "gpu cap", 0.918e9),
            Cap(self._own(jetson.CAP.of(name, "cap policy0")), "cpu cap policy0", 1.984e9),
        ]
        if self._telling.counters:
            rows = (("oc1_event_cnt", 0.0, True), ("oc2_event_cnt", 9.0, True), ("oc3_event_cnt", 0.0, False))
            self._counts = [
                Count(jetson.OVERCURRENT_COUNT.of(name, one), POWER, hz, alarm) for one, hz, alarm in rows
            ]

    def _host(self) -> None:
        name = self._device
        self.die = self._own(host.TEMPERATURES[Quantity.TEMPERATURE].of(name, "x86_pkg_temp"))
        self.case = host.TEMPERATURES[Quantity.OTHER_TEMPERATURE].of(name, "acpitz")
        self.power, self.cpu = host.RAPL_POWER.of(name, "package", point="package"), host.CPU.of(name)
        self.memory, self.pressure = host.MEMORY_AVAILABLE.of(name), host.MEMORY_PRESSURE.of(name)
        self.status, self.coolers = None, []
        self._caps = [Cap(self._own(host.FREQUENCY_CAP.of(name, "cap policy0")), "cpu cap policy0", 4.7e9)]
        if self._telling.counters:
            rows = (("package_throttle_count", THERMAL, 6.0), ("package_power_limit_count", POWER, 20.0))
            self._counts = [Count(host.THROTTLE_COUNT.of(name, one), reason, hz) for one, reason, hz in rows]
