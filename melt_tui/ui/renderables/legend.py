"""What stands in the edges of a chart: title, unit, last values, the span's own maximum, what the view is doing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from melt_tui.format import age, number
from melt_tui.ui.renderables.axes import Prefix
from melt_tui.ui.renderables.cells import DEVICE_COLOURS, Cells, Ink, device_ink
from melt_tui.ui.renderables.plot_model import PlotModel, Series
from melt_tui.ui.renderables.text import cell_count, plain

Part = tuple[str, Ink]
Parts = tuple[Part, ...]
Limits = tuple[tuple[float, str], ...]
SHAPES = "▲■◆▼△□◇▽"
"""One for each device colour: what colour says, said without it."""
_GAP: Part = ("  ", Ink.FRAME)
_EDGE: Part = (" ", Ink.FRAME)
_ROOMY, _CLOSE = 3, 1
"""Cells beside title and unit before the values begin."""
_SHORTEST_TITLE = 8
"""Cells that a title keeps before the values go, where they have no other edge."""
_DETAILS = (
    frozenset({"label", "status", "maximum"}),
    frozenset({"status", "maximum"}),
    frozenset({"maximum"}),
    frozenset[str](),
)
"""What is said beside the values, from plenty of room to little."""
_DIGITS = (3, 2)
"""Of values that are written closely: the second where the first have no room."""


@dataclass(frozen=True, slots=True)
class Legend:
    """Everything that the edges may say. Equal ones look the same."""

    titles: tuple[str, ...]
    """The fullest first; at least one."""
    unit: str
    readings: tuple[Parts, ...]
    """As ``reading`` gives them."""
    close: tuple[tuple[Parts, ...], ...]
    """As ``close_reading`` gives them, with each of ``_DIGITS``."""
    maxima: tuple[str, ...]
    """With each of ``_DIGITS``; empty where there is none."""
    status: str
    firm: bool = False
    """The briefest title is never cut for a value."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What of it has room, and where."""

    title: str
    unit: str
    right: Parts
    """At the right of the title."""
    foot: Parts = ()
    """At the left of the lower edge."""


def shape(colour: int) -> str:
    """The shape of a device colour index."""
    return SHAPES[colour % DEVICE_COLOURS]


def legend(model: PlotModel, prefix: Prefix, greatest: float | None) -> Legend:
    """What there is to say of a chart whose greatest value shown is ``greatest``."""
    told = [series for series in model.series if not series.faint]
    return Legend(
        titles=tuple(plain(title) for title in (model.title, model.brief) if title) or ("",),
        unit="" if prefix.unit == "1" else plain(prefix.unit),
        readings=tuple([reading(series, prefix, model.limits) for series in told]),
        close=tuple(
            [
                tuple([close_reading(series, prefix, model.limits, digits) for series in told])
                for digits in _DIGITS
            ]
        ),
        maxima=() if greatest is None else tuple([number(greatest / prefix.factor, n) for n in _DIGITS]),
        status=plain(model.status),
        firm=model.firm,
    )


def edges(said: Legend, width: int, *, framed: bool) -> Edges:
    """What has room in a chart of ``width`` cells: what has none above stands below, closely, or is counted: ``+2``."""
    room = width - 4 * framed
    ways = _ways(said, room) if framed else _roomy_ways(said, framed=False)
    return next((one for one, beside in ways if _fits(one, room, beside)), None) or _cut(said, room)


def write(cells: Cells, said: Edges, *, framed: bool) -> None:
    """Write the line into row 0 of a chart, as the upper edge of its frame where it is ``framed``."""
    edge = 2 if framed else 0
    taken = _length(said.right)
    if framed:
        cells.put(0, 0, f"╭{'─' * (cells.width - 2)}╮", Ink.FRAME)
    told = said.unit and _length([(said.title + said.unit, Ink.TITLE)]) < cells.width - 2 * edge - taken
    unit = f" {said.unit}" if told else ""
    x = cells.put(edge - 1, 0, " ", Ink.FRAME) if framed else 0
    _write(cells, x, 0, [(said.title, Ink.TITLE), (unit, Ink.DIM), (" ", Ink.FRAME)])
    _write(cells, cells.width - edge - taken, 0, said.right)


def write_foot(cells: Cells, foot: Parts) -> int:
    """Write what stands in the lower edge of a frame into the last row; the first cell behind it."""
    return _write(cells, 1, cells.height - 1, foot)


def reading(series: Series, prefix: Prefix, limits: Limits) -> Parts:
    """Shape, label and last value of a series: ``▲``, ``pixel-8``, ``18.4``.

    Dimmed, and its age with it, when stale; with ``!`` when past a limit, and with what throttling has taken.
    """
    ink = Ink.DIM if series.stale else device_ink(series.colour)
    return (
        (f"{shape(series.colour)} ", ink),
        (f"{plain(series.label, 16)} ", Ink.DIM if series.stale else Ink.TEXT),
        _value(series, prefix, limits, 3),
        *_beside(series),
    )


def close_reading(series: Series, prefix: Prefix, limits: Limits, digits: int) -> Parts:
    """The same without a label, to so many digits and with few blanks: ``▲18.4``, ``▲18 ▼13%``, ``▲18 12s``."""
    ink = Ink.DIM if series.stale else device_ink(series.colour)
    beside = [
        (f" {text.removesuffix(' ago').replace(' ', '')}", ink) for text, ink in _beside(series) if text
    ]
    return (shape(series.colour), ink), _value(series, prefix, limits, digits), *beside


def _value(series: Series, prefix: Prefix, limits: Limits, digits: int) -> Part:
    past = series.last is not None and any(series.last > value for value, _ in limits)
    shown = number(None if series.last is None else series.last / prefix.factor, digits) + "!" * past
    ink = Ink.DIM if series.stale else Ink.WARNING if past else device_ink(series.colour)
    return shown, ink


def _beside(series: Series) -> Parts:
    """What throttling has taken, and the age."""
    aged = f" {age(series.last_age_s)}" if series.stale and series.last_age_s is not None else ""
    fall = ((f" {series.fall}", Ink.WARNING),) if series.fall and not series.stale else ()
    return *fall, (aged, Ink.DIM)


def _ways(said: Legend, room: int) -> Iterator[tuple[Edges, int]]:
    """How the edges of a frame may be shared, the best first, each with the cells between title and values."""
    yield from _roomy_ways(said, framed=True)
    yield from ((one, _CLOSE) for one in _close_ways(said, room))
    yield from ((one, -cell_count(said.unit)) for one in _ways_below(said, room))


def _roomy_ways(said: Legend, *, framed: bool) -> Iterator[tuple[Edges, int]]:
    """With all values beside the title; below it no more than the maximum."""
    foot = _joined(_greatest(said)[:1]) if framed else ()
    for title in said.titles:
        for details in _DETAILS:
            below = () if "maximum" in details else foot
            yield Edges(title, said.unit, _roomy(said, details), below), _ROOMY


def _close_ways(said: Legend, room: int) -> Iterator[Edges]:
    """The values beside the briefest title and the maximum below, or the other way about; at last those that have room."""
    title, unit, greatest = said.titles[-1], said.unit, _greatest(said)
    values, foot = [_joined(close) for close in said.close], _joined(greatest[:1])
    yield from (Edges(title, unit, close, foot) for close in values)
    for close, most in zip(values, greatest, strict=True):
        if _length(close) <= room * 2 // 3:
            yield Edges(title, unit, _joined([most]), close)
    counted = _counted(said, room - cell_count(title) - cell_count(unit) - _CLOSE)
    if counted:
        yield Edges(title, unit, counted, foot)


def _ways_below(said: Legend, room: int) -> Iterator[Edges]:
    """The title alone, all else below."""
    greatest = _greatest(said)
    feet = [_joined([*close, most]) for close, most in zip(said.close, greatest, strict=True)]
    for foot in (*feet, _counted(said, room, greatest[-1]), _joined(greatest[-1:])):
        if foot:
            yield Edges(plain(said.titles[-1], room), said.unit, (), foot)


def _fits(one: Edges, room: int, beside: int) -> bool:
    taken = cell_count(one.title) + cell_count(one.unit) + _length(one.right)
    return max(taken + beside, _length(one.foot)) <= room


def _cut(said: Legend, room: int) -> Edges:
    """In one line that has no room for the values: as many as there is room for, the title cut for them."""
    brief, beside = said.titles[-1], cell_count(said.unit) + _CLOSE
    kept = cell_count(brief) if said.firm else min(_SHORTEST_TITLE, cell_count(brief))
    right = _counted(said, room - kept - beside)
    return Edges(plain(brief, room - _length(right) - beside * bool(right)), said.unit, right)


def _roomy(said: Legend, details: frozenset[str]) -> Parts:
    """The right part of the line with these details, blanks around it."""
    groups = said.readings if "label" in details else [(mark, *rest) for mark, _, *rest in said.readings]
    told = [part for group in groups for part in (*group, _GAP)]
    if "maximum" in details and said.maxima:
        told += [*_greatest(said)[0], _GAP]
    if "status" in details and said.status:
        told += [(said.status, Ink.DIM), _GAP]
    return (_EDGE, *told[:-1], _EDGE) if told else ()


def _counted(said: Legend, room: int, beside: Parts = ()) -> Parts:
    """As many of the closest readings as there is room for, and how many more there are; nothing without one."""
    readings = said.close[-1]
    for shown in range(len(readings), 0, -1):
        more = [((f"+{len(readings) - shown}", Ink.DIM),)] if shown < len(readings) else []
        parts = _joined([*readings[:shown], *more, beside])
        if _length(parts) <= room:
            return parts
    return ()


def _greatest(said: Legend) -> list[Parts]:
    """The maximum with each of ``_DIGITS``."""
    return [(("max ", Ink.DIM), (text, Ink.TEXT)) for text in said.maxima] or [()] * len(_DIGITS)


def _joined(groups: Sequence[Parts]) -> Parts:
    """A blank before each, and one behind."""
    told = [part for group in groups if group for part in (_EDGE, *group)]
    return (*told, _EDGE) if told else ()


def _length(parts: Iterable[Part]) -> int:
    return sum(cell_count(text) for text, _ in parts)


def _write(cells: Cells, x: int, y: int, parts: Iterable[Part]) -> int:
    for text, ink in parts:
        x = cells.put(x, y, text, ink)
    return x
