"""The groups of a key line, from the one table of commands."""

from collections.abc import Iterable, Mapping

from melt_tui.ui.commands import BY_NAME, LAST_TO_GO, Group, keys_of
from melt_tui.ui.renderables.key_row import KeyGroup


def key_groups(groups: Iterable[Group], remapped: Mapping[str, str], *, live: bool) -> tuple[KeyGroup, ...]:
    """With the keys as they are remapped; what needs a session in progress is left out where there is none."""
    made = []
    for label, names in groups:
        usable = [BY_NAME[name] for name in names if live or not BY_NAME[name].live]
        keys = tuple((signs[0], c.name) for c in usable if (signs := keys_of(c, remapped)))
        if keys:
            made.append(KeyGroup(label, keys, label in LAST_TO_GO))
    return tuple(made)
