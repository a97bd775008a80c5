"""Many devices as a table, one row each: which columns have room, and what stands in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from melt_tui.ui.renderables.cards import DOTS, CardState
from melt_tui.ui.renderables.cells import Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.rows import Part, row
from melt_tui.ui.renderables.rows import column as in_column
from melt_tui.ui.renderables.spark import trend
from melt_tui.ui.renderables.text import fit, plain


class FleetColumn(StrEnum):
    """What stands in a column; its value is the heading."""

    DEVICE = "device"
    STATE = "state"
    MODEL = "model"
    RATE = "tok/s"
    TREND = ""
    POWER = "W"
    PER_TOKEN = "J/tok"
    TEMPERATURE = "°C"
    HEADROOM = "headroom"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value of a column, and the text that shows it."""

    value: float
    text: str
    stale: bool = False
    alarm: bool = False
    """Past a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """A device as its row tells it. What is not known is None."""

    device: str
    """Its name in the session: what messages carry."""
    colour: int
    state: CardState
    phase: str = ""
    simulated: bool = False
    model: str = ""
    rate: Figure | None = None
    trend: tuple[float | None, ...] = ()
    """Recent rates, oldest first."""
    power: Figure | None = None
    power_point: str = ""
    """Where that was measured."""
    per_token: Figure | None = None
    """J for each decode token."""
    token_point: str = ""
    """Where that was measured."""
    temperature: Figure | None = None
    headroom: Figure | None = None
    """Degrees to the nearest limit."""
    alerts: str = ""
    """Limits in force, lost, failed; empty when all is well."""
    gravity: int = 0
    """How bad that is; 0 when all is well."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A column that has room: its first cell and how many."""

    column: FleetColumn
    x: int
    cells: int


@dataclass(frozen=True, slots=True)
class _Room:
    least: int
    most: int


_ROOMS = {
    FleetColumn.DEVICE: _Room(16, 26),
    FleetColumn.STATE: _Room(9, 13),
    FleetColumn.MODEL: _Room(12, 28),
    FleetColumn.RATE: _Room(6, 6),
    FleetColumn.TREND: _Room(5, 20),
    FleetColumn.POWER: _Room(6, 6),
    FleetColumn.PER_TOKEN: _Room(6, 6),
    FleetColumn.TEMPERATURE: _Room(6, 6),
    FleetColumn.HEADROOM: _Room(9, 9),
    FleetColumn.ALERTS: _Room(12, 200),
}
_FIRST_TO_GO = (
    FleetColumn.MODEL,
    FleetColumn.TREND,
    FleetColumn.HEADROOM,
    FleetColumn.PER_TOKEN,
    FleetColumn.POWER,
    FleetColumn.ALERTS,
    FleetColumn.TEMPERATURE,
    FleetColumn.STATE,
)
_FIRST_TO_GROW = (
    FleetColumn.ALERTS,
    FleetColumn.DEVICE,
    FleetColumn.MODEL,
    FleetColumn.TREND,
    FleetColumn.STATE,
)
_TOLD = 24
"""Cells in which most alerts can be told: they have them before others grow."""
_FROM = 1
"""Cells before the first column: the pointer."""
_NUMBERS = (
    FleetColumn.RATE,
    FleetColumn.POWER,
    FleetColumn.PER_TOKEN,
    FleetColumn.TEMPERATURE,
    FleetColumn.HEADROOM,
)
UNKNOWN = "–"
_GRAVE = 4
"""Gravity from which an alert is an error."""


@lru_cache(maxsize=16)
def slots(width: int) -> tuple[Slot, ...]:
    """The columns that have room in ``width`` cells; spare cells go one by one to those that can grow."""
    cells = {column: room.least for column, room in _ROOMS.items()}
    for column in _FIRST_TO_GO:
        if _taken(cells) > width:
            del cells[column]
    spare = width - _taken(cells)
    if FleetColumn.ALERTS in cells and spare > 0:
        cells[FleetColumn.ALERTS] += (told := min(spare, _TOLD - cells[FleetColumn.ALERTS]))
        spare -= told
    while spare > 0:
        growing = [c for c in _FIRST_TO_GROW if c in cells and cells[c] < _ROOMS[c].most][:spare]
        if not growing:
            break
        cells.update({column: cells[column] + 1 for column in growing})
        spare -= len(growing)
    return tuple(_placed(cells))


def heading(width: int, sort: FleetColumn, *, falling: bool) -> Line:
    """The titles, the one that is sorted by with an arrow."""
    parts: list[Part] = []
    for slot in slots(width):
        sorted_by = slot.column is sort
        title = slot.column.value + ("↓" if falling else "↑") * sorted_by
        shown = in_column(title, slot.cells, right=slot.column in _NUMBERS)
        parts.append((f" {shown}", Ink.STRONG if sorted_by else Ink.DIM))
    return row(width, parts)


def fleet_line(one: FleetRow, width: int, *, selected: bool) -> Line:
    """One row in exactly ``width`` cells."""
    parts: list[Part] = []
    for slot in slots(width):
        parts.append(("▸" if selected and not parts else " ", Ink.STRONG))
        parts += _CELLS[slot.column](one, slot.cells)
    return row(width, parts, Ground.SELECTED if selected else Ground.NONE)


def column_at(width: int, x: int) -> FleetColumn | None:
    """The column under a cell of the heading; the trend is the rate's."""
    found = next((slot.column for slot in slots(width) if slot.x <= x <= slot.x + slot.cells), None)
    return FleetColumn.RATE if found is FleetColumn.TREND else found


def columns(width: int) -> list[FleetColumn]:
    """The columns that can be sorted by, as they stand."""
    return [slot.column for slot in slots(width) if slot.column is not FleetColumn.TREND]


def _taken(cells: dict[FleetColumn, int]) -> int:
    return _FROM + sum(cells.values()) + len(cells) - 1


def _placed(cells: dict[FleetColumn, int]) -> Iterator[Slot]:
    x = _FROM
    for column, size in cells.items():
        yield Slot(column, x, size)
        x += size + 1


def _device(one: FleetRow, cells: int) -> list[Part]:
    note = " sim" if one.simulated else ""
    return [
        (f"{shape(one.colour)} ", device_ink(one.colour)),
        (_name(one.device, cells - 2 - len(note)), Ink.TITLE),
        (note, Ink.DIM),
    ]


@lru_cache(maxsize=1024)
def _name(device: str, cells: int) -> str:
    return fit(device, cells)


def _state(one: FleetRow, cells: int) -> list[Part]:
    dot, ink = DOTS[one.state]
    busy = Ink.TEXT if one.state is CardState.RUNNING else Ink.DIM
    return [(f"{dot} ", ink), (_name(one.phase, cells - 2), busy)]


def _model(one: FleetRow, cells: int) -> list[Part]:
    return [(_name(one.model, cells), Ink.DIM)]


def _rate(one: FleetRow, cells: int) -> list[Part]:
    return _figure(one.rate, cells, Ink.STRONG)


def _trend(one: FleetRow, cells: int) -> list[Part]:
    values = one.trend[-cells:]
    if not values:
        return [(" " * cells, Ink.TEXT)]
    stale = one.rate is not None and one.rate.stale
    return [(trend(values, cells), Ink.DIM if stale else device_ink(one.colour))]


def _power(one: FleetRow, cells: int) -> list[Part]:
    return _figure(one.power, cells)


def _per_token(one: FleetRow, cells: int) -> list[Part]:
    return _figure(one.per_token, cells)


def _temperature(one: FleetRow, cells: int) -> list[Part]:
    return _figure(one.temperature, cells)


def _headroom(one: FleetRow, cells: int) -> list[Part]:
    return _figure(one.headroom, cells)


def _alerts(one: FleetRow, cells: int) -> list[Part]:
    if not one.alerts:
        return [(" " * cells, Ink.TEXT)]
    if not one.gravity:
        return [(_name(one.alerts, cells), Ink.DIM)]
    return [(_name(f"⚠ {one.alerts}", cells), Ink.ERROR if one.gravity >= _GRAVE else Ink.WARNING)]


def _figure(figure: Figure | None, cells: int, ink: Ink = Ink.TEXT) -> list[Part]:
    if figure is None:
        return [(f"{UNKNOWN:>{cells}}", Ink.DIM)]
    text = plain(figure.text + "!" * figure.alarm, cells)
    return [(f"{text:>{cells}}", Ink.DIM if figure.stale else Ink.WARNING if figure.alarm else ink)]


_CELLS = {
    FleetColumn.DEVICE: _device,
    FleetColumn.STATE: _state,
    FleetColumn.MODEL: _model,
    FleetColumn.RATE: _rate,
    FleetColumn.TREND: _trend,
    FleetColumn.POWER: _power,
    FleetColumn.PER_TOKEN: _per_token,
    FleetColumn.TEMPERATURE: _temperature,
    FleetColumn.HEADROOM: _headroom,
    FleetColumn.ALERTS: _alerts,
}
