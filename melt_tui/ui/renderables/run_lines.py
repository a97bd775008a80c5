"""The run panel: which model, where it is, its last figures, and what its last turns took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.meter import meter
from melt_tui.ui.renderables.rows import Part, column, justified, row, wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class RunModel:
    """Texts ready to be shown; an empty one has no line."""

    device: str = ""
    device_ink: Ink = Ink.TEXT
    model: str = ""
    note: str = ""
    """``toy model``, ``synthetic weights``, ``simulated``."""
    workload: str = ""
    phase: str = ""
    """``turn 12/48  decode``."""
    running: bool = False
    progress: float | None = None
    """Of a step before the first prompt, 0…1."""
    eta: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    """Name and value; of one that has no room the end from `` ±`` on is left out."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """By the name of a figure: what else is said of it in a panel that is wide enough for both."""
    foot: str = ""
    """The reference point of the figures of energy: it stands in the panel's frame."""
    turns: tuple[tuple[str, str, str], ...] = ()
    """Newest first: number, decode rate, TTFT."""
    problem: str = ""
    """Why it failed, and what to do."""
    hint: str = ""
    """What to do when there is no run."""


_ROOMY = 10
"""From this height on everything is said."""
_WIDE = 36
"""From this width on figures have others beside them."""


def run_lines(model: RunModel, width: int, height: int) -> tuple[Line, ...]:
    """The panel: ``height`` lines of ``width`` cells; what has no room is left out from below."""
    lines = list(_lines(model, width, brief=height < _ROOMY))[:height]
    if height - len(lines) >= 3 and model.turns:
        lines.append(row(width, [(" turn   tok/s    TTFT", Ink.DIM)]))
        for number, rate, ttft in model.turns[: height - len(lines)]:
            text = f" {column(number, 4)} {column(rate, 7, right=True)} {column(ttft, 7, right=True)}"
            lines.append(row(width, [(text, Ink.TEXT)]))
    blank = row(width, [])
    return (*lines, *[blank] * (height - len(lines)))


def _lines(model: RunModel, width: int, *, brief: bool) -> Iterator[Line]:
    """``brief`` leaves out what a figure is worth more than."""
    if model.hint:
        for text in wrapped(model.hint, width - 2):
            yield row(width, [(f" {text}", Ink.DIM)])
        return
    yield row(width, [(f" {model.device}", model.device_ink)])
    yield row(width, [(f" {model.model}", Ink.STRONG)])
    if model.note:
        yield row(width, [(f" {model.note}", Ink.WARNING)])
    if not brief:
        yield row(width, [(f" {model.workload}", Ink.DIM)])
    yield row(width, [(f" {model.phase}", Ink.GOOD if model.running else Ink.TEXT)])
    if model.progress is not None:
        yield _progress(model, width)
    for text in wrapped(model.problem, width - 2) if model.problem else ():
        yield row(width, [(f" {text}", Ink.ERROR)])
    for name, value in model.figures:
        shown = _fitting(value, model.beside.get(name, "") if width >= _WIDE else "", width - len(name) - 3)
        yield justified(width, [(f" {name}", Ink.DIM)], [(f"{shown} ", Ink.TEXT)])


def _fitting(value: str, beside: str, room: int) -> str:
    """As much of both as there is room for: first goes how far they may be off, and never the figure itself."""
    both = (f"{value} · {beside}", f"{value} · {_bare(beside)}") if beside else ()
    return next((text for text in (*both, value) if len(text) <= room), _bare(value))


def _bare(value: str) -> str:
    return value.partition(" ±")[0]


def _progress(model: RunModel, width: int) -> Line:
    share = f" {int(100 * (model.progress or 0)):3d} % "
    parts: list[Part] = [(f"{model.eta} ", Ink.DIM)] if model.eta else []
    room = max(0, width - 1 - len(share) - (len(model.eta) + 1 if model.eta else 0))
    filled, empty = meter(model.progress, room)
    return row(
        width, [(" ", Ink.TEXT), (filled, Ink.GOOD), ("░" * len(empty), Ink.FRAME), (share, Ink.TEXT), *parts]
    )
