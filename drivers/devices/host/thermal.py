"""Temperatures, fans and rail powers: hwmon chips and thermal zones, each sensor once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from drivers import linux
from drivers.devices.host.channels import FAN, RAIL_POWER, TEMPERATURES
from drivers.devices.host.probes import Finding, Gauge, Missing, gauge_probes, readable
from drivers.links.sysfiles import SysFiles
from drivers.model import Quantity

_BOGUS_MAXIMUM = {"k10temp", "k8temp"}
"""Chips whose ``temp*_max`` is a constant of the driver's, not a threshold."""


_SUPPLIES = "/sys/class/power_supply/*"
"""Batteries mirror their figures as chips and zones of their own name: those are the battery probe's matter."""


def find(files: SysFiles, device: str) -> Finding:
    """Every sensor that the kernel names; which of them have a value now is seen when they are read."""
    supplies = {linux.name(path.rpartition("/")[2]).replace("-", "_") for path in files.glob(_SUPPLIES)}
    zones = [zone for zone in _zones(files, device) if zone.chip not in supplies]
    chips = [chip for chip in _chips(files) if chip.name not in supplies]
    mirrored = {zone.chip for zone in zones}
    temperatures = [
        *(
            sensor
            for chip in chips
            if chip.name not in mirrored
            for sensor in _chip_temperatures(files, device, chip)
        ),
        *zones,
    ]
    fans = [sensor for chip in chips for sensor in _fans(files, device, chip)]
    powers = [sensor for chip in chips for sensor in _powers(files, device, chip)]
    gauges = _distinct([*_without_doubles(temperatures), *fans, *powers])
    missing = []
    if not temperatures:
        missing.append(Missing("temperature", "no temperature sensor on this host"))
    if not fans:
        missing.append(Missing("fan", "no fan sensor on this host"))
    return Finding(gauge_probes(files, gauges), missing)


@dataclass(frozen=True, slots=True)
class _Chip:
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class _Sensor:
    chip: str
    label: str
    gauge: Gauge


def _chips(files: SysFiles) -> Iterator[_Chip]:
    for path in files.glob("/sys/class/hwmon/hwmon*"):
        yield _Chip(path, linux.name(readable(files, f"{path}/name"), path.rpartition("/")[2]))


def _inputs(files: SysFiles, chip: _Chip, prefix: str, suffix: str = "_input") -> Iterator[tuple[str, str]]:
    """Of each input of a chip its stem (``…/temp1``) and its label, or ``temp1`` where it bears none."""
    for path in files.glob(f"{chip.path}/{prefix}[0-9]*{suffix}"):
        stem = path.removesuffix(suffix)
        yield stem, linux.name(readable(files, f"{stem}_label"), stem.rpartition("/")[2])


def _chip_temperatures(files: SysFiles, device: str, chip: _Chip) -> Iterator[_Sensor]:
    for stem, label in _inputs(files, chip, "temp"):
        quantity = linux.temperature_quantity(chip.name, label)
        title = (
            label
            if quantity is Quantity.TEMPERATURE and not label.startswith("temp")
            else f"{chip.name} {label}"
        )
        channel = TEMPERATURES[quantity].of(
            device, title, limit=_chip_limit(files, chip, stem), detail=f"hwmon {chip.name}, {label}"
        )
        fault = f"{stem}_fault" if readable(files, f"{stem}_fault") is not None else ""
        yield _Sensor(chip.name, label, Gauge(channel, f"{stem}_input", linux.celsius, fault))


def _chip_limit(files: SysFiles, chip: _Chip, stem: str) -> float | None:
    critical = linux.threshold(readable(files, f"{stem}_crit"))
    if critical is not None or chip.name in _BOGUS_MAXIMUM:
        return critical
    return linux.threshold(readable(files, f"{stem}_max"))


def _zones(files: SysFiles, device: str) -> Iterator[_Sensor]:
    for path in files.glob("/sys/class/thermal/thermal_zone*"):
        title = linux.name(readable(files, f"{path}/type"), path.rpartition("/")[2])
        trips = [
            (readable(files, kind), readable(files, f"{kind.removesuffix('type')}temp"))
            for kind in files.glob(f"{path}/trip_point_[0-9]*_type")
        ]
        channel = TEMPERATURES[linux.temperature_quantity(title, "")].of(
            device, title, limit=linux.trip_limit(trips), detail=f"thermal zone {title}"
        )
        yield _Sensor(title.replace("-", "_"), title, Gauge(channel, f"{path}/temp", linux.celsius))


def _fans(files: SysFiles, device: str, chip: _Chip) -> Iterator[_Sensor]:
    for stem, label in _inputs(files, chip, "fan"):
        channel = FAN.of(device, f"{chip.name} {label}", detail=f"hwmon {chip.name}, {label}")
        yield _Sensor(chip.name, label, Gauge(channel, f"{stem}_input", linux.rpm))


def _powers(files: SysFiles, device: str, chip: _Chip) -> Iterator[_Sensor]:
    for suffix in ("_average", "_input"):
        for stem, label in _inputs(files, chip, "power", suffix):
            title = f"{chip.name} {label}"
            channel = RAIL_POWER.of(
                device, title, point=f"rail:{title}", detail=f"hwmon {stem.rpartition('/')[2]}{suffix}"
            )
            yield _Sensor(chip.name, label, Gauge(channel, f"{stem}{suffix}", linux.microwatts))


def _without_doubles(sensors: Sequence[_Sensor]) -> list[_Sensor]:
    """``x86_pkg_temp`` reads the register that coretemp's package sensors read."""
    package = any(sensor.chip == "coretemp" and sensor.label.startswith("Package") for sensor in sensors)
    return [sensor for sensor in sensors if not (package and sensor.chip == "x86_pkg_temp")]


def _distinct(sensors: Sequence[_Sensor]) -> list[Gauge]:
    """The gauges, channels of one name numbered from the second on."""
    taken: set[str] = set()
    gauges = []
    for sensor in sensors:
        channel = sensor.gauge.channel
        free = next(filter(partial(_is_free, taken), _numbered(channel.name)))
        taken.add(free)
        gauges.append(replace(sensor.gauge, channel=replace(channel, name=free)))
    return gauges


def _is_free(taken: set[str], title: str) -> bool:
    return title not in taken


def _numbered(title: str) -> Iterator[str]:
    yield title
    number = 2
    while True:
        yield f"{title} {number}"
        number += 1
