"""The line of keys at the bottom: what can be done, and where each lies for the mouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from melt_tui.ui.renderables.cells import Ink, Line
from melt_tui.ui.renderables.rows import Part, row
from melt_tui.ui.renderables.text import cell_count


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys with one label; each key gives its command."""

    label: str
    keys: tuple[tuple[str, str], ...]
    """Key as written, name of the command."""
    stays: bool = False
    """Not left out where there is no room."""


def key_row(groups: Sequence[KeyGroup], width: int) -> Line:
    """The groups that fit, in order."""
    parts: list[Part] = [(" ", Ink.TEXT)]
    for group in fitting(groups, width):
        parts += [(_keys(group), Ink.TITLE), (f" {group.label}  ", Ink.DIM)]
    return row(width, parts)


def command_at(groups: Sequence[KeyGroup], width: int, x: int) -> str | None:
    """The command under a cell; a label stands for the first of its keys."""
    for start, end, command in _places(fitting(groups, width)):
        if start <= x < end:
            return command
    return None


def fitting(groups: Sequence[KeyGroup], width: int) -> list[KeyGroup]:
    """The groups that have room: the last ones that do not have to stay go first."""
    kept = list(groups)
    while kept and 1 + sum(map(_length, kept)) > width:
        loose = [group for group in kept if not group.stays]
        kept.remove((loose or kept)[-1])
    return kept


def _length(group: KeyGroup) -> int:
    return cell_count(_keys(group)) + cell_count(group.label) + 3


def _keys(group: KeyGroup) -> str:
    """``a/b``, ``[ ]``."""
    keys = [key for key, _ in group.keys]
    return (" " if "[" in keys else "/").join(keys)


def _places(groups: Sequence[KeyGroup]) -> Iterator[tuple[int, int, str]]:
    x = 1
    for group in groups:
        for key, command in group.keys:
            size = cell_count(key) + 1
            yield x, x + size, command
            x += size
        yield x, x + cell_count(group.label), group.keys[0][1]
        x += cell_count(group.label) + 2
