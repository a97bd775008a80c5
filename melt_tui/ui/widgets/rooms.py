"""Containers that draw nothing: their children cover them, or the screen beneath is seen."""

from textual.containers import Container, Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip

__all__ = ["Column", "Room", "Row"]


class _Unseen:
    """Has no look of its own: no border, no background. Otherwise each of its lines would be laid under every frame."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """None: what lies beneath is seen."""
        return []


class Room(_Unseen, Container):
    """Places its children as its stylesheet says."""


class Row(_Unseen, Horizontal):
    """Places its children side by side."""


class Column(_Unseen, Vertical):
    """Places its children one under another."""
