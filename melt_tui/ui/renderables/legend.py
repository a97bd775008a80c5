"""The line above a chart: title, unit, last values, the span's own maximum, what the view is doing."""

from itertools import chain

from melt_tui.format import age, number
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import DEVICE_COLOURS, Cells, Ink, device_ink
from melt_tui.ui.renderables.plot_model import PlotModel, Series
from melt_tui.ui.renderables.text import cell_count, plain

Part = tuple[str, Ink]
SHAPES = "▲■◆▼△□◇▽"
"""One for each device colour: what colour says, said without it."""
_GAP: Part = ("  ", Ink.FRAME)
_SHORTEST_TITLE = 8
"""Cells that a title keeps before the values go."""
_DETAILS = (
    ("label", "status", "maximum"),
    ("status", "maximum"),
    ("maximum",),
    (),
    ("first",),
)
"""What is said, from plenty of room to none."""


def shape(colour: int) -> str:
    """The shape of a device colour index."""
    return SHAPES[colour % DEVICE_COLOURS]


def write(cells: Cells, model: PlotModel, prefix: Prefix, greatest: float | None, *, framed: bool) -> None:
    """Write the line into row 0 of a chart, as the upper edge of its frame where it is ``framed``."""
    unit = "" if prefix.unit == "1" else plain(prefix.unit)
    edge = 2 if framed else 0
    room = cells.width - 2 * edge
    title = plain(model.title)
    beside = cell_count(unit) + 3
    right = _fitting(model, prefix, greatest, room - cell_count(title) - beside)
    if not right:
        right = _fitting(model, prefix, greatest, room - min(_SHORTEST_TITLE, cell_count(title)) - beside)
    if framed:
        cells.put(0, 0, f"╭{'─' * (cells.width - 2)}╮", Ink.FRAME)
    left = room - _length(right) - beside * bool(right)
    shown = plain(title, left)
    said = f" {unit}" if unit and cell_count(shown) + cell_count(unit) < room - _length(right) else ""
    x = cells.put(edge - 1, 0, " ", Ink.FRAME) if framed else 0
    _write(cells, x, [(shown, Ink.TITLE), (said, Ink.DIM), (" ", Ink.FRAME)])
    _write(cells, cells.width - edge - _length(right), right)


def reading(
    series: Series, prefix: Prefix, limits: tuple[tuple[float, str], ...], *, labelled: bool
) -> list[Part]:
    """``▲ pixel-8 18.4``: a series' last value; dimmed with its age when stale, with ``!`` when past a limit."""
    ink = Ink.DIM if series.stale else device_ink(series.colour)
    parts: list[Part] = [(f"{shape(series.colour)} ", ink)]
    if labelled:
        parts.append((f"{plain(series.label, 16)} ", Ink.DIM if series.stale else Ink.TEXT))
    past = series.last is not None and any(series.last > value for value, _ in limits)
    shown = number(None if series.last is None else series.last / prefix.factor) + "!" * past
    parts.append((shown, Ink.WARNING if past and not series.stale else ink))
    if series.stale and series.last_age_s is not None:
        parts.append((f" {age(series.last_age_s)}", Ink.DIM))
    return parts


def _fitting(model: PlotModel, prefix: Prefix, greatest: float | None, room: int) -> list[Part]:
    for details in _DETAILS:
        parts = _parts(model, prefix, greatest, details)
        if _length(parts) <= room:
            return parts
    return []


def _parts(model: PlotModel, prefix: Prefix, greatest: float | None, details: tuple[str, ...]) -> list[Part]:
    """The right part of the line with these details, blanks around it."""
    groups: list[list[Part]] = []
    labelled = "label" in details
    said = model.series[:1] if "first" in details else model.series
    groups += [reading(series, prefix, model.limits, labelled=labelled) for series in said]
    if "maximum" in details and greatest is not None:
        groups.append([("max ", Ink.DIM), (number(greatest / prefix.factor), Ink.TEXT)])
    if "status" in details and model.status:
        groups.append([(plain(model.status), Ink.DIM)])
    joined = list(chain.from_iterable([*group, _GAP] for group in groups))[:-1]
    return [(" ", Ink.FRAME), *joined, (" ", Ink.FRAME)] if joined else []


def _length(parts: list[Part]) -> int:
    return sum(cell_count(text) for text, _ in parts)


def _write(cells: Cells, x: int, parts: list[Part]) -> int:
    for text, ink in parts:
        x = cells.put(x, 0, text, ink)
    return x
