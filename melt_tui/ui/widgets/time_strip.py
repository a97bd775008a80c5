"""The strip under the charts: the whole session in a line, and the part of it that they show."""

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.time_line import StripModel, strip_layout, time_line

__all__ = ["StripModel", "TimeStrip"]


class TimeStrip(Canvas):
    """A map of the session. A click or a drag seeks."""

    DEFAULT_CSS = """
    TimeStrip {
        height: 1;
    }
    """

    class Sought(Message):
        """The user wants to see this moment."""

        def __init__(self, strip: "TimeStrip", t_ns: int) -> None:
            super().__init__()
            self.strip = strip
            self.t_ns = t_ns

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._model: StripModel | None = None
        self._seeking = False
        self._sought: int | None = None

    def show(self, model: StripModel) -> None:
        """Draw this from now on."""
        if model != self._model:
            self._model = model
            self.redraw()

    def picture(self, width: int, height: int) -> tuple[Line, ...]:
        """The strip, or nothing before the first ``show``."""
        return () if self._model is None else time_line(self._model, width, height)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Seek, and go on seeking while the button is held."""
        self._seeking, self._sought = True, None
        self.capture_mouse()
        self._seek(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the drag."""
        if self._seeking:
            self._seek(event.x)

    def on_mouse_up(self) -> None:
        """The drag ends."""
        self._seeking = False
        self.release_mouse()

    def _seek(self, x: int) -> None:
        if self._model is None:
            return
        t_ns = strip_layout(self._model, self.size.width).time(x)
        if t_ns != self._sought:
            self._sought = t_ns
            self.post_message(self.Sought(self, t_ns))
