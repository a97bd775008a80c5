"""What an iPhone says, read: its battery, its processes, its GPU, its log. Pure: any value in, nothing raised.

Values are as the worker passes them on: of IOPMPowerSource (mA, mV, hundredths of a degree Celsius, percent), of
sysmontap (percent of one core, bytes, pages of 16 KiB) and of the graphics service.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.foreign import Fields, count, fields, items, number, printable, text

PAGE = 16384
"""Bytes of a page on every iPhone with a 64-bit processor since the A9."""
MOST_A = 30.0
MOST_CORES = 64


@dataclass(frozen=True, slots=True)
class Seen:
    """A phone that is plugged in."""

    udid: str
    over: str
    facts: Fields
    fault: str | None
    """By its name; None of one that can be used."""
    said: str


def phones(told: Fields) -> tuple[list[Seen], bool]:
    """Phones that are plugged in, and whether all of them have been asked who they are."""
    seen = [
        Seen(
            udid,
            printable(text(one, "over"), 20),
            fields(one.get("facts")),
            text(one, "fault") if "fault" in one else None,
            text(one, "text"),
        )
        for one in map(fields, items(told.get("phones")))
        if is_udid(udid := text(one, "udid"))
    ]
    return seen, told.get("settled") is True


def is_udid(word: str) -> bool:
    """Whether it may be one: 40 or 24 hexadecimal digits, and what usbmuxd may make of them."""
    return re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}", word) is not None


def model(facts: Fields) -> str:
    """``iPhone 15 Pro``, or ``iPhone16,1`` where its maker's name is not known."""
    return printable(text(facts, "title"), 60) or printable(text(facts, "ProductType"), 40) or "iPhone"


def system(facts: Fields) -> str:
    """``iOS 17.4.1 (21E236)``."""
    version, build = (printable(text(facts, key), 40) for key in ("ProductVersion", "BuildVersion"))
    return f"iOS {version}" + (f" ({build})" if build else "") if version else "iOS"


@dataclass(frozen=True, slots=True)
class Battery:
    """In SI units. What was not said, or cannot be, is None."""

    amperes: float | None = None
    """Positive = leaving the battery."""
    volts: float | None = None
    celsius: float | None = None
    level: float | None = None
    charging: bool | None = None
    plugged: bool | None = None
    updated: int | None = None
    """When the gauge last told anew, in seconds of the phone's clock."""
    cycles: int | None = None
    full_mah: int | None = None
    design_mah: int | None = None


def battery(power: Fields) -> Battery:
    """What IOPMPowerSource says. Amperage is negative while it runs down."""
    milliamperes = _signed(power, "InstantAmperage")
    if milliamperes is None:
        milliamperes = _signed(power, "Amperage")
    amperes = None if milliamperes is None else -milliamperes / 1000
    most, now = number(power, "MaxCapacity"), number(power, "CurrentCapacity")
    level = now * 100 / most if now is not None and most else None
    return Battery(
        amperes=amperes if amperes is not None and abs(amperes) <= MOST_A else None,
        volts=_within(_scaled(power, "Voltage", 1e-3), 2, 10),
        celsius=_within(_folded(_signed(power, "Temperature"), 0.01), -40, 120),
        level=_within(level, 0, 100),
        charging=_flag(power, "IsCharging"),
        plugged=_flag(power, "ExternalConnected"),
        updated=count(power, "UpdateTime"),
        cycles=count(power, "CycleCount"),
        full_mah=count(power, "NominalChargeCapacity"),
        design_mah=count(power, "DesignCapacity"),
    )


@dataclass(frozen=True, slots=True)
class Tap:
    """A sample of sysmontap. ``processes`` are those that are watched."""

    cores: int | None
    cpu: float | None
    """Percent of all cores."""
    available: int | None
    compressed: int | None
    processes: tuple["Process", ...] | None
    """None where this sample tells of none."""


@dataclass(frozen=True, slots=True)
class Process:
    """What one process uses: CPU in percent of one core, bytes."""

    pid: int
    cpu: float | None
    footprint: int | None
    resident: int | None


def tap(told: Fields) -> Tap:
    """A sample as the worker passes it on."""
    load, memory = fields(told.get("cpu")), fields(told.get("system"))
    cores = count(load, "CPUCount") or count(load, "EnabledCPUs")
    cores = cores if cores and cores <= MOST_CORES else None
    total = number(load, "CPU_TotalLoad")
    free, filed = count(memory, "vmFreeCount"), count(memory, "vmExtPageCount")
    compressed = count(memory, "vmCompressorPageCount")
    listed = told.get("processes")
    return Tap(
        cores=cores,
        cpu=_within(total / cores, 0, 101) if total is not None and cores else None,
        available=(free + filed) * PAGE if free is not None and filed is not None else None,
        compressed=None if compressed is None else compressed * PAGE,
        processes=_processes(listed) if isinstance(listed, list) else None,
    )


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the graphics service says: percent, bytes."""

    busy: float | None
    used: int | None


def gpu(told: Fields) -> Gpu:
    """Of a sample as the worker passes it on."""
    sample = fields(told.get("graphics"))
    return Gpu(_within(number(sample, "Device Utilization %"), 0, 100), count(sample, "In use system memory"))


PRESSURES = {0: "nominal", 10: "light", 20: "moderate", 30: "heavy", 40: "trapping", 50: "sleeping"}


def pressure(told: Fields) -> int | None:
    """The phone's thermal pressure level; None for a value that is none."""
    level = count(told, "pressure")
    return level if level in PRESSURES else None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the system log."""

    process: str
    pid: int
    message: str


_SYSLOG = re.compile(
    r".{0,100}? ([^\s(\[]{1,80})(?:\([^)]{0,100}\))?\[(\d{1,9})\] <\w{1,12}>: ?(.*)", re.DOTALL
)


def log_entry(line: str) -> LogEntry | None:
    """``Nov 21 12:00:00 iPhone App(Library)[321] <Notice>: text``; None for any other."""
    match = _SYSLOG.fullmatch(line)
    return LogEntry(match[1], int(match[2]), match[3]) if match else None


def processes(told: Fields) -> list[tuple[int, str]]:
    """Process id and name of what runs."""
    listed = map(fields, items(told.get("processes")))
    found = [(count(one, "pid"), printable(text(one, "name"), 80)) for one in listed]
    return [(pid, name) for pid, name in found if pid is not None]


def _processes(listed: Sequence[object]) -> tuple[Process, ...]:
    rows = map(fields, listed)
    return tuple(
        Process(
            pid, _within(number(row, "cpuUsage"), 0, 100 * MOST_CORES), _size(row, "physFootprint"), resident
        )
        for row in rows
        if (pid := count(row, "pid")) is not None
        for resident in (_size(row, "memResidentSize"),)
    )


def _size(row: Fields, key: str) -> int | None:
    size = count(row, key)
    return size if size is not None and size < 1 << 50 else None


def _signed(power: Fields, key: str) -> int | None:
    """A whole number; one of 64 bits without a sign is folded."""
    value = power.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 64:
        return None
    return value - (1 << 64) if value >= 1 << 63 else value


def _scaled(power: Fields, key: str, scale: float) -> float | None:
    value = number(power, key)
    return None if value is None else value * scale


def _folded(value: int | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None


def _flag(power: Fields, key: str) -> bool | None:
    value = power.get(key)
    return value if isinstance(value, bool) else None
