"""The devices by the links on which they are found: each with its state, the reason and the next step."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from melt_tui.ui.renderables.cards import DOTS, CardState
from melt_tui.ui.renderables.cells import Ground, Ink, Line, device_ink
from melt_tui.ui.renderables.legend import shape
from melt_tui.ui.renderables.rows import Part, justified, length, row, wrapped
from melt_tui.ui.renderables.text import cell_count, fit, plain


class Standing(Enum):
    """Of a device that is not open in the session."""

    READY = "ready"
    MORE = "another"
    """One of its kind is open; another can be."""
    NOT_READY = "not ready"
    AWAY = "not open"
    """Kept, and not found now."""


_SIGNS = {
    Standing.READY: ("+", Ink.GOOD),
    Standing.MORE: ("+", Ink.DIM),
    Standing.NOT_READY: ("!", Ink.WARNING),
    Standing.AWAY: ("·", Ink.DIM),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """A device as the list tells it."""

    key: str
    """Stays the same from look to look."""
    group: str
    title: str
    """Its name, or what it is."""
    state: CardState | Standing
    said: str = ""
    """The state in words."""
    address: str = ""
    detail: str = ""
    """What it is, beside its name."""
    reason: str = ""
    next_step: str = ""
    device: str = ""
    """Its name in the session; empty where it is not open."""
    saved: str = ""
    """The name or address by which the config file knows it; empty where it does not."""
    colour: int | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class RosterGroup:
    """A link: what it is called, and what to do where nothing was found on it."""

    title: str
    entries: tuple[RosterEntry, ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class RosterPicture:
    """All lines, and whose each is; empty for a heading's."""

    lines: tuple[Line, ...]
    owners: tuple[str, ...]


_INDENT = 5
_SIMULATED = " sim"
_SAID = 10
"""Cells of a state in words: ``connecting``."""
_KEPT = "kept"


def roster(groups: Sequence[RosterGroup], selected: str, width: int) -> RosterPicture:
    """Group under group, lines of exactly ``width`` cells."""
    lines: list[Line] = []
    owners: list[str] = []
    named = [_name_cells(entry) for group in groups for entry in group.entries]
    cells = min(max(named, default=0), max(8, width // 3))
    for place, group in enumerate(groups):
        head = [((" " * width, 0),)] * bool(place) + [row(width, [(f" {group.title}", Ink.STRONG)])]
        if not group.entries:
            head += _told([group.empty], width, Ink.DIM, Ground.NONE)
        lines += head
        owners += [""] * len(head)
        for entry in group.entries:
            drawn = list(_entry(entry, width, cells, selected=entry.key == selected))
            lines += drawn
            owners += [entry.key] * len(drawn)
    return RosterPicture(tuple(lines), tuple(owners))


def _name_cells(entry: RosterEntry) -> int:
    return cell_count(plain(entry.title)) + len(_SIMULATED) * entry.simulated


def _entry(entry: RosterEntry, width: int, cells: int, *, selected: bool) -> Iterator[Line]:
    ground = Ground.SELECTED if selected else Ground.NONE
    sign, ink = DOTS[entry.state] if isinstance(entry.state, CardState) else _SIGNS[entry.state]
    mark: Part = (
        (f"{shape(entry.colour)} ", device_ink(entry.colour))
        if entry.colour is not None
        else ("  ", Ink.TEXT)
    )
    note = _SIMULATED * entry.simulated
    left: list[Part] = [
        ("▸" if selected else " ", Ink.STRONG),
        mark,
        (f"{sign} ", ink),
        (fit(entry.title, max(0, cells - len(note))), Ink.TITLE),
        (note, Ink.DIM),
        (f"  {fit(entry.said, _SAID)}", ink),
        (f"  {entry.detail}" * bool(entry.detail), Ink.DIM),
    ]
    right = _right(entry, width - length(left))
    yield justified(width, left, right, ground)
    if entry.reason or entry.next_step:
        told = ": ".join(part for part in (entry.reason, entry.next_step) if part)
        yield from _told([told], width, Ink.TEXT, ground)


def _right(entry: RosterEntry, room: int) -> list[Part]:
    """The address and whether it is kept, as far as there is room: the detail is cut first."""
    kept = f" {_KEPT}" * bool(entry.saved)
    address = plain(entry.address, max(0, max(room, 20) - len(kept) - 2))
    return [(f"  {address}", Ink.DIM), (kept, Ink.GOOD), (" ", Ink.TEXT)]


def _told(texts: Iterable[str], width: int, ink: Ink, ground: Ground) -> list[Line]:
    return [
        row(width, [(" " * _INDENT, Ink.TEXT), (line, ink)], ground)
        for text in texts
        if text
        for line in wrapped(text, width - _INDENT - 1)
    ]
