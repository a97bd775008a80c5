"""Captures of power meters as their programs write them: which columns hold what, and the samples.

Joulescope, Otii, PowerTool (Monsoon) and plain CSV: a head that names its columns with their units, or the columns of a
Monsoon without one. A capture of current alone takes a voltage that somebody states.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivers.clock import SECOND
from drivers.foreign import printable
from drivers.model import Channel, Quantity, Samples, Unit, linear
from melt_tui.errors import BadImport
from melt_tui.importing.files import head_of, shown
from melt_tui.importing.melt_power import packed, rate_of
from melt_tui.importing.numbers import Layout, Losses, Rows, pieces, rows_of

HEAD_BYTES = 16_384

_SCALES = {"k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_COLUMN = re.compile(r"(?P<what>[#\w .-]{1,60}?)\s*(?:[(\[]\s*(?P<unit>[kmuµμn]?(?:s|A|V|W))\s*[)\]])?")
_WORD = re.compile(r"[a-z]+")
_TIMES = frozenset({"time", "timestamp", "t"})
_NAMES = {
    "current": Quantity.CURRENT,
    "i": Quantity.CURRENT,
    "voltage": Quantity.VOLTAGE,
    "v": Quantity.VOLTAGE,
    "power": Quantity.POWER,
    "p": Quantity.POWER,
}
_EXTREMES = frozenset({"max", "min", "peak", "std"})
_LETTERS = {Quantity.CURRENT: "A", Quantity.VOLTAGE: "V", Quantity.POWER: "W"}
_UNITS = {Quantity.CURRENT: Unit.AMPERE, Quantity.VOLTAGE: Unit.VOLT, Quantity.POWER: Unit.WATT}
_WORDS = {
    "s": "s",
    "sec": "s",
    "seconds": "s",
    "a": "A",
    "amps": "A",
    "v": "V",
    "volts": "V",
    "w": "W",
    "watts": "W",
}
_EPOCH_S = 946_684_800.0


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it stands, what it is, and its scale to SI."""

    place: int
    quantity: Quantity
    scale: float


@dataclass(frozen=True, slots=True)
class Shape:
    """How a capture is laid out."""

    program: str
    layout: Layout
    time_scale: float
    columns: tuple[Column, ...]
    rate_hz: float | None
    """Of rows, by the first of them."""
    first_s: float
    """The time of the first row, as it stands."""

    @property
    def epoch(self) -> bool:
        """Whether its times are those of a wall clock."""
        return self.first_s >= _EPOCH_S


def shape_of(path: Path) -> Shape:
    """Raises BadImport for what is no capture."""
    head = head_of(path, HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadImport(f"{shown(path)} is UTF-16 text", "save it as UTF-8")
    if not head.strip():
        raise BadImport(f"{shown(path)} is empty", "was it cut off while it was copied?")
    lines = head.decode("utf-8-sig", "replace").splitlines()
    found = _headed(lines) or _bare(lines)
    if found is None:
        raise BadImport(
            f"{shown(path)} is no capture that is known",
            "give a CSV whose head names time and current, voltage or power with their units, as “time (s),current (A)”",
        )
    program, layout, time_scale, columns = found
    first = next(rows_of(path, layout, Losses()), None)
    if first is None:
        raise BadImport(f"{shown(path)} holds no row of numbers", "was it cut off while it was copied?")
    rate = rate_of(path, layout)
    return Shape(
        program,
        layout,
        time_scale,
        columns,
        float(f"{rate / time_scale:.4g}") if rate else None,
        float(first[0, 0]) * time_scale,
    )


def channels_of(shape: Shape, device: str, point: str, volts: float | None) -> list[Channel]:
    """Those that are told, and power where it follows from them. Raises BadImport where no power can be known."""
    channels = [
        Channel(
            device=device,
            name=column.quantity.value,
            quantity=column.quantity,
            unit=_UNITS[column.quantity],
            rate_hz=shape.rate_hz,
            decoding=linear(column.scale),
            point=point,
        )
        for column in shape.columns
    ]
    quantities = {column.quantity for column in shape.columns}
    if Quantity.POWER in quantities:
        return channels
    if Quantity.CURRENT not in quantities:
        raise BadImport("the capture holds no current and no power", "export it with its current")
    if Quantity.VOLTAGE not in quantities and not volts:
        raise BadImport(
            "the capture holds a current without a voltage", "state the voltage that was set: --voltage V"
        )
    measured = Quantity.VOLTAGE in quantities
    provenance = "voltage × current of the same row" if measured else f"current × {volts:g} V, as stated"
    power = Channel(
        device=device,
        name="power",
        quantity=Quantity.POWER,
        unit=Unit.WATT,
        rate_hz=shape.rate_hz,
        point=point,
        provenance=provenance,
    )
    return [*channels, power]


def samples(
    path: Path, shape: Shape, channels: Sequence[Channel], volts: float | None, losses: Losses
) -> Iterator[Samples]:
    """All of it, at the times of the capture: ns since its first row, or since the epoch."""
    for rows in pieces(rows_of(path, shape.layout, losses), 1 / shape.time_scale):
        times = np.rint(rows[:, 0] * (shape.time_scale * SECOND)).astype(np.int64)
        told: dict[Quantity, Rows] = {
            column.quantity: rows[:, at] for at, column in enumerate(shape.columns, 1)
        }
        scaled = {column.quantity: told[column.quantity] * column.scale for column in shape.columns}
        if Quantity.POWER not in told:
            told[Quantity.POWER] = scaled[Quantity.CURRENT] * scaled.get(
                Quantity.VOLTAGE, _constant(rows, volts)
            )
        for channel in channels:
            yield packed(channel, times, told[channel.quantity])


def _constant(rows: Rows, volts: float | None) -> Rows:
    return np.full(len(rows), volts or 0.0)


_Found = tuple[str, Layout, float, tuple[Column, ...]]


def _headed(lines: Sequence[str]) -> _Found | None:
    """With a line that names the columns, after any number of others."""
    for at, line in enumerate(lines[:60]):
        for separator in (",", ";", "\t"):
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
            program = _program(lines[: at + 1])
            found = _columns(cells, plain=program == "Joulescope")
            if found is not None:
                time, columns = found
                comma = separator == ";" and any("," in each for each in lines[at + 1 : at + 3])
                layout = Layout(
                    columns=(time[0], *(column.place for column in columns)),
                    separator=separator,
                    comma=comma,
                    head=at + 1,
                )
                return program, layout, time[1], columns
    return None


def _columns(cells: Sequence[str], *, plain: bool) -> tuple[tuple[int, float], tuple[Column, ...]] | None:
    """The time, and one column for each quantity: the first that is named with its unit. ``plain``: SI needs none."""
    time: tuple[int, float] | None = None
    found: dict[Quantity, Column] = {}
    for place, cell in enumerate(cells):
        match = _COLUMN.fullmatch(cell)
        words = set(_WORD.findall(match["what"].lower())) if match else set()
        unit = (match["unit"] if match else None) or ""
        scale = _SCALES.get(unit[:-1], 1.0)
        if words & _TIMES:
            time = time or (place, scale)
            continue
        quantity = next((_NAMES[word] for word in sorted(words & _NAMES.keys())), None)
        known = quantity is not None and (unit.endswith(_LETTERS[quantity]) or (plain and not unit))
        if quantity is not None and known and not words & _EXTREMES:
            found.setdefault(quantity, Column(place, quantity, scale))
    return (time, tuple(found.values())) if time is not None and found else None


def _program(lines: Sequence[str]) -> str:
    head = printable(" ".join(lines), 400).lower()
    if "joulescope" in head or head.lstrip().startswith("#time"):
        return "Joulescope"
    if "otii" in head or "arc" in _WORD.findall(head):
        return "Otii"
    return "PowerTool" if "main avg" in head else "a meter's program"


def _bare(lines: Sequence[str]) -> _Found | None:
    """Without a head: time in s, current in mA and voltage in V, as a Monsoon's library writes it."""
    cells = [cell.strip() for cell in lines[0].split(",")]
    try:
        numbers = [float(cell) for cell in cells[:3]]
    except ValueError:
        return None
    if len(numbers) < 3 or len([cell for cell in cells if cell]) != 3:
        return None
    columns = (Column(1, Quantity.CURRENT, 1e-3), Column(2, Quantity.VOLTAGE, 1.0))
    return "Monsoon", Layout(columns=(0, 1, 2)), 1.0, columns
