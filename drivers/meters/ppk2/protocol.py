"""What a PPK2 is told and what it tells about itself: commands, and the calibration text. Pure.

Facts from what Nordic publishes about its own program for it (github.com/NordicSemiconductor/pc-nrfconnect-ppk,
``src/device/serialDevice.ts``, ``src/constants.ts``): a command is a byte and its arguments, unanswered but for the
calibration, which is lines ``name: value`` and a line ``END``. With ``c`` the 14-bit reading, ``V`` the supply in volts
and the range's own R, GS, GI, O, S, I, UG::

    w       = (4·c - O) · (1.8 / 163840) / R
    amperes = UG · (w · (GS·w + GI) + S·V + I)
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from drivers.accuracy import Accuracy
from drivers.errors import Garbled

START = b"\x06"
STOP = b"\x07"
ASK = b"\x19"
"""For the calibration text."""

LOWEST_MV, HIGHEST_MV = 800, 5000
"""What it can supply."""

MOST_AMPERES = 1.0
"""More than this it does not let through."""

ACCURACY = Accuracy(0.17, 2e-7)
"""Of a current. Nordic states, as typical, ± 10 % (± 15 % in the highest range) and resolutions of 0.2, 0.5, 5, 50 and
1000 µA of ranges that begin at 0, 50, 500, 5000 and 60 000 µA: from the second range on both together stay below 17 %."""

RATE_HZ = 100_000
RANGES = 5
ADC_BITS = 14
REPLY_LIMIT = 8192
"""Bytes of a calibration text; a real one has about 700."""

_VOLTS_PER_STEP = 1.8 / 163840
_DEFAULTS = {
    "R": (1031.64, 101.65, 10.15, 0.94, 0.043),
    "GS": (1.0,) * RANGES,
    "GI": (1.0,) * RANGES,
    "O": (0.0,) * RANGES,
    "S": (0.0,) * RANGES,
    "I": (0.0,) * RANGES,
    "UG": (1.0,) * RANGES,
}
_NEVER_ZERO = frozenset({"R", "GI", "UG"})
_LINE = re.compile(rb"^[ \t]*([A-Za-z]{1,16}[0-9]?)[ \t]*:[ \t]*(\S{1,32})[ \t]*\r?$", re.MULTILINE)
_END = re.compile(rb"^[ \t]*END", re.MULTILINE)


class Mode(IntEnum):
    """Who supplies the device under test."""

    AMPERE = 1
    """Another supply does; the PPK2 measures what flows through it."""
    SOURCE = 2
    """The PPK2 does."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Calibration of one range."""

    r: float
    gs: float
    gi: float
    o: float
    s: float
    i: float
    ug: float

    def polynomial(self, volts: float) -> tuple[float, float, float]:
        """Coefficients of the current in amperes as a polynomial of the 14-bit reading, at that supply."""
        a, b = 4 * _VOLTS_PER_STEP / self.r, -self.o * _VOLTS_PER_STEP / self.r
        return (
            self.ug * (b * (self.gs * b + self.gi) + self.s * volts + self.i),
            self.ug * a * (2 * self.gs * b + self.gi),
            self.ug * self.gs * a * a,
        )


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a PPK2 tells about itself. What it did not tell is None or blank; ``assumed`` names the constants that it
    left out or gave as no number, for which those of the type stand."""

    fits: tuple[Fit, ...]
    mode: Mode | None = None
    supply_mv: int | None = None
    hardware: str = ""
    assumed: tuple[str, ...] = ()


def set_mode(mode: Mode) -> bytes:
    """The command for a mode."""
    return bytes((0x11, mode))


def set_supply(millivolts: int) -> bytes:
    """The command for a supply voltage, within ``LOWEST_MV`` … ``HIGHEST_MV``."""
    if not LOWEST_MV <= millivolts <= HIGHEST_MV:
        raise ValueError(f"{millivolts} mV is not within {LOWEST_MV} to {HIGHEST_MV} mV")
    return bytes((0x0D, millivolts >> 8, millivolts & 0xFF))


def set_power(*, on: bool) -> bytes:
    """The command that lets current through to the device under test, or cuts it."""
    return bytes((0x0C, on))


def complete(reply: bytes) -> bool:
    """Whether a calibration text has come to its end."""
    return _END.search(reply) is not None and bool(_LINE.search(reply))


def parse_metadata(reply: bytes) -> Metadata:
    """Read a calibration text; anything may stand before it. Raises Garbled where it has no calibration, or one that
    cannot be that of a PPK2."""
    told = {name.decode().upper(): value.decode("latin-1") for name, value in _LINE.findall(reply)}
    if not {f"R{n}" for n in range(RANGES)} <= told.keys():
        raise Garbled("the PPK2's calibration has no resistances", remedy="unplug it and plug it in again")
    assumed: list[str] = []
    fits = tuple(
        Fit(*(_constant(told, name, n, assumed) for name in ("R", "GS", "GI", "O", "S", "I", "UG")))
        for n in range(RANGES)
    )
    for n, fit in enumerate(fits):
        _require_rising(n, fit)
    mode, supply = _whole(told, "MODE"), _whole(told, "VDD")
    return Metadata(
        fits=fits,
        mode=Mode(mode) if mode in tuple(Mode) else None,
        supply_mv=supply if supply is not None and LOWEST_MV <= supply <= HIGHEST_MV else None,
        hardware=told.get("HW", ""),
        assumed=tuple(assumed),
    )


def _constant(told: Mapping[str, str], name: str, n: int, assumed: list[str]) -> float:
    key = f"{name}{n}"
    value = _number(told.get(key, ""))
    if value is None or (value == 0 and name in _NEVER_ZERO):
        if name != "UG" or key in told:
            assumed.append(key)
        return _DEFAULTS[name][n]
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(told: Mapping[str, str], name: str) -> int | None:
    value = _number(told.get(name, ""))
    return None if value is None else int(value)


def _require_rising(n: int, fit: Fit) -> None:
    """A larger reading means a larger current, throughout the range."""
    _, slope, bend = fit.polynomial(0.0)
    if not (slope > 0 and slope + 2 * bend * (1 << ADC_BITS) > 0):
        raise Garbled(
            f"the PPK2's calibration of range {n} cannot be true",
            remedy="calibrate it with Nordic's own program",
        )
