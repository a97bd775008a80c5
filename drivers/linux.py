"""What the kernel's files say, as numbers. Pure: text in, a value out, None for what is not one.

Sources: the kernel's Documentation/hwmon/sysfs-interface, Documentation/ABI (sysfs-class-thermal, -power, -powercap),
Documentation/accounting/psi, proc(5). Every function takes any text, also a hostile one, and never raises.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from drivers.model import Quantity

NAME_LIMIT = 48
"""Characters of a name that a sensor, chip or supply gives itself."""

_SHORT = 24
"""Characters of what is worth keeping: most files say what they said a moment ago."""

_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,19})\s*")
_COLDEST_C, _HOTTEST_C = -55.0, 127.0
_LEAST_LIMIT_C = 30.0


def integer(text: str | None) -> int | None:
    """A file that holds one whole number."""
    return None if text is None else _integer(text) if len(text) <= _SHORT else _integer.__wrapped__(text)


@lru_cache(maxsize=4096)
def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    return int(match[1]) if match else None


def celsius(text: str | None) -> float | None:
    """Millidegrees as °C. Exactly 0, and what no chip survives, is a sentinel: None."""
    value = integer(text)
    if value is None or value == 0:
        return None
    degrees = value / 1000
    return degrees if _COLDEST_C < degrees < _HOTTEST_C else None


def tenths_celsius(text: str | None) -> float | None:
    """A battery's tenths of a degree as °C, under the same rule."""
    value = integer(text)
    return None if value is None else celsius(str(value * 100))


def threshold(text: str | None) -> float | None:
    """Millidegrees of a threshold as °C; None where it is out of any reason and so was never set."""
    degrees = celsius(text)
    return degrees if degrees is not None and degrees >= _LEAST_LIMIT_C else None


def rpm(text: str | None) -> float | None:
    """Turns per minute of a fan; 0 stands for standing still, 65535 for no fan."""
    value = integer(text)
    return float(value) if value is not None and 0 <= value < 65535 else None


def microwatts(text: str | None) -> float | None:
    """A power in µW as W; negative ones and those above 10 kW are faults."""
    value = integer(text)
    return value / 1e6 if value is not None and 0 <= value < 10**10 else None


def kilohertz(text: str | None) -> float | None:
    """A frequency in kHz as Hz; 0 and those above 100 GHz are faults."""
    value = integer(text)
    return value * 1e3 if value is not None and 0 < value < 10**8 else None


def percent(text: str | None) -> float | None:
    """A whole percentage, 0…100."""
    value = integer(text)
    return float(value) if value is not None and 0 <= value <= 100 else None


def pressure(text: str | None) -> float | None:
    """``some avg10`` of ``/proc/pressure/memory``, in percent."""
    match = re.search(r"^some avg10=([0-9]{1,3}(?:\.[0-9]{1,4})?) ", text or "", re.MULTILINE)
    value = float(match[1]) if match else None
    return value if value is not None and value <= 100 else None


def name(text: str | None, fallback: str = "") -> str:
    """A name from outside: printable, on one line, of at most ``NAME_LIMIT`` characters."""
    printable = "".join(char if char.isprintable() else " " for char in text or "")
    return " ".join(printable.split())[:NAME_LIMIT].strip() or fallback


# --- temperatures ---------------------------------------------------------------------------------------------------

_PROCESSOR_CHIPS = (
    "coretemp",
    "k8temp",
    "k10temp",
    "zenpower",
    "fam15h_power",
    "via_cputemp",
    "scpi_sensors",
)
_QUANTITIES = (
    (re.compile(r"batt|\bbat[0-9]*\b", re.IGNORECASE), Quantity.BATTERY_TEMPERATURE),
    (re.compile(r"skin", re.IGNORECASE), Quantity.SKIN_TEMPERATURE),
    (re.compile(r"ambient", re.IGNORECASE), Quantity.AMBIENT_TEMPERATURE),
    (re.compile(r"nvme|drive|wifi|wlan|gpu|pch|vrm|mem|dimm|ssd", re.IGNORECASE), Quantity.OTHER_TEMPERATURE),
    (
        re.compile(r"cpu|soc|pkg|package|core(?![a-z])|tctl|tdie|tccd|cluster", re.IGNORECASE),
        Quantity.TEMPERATURE,
    ),
)


def temperature_quantity(chip: str, label: str) -> Quantity:
    """What a sensor stands in: the processor, the battery, the skin, the room, or something else."""
    if chip in _PROCESSOR_CHIPS:
        return Quantity.TEMPERATURE
    words = f"{chip} {label}".replace("_", " ")
    return next(
        (quantity for pattern, quantity in _QUANTITIES if pattern.search(words)), Quantity.OTHER_TEMPERATURE
    )


def trip_limit(trips: Iterable[tuple[str | None, str | None]]) -> float | None:
    """The lowest threshold of a zone at which it slows down; else at which it alarms; else at which it shuts off.

    ``trips`` are ``(trip_point_N_type, trip_point_N_temp)`` as read.
    """
    read = [(name(kind), threshold(degrees)) for kind, degrees in trips]
    for wanted in ("passive", "hot", "critical"):
        limits = [degrees for kind, degrees in read if kind == wanted and degrees is not None]
        if limits:
            return min(limits)
    return None


# --- battery ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """What a battery gauge shows, positive = leaving the battery. None: not told, or its direction unknown."""

    volts: float | None = None
    amperes: float | None = None
    watts: float | None = None


def flow(status: str | None, voltage_uv: str | None, current_ua: str | None, power_uw: str | None) -> Flow:
    """Sign by ``status``, since drivers disagree on the sign of ``current_now``; 0 while discharging is a failed read."""
    direction = {"Discharging": 1, "Charging": -1}.get(name(status))
    volts = _micro(voltage_uv, least=1)
    amperes, watts = _directed(direction, current_ua), _directed(direction, power_uw)
    if watts is None and volts is not None and amperes is not None:
        watts = volts * amperes
    elif amperes is None and volts is not None and watts is not None:
        amperes = watts / volts
    return Flow(volts, amperes, watts)


FULL_BATTERY = "full battery"
"""The fact of a device that tells how much energy its battery holds when it is full: ``15.4 Wh`` and from what."""

CELL_V = 3.85
"""Of a lithium-ion cell, nominal."""


def full_wh(energy_full_uwh: str | None, charge_full_uah: str | None, design_uv: str | None) -> float | None:
    """What a battery holds when it is full: as it says, else its charge at the voltage that it is designed for."""
    watt_hours = _micro(energy_full_uwh, least=1)
    ampere_hours, volts = _micro(charge_full_uah, least=1), _micro(design_uv, least=1)
    if watt_hours is None and ampere_hours is not None and volts is not None:
        return ampere_hours * volts
    return watt_hours


def _directed(direction: int | None, text: str | None) -> float | None:
    value = _micro(text, least=None)
    if value is None or (value == 0 and direction == 1):
        return None
    if value == 0:
        return 0.0
    return None if direction is None else direction * abs(value)


def _micro(text: str | None, *, least: int | None) -> float | None:
    value = integer(text)
    if value is None or abs(value) >= 10**9 or (least is not None and value < least):
        return None
    return value / 1e6


# --- processor and processes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ticks:
    """Of one processor since the device started, in clock ticks: all of its time, and that in which it idled."""

    total: int
    idle: int


def use(before: Mapping[int, Ticks], after: Mapping[int, Ticks], processors: Sequence[int]) -> float | None:
    """Share of the time of these processors in which they worked, in percent; those that were off did not.

    None when no time has passed for any of them.
    """
    steps = [(before[cpu], after[cpu]) for cpu in processors if cpu in before and cpu in after]
    spans = [(late.total - early.total, late.idle - early.idle) for early, late in steps]
    longest = max((total for total, _ in spans), default=0)
    if longest <= 0:
        return None
    busy = sum(max(0, total - max(0, idle)) for total, idle in spans)
    return min(100.0, 100 * busy / (longest * len(processors)))


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes; None where the kernel does not say."""

    rss: int
    anon: int | None = None
    file: int | None = None
    peak: int | None = None


def kilobytes(text: str | None, field: str) -> int | None:
    """``field`` of a text like ``/proc/PID/status`` (``VmRSS:  1612 kB``), in bytes."""
    match = re.search(rf"^{re.escape(field)}:[ \t]*([0-9]{{1,16}}) kB$", text or "", re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def status_memory(text: str | None) -> Memory | None:
    """From ``/proc/PID/status``; None for one without memory: a kernel thread, or one that is ending."""
    rss = kilobytes(text, "VmRSS")
    if rss is None:
        return None
    return Memory(rss, kilobytes(text, "RssAnon"), kilobytes(text, "RssFile"), kilobytes(text, "VmHWM"))


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """From ``/proc/PID/stat``, in clock ticks: when it started, and CPU time of it and of children it waited for."""

    start: int
    cpu: int


def stat_times(text: str | None) -> ProcessTimes | None:
    """The name in the middle may hold anything, spaces and parentheses too: fields count from the last ``)``."""
    fields = (text or "").rpartition(")")[2].split()
    wanted = [integer(field) for field in (*fields[11:15], *fields[19:20])]
    if len(wanted) != 5:
        return None
    user, system, child_user, child_system, start = wanted
    if user is None or system is None or child_user is None or child_system is None or start is None:
        return None
    if fields[0] in {"Z", "X"}:
        return None
    return ProcessTimes(start, user + system + child_user + child_system)


def numbers(text: str | None) -> list[int]:
    """A list of whole numbers: process ids of ``/proc/PID/task/TID/children``, processors of ``related_cpus``."""
    read = (integer(word) for word in (text or "").split())
    return [number for number in read if number is not None and number >= 0]


# --- who this computer is -------------------------------------------------------------------------------------------


def cpuinfo(text: str | None, *fields: str) -> str:
    """The first of these fields of ``/proc/cpuinfo`` that is there: ``model name`` on x86, ``Model`` on ARM boards."""
    for field in fields:
        match = re.search(rf"^{re.escape(field)}[ \t]*:[ \t]*(.+)$", text or "", re.MULTILINE)
        if match:
            return name(match[1])
    return ""


def os_name(text: str | None) -> str:
    """``PRETTY_NAME`` of ``/etc/os-release``."""
    match = re.search(r"^PRETTY_NAME=[\"']?([^\"'\n]*)[\"']?$", text or "", re.MULTILINE)
    return name(match[1]) if match else ""


def gigahertz(hertz: float) -> str:
    """A frequency as the detail of a limit says it: ``2.84 GHz``."""
    return f"{hertz / 1e9:.2f} GHz"
