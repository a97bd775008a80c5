"""What platforms say of limits, by device: which were in force at a moment, and which engaged near it."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from drivers.clock import SECOND
from drivers.events import LimitEngaged, LimitReleased
from drivers.model import Channel, ChannelKey, Quantity, Samples, code_struct
from melt_tui.measures.heat import COOL_BREAKERS, Reason

LEVELS = ("NONE", "LIGHT", "MODERATE", "SEVERE", "CRITICAL", "EMERGENCY", "SHUTDOWN")
"""Thermal status in Android's words."""
_STEP_HOLDS_NS = 5 * SECOND
"""A counter of protection steps while it acts: so long after its last step it acts no more."""
_KEPT = 256
_ORDINARY = "oc3"
"""It climbs under ordinary load: reported, and no alarm."""
_CAP_SHARE = 0.995


class Sort(StrEnum):
    """How a mechanism's channel is read."""

    CAP = "cap"
    LEVEL = "level"
    COUNTER = "counter"
    PRESSURE = "pressure"


SORTS: Mapping[Quantity, Sort] = {
    Quantity.FREQUENCY_CAP: Sort.CAP,
    Quantity.LIMIT_LEVEL: Sort.LEVEL,
    Quantity.THROTTLE_COUNT: Sort.COUNTER,
    Quantity.MEMORY_PRESSURE: Sort.PRESSURE,
}


@dataclass(slots=True)
class Episode:
    """A limit's stay: from its rising edge until it was released, or nothing more was known of it."""

    limit: str
    reason: str
    detail: str
    t0_ns: int
    t1_ns: int | None = None

    def in_force(self, t_ns: int) -> bool:
        """Whether it was at that moment."""
        return self.t0_ns <= t_ns and (self.t1_ns is None or t_ns <= self.t1_ns)


@dataclass(slots=True)
class _Gauge:
    """A channel that tells of a mechanism."""

    channel: Channel
    sort: Sort
    reason: str
    last: float | None = None
    base: float | None = None
    """Of a level: where it rests; of a cap: what it is compared with."""
    stepped_ns: int | None = None
    still: bytes = b""
    """The codes of the last block, if all of them were alike."""


class Mechanisms:
    """The limits of one device, from its events and from the channels that tell of them."""

    def __init__(self, pressure_percent: float) -> None:
        self._pressure = pressure_percent
        self._gauges: dict[ChannelKey, _Gauge] = {}
        self._open: dict[str, Episode] = {}
        self._episodes: deque[Episode] = deque(maxlen=_KEPT)
        self.cool = True
        """No thermal limit and no lowered cap is in force."""
        self.changes = 0
        """How many limits that end the cool part have engaged so far."""
        self.ordinary = 0
        """Steps of the counter that climbs under ordinary load."""

    @property
    def status_told(self) -> bool:
        """Whether the platform tells a thermal status at all."""
        return any("status" in gauge.channel.name for gauge in self._gauges.values())

    @property
    def tells(self) -> bool:
        """Whether the device tells of limits at all, as far as anybody has heard."""
        return bool(self._episodes) or any(one.sort is not Sort.PRESSURE for one in self._gauges.values())

    def open(self, channel: Channel) -> None:
        """Know a channel from now on; it may be announced anew."""
        sort = SORTS.get(channel.quantity)
        if sort is not None:
            known = self._gauges.get(channel.key)
            gauge = _Gauge(channel, sort, _reason_of(channel, sort))
            if known is not None:
                gauge.last, gauge.base = known.last, known.base
            self._gauges[channel.key] = gauge

    def begin_run(self) -> None:
        """What the caps are now is what they are compared with, unless they are lowered already."""
        for gauge in self._gauges.values():
            if gauge.sort is Sort.CAP and gauge.channel.name not in self._open and gauge.last is not None:
                gauge.base = max(gauge.last, gauge.base or gauge.last)

    def tells_nothing(self, samples: Samples) -> bool:
        """Whether a block of a channel that was opened says what the one before it said throughout, as most do."""
        gauge = self._gauges[samples.device, samples.channel]
        return samples.codes == gauge.still and gauge.stepped_ns is None

    def take(self, samples: Samples, shift_ns: int) -> None:
        """A block of a channel that was opened; its times are moved by ``shift_ns`` to the host's."""
        gauge = self._gauges[samples.key]
        value, coder = gauge.channel.decoding.value, code_struct(samples.dtype)
        codes: Iterable[tuple[Any, ...]] = coder.iter_unpack(samples.codes)
        alike = samples.codes == samples.codes[: coder.size] * samples.n
        gauge.still = samples.codes if alike else b""
        for i, (code,) in enumerate(codes):
            told = value(code)
            if (told != gauge.last or gauge.stepped_ns is not None) and isfinite(told):
                self._read(gauge, samples.time_at(i) + shift_ns, told)

    def engaged(self, event: LimitEngaged) -> None:
        """The platform says so; said again with another depth it goes on."""
        detail = event.detail
        self._engage(event.limit, event.reason, detail, event.t_ns)

    def released(self, event: LimitReleased) -> None:
        """It is over."""
        self._release(event.limit, event.t_ns)

    def forget(self, t_ns: int) -> None:
        """The device is away, or is there again: nothing is known until it is told anew."""
        for limit in list(self._open):
            self._release(limit, t_ns)
        for gauge in self._gauges.values():
            gauge.last = gauge.stepped_ns = None
            gauge.still = b""

    def hot(self) -> Episode | None:
        """The first limit in force that ends the cool part."""
        return next((one for one in self._open.values() if one.reason in COOL_BREAKERS), None)

    def in_force(self) -> tuple[Episode, ...]:
        """All that are now, by when they engaged."""
        return tuple(self._open.values())

    def near(self, t_ns: int, reach_ns: int) -> Iterator[Episode]:
        """Those in force at that moment, and those that engaged within ``reach_ns`` before or after it."""
        over = (one for one in self._episodes if one.t1_ns is not None)
        return (
            one
            for one in (*self._open.values(), *over)
            if one.in_force(t_ns) or abs(one.t0_ns - t_ns) <= reach_ns
        )

    def times(self, limit: str, t0_ns: int, t1_ns: int) -> int:
        """How often that limit engaged in that time."""
        return sum(one.limit == limit and t0_ns <= one.t0_ns <= t1_ns for one in self._episodes)

    def _read(self, gauge: _Gauge, t_ns: int, told: float) -> None:
        was, gauge.last = gauge.last, told
        if gauge.sort is Sort.CAP:
            self._cap(gauge, t_ns, was, told)
        elif gauge.sort is Sort.LEVEL:
            self._level(gauge, t_ns, told)
        elif gauge.sort is Sort.COUNTER:
            self._count(gauge, t_ns, was, told)
        else:
            self._set(gauge, t_ns, f"{told:.0f} %", on=told >= self._pressure)

    def _cap(self, gauge: _Gauge, t_ns: int, was: float | None, told: float) -> None:
        gauge.base = told if gauge.base is None else gauge.base
        lowered = told < _CAP_SHARE * gauge.base
        detail = f"{_gigahertz(was or gauge.base)} → {_gigahertz(told)}"
        self._set(gauge, t_ns, detail, on=lowered)

    def _level(self, gauge: _Gauge, t_ns: int, told: float) -> None:
        if gauge.base is None:
            gauge.base = told if gauge.channel.name.startswith("cooling") else 0.0
        self._set(gauge, t_ns, _level_name(gauge.channel.name, told), on=told > gauge.base)

    def _count(self, gauge: _Gauge, t_ns: int, was: float | None, told: float) -> None:
        step = 0.0 if was is None else told - was
        if step > 0 and gauge.channel.name.startswith(_ORDINARY):
            self.ordinary += int(step)
        elif step > 0:
            gauge.stepped_ns = t_ns
            self._engage(gauge.channel.name, gauge.reason, f"counted {step:.0f} more", t_ns)
        elif gauge.stepped_ns is not None and t_ns - gauge.stepped_ns >= _STEP_HOLDS_NS:
            gauge.stepped_ns = None
            self._release(gauge.channel.name, t_ns)

    def _set(self, gauge: _Gauge, t_ns: int, detail: str, *, on: bool) -> None:
        if on:
            self._engage(gauge.channel.name, gauge.reason, detail, t_ns)
        else:
            self._release(gauge.channel.name, t_ns)

    def _engage(self, limit: str, reason: str, detail: str, t_ns: int) -> None:
        known = self._open.get(limit)
        if known is not None and known.reason == reason:
            known.detail = detail or known.detail
            return
        self._release(limit, t_ns)
        episode = self._open[limit] = Episode(limit, reason, detail, t_ns)
        self._episodes.append(episode)
        self.changes += reason in COOL_BREAKERS
        self.cool = self.hot() is None

    def _release(self, limit: str, t_ns: int) -> None:
        episode = self._open.pop(limit, None)
        if episode is not None:
            episode.t1_ns = max(episode.t0_ns, t_ns)
            self.cool = self.hot() is None


def _reason_of(channel: Channel, sort: Sort) -> str:
    if sort is Sort.CAP:
        return Reason.SYSTEM
    if sort is Sort.PRESSURE:
        return Reason.MEMORY
    power = channel.name.startswith("oc") or "power" in channel.name
    return Reason.POWER if sort is Sort.COUNTER and power else Reason.THERMAL


def _level_name(name: str, level: float) -> str:
    place = int(level)
    return LEVELS[place] if "status" in name and 0 <= place < len(LEVELS) else f"state {level:g}"


def _gigahertz(hertz: float) -> str:
    return f"{hertz / 1e9:.2f} GHz"
