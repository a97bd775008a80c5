"""The list of compared runs."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.runs_list import RunEntry, all_run_lines
from melt_tui.ui.widgets.choice_list import ChoiceList

__all__ = ["RunEntry", "RunList"]


class RunList(ChoiceList):
    """Runs in the order in which they were given."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: Sequence[RunEntry] = ()

    def show(self, entries: Sequence[RunEntry], selected: str) -> None:
        """Draw these from now on."""
        if self.choose(selected) or entries != self._entries:
            self._entries = entries
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The runs in sight."""
        lines, owners = all_run_lines(self._entries, self._selected, width, height)
        sight = self.seen(owners, height)
        return self.filled([lines[i] for i in sight], width, height)
