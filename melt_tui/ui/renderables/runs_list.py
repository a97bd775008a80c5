"""The runs that are compared: a line or two each, with the group, the shape and the colour that they are drawn in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ground, Ink, Line
from melt_tui.ui.renderables.rows import row


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run; its texts are as they came."""

    key: str
    label: str
    """``B2``; a dash where it is left out."""
    sign: str
    ink: Ink
    title: str
    detail: str
    notes: tuple[str, ...]
    """The most important first."""
    warned: bool = False
    """The first note says why it is not drawn."""


def run_lines(entry: RunEntry, width: int, *, chosen: bool, roomy: bool) -> Iterator[Line]:
    """One line, or three where there is room."""
    ground = Ground.SELECTED if chosen else Ground.NONE
    ink = Ink.TITLE if entry.label != "–" else Ink.DIM
    head = [("▸" if chosen else " ", Ink.STRONG), (f"{entry.sign} ", entry.ink), (f"{entry.label:<2} ", ink)]
    yield row(width, [*head, (entry.title, Ink.TEXT if entry.label != "–" else Ink.DIM)], ground)
    if roomy:
        yield row(width, [("      ", Ink.TEXT), (entry.detail, Ink.DIM)], ground)
        yield row(
            width,
            [("      ", Ink.TEXT), (" · ".join(entry.notes), Ink.WARNING if entry.warned else Ink.DIM)],
            ground,
        )


def all_run_lines(
    entries: Sequence[RunEntry], selected: str, width: int, height: int
) -> tuple[list[Line], list[str]]:
    """Every line, and whose each is: three a run where all have room, else one."""
    roomy = 3 * len(entries) <= height
    lines: list[Line] = []
    owners: list[str] = []
    for entry in entries:
        drawn = list(run_lines(entry, width, chosen=entry.key == selected, roomy=roomy))
        lines += drawn
        owners += [entry.key] * len(drawn)
    return lines, owners
