"""The devices by link, to choose from."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.roster import RosterGroup, RosterPicture, roster
from melt_tui.ui.widgets.choice_list import ChoiceList

__all__ = ["DeviceList", "RosterGroup"]


class DeviceList(ChoiceList):
    """Headings that nobody chooses, and under each the devices of a link."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._groups: Sequence[RosterGroup] = ()

    def show(self, groups: Sequence[RosterGroup], selected: str) -> None:
        """List these from now on. The chosen one stays in sight when it says more, or others come above it."""
        if groups != self._groups and self._in_sight(selected):
            self.reveal()
        if self.choose(selected) or groups != self._groups:
            self._groups = groups
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The part of the list that is in sight."""
        whole: RosterPicture = roster(self._groups, self._selected, width)
        sight = self.seen(whole.owners, height)
        return self.filled([whole.lines[line] for line in sight], width, height)

    def _in_sight(self, key: str) -> bool:
        first, end = self.sight
        return key in self._owners[first:end]
