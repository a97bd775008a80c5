"""Thermal zones of the kernel: what each measures, by its name, and which figures are no temperatures. Pure.

Phones have zones for charges, voltages and currents too; boards have constants in the place of a sensor.
"""

import re
from typing import Final

from drivers import linux
from drivers.model import Quantity

_NOT_HEAT: Final = re.compile(r"^soc$|vbat|ibat|bcl|lvl[0-9]$|volt|curr", re.IGNORECASE)
"""Zones whose figure is a charge, a voltage, a current or a level: ``soc``, ``vbat``, ``pm8350-ibat-lvl0``."""
_ON_THE_CHIP: Final = ("cpu", "bcpu", "mcpu", "gpu", "soc", "cv", "tj", "pll", "ao", "aux", "tdiode")
"""NVIDIA's names of sensors in the SoC, before ``-therm`` and numbers."""
_PMIC_CONSTANTS: Final = (50.0, 100.0)


def phone_quantity(title: str) -> Quantity | None:
    """What a phone's zone measures; None for one that is no temperature."""
    if _NOT_HEAT.search(title):
        return None
    if re.search(r"gpu|g3d|tpu|npu|nsp|^(big|mid|little)$|mtktscpu|aoss", title, re.IGNORECASE):
        return Quantity.TEMPERATURE
    return linux.temperature_quantity("", title)


def phone_celsius(text: str | None) -> float | None:
    """Millidegrees as °C; below 1 °C stands what is in another unit, and no figure at all."""
    value = linux.integer(text)
    return linux.celsius(text) if value is not None and abs(value) >= 1000 else None


def board_quantity(name: str) -> Quantity:
    """Where a sensor sits by its name: ``CPU-therm``, ``soc012-thermal``, ``GPU``, ``Tboard_tegra``; else as on any Linux."""
    stem = (
        name.lower()
        .replace("_tegra", "")
        .removesuffix("-thermal")
        .removesuffix("-therm")
        .rstrip("0123456789")
    )
    return Quantity.TEMPERATURE if stem in _ON_THE_CHIP else linux.temperature_quantity(name, "")


def board_celsius(name: str, text: str | None) -> float | None:
    """A zone's temperature; None for ``-256`` of one that is off, and for the PMIC's constants."""
    degrees = linux.celsius(text)
    return None if name.upper().startswith("PMIC") and degrees in _PMIC_CONSTANTS else degrees
