"""Temperatures, fans and powers that the kernel names: thermal zones and hwmon chips, each sensor once. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from drivers import linux, zones
from drivers.devices.jetson.channels import CHIP_POWER, FAN_PWM, FAN_RPM, TEMPERATURES
from drivers.devices.jetson.readers import Gauge, Missing, Reader
from drivers.devices.jetson.survey import Survey
from drivers.model import Channel, Quantity

_OTHERWISE_USED = ("cpu", "gpu", "fan", "ram", "swap", "rss")
"""Names of other channels; some zones are called so."""
_POWER_MONITORS = ("ina3221", "ina238")
"""Chips whose rails are read by the poller."""
_BOGUS_MAXIMUM = ("k10temp", "k8temp")


def find_temperatures(survey: Survey, device: str) -> tuple[list[Reader], list[Missing]]:
    """Zones first; of chips only those that no zone mirrors."""
    of_zones = list(_zones(survey, device))
    names = {gauge.channels[0].name.replace("-", "_") for gauge in of_zones}
    chips = [
        gauge for chip in _chips(survey, but=names) for gauge in _chip_temperatures(survey, device, *chip)
    ]
    found = distinct([*of_zones, *chips])
    missing = (
        () if found else (Missing("temperature", "this board has no temperature sensor that can be read"),)
    )
    return list(found), list(missing)


def find_fans(survey: Survey, device: str) -> tuple[list[Reader], list[Missing]]:
    """Speed where a fan tells it, and what it is driven with."""
    found: list[Gauge] = []
    for folder, chip in _chips(survey):
        for path in survey.find(rf"{folder}/fan[0-9]+_input"):
            label = linux.name(
                survey.text(f"{path[:-5]}label"), path.rpartition("/")[2].removesuffix("_input")
            )
            channel = FAN_RPM.of(device, f"{chip} {label}", detail=f"hwmon {chip}, {label}")
            found.append(Gauge(channel, path, linux.rpm))
        if f"{folder}/rpm" in survey.files:
            found.append(Gauge(FAN_RPM.of(device, detail=f"hwmon {chip}"), f"{folder}/rpm", linux.rpm))
        if f"{folder}/pwm1" in survey.files:
            found.append(Gauge(FAN_PWM.of(device), f"{folder}/pwm1", _pwm))
    if "/sys/devices/pwm-fan/rpm_measured" in survey.files:
        channel = FAN_RPM.of(device, detail="pwm-fan, measured")
        found.append(Gauge(channel, "/sys/devices/pwm-fan/rpm_measured", linux.rpm))
    if "/sys/devices/pwm-fan/cur_pwm" in survey.files:
        found.append(Gauge(FAN_PWM.of(device), "/sys/devices/pwm-fan/cur_pwm", _pwm))
    missing = () if found else (Missing("fan", "this board has no fan that the kernel knows"),)
    return list(distinct(found)), list(missing)


def find_powers(survey: Survey, device: str) -> list[Reader]:
    """Powers that chips tell, but for the monitors of a Jetson's rails."""
    found = []
    for folder, chip in _chips(survey):
        if chip in _POWER_MONITORS:
            continue
        for path in survey.find(rf"{folder}/power[0-9]+_(?:input|average)"):
            stem, _, kind = path.rpartition("_")
            label = linux.name(survey.text(f"{stem}_label"), stem.rpartition("/")[2])
            title = f"{chip} {label}"
            channel = CHIP_POWER.of(
                device, title, point=f"rail:{title}", detail=f"hwmon {chip}, {label}_{kind}"
            )
            found.append(Gauge(channel, path, linux.microwatts))
    return list(distinct(found))


def distinct(gauges: Sequence[Gauge]) -> list[Gauge]:
    """The gauges, channels of one name numbered from the second on."""
    taken: set[str] = set()
    for gauge in gauges:
        gauge.channels = (_free(gauge.channels[0], taken),)
        taken.add(gauge.channels[0].name)
    return list(gauges)


def _free(channel: Channel, taken: set[str]) -> Channel:
    number, name = 1, channel.name
    while name in taken:
        number += 1
        name = f"{channel.name} {number}"
    return replace(channel, name=name)


def _zones(survey: Survey, device: str) -> Iterator[Gauge]:
    for path in survey.find(r"/sys/class/thermal/thermal_zone[0-9]+/temp"):
        folder = path.rpartition("/")[0]
        name = linux.name(survey.text(f"{folder}/type"), folder.rpartition("/")[2])
        trips = [
            (survey.text(kind), survey.text(f"{kind.removesuffix('type')}temp"))
            for kind in survey.find(rf"{folder}/trip_point_[0-9]+_type")
        ]
        row = TEMPERATURES[zones.board_quantity(name)]
        title = f"{name} temp" if name.lower() in _OTHERWISE_USED else name
        channel = row.of(device, title, limit=linux.trip_limit(trips), detail=f"thermal zone {name}")
        yield Gauge(channel, path, partial(zones.board_celsius, name))


def _chips(survey: Survey, but: set[str] | None = None) -> Iterator[tuple[str, str]]:
    for path in survey.find(r"/sys/class/hwmon/hwmon[0-9]+/name"):
        folder = path.rpartition("/")[0]
        name = linux.name(survey.text(path), folder.rpartition("/")[2])
        if name.replace("-", "_") not in (but or ()):
            yield folder, name


def _chip_temperatures(survey: Survey, device: str, folder: str, chip: str) -> Iterator[Gauge]:
    for path in survey.find(rf"{folder}/temp[0-9]+_input"):
        stem = path.removesuffix("_input")
        label = linux.name(survey.text(f"{stem}_label"), stem.rpartition("/")[2])
        quantity = linux.temperature_quantity(chip, label)
        plain = quantity is Quantity.TEMPERATURE and not label.startswith("temp")
        limit = None if chip in _BOGUS_MAXIMUM else linux.threshold(survey.text(f"{stem}_crit"))
        channel = TEMPERATURES[quantity].of(
            device, label if plain else f"{chip} {label}", limit=limit, detail=f"hwmon {chip}, {label}"
        )
        yield Gauge(channel, path, linux.celsius)


def _pwm(text: str) -> float | None:
    value = linux.integer(text)
    return value * 100 / 255 if value is not None and 0 <= value <= 255 else None
