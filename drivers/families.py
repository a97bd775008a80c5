"""The families of power meters on serial ports, for whoever has to choose one. Pure; their drivers are the registry's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """What a family is, where it usually measures, and what its address usually has to say besides."""

    title: str
    point: str = ""
    """Empty: nothing usual."""
    options: str = ""


FAMILIES = {
    "csv": Family("writes lines of text: INA219/226/228 …", options="columns=V,A&baud=115200"),
    "tc66": Family("RDTech TC66, TC66C", "usb-input"),
    "um": Family("RDTech UM24C, UM25C, UM34C", "usb-input"),
    "ppk2": Family("Nordic PPK2", "battery-terminals"),
    "monsoon": Family("Monsoon LVPM, the white one", "battery-terminals"),
}
"""By the option ``family`` of an address."""

HVPM = Family("Monsoon HVPM, by USB", "battery-terminals")
