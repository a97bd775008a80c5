"""The chart widget: draws a ``PlotModel`` and tells what the mouse wants. Keys belong to the screen."""

from textual import events
from textual.message import Message

from melt_tui.ui.canvas import Canvas
from melt_tui.ui.renderables.cells import Line
from melt_tui.ui.renderables.line_plot import Plotter
from melt_tui.ui.renderables.plot_model import Band, PlotMark, PlotModel, Series
from melt_tui.ui.renderables.plot_scene import layout, plot_columns, raster_of

__all__ = ["Band", "ChannelPlot", "PlotMark", "PlotModel", "Series"]

_ZOOM = 1.25
"""Factor of one notch of the wheel."""


class ChannelPlot(Canvas):
    """Channels of several devices over time. ``show`` gives it a new content; equal contents cost nothing."""

    class CursorMoved(Message):
        """The mouse is over this moment, was clicked on it, or has left the plot (None)."""

        def __init__(self, plot: "ChannelPlot", t_ns: int | None, *, clicked: bool = False) -> None:
            super().__init__()
            self.plot = plot
            self.t_ns = t_ns
            self.clicked = clicked

    class Panned(Message):
        """The plot was dragged: the view is to move by ``delta_ns``, positive towards later."""

        def __init__(self, plot: "ChannelPlot", delta_ns: int) -> None:
            super().__init__()
            self.plot = plot
            self.delta_ns = delta_ns

    class Zoomed(Message):
        """The wheel was turned: the span is to be divided by ``factor``, ``at_ns`` staying where it is."""

        def __init__(self, plot: "ChannelPlot", factor: float, at_ns: int) -> None:
            super().__init__()
            self.plot = plot
            self.factor = factor
            self.at_ns = at_ns

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._model: PlotModel | None = None
        self._plotter = Plotter()
        self._dragged_from: int | None = None
        self._moved = False

    @property
    def columns(self) -> int:
        """How many columns its windows are worth asking for, at the size it has now."""
        return plot_columns(*self.size)

    def show(self, model: PlotModel) -> None:
        """Draw this from now on."""
        if model != self._model:
            self._model = model
            self.redraw()

    def picture(self, width: int, height: int) -> tuple[Line, ...]:
        """The chart, or nothing before the first ``show``."""
        return () if self._model is None else self._plotter.plot(self._model, width, height)

    def time_at(self, x: int) -> int | None:
        """The moment under a cell of the widget; None beside the plot or before the first ``show``."""
        area = layout(*self.size)
        if self._model is None or not area.x <= x < area.x + area.width:
            return None
        return raster_of(self._model, *self.size).time(2 * (x - area.x) + 1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A drag may begin."""
        if event.button == 1 and self.time_at(event.x) is not None:
            self._dragged_from, self._moved = event.x, False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the view, or move the cursor."""
        if self._dragged_from is None:
            self.post_message(self.CursorMoved(self, self.time_at(event.x)))
            return
        cells, self._dragged_from = self._dragged_from - event.x, event.x
        if cells and self._model is not None:
            self._moved = True
            self.post_message(self.Panned(self, 2 * cells * raster_of(self._model, *self.size).dot_ns))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A drag ends; without a move it was a click."""
        if self._dragged_from is not None:
            self.release_mouse()
            if not self._moved:
                self.post_message(self.CursorMoved(self, self.time_at(event.x), clicked=True))
        self._dragged_from = None

    def on_leave(self) -> None:
        """The cursor goes with the mouse."""
        if self._dragged_from is None:
            self.post_message(self.CursorMoved(self, None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer."""
        self._zoom(event, _ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther."""
        self._zoom(event, 1 / _ZOOM)

    def _zoom(self, event: events.MouseEvent, factor: float) -> None:
        at_ns = self.time_at(event.x)
        if at_ns is not None:
            event.stop()
            self.post_message(self.Zoomed(self, factor, at_ns))
