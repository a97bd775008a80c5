"""The line above a chart: title, unit, last values, the span's own maximum, what the view is doing."""

from dataclasses import dataclass

from melt_tui.format import age, number
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import DEVICE_COLOURS, Cells, Ink, device_ink
from melt_tui.ui.renderables.plot_model import PlotModel, Series
from melt_tui.ui.renderables.text import cell_count, plain

Part = tuple[str, Ink]
SHAPES = "▲■◆▼△□◇▽"
"""One for each device colour: what colour says, said without it."""
_GAP: Part = ("  ", Ink.FRAME)
_EDGE: Part = (" ", Ink.FRAME)
_SHORTEST_TITLE = 8
"""Cells that a title keeps before the values go."""
_DETAILS = (
    frozenset({"label", "status", "maximum"}),
    frozenset({"status", "maximum"}),
    frozenset({"maximum"}),
    frozenset[str](),
    frozenset({"first"}),
)
"""What is said beside the values, from plenty of room to none: at last the first value stands alone."""


@dataclass(frozen=True, slots=True)
class Legend:
    """Everything that the line may say. Equal ones look the same."""

    titles: tuple[str, ...]
    """The fullest first."""
    unit: str
    readings: tuple[tuple[Part, ...], ...]
    """As ``reading`` gives them."""
    maximum: str
    status: str
    firm: bool = False
    """The briefest title is never cut for a value."""


def shape(colour: int) -> str:
    """The shape of a device colour index."""
    return SHAPES[colour % DEVICE_COLOURS]


def legend(model: PlotModel, prefix: Prefix, greatest: float | None) -> Legend:
    """What there is to say of a chart whose greatest value shown is ``greatest``."""
    return Legend(
        titles=tuple(plain(title) for title in (model.title, model.brief) if title),
        unit="" if prefix.unit == "1" else plain(prefix.unit),
        readings=tuple(
            [reading(series, prefix, model.limits) for series in model.series if not series.faint]
        ),
        maximum="" if greatest is None else number(greatest / prefix.factor),
        status=plain(model.status),
        firm=model.firm,
    )


def write(cells: Cells, said: Legend, *, framed: bool) -> None:
    """Write the line into row 0 of a chart, as the upper edge of its frame where it is ``framed``."""
    edge = 2 if framed else 0
    room = cells.width - 2 * edge
    title, right = _chosen(said, room, cell_count(said.unit) + 3)
    taken = _length(right)
    if framed:
        cells.put(0, 0, f"╭{'─' * (cells.width - 2)}╮", Ink.FRAME)
    unit = f" {said.unit}" if said.unit and cell_count(title) + cell_count(said.unit) < room - taken else ""
    x = cells.put(edge - 1, 0, " ", Ink.FRAME) if framed else 0
    _write(cells, x, [(title, Ink.TITLE), (unit, Ink.DIM), (" ", Ink.FRAME)])
    _write(cells, cells.width - edge - taken, right)


def reading(series: Series, prefix: Prefix, limits: tuple[tuple[float, str], ...]) -> tuple[Part, ...]:
    """Shape, label and last value of a series: ``▲``, ``pixel-8``, ``18.4``.

    Dimmed, and its age with it, when stale; with ``!`` when past a limit, and with what throttling has taken.
    """
    ink = Ink.DIM if series.stale else device_ink(series.colour)
    past = series.last is not None and any(series.last > value for value, _ in limits)
    shown = number(None if series.last is None else series.last / prefix.factor) + "!" * past
    aged = f" {age(series.last_age_s)}" if series.stale and series.last_age_s is not None else ""
    fall = ((f" {series.fall}", Ink.WARNING),) if series.fall and not series.stale else ()
    return (
        (f"{shape(series.colour)} ", ink),
        (f"{plain(series.label, 16)} ", Ink.DIM if series.stale else Ink.TEXT),
        (shown, Ink.WARNING if past and not series.stale else ink),
        *fall,
        (aged, Ink.DIM),
    )


def _chosen(said: Legend, room: int, beside: int) -> tuple[str, list[Part]]:
    """The fullest title that leaves room for a value; with none the briefest, cut for it or alone."""
    for title in said.titles:
        right = _fitting(said, room - cell_count(title) - beside)
        if right:
            return title, right
    brief = said.titles[-1] if said.titles else ""
    kept = cell_count(brief) if said.firm else min(_SHORTEST_TITLE, cell_count(brief))
    right = _fitting(said, room - kept - beside)
    return plain(brief, room - _length(right) - beside * bool(right)), right


def _fitting(said: Legend, room: int) -> list[Part]:
    for details in _DETAILS:
        parts = _parts(said, details)
        if _length(parts) <= room:
            return parts
    return []


def _parts(said: Legend, details: frozenset[str]) -> list[Part]:
    """The right part of the line with these details, blanks around it."""
    readings = said.readings[:1] if "first" in details else said.readings
    groups = readings if "label" in details else [(mark, *rest) for mark, _, *rest in readings]
    parts: list[Part] = []
    for group in groups:
        parts += [*group, _GAP]
    if "maximum" in details and said.maximum:
        parts += [("max ", Ink.DIM), (said.maximum, Ink.TEXT), _GAP]
    if "status" in details and said.status:
        parts += [(said.status, Ink.DIM), _GAP]
    return [_EDGE, *parts[:-1], _EDGE] if parts else []


def _length(parts: list[Part]) -> int:
    return sum(cell_count(text) for text, _ in parts)


def _write(cells: Cells, x: int, parts: list[Part]) -> int:
    for text, ink in parts:
        x = cells.put(x, 0, text, ink)
    return x
