"""The line at the top."""

from collections.abc import Sequence

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.header import HeaderModel, header_line

__all__ = ["HeaderLine", "HeaderModel"]


class HeaderLine(Canvas):
    """How the session stands, in one line."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._model = HeaderModel()

    def show(self, model: HeaderModel) -> None:
        """Draw this from now on."""
        if model != self._model:
            self._model = model
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """One line."""
        return [header_line(self._model, width)][:height]
