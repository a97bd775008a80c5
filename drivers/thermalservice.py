"""What ``dumpsys thermalservice`` says. Pure: any text in, nothing raised.

Source: AOSP ``ThermalManagerService.dump`` and ``android.hardware.thermal`` (types). Only what stands below ``… from
HAL:`` is now; the cached section above it goes stale (66.5 °C has been seen as 37.0).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

from drivers import linux
from drivers.model import Quantity

STATUS_NAMES = ("NONE", "LIGHT", "MODERATE", "SEVERE", "CRITICAL", "EMERGENCY", "SHUTDOWN")
"""Of the thermal status, 0…6."""

ITEM_LIMIT = 64
"""Sensors, cooling devices and thresholds that are read at most, of each."""


class Sensor(IntEnum):
    """What a temperature is of: ``TemperatureType`` of the thermal HAL, as far as it tells quantities apart."""

    UNKNOWN = -1
    CPU = 0
    GPU = 1
    BATTERY = 2
    SKIN = 3
    USB_PORT = 4
    POWER_AMPLIFIER = 5
    BCL_VOLTAGE = 6
    BCL_CURRENT = 7
    BCL_PERCENTAGE = 8
    NPU = 9
    TPU = 10
    DISPLAY = 11
    MODEM = 12
    SOC = 13
    AMBIENT = 18


_NO_TEMPERATURE = {Sensor.UNKNOWN, Sensor.BCL_VOLTAGE, Sensor.BCL_CURRENT, Sensor.BCL_PERCENTAGE}
"""Battery-limit figures in mV, mA and percent; and vendors' own sensors, which may be in any unit, some differences."""

_QUANTITIES = {
    Sensor.CPU: Quantity.TEMPERATURE,
    Sensor.GPU: Quantity.TEMPERATURE,
    Sensor.NPU: Quantity.TEMPERATURE,
    Sensor.TPU: Quantity.TEMPERATURE,
    Sensor.SOC: Quantity.TEMPERATURE,
    Sensor.BATTERY: Quantity.BATTERY_TEMPERATURE,
    Sensor.SKIN: Quantity.SKIN_TEMPERATURE,
    Sensor.AMBIENT: Quantity.AMBIENT_TEMPERATURE,
}

FAN = 0
"""``CoolingType`` whose value is turns per minute."""
COMPUTING = frozenset({2, 3, 5, 6, 7})
"""Cooling types that slow what computes: processor, GPU, NPU, a component, TPU."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor now."""

    name: str
    quantity: Quantity
    celsius: float | None
    """None: the sensor is absent or has no value now."""
    status: int
    limit: float | None = None
    """The lowest of its throttling thresholds, in °C."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """One cooling device now: 0 is at rest."""

    name: str
    kind: int
    value: int


@dataclass(frozen=True, slots=True)
class Thermal:
    """The whole answer."""

    answered: bool
    """It is a dump of the thermal service, not an error text."""
    ready: bool
    """Its HAL is there; without it nothing below means anything."""
    overridden: bool
    """Somebody set the status by a test command."""
    status: int | None
    temperatures: tuple[Temperature, ...] = ()
    coolings: tuple[Cooling, ...] = ()


def parse(text: str) -> Thermal:
    """Lines that are cut short are left out, and so is everything that is no temperature."""
    status = _line(text, "Thermal Status: ")
    known = status is not None and status in _STATUSES
    if _line(text, "HAL Ready: ") != "true":
        answered = known or "HAL Ready:" in text
        return Thermal(answered, ready=False, overridden=False, status=None)
    limits = _limits(text.partition("Temperature static thresholds from HAL:\n")[2])
    shift = 1 if _is_samsung(text) else 0
    return Thermal(
        answered=True,
        ready=True,
        overridden=_line(text, "IsStatusOverride: ") == "true",
        status=int(status) if status is not None and known else None,
        temperatures=tuple(_temperatures(_section(text, "Current temperatures from HAL:"), limits, shift)),
        coolings=tuple(_coolings(_section(text, "Current cooling devices from HAL:"))),
    )


_STATUSES = frozenset("0123456")


def _is_samsung(text: str) -> bool:
    """Whether it goes by Samsung's own service, whose types are counted from 1."""
    at = text.find("Sdhms connected:")
    return at >= 0 and not text[text.rfind("\n", 0, at) + 1 : at].strip()


def _line(text: str, title: str) -> str | None:
    """What stands after the title of the first line that begins with it; None without one."""
    start = 0 if text.startswith(title) else text.find(f"\n{title}") + 1
    if start == 0 and not text.startswith(title):
        return None
    end = text.find("\n", start)
    return text[start + len(title) : None if end < 0 else end].rstrip()


_LINE_LIMIT = 300
"""Characters of a line, at most: the longest name and all around it."""
_NUMBER = r"[+-]?[0-9]{1,7}(?:[.,][0-9]{1,9})?(?:E[+-]?[0-9]{1,2})?"
_TEMPERATURE = re.compile(
    rf"Temperature\{{mValue=({_NUMBER}), mType=(-?[0-9]{{1,3}}), mName=([^{{}}]{{1,200}}), mStatus=([0-6])\}}"
)
_COOLING = re.compile(r"CoolingDevice\{mValue=([0-9]{1,9}), mType=([0-9]{1,3}), mName=([^{}]{1,200})\}")
_THRESHOLD = re.compile(
    r"TemperatureThreshold\{mType=-?[0-9]{1,3}, mName=([^{}]{1,200}), mHotThrottlingThresholds=\[([^\]]{1,400})\]"
)


def _section(text: str, title: str) -> list[str]:
    """The indented lines below a title, as far as they are whole."""
    return _indented(text.partition(f"{title}\n")[2])


def _indented(rest: str) -> list[str]:
    lines: list[str] = []
    for line in rest.splitlines(keepends=True):
        if not line.startswith((" ", "\t")) or not line.endswith("\n") or len(lines) >= ITEM_LIMIT:
            break
        lines.append(line.strip())
    return lines


def _temperatures(lines: list[str], limits: Mapping[str, float], shift: int) -> Iterator[Temperature]:
    for line in lines:
        told = _temperature(line, shift) if len(line) <= _LINE_LIMIT else None
        if told is not None:
            limit = limits.get(told.name)
            yield told if limit is None else replace(told, limit=limit)


@lru_cache(2048)
def _temperature(line: str, shift: int) -> Temperature | None:
    """Sensors say the same again and again."""
    match = _TEMPERATURE.fullmatch(line)
    if match is None:
        return None
    title = _name(match[3])
    kind = _kind(int(match[2]) - shift, title)
    if kind in _NO_TEMPERATURE or not title:
        return None
    quantity = Quantity.OTHER_TEMPERATURE
    if kind is not None:
        quantity = _QUANTITIES.get(kind, quantity)
    return Temperature(title, quantity, degrees(number(match[1])), int(match[4]))


def _kind(code: int, title: str) -> Sensor | None:
    """By the code, unless a name like ``TYPE_SKIN`` says it in words; None for one that is of something else."""
    named = title.removeprefix("TYPE_") if title.startswith("TYPE_") else ""
    if named in Sensor.__members__:
        return Sensor[named]
    return Sensor(code) if code in set(Sensor) else None


def _coolings(lines: list[str]) -> Iterator[Cooling]:
    for line in lines:
        told = _cooling(line) if len(line) <= _LINE_LIMIT else None
        if told is not None:
            yield told


@lru_cache(1024)
def _cooling(line: str) -> Cooling | None:
    match = _COOLING.fullmatch(line)
    if match is None or not (title := _name(match[3])):
        return None
    return Cooling(title, int(match[2]), int(match[1]))


@lru_cache(64)
def _limits(table: str) -> Mapping[str, float]:
    """Of each sensor the lowest temperature at which a status above NONE begins. The same table comes again and again."""
    limits: dict[str, float] = {}
    for line in _indented(table):
        match = _THRESHOLD.match(line)
        if match is None:
            continue
        steps = [linux.threshold(_millidegrees(word)) for word in match[2].split(", ")[1:]]
        known = [step for step in steps if step is not None]
        if known:
            limits[_name(match[1])] = min(known)
    return limits


@lru_cache(1024)
def _name(text: str) -> str:
    return linux.name(text)


def _millidegrees(word: str) -> str | None:
    value = number(word)
    return None if value is None else str(round(value * 1000))


def number(word: str) -> float | None:
    """A decimal number, its point written as a point or, in some locales, as a comma; None for NaN and the rest."""
    return float(word.replace(",", ".")) if re.fullmatch(_NUMBER, word) else None


def degrees(value: float | None) -> float | None:
    """A temperature; exactly 0, -99.9 and what no phone survives stand for an absent sensor."""
    if value is None or linux.celsius(str(round(value * 1000))) is None:
        return None
    return value
