"""What stands below the charts of a comparison: rows and sentences, scrolled by wheel and keys."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.delta_lines import Text, delta_lines
from melt_tui.ui.widgets.pane import Pane

__all__ = ["DeltaTable", "Text"]


class DeltaTable(Pane):
    """Shows what it is given."""

    can_focus = False

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._texts: Sequence[Text] = ()

    def show(self, texts: Sequence[Text]) -> None:
        """These from now on, from their top if they are of another kind."""
        if texts != self._texts:
            self._texts = texts
            self.redraw()

    def to_top(self) -> None:
        """Show its beginning."""
        self.scrolled(-(1 << 30))

    def all_lines(self, width: int) -> Sequence[Line]:
        """Every line."""
        return delta_lines(self._texts, width)

    def moment(self, line: int) -> int | None:
        """A figure is of no moment."""
        return None
