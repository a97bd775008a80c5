"""The line at the top: what is recorded, what is shown, how many devices, what melt itself costs, the time."""

from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.rows import Part, justified, length


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderModel:
    """Texts ready to be shown; an empty one is left out."""

    recording: str = ""
    """``REC 00:03:21``."""
    problem: str = ""
    """Why nothing is recorded any more."""
    view: str = ""
    """``FROZEN 00:01:12``, when what is shown is not the newest."""
    session: str = ""
    devices: str = ""
    note: str = ""
    """``simulated`` when a device is."""
    cost: str = ""
    clock: str = ""


def header_line(model: HeaderModel, width: int) -> Line:
    """The header in ``width`` cells: the less important goes first where there is no room."""
    for dropped in range(5):
        left, right = _left(model, dropped), _right(model, dropped)
        if length(left) + length(right) < width:
            break
    return justified(width, left, right)


def _left(model: HeaderModel, dropped: int) -> list[Part]:
    parts: list[Part] = [(" melt ", Ink.TITLE)]
    if model.problem:
        parts += [(" ■ NOT RECORDING ", Ink.ERROR), (f" {model.problem} ", Ink.ERROR)]
    elif model.recording:
        parts += [(" ● ", Ink.ERROR), (f"{model.recording} ", Ink.STRONG)]
    if model.view:
        parts.append((f"  {model.view} ", Ink.WARNING))
    if model.session and dropped < 2:
        parts.append((f"  {model.session} ", Ink.TEXT))
    if model.devices and dropped < 4:
        parts.append((f"  {model.devices}", Ink.DIM))
    if model.note and dropped < 3:
        parts.append((f" · {model.note}", Ink.DIM))
    return parts


def _right(model: HeaderModel, dropped: int) -> list[Part]:
    parts: list[Part] = []
    if model.cost and dropped < 1:
        parts.append((f"{model.cost}  ", Ink.DIM))
    if model.clock:
        parts.append((f" {model.clock} ", Ink.TEXT))
    return parts
