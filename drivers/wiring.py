"""Which device a meter feeds, and where it measures: told in its address, or beside it. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from drivers.address import Address
from drivers.errors import NotSupported
from drivers.points import KNOWN, is_point

PROBES = frozenset({"C", "skinC", "lux", "trigger", "-"})
"""Columns of a text meter that are no power, voltage, current or energy."""

SIM_METER = "sim:meter"
SIM_FED = "sim-phone"
SIM_POINT = "battery-terminals"

HOW_TO_ADD = "press m, or give melt devices --add this address, --feeds and --point"
"""The next step about a meter that was found: on the screen of devices, and on the command line."""

_FED = re.compile(r"\S{1,40}")


@dataclass(frozen=True, slots=True)
class Wired:
    """How a meter is to be opened, and what it feeds."""

    address: str
    """With its reference point among the options, if one was told."""
    wire: tuple[str, str] | None = None
    """The device that it feeds, and its reference point."""


def wired(address: Address, feeds: str, point: str, *, meter: bool) -> Wired:
    """What the options of an address and what is told beside them say together. Raises NotSupported."""
    fed, place = _one(address, "feeds", feeds), _one(address, "point", point)
    if (feeds or point) and not meter:
        raise NotSupported(
            f"{address.base[:60]} is no power meter", remedy="only a meter feeds a device and has a point"
        )
    if not meter:
        return Wired(_text(address))
    if address.base == SIM_METER:
        fed, place = fed or SIM_FED, place or SIM_POINT
    _require(address, fed, place)
    if not place and address.options.get("family") == "csv" and measures_power(address):
        raise NotSupported(
            f"{address.base[:60]} does not say where its power is measured",
            remedy=f"add point=POINT to its address, or --point; there are {KNOWN}",
        )
    options = {**address.options, "point": place} if place else address.options
    return Wired(_text(Address(address.base, options)), (fed, place) if fed else None)


def measures_power(address: Address) -> bool:
    """Whether a meter at this address has to feed a device: a probe of heat or light does not."""
    if address.options.get("family") != "csv":
        return True
    return not set(address.options.get("columns", "V,A").split(",")) <= PROBES


def _one(address: Address, option: str, told: str) -> str:
    own = address.options.get(option, "")
    if own and told and own != told:
        raise NotSupported(
            f"{address.base[:60]} says {option}={own[:40]}, and {told[:40]!r} is told beside it",
            remedy=f"say {option} once",
        )
    return own or told


def _require(address: Address, fed: str, place: str) -> None:
    if place and not is_point(place):
        raise NotSupported(
            f"{address.base[:60]}: {place[:40]!r} is no reference point", remedy=f"there are {KNOWN}"
        )
    if fed and not (_FED.fullmatch(fed) and place):
        raise NotSupported(
            f"{address.base[:60]} feeds {fed[:40]!r} at {place or 'an unknown point'}",
            remedy=f"name a device, and the point: {KNOWN}",
        )


def _text(address: Address) -> str:
    return f"{address.base}?{urlencode(address.options)}" if address.options else address.base
