"""The run in progress on the chosen device, or its last one."""

from collections.abc import Sequence

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.run_lines import RunModel, run_lines

__all__ = ["RunModel", "RunPanel"]


class RunPanel(Canvas):
    """Model, phase, progress, figures and last turns."""

    def __init__(self) -> None:
        super().__init__(id="run")
        self.border_title = "run"
        self._model = RunModel()

    def show(self, model: RunModel) -> None:
        """Draw this from now on."""
        if model != self._model:
            self._model = model
            if self.border_subtitle != model.foot:
                self.border_subtitle = model.foot
            self.redraw()

    def picture(self, width: int, height: int) -> Sequence[Line]:
        """The panel."""
        return run_lines(self._model, width, height)
