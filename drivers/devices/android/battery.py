"""What a phone says of its battery, and how its current gauge is to be read. Pure: any text in, nothing raised.

Sources: AOSP ``BatteryService.dump`` and ``BatteryManager``; the kernel's sysfs-class-power; Samsung's own lines. The
current of a gauge is in µA or mA, positive into the battery or out of it, as the vendor pleases: ``Gauge`` finds out.
"""

import re
from dataclasses import dataclass, replace
from enum import IntEnum

from drivers import linux
from drivers.clock import SECOND


class Status(IntEnum):
    """``BatteryManager.BATTERY_STATUS_*``."""

    UNKNOWN = 1
    CHARGING = 2
    DISCHARGING = 3
    NOT_CHARGING = 4
    FULL = 5


_STATUSES = frozenset(Status)
_STATUS_WORDS = {
    "Charging": Status.CHARGING,
    "Discharging": Status.DISCHARGING,
    "Not charging": Status.NOT_CHARGING,
    "Full": Status.FULL,
}
_PLUGS = ("AC", "USB", "Wireless", "Dock")


_LEAST_LEVEL = 20
"""Percent: below it the level is too coarse to tell from it what the whole holds."""
_ONE_CELL_V = 5.0


@dataclass(frozen=True, slots=True)
class Battery:
    """What was said, in SI units. What was not said, or cannot be, is None."""

    status: Status = Status.UNKNOWN
    plug: str = ""
    """What it is fed by: ``USB``, ``AC``, ``Wireless``, ``Dock``; empty when by nothing."""
    level: float | None = None
    """Percent."""
    volts: float | None = None
    celsius: float | None = None
    counter_uah: int | None = None
    """Charge in the battery, as the gauge counts it."""
    current: int | None = None
    """As the gauge gives it: neither its unit nor its sign is known here. 0 is a failed read: None."""
    frozen: bool = False
    """Somebody stopped the updates: none of it is true now."""

    @property
    def told(self) -> bool:
        """Whether anything was said at all."""
        return self.level is not None or self.volts is not None


def from_dumpsys(text: str) -> Battery:
    """From ``dumpsys battery``, Samsung's with ``current now`` included; a line that is cut short is left out."""
    fields = _fields(text)
    scale = linux.integer(fields.get("scale")) or 100
    level = linux.integer(fields.get("level"))
    percent = None if level is None else level * 100 / scale
    return Battery(
        status=_status(linux.integer(fields.get("status"))),
        plug=next((plug for plug in _PLUGS if fields.get(f"{plug} powered") == "true"), ""),
        level=percent if percent is not None and 0 <= percent <= 100 else None,
        volts=volts(linux.integer(fields.get("voltage"))),
        celsius=linux.tenths_celsius(fields.get("temperature")),
        counter_uah=_counter(fields.get("Charge counter")),
        current=gauge_reading(fields.get("current now")),
        frozen="UPDATES STOPPED" in text,
    )


SYSFS_FIELDS = ("status", "capacity", "voltage_now", "current_now", "temp", "charge_counter")
"""Files of ``/sys/class/power_supply/battery`` in the order that ``from_sysfs`` takes them."""


def from_sysfs(texts: tuple[str, ...]) -> Battery:
    """From the files of ``SYSFS_FIELDS``, one line each; empty for one that gave nothing."""
    status, capacity, voltage, current, temperature, counter = texts
    return Battery(
        status=_STATUS_WORDS.get(status.strip(), Status.UNKNOWN),
        level=linux.percent(capacity),
        volts=volts(linux.integer(voltage)),
        celsius=linux.tenths_celsius(temperature),
        counter_uah=_counter(counter),
        current=gauge_reading(current),
    )


def full(told: Battery) -> str:
    """What the battery holds when it is full, and from what that follows; empty where it cannot be told well."""
    if told.counter_uah is None or told.level is None or told.level < _LEAST_LEVEL:
        return ""
    volts = linux.CELL_V * (2 if (told.volts or 0) > _ONE_CELL_V else 1)
    watt_hours = told.counter_uah / 1e6 * 100 / told.level * volts
    return f"{watt_hours:.1f} Wh, by its charge counter and level, at {volts:g} V"


def gauge_reading(text: str | None) -> int | None:
    """A current as a gauge gives it; 0, and what no phone's battery carries, is a failed read."""
    value = linux.integer(text)
    return value if value is not None and 0 < abs(value) < 30_000_000 else None


def volts(value: int | None) -> float | None:
    """Of one cell or two, told in mV or in µV; None for what neither is."""
    if value is None:
        return None
    for scale in (1e3, 1e6):
        if 2 <= value / scale <= 20:
            return value / scale
    return None


def _fields(text: str) -> dict[str, str]:
    """``name: value`` lines that are whole; the first of a name counts."""
    found: dict[str, str] = {}
    for line in text.split("\n")[:-1]:
        name, colon, value = line.partition(":")
        name, value = name.strip(" \t"), value.strip(" \t\r")
        if colon and len(value) <= _VALUE_LIMIT and _NAME.fullmatch(name):
            found.setdefault(name, value)
    return found


_NAME = re.compile("[A-Za-z][A-Za-z ]{1,30}")
_VALUE_LIMIT = 40


def _status(code: int | None) -> Status:
    return Status(code) if code in _STATUSES else Status.UNKNOWN


def _counter(text: str | None) -> int | None:
    """µAh; 0 and less is what gauges without a counter say."""
    value = linux.integer(text)
    return value if value is not None and 0 < value < 10**9 else None


# --- the gauge ------------------------------------------------------------------------------------------------------

_SURELY_MICRO = 20_000
"""A reading above is in µA: no phone carries 20 A."""
_SURELY_DRAWN_MA = 20
"""A phone that is being asked draws more."""
_STALE_NS = 10 * SECOND
"""A gauge shows old figures for up to 7 s."""
_STEP_UAH = 2_000
"""So far the charge counter has to move before it is believed."""
_LIKENESS = 3.0
"""A mean current and the counter's slope agree when neither is this many times the other."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """How to read a gauge's current, as far as that is known by now.

    The unit: µA when a reading is above what mA could be; mA when a battery that runs down gives less. The sign: of a
    reading while the battery runs down. Either: the charge counter, when it moved far enough while the sign stood.
    """

    unit_a: float | None = None
    """Ampere of one step: 1e-6 or 1e-3; None until that is known."""
    leaving: int | None = None
    """Sign of a reading when current leaves the battery: 1 or -1; None until that is known."""
    anchor: "_Anchor | None" = None
    doubted_ns: int | None = None
    """Since when a battery that runs down has shown current that enters: a figure from before it was unplugged, or the
    sign was learned from one."""


@dataclass(frozen=True, slots=True)
class _Anchor:
    """Since when the readings have had one sign, and the integral of them since, in steps times seconds."""

    t_ns: int
    counter_uah: int
    sign: int
    last_ns: int
    integral: float


SAMSUNG = Gauge(unit_a=1e-3, leaving=-1)
"""``current now`` in Samsung's ``dumpsys battery``: mA, positive into the battery."""


def learn(gauge: Gauge, t_ns: int, battery: Battery) -> Gauge:
    """What is known of the gauge after this reading."""
    raw = battery.current
    if raw is None:
        return gauge
    sign = 1 if raw > 0 else -1
    unit_a, leaving = gauge.unit_a, gauge.leaving
    if abs(raw) >= _SURELY_MICRO:
        unit_a = 1e-6
    doubted_ns = None
    if battery.status is Status.DISCHARGING:
        if leaving is not None and sign != leaving:
            doubted_ns = t_ns if gauge.doubted_ns is None else gauge.doubted_ns
        if doubted_ns is None or t_ns - doubted_ns > _STALE_NS:
            leaving, doubted_ns = sign, None
        unit_a = unit_a or (1e-3 if abs(raw) >= _SURELY_DRAWN_MA else None)
    known = replace(gauge, unit_a=unit_a, leaving=leaving, doubted_ns=doubted_ns)
    return known if known.unit_a and known.leaving else _weigh(known, t_ns, raw, battery.counter_uah)


def amperes(gauge: Gauge, battery: Battery) -> float | None:
    """The current, positive = leaving the battery; None while its unit or its direction is not known.

    While a battery charges, a positive reading of a gauge nobody knows is taken for current that enters, as Android's
    documents have it; a negative one may be another vendor's charging or a load above what the charger gives: None.
    """
    raw = battery.current
    if raw is None or gauge.unit_a is None:
        return None
    if gauge.leaving is not None:
        return None if gauge.doubted_ns is not None else raw * gauge.leaving * gauge.unit_a
    if battery.status is Status.CHARGING and raw > 0:
        return -raw * gauge.unit_a
    return None


def _weigh(gauge: Gauge, t_ns: int, raw: int, counter_uah: int | None) -> Gauge:
    """Unit and sign by the counter: it falls while current leaves, by as much as the mean current says."""
    anchor = gauge.anchor
    sign = 1 if raw > 0 else -1
    if counter_uah is None:
        return replace(gauge, anchor=None)
    if anchor is None or anchor.sign != sign or t_ns < anchor.last_ns:
        return replace(gauge, anchor=_Anchor(t_ns, counter_uah, sign, t_ns, 0.0))
    integral = anchor.integral + abs(raw) * (t_ns - anchor.last_ns) / SECOND
    step_uah = counter_uah - anchor.counter_uah
    if abs(step_uah) < _STEP_UAH:
        return replace(gauge, anchor=replace(anchor, last_ns=t_ns, integral=integral))
    unit_a = gauge.unit_a or _unit(abs(step_uah) * 3600e-6, integral)
    leaving = sign if step_uah < 0 else -sign
    return Gauge(unit_a, leaving if unit_a else gauge.leaving, _Anchor(t_ns, counter_uah, sign, t_ns, 0.0))


def _unit(coulombs: float, integral: float) -> float | None:
    for unit_a in (1e-6, 1e-3):
        if integral * unit_a / _LIKENESS < coulombs < integral * unit_a * _LIKENESS:
            return unit_a
    return None
