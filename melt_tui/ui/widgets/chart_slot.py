"""A place for a chart: the chart, or in words why there is none."""

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from melt_tui.ui.renderables.line_plot import plot_columns
from melt_tui.ui.renderables.text import plain
from melt_tui.ui.widgets.channel_plot import ChannelPlot, PlotModel
from melt_tui.ui.widgets.rooms import Room


class Absence(Static):
    """Why a chart has nothing to draw."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._reasons: Sequence[str] = ()

    def say(self, title: str, reasons: Sequence[str]) -> None:
        """Show this from now on."""
        if title != self._title:
            self._title = title
            self.border_title = plain(title)
        if reasons != self._reasons:
            self._reasons = reasons
            self.update(Content("\n".join(map(plain, reasons))))


class ChartSlot(Room):
    """Shows a chart, or why there is none, or nothing at all."""

    def __init__(self, slot: str) -> None:
        super().__init__(id=slot)
        self._plot, self._absence = ChannelPlot(), Absence()
        self._chart: bool | None = None
        """Whether it shows a chart; None while it shows both, before anything."""

    def compose(self) -> ComposeResult:
        """Both, one of them hidden."""
        yield self._plot
        yield self._absence

    @property
    def columns(self) -> int | None:
        """How many columns the chart's windows are worth asking for; None where it is not on screen."""
        size = self.size
        return plot_columns(*size) if all(size) else None

    def draw(self, model: PlotModel) -> None:
        """Show a chart."""
        self._switch(chart=True)
        self._plot.show(model)

    def when_painted(self, then: Callable[[], object]) -> None:
        """Call when the chart is on the terminal as it was drawn last."""
        self._plot.when_painted(then)

    def explain(self, title: str, reasons: Sequence[str]) -> None:
        """Show why there is none."""
        self._switch(chart=False)
        self._absence.say(title, reasons)

    def _switch(self, *, chart: bool) -> None:
        if chart is not self._chart:
            self._chart = chart
            self._plot.display = chart
            self._absence.display = not chart
