"""What stands below the charts of a comparison: rows and sentences, scrolled by wheel and keys."""

from collections.abc import Sequence

from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.delta_lines import Delta, Text, delta_lines
from melt_tui.ui.widgets.pane import Pane

__all__ = ["DeltaTable", "Text"]


class DeltaTable(Pane):
    """Shows what it is given; the heading of the uppermost row stays."""

    can_focus = False

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._texts: Sequence[Text] = ()
        self._headings: Sequence[int] = ()
        """The lines that are headings."""

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
        lines: list[Line] = []
        headings: list[int] = []
        for text in self._texts:
            if isinstance(text, Delta) and text.heading:
                headings.append(len(lines))
            lines += delta_lines(text, width)
        self._headings = headings
        return lines

    def title_of(self, line: int) -> int | None:
        """The heading that it stands below."""
        return max((one for one in self._headings if one <= line), default=None)

    def moment(self, line: int) -> int | None:
        """A figure is of no moment."""
        return None
